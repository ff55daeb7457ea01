"""2D boxes as they are written, in objects or between marks; what they mean is another matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from n3d.language.loose_json import Found, Other
from n3d.language.reading import FaultKind

_BOXES = ("bbox2d", "bbox", "box2d", "box", "boundingbox", "rectangle", "bboxes", "boxes")
_LABELS = ("label", "name", "class", "classname", "category", "object", "text", "textcontent")
_SCORES = ("score", "confidence")
_CORNERS = (
    ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom"),
    ("x0", "y0", "x1", "y1"),
)  # fmt: skip

LONGEST = 4000
_NUMBER = r"[0-9]{1,12}+(?:\.[0-9]{1,40}+)?+"
_POINT = rf"\([ ]?{_NUMBER}[ ]?,[ ]?{_NUMBER}[ ]?\)"
_PIECE = re.compile(
    r"(?:<ref>|<\|object_ref_start\|>)(?P<label>[^<\n]{0,200}+)(?:</ref>|<\|object_ref_end\|>)"
    rf"|(?:<b?box>|<\|box_start\|>)(?P<box>[^<]{{0,{LONGEST}}}+)(?:</b?box>|<\|box_end\|>)"
    rf"|(?P<pair>{_POINT}[ ]?,?[ ]?{_POINT})"
)
_NUMBERS = re.compile(rf"[\s,()\[\]]*+(?:{_NUMBER}[\s,()\[\]]*+)++")
_EACH = re.compile(_NUMBER)
_OPENED = re.compile(r"<b?box>|<\|box_start\|>")
_CLOSED = re.compile(r"</b?box>|<\|box_end\|>")
_BEFORE = re.compile(r"[^\n<>()\[\]{}\"]*\Z")


@dataclass(frozen=True)
class Written:
    """Four numbers as they are written, their name, and where they stand.

    `named` corners are x0, y0, x1, y1; else the convention says. `key` is that of JSON.
    """

    label: str
    row: tuple[float, ...]
    named: bool
    key: str
    score: float | None
    offset: int
    end: int


@dataclass(frozen=True)
class Wrong:
    """Something that was to be a box, why it is none, and where it stands."""

    kind: FaultKind
    message: str
    offset: int
    end: int


def of_object(found: Found) -> list[Written | Wrong]:
    """The boxes of one JSON object; none for an object that is about something else."""
    members: dict[str, Any] = {}
    wrong: list[Written | Wrong] = []
    for name, value in found.members:
        key = _key(name)
        if key in members and key in _BOXES:
            wrong.append(Wrong("repeated", f"{name} is there twice", found.offset, found.end))
        members.setdefault(key, value)
    key = next((k for k in _BOXES if k in members), "")
    value = members[key] if key else _named_corners(members)
    if not key and value is None:
        return _by_name(found)
    if value is Other or value is None or value == []:
        return wrong
    rows = _rows(value)
    if rows is None:
        message = "is no box: four numbers are needed"
        return [*wrong, Wrong("malformed", message, found.offset, found.end)]
    label = next((members[k] for k in _LABELS if isinstance(members.get(k), str)), "")
    score = next((members[k] for k in _SCORES if isinstance(members.get(k), float)), None)
    named = isinstance(value, dict)
    return wrong + [Written(label, r, named, key, score, found.offset, found.end) for r in rows]


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name[:40]).lower()


def _rows(value: Any) -> list[tuple[float, ...]] | None:
    """The boxes of a member: one list of four numbers, several, or named corners."""
    if isinstance(value, str):
        return list(_fours(value)) or None
    if isinstance(value, dict):
        value = _named_corners({_key(k): v for k, v in value.items()})
        return None if value is None else [tuple(value.values())]
    if not isinstance(value, list) or not value:
        return None
    rows = value if all(isinstance(v, list) for v in value) else [value]
    whole = all(len(r) == 4 and all(isinstance(v, float) for v in r) for r in rows)
    return [tuple(r) for r in rows] if whole else None


def _named_corners(members: dict[str, Any]) -> dict[str, float] | None:
    for names in _CORNERS:
        if all(isinstance(members.get(n), float) for n in names):
            return {n: members[n] for n in names}
    return None


def _by_name(found: Found) -> list[Written | Wrong]:
    """The boxes of `{"dog": [..], "cat": [[..], [..]]}`, if it holds nothing else."""
    boxes = [(name, _rows(value)) for name, value in found.members]
    if not all(rows for _, rows in boxes):
        return []
    return [
        Written(name, row, False, "", None, found.offset, found.end)
        for name, rows in boxes
        for row in rows or []
    ]


def of_marks(text: str, start: int = 0) -> Iterator[Written]:
    """Boxes like `<ref>dog</ref><box>(10,20),(300,400)</box>` from `start` on.

    Servers may leave special tokens out, so that Qwen2-VL's boxes arrive as
    `dog(10,20),(300,400)`. What is no box between the marks is passed over.
    """
    label = ""
    after = start
    for match in _PIECE.finditer(text, start):
        offset, end = match.span()
        inside = match.group("box")
        if match.group("label") is not None:
            label = match.group("label")
        elif inside is not None:
            for row in _fours(inside):
                yield Written(label, row, False, "", None, offset, end)
        else:
            # What stands before it on its line; after the name of another box, a comma.
            before = _BEFORE.search(text, max(after, offset - 100), offset)
            name = before.group().strip(" \t,;:.-*•") if before else ""
            label = name or label
            for row in _fours(match.group("pair")):
                yield Written(label, row, False, "", None, offset, end)
        after = end


def is_cut(text: str, start: int = 0) -> bool:
    """Whether the text ends inside a box of this form."""
    tail = max((m.start() for m in _OPENED.finditer(text, start)), default=-1)
    return tail >= 0 and _CLOSED.search(text, tail) is None


def _fours(inside: str) -> Iterator[tuple[float, ...]]:
    if _NUMBERS.fullmatch(inside) is None:
        return
    numbers = [float(n) for n in _EACH.findall(inside)]
    if len(numbers) % 4 == 0:
        yield from (tuple(numbers[i : i + 4]) for i in range(0, len(numbers), 4))
