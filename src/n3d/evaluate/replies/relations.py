"""The relations that spatial questions ask about, and what a sentence says of one.

Every relation is one end of an axis: "above" and "below" are the two ends of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MORE = r"(?:greater|larger|bigger|more|higher|longer|superior|exceeds?|exceeding|surpass(?:es)?|"
_MORE += r"outsizes?|increased|most|greatest|largest|boasts?|additional|extra)"
_LESS = r"(?:less(?:er)?|smaller|lower|fewer|shorter|reduced|inferior|least|smallest|lowest|"
_LESS += r"diminished|falls? short|fall(?:s|ing)? below|limited|minor)"

AXES: dict[str, tuple[str, str]] = {
    "above": (
        r"above|over(?! the (?:entire|whole))|atop|on top|on the top|upper|higher|overhead|overtop",
        r"below|under(?:neath)?|beneath|lower|down(?:ward)?s?\b",
    ),
    "left": (
        r"left(?:most|ward|-hand)?|lefthand",
        r"right(?:most|ward|-hand)?(?! answer)|righthand",
    ),
    "front": (
        r"in front|front|frontmost|closer|nearer|closest|nearest|ahead|more forward|forward|"
        r"foreground|before",
        r"behind|at the back|in back|rear|farther|further|farthest|furthest|background|beyond|"
        r"more distant|back",
    ),
    "tall": (
        rf"taller|tallest|tall|{_MORE}(?: \w+)? (?:height|stature|vertical)|"
        rf"height \w*(?: \w+)? ?{_MORE}|higher",
        rf"shorter|shortest|short|{_LESS}(?: \w+)? (?:height|stature|vertical)|"
        rf"height \w*(?: \w+)? ?{_LESS}|lower",
    ),
    "wide": (
        rf"wider|widest|wide|broader|broadest|thicker|fatter|{_MORE}(?: \w+)? width|"
        rf"width \w*(?: \w+)? ?{_MORE}",
        rf"thinner|thinnest|thin|narrower|narrowest|narrow|slimmer|slim|skinnier|slender|"
        rf"{_LESS}(?: \w+)? width|width \w*(?: \w+)? ?{_LESS}",
    ),
    "big": (
        rf"bigger|biggest|big|larger|largest|large|bulkier|{_MORE}(?: \w+)? (?:size|volume|"
        rf"dimensions?|space)|(?:size|volume|dimensions?) \w*(?: \w+)? ?{_MORE}",
        rf"smaller|smallest|small|tinier|littler|"
        rf"{_LESS}(?: \w+)? (?:size|volume|dimensions?|space)|"
        rf"(?:size|volume|dimensions?) \w*(?: \w+)? ?{_LESS}",
    ),
}  # fmt: skip
"""For each axis the words of its two ends."""
NAMES: dict[str, tuple[str, bool]] = {
    "above": ("above", True), "below": ("above", False), "under": ("above", False),
    "left": ("left", True), "right": ("left", False),
    "front": ("front", True), "behind": ("front", False), "closer": ("front", True),
    "tall": ("tall", True), "short": ("tall", False),
    "wide": ("wide", True), "thin": ("wide", False), "narrow": ("wide", False),
    "big": ("big", True), "large": ("big", True), "small": ("big", False),
}  # fmt: skip
_NOT = re.compile(
    r"(?:\bnot\b|n't\b|\bnever\b|\bno\b(?! doubt)|\bneither\b|\bnor\b|\bwithout\b|"
    r"\bfails? to\b|\bincorrect to say\b|\bfalse that\b|\brather than\b|\binstead of\b|"
    r"\bopposed to\b)(?:\W+\w+){0,6}?\W*$",
    re.IGNORECASE,
)
_EQUAL = re.compile(
    r"\b(?:same|equal(?:ly)?|identical|equivalent|similar(?:ly)?|aligned|level with|side by side|"
    r"no difference|as \w+ as)\b", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """One end of an axis: `Relation("above", False)` is "below"."""

    axis: str
    positive: bool


def of_category(category: str) -> Relation | None:
    """The relation that a category is named after ("tall_predicate"), None for one with both ends
    ("left/right") or none."""
    words = re.split(r"[^a-z]+", category.lower())
    found = {NAMES[w] for w in words if w in NAMES}
    return Relation(*found.pop()) if len(found) == 1 else None


def axis_of_category(category: str) -> str | None:
    """The axis of a category that names both ends or one ("left/right")."""
    found = {NAMES[w][0] for w in re.split(r"[^a-z]+", category.lower()) if w in NAMES}
    return found.pop() if len(found) == 1 else None


def of_sentence(text: str, axis: str | None = None) -> Relation | None:
    """The first relation that a sentence names, negated or not; of one axis where it is given."""
    best: tuple[int, Relation] | None = None
    for name in (axis,) if axis else AXES:
        for relation, match in _found(text, name):
            if best is None or match.start() < best[0]:
                best = match.start(), relation
    return None if best is None else best[1]


def stated(text: str, axis: str) -> tuple[Relation, int] | None:
    """The relation of an axis that a sentence states, turned where it is denied, and where it
    stands; None where it names none, or says that both are alike."""
    found = sorted(_found(text, axis), key=lambda f: (f[1].start(), -f[1].end()))
    if not found:
        return None
    relation, match = found[0]
    if _NOT.search(_clause_before(text, match.start())):
        relation = Relation(relation.axis, not relation.positive)
    return relation, match.start()


def alike(text: str) -> bool:
    """Whether a sentence says that two things are the same."""
    found = _EQUAL.search(text)
    return found is not None and not _NOT.search(_clause_before(text, found.start()))


def _clause_before(text: str, at: int) -> str:
    part = text[:at]
    cut = max((m.end() for m in re.finditer(r"[,;:.](?=\s)|\bbut\b", part)), default=0)
    return part[cut:]


def _found(text: str, axis: str):
    for positive, words in zip((True, False), AXES[axis]):
        for match in re.finditer(rf"\b(?:{words})\b", text, re.IGNORECASE):
            yield Relation(axis, positive), match
