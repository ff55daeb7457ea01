"""Whether a question in other words still asks the same: every number, object and relation.

The check errs on the side of keeping the template: what it cannot compare it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from n3d.errors import N3DError
from n3d.language import questions
from n3d.reason import understanding
from n3d.reason.kinds import KINDS
from n3d.reason.labels import singular, spaced
from n3d.scene import QA

LONGEST = 3.0
"""A text of more than so many times the letters of the template (and 80) is refused."""

# What words of a question mean for its answer; a sign is the direction of a comparison.
_CONCEPTS: dict[str, str] = {
    "left": "left leftmost", "right": "right rightmost",
    "front": "front ahead", "behind": "behind back rear",
    "above": "above higher highest over upper", "below": "below beneath lower lowest under "
    "underneath",
    "height": "tall height high", "height+": "taller tallest", "height-": "shorter shortest",
    "width": "wide width broad breadth", "width+": "wider widest broader broadest",
    "width-": "thinner thinnest narrower narrowest slimmer slimmest",
    "thickness": "thick thickness", "depth": "deep depth",
    "near": "closer closest nearer nearest", "far": "farther farthest further furthest",
    "distance": "far distance away apart distant", "gap": "gap clearance spacing",
    "touch": "touch touching contact", "size": "big large size volume capacity",
    "size+": "bigger biggest larger largest", "size-": "smaller smallest",
    "length": "long length", "length+": "longer longest", "area": "area footprint floor",
    "inside": "inside within", "on": "atop resting standing",
    "horizontal": "horizontal horizontally sideways", "vertical": "vertical vertically",
    "clock": "clock oclock hour", "angle": "angle angular", "face": "face facing faces",
    "opposite": "opposite other",
    "camera": "camera me my i us photographer viewer perspective view",
    "count": "many number count", "times": "times twice ratio factor",
    "not": "not no never isnt arent doesnt dont cannot cant neither without",
    "all": "all every each", "marked": "marked rectangle drawn highlighted",
    "m": "meter metre meters metres m", "cm": "centimeter centimetre centimeters centimetres cm",
    "ft": "foot feet ft", "in-": "inch inches", "deg": "degree degrees", "rad": "radians",
}  # fmt: skip
_BY_WORD = {word: name for name, words in _CONCEPTS.items() for word in words.split()}
_ORDERED = ("+", "-", "left", "right", "front", "behind", "above", "below", "near", "far")
_WH = ("what", "which", "who", "where", "how", "when", "why")


def lost(qa: QA, text: str) -> str | None:
    """What of the question the text has lost or changed, as a code; None where it survived.

    Codes: "text" (none, or one that no question is), "long", "numbers", "objects", "relations",
    "form" (yes or no became open, or the other way round), "meaning" (it reads as another kind).
    """
    try:
        text = questions.clean(text)
    except N3DError:
        return "text"
    if len(text) > LONGEST * len(qa.question) + 80 or len(text) > understanding.LIMIT:
        return "long"
    if _numbers(text) != _numbers(qa.question):
        return "numbers"
    names = () if qa.query is None else qa.query.names
    old, new = _parted(qa.question, names), _parted(text, names)
    if old is None or new is None or old[0] != new[0]:
        return "objects"
    if _meaning(old[1]) != _meaning(new[1]):
        return "relations"
    if not _same_form(qa, text):
        return "form"
    return None if _reads_alike(qa, text) else "meaning"


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:[.,]\d+)?", text))


@cache
def _words(text: str) -> tuple[str, ...]:
    """The words of a text in one spelling, ends of sentences left out."""
    return tuple(re.findall(r"[^\W_]+", spaced(re.sub(r"['’]s\b", "", text))))


def _parted(text: str, names: Iterable[str]) -> tuple[list[str], list[str]] | None:
    """The names in the order in which a text has them, and the words that are left; None where
    one is not there."""
    words = list(_words(text))
    plain = [singular(w) for w in words]
    found: list[tuple[int, str]] = []
    left = [True] * len(words)
    for name in sorted(set(names), key=lambda n: -len(n)):
        wanted = [singular(w) for w in _words(name)]
        while wanted[:1] and wanted[0] in ("the", "a", "an"):
            wanted = wanted[1:]
        place = _find(plain, wanted, left)
        if place is None:
            return None
        while place is not None:
            left[place : place + len(wanted)] = [False] * len(wanted)
            found.append((place, " ".join(wanted)))
            place = _find(plain, wanted, left)
    order = list(dict.fromkeys(name for _, name in sorted(found)))
    return order, [w for w, keep in zip(words, left) if keep]


def _find(words: list[str], wanted: list[str], left: list[bool]) -> int | None:
    size = len(wanted)
    if not size:
        return None
    for i in range(len(words) - size + 1):
        if words[i : i + size] == wanted and all(left[i : i + size]):
            return i
    return None


def _meaning(words: list[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The concepts of words, and those that compare in the order in which they come."""
    found = [_BY_WORD[w] for w in words if w in _BY_WORD]
    directed = (c for c in found if c[-1] in "+-" or c in _ORDERED)
    return frozenset(found), tuple(dict.fromkeys(directed))


def _same_form(qa: QA, text: str) -> bool:
    """Whether a question for yes or no still is one, and any other still is none."""
    first = _words(text)[0]
    if isinstance(qa.answer.value, bool):
        return first not in _WH
    return first not in ("is", "are", "do", "does")


def _reads_alike(qa: QA, text: str) -> bool:
    """Whether a text that our patterns read is read as the same kind with the same options."""
    if qa.query is None or qa.kind not in KINDS:
        return True
    heard, before = understanding.heard(text), understanding.heard(qa.question)
    if heard is None or before is None:
        return True
    return (heard.kind, heard.options) == (before.kind, before.options)
