"""2D boxes in the text of any vision-language model.

The forms: JSON objects with a box (`bbox_2d`, `bbox`, `box_2d`, `box`, named corners) and a name
(`label`, `name`, ...), in lists, fences or prose, and `{"dog": [..]}`; Qwen2-VL's
`<|object_ref_start|>dog<|object_ref_end|><|box_start|>(..),(..)<|box_end|>`, with or without the
marks; `<ref>dog</ref><box>[[..]]</box>`. What four numbers mean differs from model to model and
is not written beside them, so the caller states it:

* "pixels": x0, y0, x1, y1 of the picture as the model saw it (Qwen2.5-VL: after resizing);
* "thousand": the same in thousandths of its width and height (Qwen2-VL, Qwen3-VL, InternVL);
* "unit": the same as fractions of them;
* "gemini": y0, x0, y1, x1 in thousandths.

Corners that are named keep their order in any of these.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from n3d.errors import ConfigError, FormatError
from n3d.language import answers, labels, loose_json, written_boxes
from n3d.language.reading import Faults, Parsed
from n3d.language.written_boxes import Written, Wrong

Convention = Literal["pixels", "thousand", "unit", "gemini"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)
MARGIN = 0.1
"""How far outside the picture, in parts of it, a number may lie; more says another convention."""

_ABSENT = re.compile(r"\b(?:no|none|not|nothing|null|cannot)\b|n't\b|没有", re.IGNORECASE)


@dataclass(frozen=True)
class Detection:
    """A named rectangle (x0, y0, x1, y1) in pixels; "" where no name was written."""

    label: str
    rectangle: tuple[float, float, float, float]
    score: float | None = None


def read(
    text: str,
    size: tuple[int, int],
    convention: Convention,
    *,
    seen: tuple[int, int] | None = None,
) -> Parsed[Detection]:
    """The boxes of a model's text, in pixels of a picture of `size` (width, height), cut to it.

    `seen` is the size of the picture as the model saw it, for "pixels". What cannot be read, has
    no area, lies outside the picture or is there twice is a fault, never an exception; a cut text
    gives the boxes before the cut. An answer in words that there is nothing is no fault.
    """
    _check(size, convention, seen)
    faults = Faults(text)
    items: list[Detection] = []
    known: set[Detection] = set()
    for written in _written(text):
        if isinstance(written, Wrong):
            faults.add(written.kind, written.offset, written.end, written.message)
            continue
        try:
            item = _detection(written, size, convention, seen or size)
        except FormatError as error:
            kind = "out-of-range" if error.code == "out-of-range" else "malformed"
            faults.add(kind, written.offset, written.end, str(error))
            continue
        if item in known:
            faults.add("repeated", written.offset, written.end, "the same box again")
        else:
            known.add(item)
            items.append(item)
    return Parsed(tuple(items), tuple(faults.found))


def write(
    items: Sequence[Detection],
    size: tuple[int, int],
    convention: Convention,
    *,
    seen: tuple[int, int] | None = None,
) -> str:
    """A JSON list as the models of a convention write it; rounded, never clipped.

    Raises FormatError for a rectangle that rounding leaves without area.
    """
    _check(size, convention, seen)
    width, height = _scales(size, convention, seen or size)
    digits = {"pixels": 1, "unit": 4}.get(convention, 0)
    out = []
    for item in items:
        x0, y0, x1, y1 = item.rectangle
        row = [round(v, digits) for v in (x0 / width, y0 / height, x1 / width, y1 / height)]
        if row[2] <= row[0] or row[3] <= row[1]:
            raise FormatError("is too small to be written", code="box-empty", field=item.label)
        row = [int(v) if digits == 0 or v == int(v) else v for v in row]
        if convention == "gemini":
            row = [row[1], row[0], row[3], row[2]]
        entry: dict[str, Any] = {"box_2d" if convention == "gemini" else "bbox_2d": row}
        entry["label"] = item.label
        if item.score is not None:
            entry["score"] = item.score
        out.append(entry)
    # A label that looks like a mark of a chat model must not act as one.
    return json.dumps(out, ensure_ascii=False).replace("<", "\\u003c")


def guess(text: str, size: tuple[int, int]) -> Convention | Literal["ambiguous"]:
    """The convention of a text, where its numbers leave one; more boxes tell more.

    "unit" for fractions; "pixels" for numbers over 1000 that fit the picture; for others that do
    not fit it, "gemini" by its key `box_2d` and else "thousand". Numbers that fit a picture as
    pixels and as thousandths are "ambiguous", and so is a text without boxes.
    """
    _check(size, "pixels", None)
    boxes = [w for w in _written(text) if isinstance(w, Written)]
    rows = [w.row for w in boxes]
    if not rows:
        return "ambiguous"
    numbers = [v for row in rows for v in row]
    if min(numbers) < 0 or not all(map(math.isfinite, numbers)):
        return "ambiguous"
    if max(numbers) <= 1:
        return "unit" if any(v != int(v) for v in numbers) else "ambiguous"
    fits = all(r[0] <= size[0] >= r[2] and r[1] <= size[1] >= r[3] for r in rows)
    if max(numbers) > 1000:
        return "pixels" if fits else "ambiguous"
    if all(w.key == "box2d" for w in boxes):
        return "gemini"
    return "ambiguous" if fits else "thousand"


def _written(text: str) -> list[Written | Wrong]:
    """All boxes of a text and what is wrong beside them, in order."""
    start = answers.start(text)
    scan = loose_json.scan(text, start)
    out = [each for found in scan.objects for each in written_boxes.of_object(found)]
    if not any(isinstance(each, Written) for each in out):
        out += written_boxes.of_marks(text, start)
    if scan.cut is not None and (scan.objects or not out):
        out.append(Wrong("truncated", "the text ends inside a list", scan.cut, len(text)))
    elif written_boxes.is_cut(text, start):
        out.append(Wrong("truncated", "the text ends inside a box", start, len(text)))
    out += [Wrong("malformed", "brackets do not match", *span) for span in scan.broken]
    if not out and text.strip() and not (scan.empty_list or _ABSENT.search(text, start)):
        cut = start == len(text)
        message = "the text ends inside a thought" if cut else "holds no box"
        kind = "truncated" if cut else "unknown"
        out.append(Wrong(kind, message, 0 if cut else start, len(text)))
    return sorted(out, key=lambda w: w.offset)


# -- what it means ---------------------------------------------------------------------------


def _detection(
    written: Written, size: tuple[int, int], convention: Convention, seen: tuple[int, int]
) -> Detection:
    x0, y0, x1, y1 = written.row
    if convention == "gemini" and not written.named:
        x0, y0, x1, y1 = y0, x0, y1, x1
    width, height = _scales(size, convention, seen)
    rectangle = (x0 * width, y0 * height, x1 * width, y1 * height)
    outside = max(
        max(-low, high - side) / side
        for low, high, side in zip((min(rectangle[::2]), min(rectangle[1::2])),
                                   (max(rectangle[::2]), max(rectangle[1::2])), size)
    )  # fmt: skip
    if not outside <= MARGIN:
        raise FormatError(
            f"lies far outside the picture, as {convention!r} reads it", code="out-of-range"
        )
    if x1 <= x0 or y1 <= y0:
        raise FormatError("has no area: the second corner must be right of and below the first")
    cut = tuple(min(max(v, 0.0), float(size[i % 2])) for i, v in enumerate(rectangle))
    if cut[2] - cut[0] < 1 or cut[3] - cut[1] < 1:
        raise FormatError("is thinner than a pixel in the picture", code="out-of-range")
    label = " ".join(written.label.split())
    labels.check(label)
    score = written.score
    score = score if score is not None and 0 <= score <= 1 else None
    return Detection(label, (cut[0], cut[1], cut[2], cut[3]), score)


def _scales(
    size: tuple[int, int], convention: Convention, seen: tuple[int, int]
) -> tuple[float, float]:
    """Pixels of the picture for one unit of x and of y."""
    whole = {"pixels": seen, "unit": (1, 1)}.get(convention, (1000, 1000))
    return size[0] / whole[0], size[1] / whole[1]


def _check(size: Any, convention: str, seen: Any) -> None:
    if convention not in CONVENTIONS:
        raise ConfigError(
            f"is {str(convention)[:40]!r}",
            code="config-value",
            field="convention",
            limit=", ".join(CONVENTIONS),
        )
    for name, value in (("size", size), ("seen", size if seen is None else seen)):
        if len(value) != 2 or not all(v >= 1 for v in value):
            raise ConfigError(
                "must be a width and a height in pixels", code="config-value", field=name
            )
