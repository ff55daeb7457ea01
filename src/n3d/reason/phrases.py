"""What a noun phrase says: a label, attributes, and how it picks one object out of several."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from n3d.reason.labels import match, spaced
from n3d.reason.vocabulary import (
    CAMERA,
    COLORS,
    GENERIC,
    MAX_HEAD_WORDS,
    NO_END,
    NOUNS_TOO,
    ORDINALS,
    RESERVED,
    SIDES,
    SUPERLATIVES,
)

_DETERMINER = re.compile(
    r"^(?:both |each |all |every )?(?:the|a|an|this|that|these|those|my|your|our|his|her|"
    r"some)\s+"
)
_FILLER = re.compile(
    r"\b(?:that|which|who) (?:is|are|stands|sits|lies|hangs)\b|\b(?:located|positioned|standing|"
    r"sitting|placed|lying|situated|seen|visible|found)\b(?= (?:to|on|at|in|left|right|behind|"
    r"above|below|under|next|beside|near|between|closest|nearest|farthest|furthest|over|by))"
)
_SIDE_WORDS = "|".join(("left", "right", "top", "bottom", "front", "back"))


@dataclass(frozen=True)
class Rank:
    """The `position`-th of the candidates by a quantity: of the object itself, or its distance
    to an anchor; position 0 is the middle one."""

    quantity: str
    largest: bool
    position: int = 1
    anchor: Phrase | None = None


@dataclass(frozen=True)
class Relation:
    """The candidates for which an operation holds with the anchors."""

    op: str
    anchors: tuple[Phrase, ...]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: `head` is the label with its attributes ("red mug"), "" for any object;
    `index` is set where the phrase names a box by number."""

    text: str
    head: str
    relations: tuple[Relation, ...] = ()
    ranks: tuple[Rank, ...] = ()
    index: int | None = None

    def heads(self) -> Iterable[str]:
        """The heads of the phrase and of all its anchors."""
        yield self.head
        anchors = [a for r in self.relations for a in r.anchors]
        for anchor in [*anchors, *(r.anchor for r in self.ranks if r.anchor)]:
            yield from anchor.heads()

    @property
    def depth(self) -> int:
        """How involved the phrase is: its modifiers, its anchors', and every "and" in a label."""
        anchors = [a for r in self.relations for a in r.anchors]
        anchors += [r.anchor for r in self.ranks if r.anchor]
        own = len(self.relations) + len(self.ranks) + f" {self.head} ".count(" and ")
        return own + sum(a.depth for a in anchors)


_MODIFIERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})(?= |$)"), meaning)
    for pattern, meaning in (
        (r"(?:nearest|closest) to", "closest"),
        (r"(?:farthest|furthest|most distant|farthest away|furthest away) from", "farthest"),
        (r"(?:farthest|furthest) to", "farthest"),
        (r"(?:to |on |at )?(?:the )?(?:immediate )?left(?: hand)?(?: side)? of", "left_of"),
        (r"(?:to |on |at )?(?:the )?(?:immediate )?right(?: hand)?(?: side)? of", "right_of"),
        (r"in front of|ahead of", "in_front_of"),
        (r"behind|in back of", "behind"),
        (r"above|over", "above"),
        (r"below|under|underneath|beneath", "below"),
        (r"between|in between", "between"),
        (r"next to|beside|near to|near|close to|adjacent to|by", "closest"),
        (rf"(?:from|counting from) the (?:{_SIDE_WORDS})(?: side)?$", "from side"),
        (rf"(?:on|at|to) the (?:far )?(?:{_SIDE_WORDS})(?: side| hand side)?$", "side"),
        (r"in the (?:middle|center|centre)$", "middle"),
        (r"in the (?:front|back)$|in front$", "side"),
        (r"facing", "facing"),
        (r"on top of|on", "on"),
        (r"nearest|closest", "closest"),
    )
)


def without_article(phrase: str) -> str:
    """The phrase in the spelling of labels, without its article."""
    return _DETERMINER.sub("", spaced(phrase)).strip()


def parse(phrase: str, known: Iterable[str] = ()) -> Phrase | None:
    """The meaning of a noun phrase, or None where it is not one.

    `known` labels are taken whole, whatever words they hold.
    """
    text = spaced(phrase)
    known = tuple(known)
    bare = without_article(phrase)
    if not bare:
        return None
    for whole in (text, bare):
        if known and any(match(label, whole) for label in known):
            return Phrase(phrase, whole)
    numbered = re.fullmatch(r"(?:bbox|box|object) ?#?(\d{1,4})", bare)
    if numbered:
        return Phrase(phrase, "", index=int(numbered[1]))
    numbered = re.fullmatch(r"(\d{1,4}) (?!st |nd |rd |th )(.+)", bare)
    if numbered and _is_head(numbered[2], known):
        return Phrase(phrase, numbered[2], index=int(numbered[1]))
    bare = re.sub(r" +", " ", _FILLER.sub("", bare)).strip()
    return _with_modifier(phrase, bare, known) or _front_part(phrase, bare, known)


