"""What is read from a model's text: the sound part, and every fault by name. Never an exception.

Numbers are ASCII digits with an optional sign and point; nothing is evaluated. All scans look
at each character a bounded number of times, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from n3d.errors import FormatError
from n3d.language import labels

T = TypeVar("T")
FaultKind = Literal["truncated", "malformed", "repeated", "unknown", "out-of-range"]
EXCERPT = 80

_HEAD = re.compile(r"bbox_([0-9]{1,6})[ \t]*=[ \t]*Bbox\(")
# Possessive: a number is taken whole or not at all, so that no text makes the search go back.
_NUMBER = r",[ \t]*+[+-]?[0-9]{1,12}+(?:\.[0-9]{1,40}+)?+[ \t]*+"
_CUT_HEAD = re.compile(r"b(b(o(x(_([0-9]*(=(B(b(o(x)?)?)?)?)?)?)?)?)?)?")
_KINDS: dict[str, FaultKind] = {"out-of-range": "out-of-range", "unknown": "unknown"}


@dataclass(frozen=True)
class Fault:
    """Something in a text that could not be read, where it stands and what it says there.

    `line` counts from 1, `offset` is in characters from 0. "unknown" is text that means
    nothing here; "repeated" a box, identifier or step that was there before.
    """

    kind: FaultKind
    line: int
    offset: int
    excerpt: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.message}: {self.excerpt!r}"


@dataclass(frozen=True)
class Parsed(Generic[T]):
    """The sound items of a text and the faults beside them.

    `where` maps the number that a box was written with (`bbox_7`) to its place in `items`,
    which differs from it once a line is unreadable.
    """

    items: tuple[T, ...]
    faults: tuple[Fault, ...] = ()
    where: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BoxText:
    """One `bbox_i=Bbox(label,numbers...)` as written; the numbers are still text."""

    number: int
    label: str
    fields: tuple[str, ...]
    offset: int
    end: int


class Faults:
    """Collects faults of one text and counts its lines once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Fault] = []
        self._at, self._line = 0, 1

    def add(self, kind: FaultKind, offset: int, end: int, message: str) -> None:
        if offset < self._at:
            self._at, self._line = 0, 1
        self._line += self.text.count("\n", self._at, offset)
        self._at = offset
        excerpt = self.text[offset : min(end, offset + EXCERPT)].strip()
        self.found.append(Fault(kind, self._line, offset, excerpt, message))


def boxes(text: str, counts: tuple[int, int], make: Callable[[BoxText, Faults], T]) -> Parsed[T]:
    """Read every box of a text with between `counts` numbers, turning each into an item.

    `make` may raise FormatError (code "out-of-range" or "unknown" gives that fault, any other
    "malformed") to set one box aside. A box that says the same as an earlier one is dropped.
    """
    faults = Faults(text)
    items: list[T] = []
    where: dict[int, int] = {}
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for found in _scan(text, counts, faults):
        key = (found.label, found.fields)
        if key in seen:
            where.setdefault(found.number, seen[key])
            faults.add("repeated", found.offset, found.end, "the same box again")
            continue
        try:
            items.append(make(found, faults))
        except FormatError as error:
            kind = _KINDS.get(error.code, "malformed")
            faults.add(kind, found.offset, found.end, str(error))
            continue
        seen[key] = len(items) - 1
        if found.number in where:
            faults.add("repeated", found.offset, found.end, f"bbox_{found.number} is already taken")
        where.setdefault(found.number, len(items) - 1)
    return Parsed(tuple(items), tuple(sorted(faults.found, key=lambda f: f.offset)), where)


def _scan(text: str, counts: tuple[int, int], faults: Faults) -> Iterator[BoxText]:
    low, high = counts
    numbers = re.compile(rf"(?:{_NUMBER}){{{low},{high}}}\)")
    at = 0
    head = _HEAD.search(text)
    while head is not None:
        _leftover(text, at, head.start(), faults)
        # A quoted label may hold anything, so it is taken before the next head is looked for.
        quoted = labels.QUOTED.match(text, head.end())
        body = quoted.end() if quoted else head.end()
        following = _HEAD.search(text, body)
        stop = following.start() if following else len(text)
        newline = text.find("\n", body, stop)
        stop = newline if newline >= 0 else stop
        match = (numbers.match if quoted else numbers.search)(text, body, stop)
        if match is None:
            cut = stop == len(text) and ")" not in text[body:stop]
            faults.add(
                "truncated" if cut else "malformed",
                head.start(),
                stop,
                "the text ends inside a box" if cut else f"no box with {low} to {high} numbers",
            )
            at = stop
        else:
            at = match.end()
            found = _box_text(text, head, match, faults)
            if found is not None:
                yield found
        head = following
    _leftover(text, at, len(text), faults, last=True)


def _box_text(
    text: str, head: re.Match[str], match: re.Match[str], faults: Faults
) -> BoxText | None:
    try:
        label = labels.read(text[head.end() : match.start()])
    except FormatError as error:
        faults.add("malformed", head.start(), match.end(), str(error))
        return None
    fields = tuple(f.strip() for f in match.group()[:-1].split(",")[1:])
    return BoxText(int(head.group(1)), label, fields, head.start(), match.end())


def _leftover(text: str, start: int, stop: int, faults: Faults, last: bool = False) -> None:
    rest = text[start:stop]
    if not rest.strip():
        return
    offset = start + len(rest) - len(rest.lstrip())
    if last:
        line_start = text.rfind("\n", offset, stop) + 1 or offset
        if _CUT_HEAD.fullmatch(text, max(line_start, offset), stop):
            faults.add("truncated", max(line_start, offset), stop, "the text ends inside a box")
            stop = max(line_start, offset)
            if not text[offset:stop].strip():
                return
    faults.add("unknown", offset, stop, "not a box")
