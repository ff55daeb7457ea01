"""2D annotations of one image -> regions: a COCO file, or a plain JSON list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal, overload

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.scene import Drop, Region, strict_json
from n3d.sources import fields, files, masks

Labels = Mapping[Any, str]
"""Category names by id."""

KEYS = ("label", "bbox", "segmentation", "score", "expression", "id")


@overload
def read(
    path: Any, *, width: int, height: int, image_name: Any = None, strict: Literal[True] = True
) -> list[Region]: ...


@overload
def read(
    path: Any, *, width: int, height: int, image_name: Any = None, strict: Literal[False]
) -> tuple[list[Region], list[Drop]]: ...


def read(
    path: Any, *, width: int, height: int, image_name: Any = None, strict: bool = True
) -> list[Region] | tuple[list[Region], list[Drop]]:
    """The regions of a `width` x `height` image, masks decoded, rectangles cut to the image.

    A COCO file of several images knows this one by `image_name` (a file name; folders are
    ignored); crowd annotations are skipped. A plain list holds objects with `label`, `bbox`
    [x, y, w, h] and optionally `segmentation`, `score`, `expression`, `id`. A region that
    cannot be used raises InputError naming it; with `strict=False` it is set aside instead
    and (regions, drops) is returned.
    """
    found: list[Region] = []
    drops: list[Drop] = []
    for index, (raw, labels, name) in enumerate(_entries(path, width, height, image_name)):
        try:
            found.append(_named(raw, labels, name, width, height))
        except N3DError as e:
            if strict:
                raise e.at(file=path, field=name) from None
            drops.append(Drop(id=f"regions:{index}", reason=e.code, detail=str(e)))
    return found if strict else (found, drops)


def parse(entries: Any, *, width: int, height: int) -> list[Region]:
    """The regions of a plain list that has been parsed already, as `read` makes them."""
    if not isinstance(entries, list):
        raise InputError("must be a list of regions", code="regions-form", field="regions")
    found = []
    for index, raw in enumerate(entries):
        name = f"region {index}"
        try:
            found.append(_named(raw, None, name, width, height))
        except N3DError as e:
            raise e.at(field=name) from None
    return found


def _named(raw: Any, labels: Labels | None, name: str, width: int, height: int) -> Region:
    """One region; errors name the entry before the field."""
    try:
        return make(raw, width=width, height=height, labels=labels)
    except N3DError as e:
        e.field = f"{name}: {e.field}" if e.field else name
        raise


def make(
    raw: Any,
    *,
    width: int,
    height: int,
    labels: Labels | None = None,
    id: str | None = None,
    decode: bool = True,
) -> Region:
    """One region of a plain entry, or of a COCO annotation where category `labels` are given.

    With `decode=False` the segmentation is checked and kept in `attributes`. Raises
    InputError.
    """
    if not isinstance(raw, Mapping):
        raise InputError("must be an object", code="region-type")
    label = _plain_label(raw) if labels is None else _category(raw, labels)
    segmentation = raw.get("segmentation")
    mask = None
    try:
        if masks.present(segmentation):
            if decode or "bbox" not in raw:
                mask = masks.decode(segmentation, width, height)
            else:
                masks.check(segmentation, width, height)
    except InputError as e:
        raise e.at(field="segmentation") from None
    rectangle = _rectangle(raw, mask, width, height)
    keep = {} if decode or not masks.present(segmentation) else {"segmentation": segmentation}
    name = id if id is not None else raw.get("id")
    return Region(
        label=label,
        rectangle=rectangle,
        mask=mask if decode else None,
        score=_score(raw),
        expression=_text(raw, "expression"),
        id=None if name is None else str(name),
        attributes=keep,
    )


def _plain_label(raw: Mapping[str, Any]) -> str:
    unknown = [k for k in raw if k not in KEYS]
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r}", code="region-key", limit=", ".join(KEYS))
    label = raw.get("label")
    if not isinstance(label, str):
        raise InputError(f"must be a text, got {label!r}", code="region-label", field="label")
    return label


def _category(raw: Mapping[str, Any], labels: Labels) -> str:
    number = raw.get("category_id")
    label = labels.get(number) if isinstance(number, (int, str)) else None
    if label is None:
        raise InputError(
            f"{number!r} is not in the categories", code="category-unknown", field="category_id"
        )
    return label


def _rectangle(
    raw: Mapping[str, Any], mask: np.ndarray | None, width: int, height: int
) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 cut to the image, from the bbox or around the mask."""
    if "bbox" not in raw:
        if mask is None:
            raise InputError("needs a bbox or a segmentation", code="region-type", field="bbox")
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
    box = raw["bbox"]
    x, y, w, h = fields.row(box, 4, "bbox", "region").tolist()
    if w <= 0 or h <= 0:
        raise InputError(f"has no area: {box}", code="region-empty", field="bbox")
    cut = (max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height)))
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        raise InputError(
            f"{box} is outside the image {width}x{height}", code="region-outside", field="bbox"
        )
    return cut