def _with_modifier(text: str, bare: str, known: tuple[str, ...]) -> Phrase | None:
    """The phrase read as head + modifier + anchor, at the first modifier that works."""
    found = sorted(
        ((m.start(), -m.end(), m, meaning) for p, meaning in _MODIFIERS for m in p.finditer(bare)),
        key=lambda item: item[:2],
    )
    for start, _, m, meaning in found:
        front = _front_part(text, bare[:start].strip(), known)
        if front is None:
            continue
        phrase = _modified(front, meaning, m[0], bare[m.end() :].strip(), known)
        if phrase is not None:
            return phrase
    closest = re.fullmatch(r"(.+?) (to|from) (.+)", bare)
    if closest:
        # "the closest chair to the door", "the farthest chair from the door"
        front = _front_part(text, closest[1], known)
        if front and front.ranks and front.ranks[-1].quantity == "depth":
            last = front.ranks[-1]
            anchor = _anchor(closest[3], known)
            if anchor is not None:
                rank = Rank(anchor[0], last.largest, last.position, anchor[1])
                return Phrase(text, front.head, front.relations, (*front.ranks[:-1], rank))
    return None


def _anchor(text: str, known: tuple[str, ...]) -> tuple[str, Phrase | None] | None:
    """What a distance is measured to: the quantity, and the anchor if it is not the camera."""
    if re.fullmatch(CAMERA, text):
        return "depth", None
    anchor = parse(text, known)
    return None if anchor is None else ("distance", anchor)


def _modified(front: Phrase, meaning: str, words: str, rest: str, known) -> Phrase | None:
    ordinal = front.ranks[-1].position if front.ranks and not front.ranks[-1].quantity else 1
    ranks = tuple(r for r in front.ranks if r.quantity)

    def ranked(rank: Rank) -> Phrase:
        return Phrase(front.text, front.head, front.relations, (rank, *ranks))

    if meaning in ("side", "from side", "middle"):
        if rest or (meaning == "from side" and len(ranks) == len(front.ranks)):
            return None
        if meaning == "middle":
            return ranked(Rank("rightness", False, 0))
        side = next(w for w in words.split() if w in SIDES)
        return ranked(Rank(*SIDES[side], ordinal))
    if meaning in ("closest", "farthest"):
        anchor = _anchor(rest, known)
        return anchor and ranked(Rank(anchor[0], meaning == "farthest", ordinal, anchor[1]))
    if ordinal != 1:
        return None
    anchors: list[Phrase | None] = [parse(rest, known)]
    if meaning == "between":
        pairs = [rest.split(" and ", k)[-1] for k in range(1, rest.count(" and ") + 1)]
        for second in pairs:
            anchors = [parse(rest[: -len(second) - 5], known), parse(second, known)]
            if all(anchors):
                break
    if not rest or len(anchors) != (2 if meaning == "between" else 1):
        return None
    if any(a is None for a in anchors):
        return None
    relation = Relation(meaning, tuple(a for a in anchors if a))
    return Phrase(front.text, front.head, (relation, *front.relations), front.ranks)


def _front_part(text: str, words: str, known: tuple[str, ...]) -> Phrase | None:
    """[ordinal] [superlative] head: the part of a noun phrase before its modifiers.

    An ordinal without a superlative becomes a rank without a quantity, which `_modified`
    completes ("the second chair" + "from the left").
    """
    if known and any(match(label, words) for label in known):
        return Phrase(text, words)
    rest, position, ranks = words, 1, []
    first, _, tail = rest.partition(" ")
    if first in ORDINALS and tail:
        position, rest = ORDINALS[first], tail
    for superlative, (quantity, largest) in _BY_LENGTH:
        if rest.startswith(superlative + " "):
            ranks.append(Rank(quantity, largest, position))
            rest = rest[len(superlative) :].strip()
            break
    else:
        first, _, tail = rest.partition(" ")
        if position != 1 or rest != words:
            ranks.append(Rank("", False, position))
        elif first in SIDES and tail:
            ranks.append(Rank(*SIDES[first]))
            rest = tail
        elif first in ("middle", "center", "centre", "central") and tail:
            ranks.append(Rank("rightness", False, 0))
            rest = tail
    if rest in GENERIC:
        return Phrase(text, "", (), tuple(ranks))
    return Phrase(text, rest, (), tuple(ranks)) if _is_head(rest, known) else None


_BY_LENGTH = sorted(SUPERLATIVES.items(), key=lambda item: -len(item[0]))


def _is_head(words: str, known: tuple[str, ...]) -> bool:
    if known and any(match(label, words) for label in known):
        return True
    parts = words.split(" ")
    verbs = parts[:-1] if parts[-1] in NOUNS_TOO else parts
    if not words or len(parts) > MAX_HEAD_WORDS or RESERVED & set(verbs):
        return False
    if parts[-1] in NO_END or parts[0] in ("of", "and", "&"):
        return False
    return all(re.fullmatch(r"[^\W_][\w./+&]*|&", part) for part in parts)


def without_attributes(head: str) -> str:
    """A head without the colour and material words before its noun ("red mug" -> "mug")."""
    parts = head.split(" ")
    while len(parts) > 1 and parts[0] in COLORS:
        parts = parts[1:]
    return " ".join(parts)
