"""From a question in English to a Query, by patterns: no language model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from n3d.errors import QuestionError
from n3d.language import questions
from n3d.reason import sentences
from n3d.reason.kinds import KINDS, Kind
from n3d.reason.labels import match
from n3d.reason.phrases import Phrase, parse, without_article, without_attributes
from n3d.reason.templates import Reading, Template
from n3d.reason.vocabulary import GENERIC
from n3d.scene import Query

LIMIT = 400
MOST_LISTED = 40


@dataclass(frozen=True)
class _Candidate:
    kind: Kind
    names: tuple[str, ...]
    options: dict[str, Any]
    phrases: tuple[Phrase, ...]
    order: int


def understand(question: str, known_labels: Iterable[str] | None = None) -> Query:
    """What a question asks: its kind, the phrases for the objects, the options.

    `known_labels` help where a label holds words like "and". Raises QuestionError
    "question-not-understood" with the nearest kinds, each with an example.
    """
    found = heard(question, known_labels)
    if found is None:
        raise _not_understood(_plain(question))
    return found


def heard(question: str, known_labels: Iterable[str] | None = None) -> Query | None:
    """What a question asks, None where it is not understood: looking for the nearest kinds, as
    `understand` does, costs more than reading."""
    known = tuple(known_labels or ())
    for sentence in _sentences(_plain(question)):
        query = _read(sentence, question, known)
        if query is not None:
            return query
    return None


def _plain(question: str) -> str:
    return questions.clean(question).replace("’", "'").replace("<image>", " ").strip()


def names(query: Query) -> tuple[str, ...]:
    """The labels a grounder has to find for this query; empty where every object matters."""
    heads: list[str] = []
    for name in query.names:
        phrase = parse(name)
        for head in phrase.heads() if phrase else [name]:
            if not head:
                return ()
            noun = without_attributes(head)
            if noun not in heads:
                heads.append(noun)
    return tuple(heads)


def _sentences(text: str) -> Iterator[str]:
    """The whole text, then its sentences; a decimal point does not end one."""
    if len(text) <= LIMIT:
        yield text
    parts = re.split(r"(?<=[.?!]) +", text)
    if len(parts) > 1:
        yield from (p for p in parts[:8] if len(p) <= LIMIT)


def _read(sentence: str, question: str, known: tuple[str, ...]) -> Query | None:
    text, options, viewer = sentences.plain(sentence)
    best: _Candidate | None = None
    best_key: tuple = ()
    by_word = _templates()
    first = re.match(r"\w*", text.casefold())
    for order, kind, template in (*by_word[None], *by_word.get(first and first[0], ())):
        for reading in template.read(text):
            candidate = _candidate(kind, reading, order, known)
            if candidate is None:
                continue
            key = _rank(candidate, known)
            if best is None or key < best_key:
                best, best_key = candidate, key
    if best is None:
        return None
    options = {**options, **best.options}
    found = best.names
    if viewer is not None:
        if parse(viewer, known) is None:
            return None
        options["viewer"] = True
        found = (*found, viewer)
    return Query(best.kind.name, found, options, question)


@cache
def _templates() -> dict[str | None, list[tuple[int, Kind, Template]]]:
    """Every pattern by the word it begins with; None for those with several beginnings."""
    found: dict[str | None, list[tuple[int, Kind, Template]]] = {None: []}
    for order, kind in enumerate(KINDS.values()):
        for template in kind.hearing:
            found.setdefault(template.first, []).append((order, kind, template))
    return found


# -- candidates -----------------------------------------------------------------------------


def _candidate(
    kind: Kind, reading: Reading, order: int, known: tuple[str, ...]
) -> _Candidate | None:
    """A reading as a candidate, or None where a slot does not hold what it should."""
    found: list[str] = []
    phrases: list[Phrase] = []
    options = dict(reading.options)
    slots = kind.slots
    if slots[0] != "label" and "labels" in reading.slots:
        # One phrase for all the objects: "the two lamps".
        options["all"] = True
        slots = ("label", *(s for s in slots[1:] if s in reading.slots))
    for slot in slots:
        texts = _slot_texts(slot, reading, known)
        if texts is None:
            return None
        for text in texts:
            phrase = parse(text, known)
            if phrase is None:
                return None
            found.append(text)
            phrases.append(phrase)
    if "list" in kind.slots and any(
        not p.head and p.index is None and not p.ranks for p in phrases
    ):
        return None
    return _Candidate(kind, tuple(found), options, tuple(phrases), order)


def _slot_texts(slot: str, reading: Reading, known: tuple[str, ...]) -> list[str] | None:
    slots = reading.slots
    if slot == "label":
        text = slots.get("labels", slots.get("label"))
        if text is None:
            return ["object"] if not slots or "c" in slots else None
        if "where" in slots:
            text = f"{_COUNTED.sub('', text)} {slots['where']}"
            phrase = parse(text, known)
            return [text] if phrase and (phrase.relations or phrase.ranks) else None
        return [_COUNTED.sub("", text)]
    if slot == "list":
        return listed(slots.get("either", slots.get("list", "")), known)
    return [slots[slot]]


def listed(text: str, known: Iterable[str] = ()) -> list[str] | None:
    """The two or more phrases of an enumeration, or None.

    A label that holds "and" stays whole where it is known, where its parts are no phrases,
    or where every other item starts with an article and its second part does not.
    """
    known = tuple(known)
    text = re.sub(r"^(?:either|both|the following(?: objects)?:?) ", "", text.strip(), flags=re.I)
    pieces = _SEPARATOR.split(text)
    for strict in (True, False):
        items = _items(pieces[::2], pieces[1::2], known, strict)
        if items is not None and 2 <= len(items) <= MOST_LISTED:
            return items
    return None


_COUNTED = re.compile(
    r"^(?:of )?(?:all )?(?:both )?(?:the |these |those )?"
    r"(?:two|three|four|five|six|seven|eight|nine|ten) (?=.)|^both (?:the |of the )?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"(\s*,\s*(?:and|or)\s+(?:to |from )?|\s*[,;]\s*|\s+(?:and|or|vs\.?|versus)\s+(?:to |from )?)",
    re.IGNORECASE,
)
_STARTS = re.compile(r"(?:the|a|an|my|your|this|that|\d+[_ ]|bbox)", re.IGNORECASE)


def _items(
    words: list[str], separators: list[str], known: tuple[str, ...], strict: bool
) -> list[str] | None:
    """The pieces joined where they belong together; None where one is no phrase."""
    items: list[str] = []
    articles = strict and bool(_STARTS.match(words[0]))
    k = 0
    while k < len(words):
        item, taken = words[k], k + 1
        longer = item
        for j in range(k + 1, min(len(words), k + 3)):
            longer += separators[j - 1] + words[j]
            apart = parse(item, known) is None or (articles and not _STARTS.match(words[j]))
            whole = any(match(label, without_article(longer)) == 3 for label in known)
            if whole or (apart and parse(longer, known) is not None):
                item, taken = longer, j + 1
                break
        if parse(item, known) is None:
            return None
        if articles and not _STARTS.match(item):
            return None
        items.append(item)
        k = taken
    return items


def _rank(candidate: _Candidate, known: tuple[str, ...]) -> tuple:
    """Less is better: names that are known, then plain ones, then a plain last one."""
    unknown = 0
    if known:
        heads = [h for p in candidate.phrases for h in p.heads() if h]
        unknown = sum(
            not any(match(label, without_attributes(h)) for label in known) for h in heads
        )
    depths = [p.depth for p in candidate.phrases]
    numbers = sum(p.head in GENERIC for p in candidate.phrases)
    return unknown, sum(depths), depths[-1] if depths else 0, numbers, candidate.order


def _not_understood(text: str) -> QuestionError:
    """The error that names the kinds whose examples are most like the question."""

    def likeness(kind: Kind) -> float:
        words, own = set(text.casefold().split()), set(kind.example.casefold().split())
        shared = len(words & own) / max(len(own), 1)
        return (
            shared + SequenceMatcher(None, text[:200].casefold(), kind.example.casefold()).ratio()
        )

    near = sorted(KINDS.values(), key=likeness, reverse=True)[:3]
    examples = "; ".join(f"{k.name}: '{k.example}'" for k in near)
    return QuestionError(
        f"{text[:120]!r} is not a kind of question that can be answered from boxes",
        code="question-not-understood",
        field="question",
        hint=f"Nearest kinds: {examples}",
    )