def _text(raw: Mapping[str, Any], field: str) -> str | None:
    value = raw.get(field)
    if value is not None and not isinstance(value, str):
        raise InputError(f"must be a text, got {value!r}", code="region-type", field=field)
    return value


def _score(raw: Mapping[str, Any]) -> float:
    score = fields.one(raw.get("score", 1.0), "score", "region")
    if not 0 <= score <= 1:
        raise InputError(
            f"must be a number from 0 to 1, got {score!r}", code="region-score", field="score"
        )
    return score


# -- files --------------------------------------------------------------------------------


def _entries(
    path: Any, width: int, height: int, image_name: Any
) -> Iterator[tuple[Any, Labels | None, str]]:
    """(entry, category names or None for a plain entry, the entry's name in errors)."""
    if not files.is_json_object(path):
        for index, (_, entry) in enumerate(strict_json.stream(path)):
            yield entry, None, f"region {index}"
        return
    image, labels = _find(path, image_name)
    stated = (image.get("width", width), image.get("height", height))
    if stated != (width, height):
        raise InputError(
            f"image {image.get('file_name')!r} is {stated[0]}x{stated[1]} in the annotations, the "
            f"picture is {width}x{height}",
            code="image-size",
            file=path,
        )
    for key, entry in strict_json.stream(path):
        mine = key == "annotations" and isinstance(entry, Mapping)
        if mine and entry.get("image_id") == image["id"] and not entry.get("iscrowd"):
            yield entry, labels, f"annotation {entry.get('id')}"


def _find(path: Any, image_name: Any) -> tuple[Mapping[str, Any], dict[Any, str]]:
    """The image record of that name (or the only one), and category names by id."""
    wanted = None if image_name is None else _base(image_name)
    first, named, labels, count, keys = None, [], {}, 0, set()
    for key, entry in strict_json.stream(path):
        keys.add(key)
        if key == "images" and isinstance(entry, Mapping) and "id" in entry:
            first, count = first or entry, count + 1
            if wanted and _base(entry.get("file_name", "")) == wanted:
                named.append(entry)
        elif key == "categories":
            add_label(entry, labels)
    if first is None:
        raise InputError(
            f"has no images; its top-level keys are {', '.join(sorted(keys)) or 'none'}",
            code="regions-form",
            file=path,
            limit="a COCO file (images, annotations, categories) or a list of regions",
        )
    if len(named) == 1 or count == 1:
        return (named or [first])[0], labels
    raise InputError(
        f"holds {count} images, {len(named)} of them named {wanted!r}",
        code="image-unknown",
        file=path,
        hint="Give the image's file name" if wanted is None else None,
    )


def add_label(category: Any, labels: dict[Any, str]) -> None:
    """Take the name of one entry of `categories`; what has none stays unknown."""
    if not isinstance(category, Mapping):
        return
    number, name = category.get("id"), category.get("name")
    if isinstance(number, (int, str)) and isinstance(name, str):
        labels[number] = name


def _base(name: Any) -> str:
    return PurePosixPath(PureWindowsPath(str(name)).as_posix()).name
