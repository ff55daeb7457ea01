"""OpenImages: boxes as CSV, in parts of the image, with flags; names and licences beside them.

Columns of boxes: ImageID, LabelName, XMin, XMax, YMin, YMax (in this order in the files), and
optionally Confidence, IsOccluded, IsTruncated, IsGroupOf, IsDepiction, IsInside (1 yes, 0 no, -1
unknown). They hold no image size: it is taken from the head of each image file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import Drop, Picture, Region
from n3d.sources import camera_files, coco, exif, files
from n3d.sources import image as images_of
from n3d.sources.placing import Given, Habits
from n3d.sources.spool import Spool, key

SIDES = ("XMin", "YMin", "XMax", "YMax")
NEEDED = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")
REFUSED = {
    "IsGroupOf": ("region-group", "is a group of objects"),
    "IsDepiction": ("region-depiction", "is a depiction and no object in space"),
    "IsInside": ("region-inside", "is seen from inside"),
}
TOLD = {"IsOccluded": "occluded", "IsTruncated": "truncated"}
SUFFIXES = (".jpg", ".png", ".webp")
SLACK = 1e-3  # of the image, beyond its rim


def read(
    annotations: Any,
    images: Any,
    *,
    classes: Any,
    image_info: Any = None,
    depth: Any = None,
    camera: Any = None,
    options: Mapping[str, Any] | None = None,
    licence: str = "",
) -> Iterator[Picture | Drop]:
    """Pictures in the order in which the file first names them, each after its dropped boxes.

    `classes` is the CSV of label ids and names (class-descriptions-boxable.csv), `image_info` that
    of images with their licences (ImageID, License, Rotation, ...). Images are <ImageID>.jpg, .png
    or .webp in `images` or in a folder below that is named by the id's first sign (train_0: "0").
    Boxes of groups, depictions and things seen from inside are dropped, and those that are there
    twice; "occluded" and "truncated" go to the region's attributes. The rest is as in `coco.read`.
    """
    names = _classes(classes)
    habits = Habits(_places, unique=True)
    given = Given.of(images, depth, camera, options, habits)
    with Spool(annotations, _records(annotations)) as boxes:
        info = _Info(image_info)
        with info:
            for _, image, repeated, own in boxes:
                if not repeated:
                    picture = _Picture(given, names, licence, info.of(image["id"]))
                    yield from coco.single(picture.read(str(image["id"]), own))


@dataclass(frozen=True)
class _Picture:
    """One image's boxes into its picture."""

    given: Given
    names: Mapping[str, str]
    licence: str
    info: Mapping[str, str]

    def read(self, image: str, own: Any) -> Iterator[Picture | Drop]:
        name = f"openimages:{image}"
        try:
            if self.info.get("Rotation", "") not in ("", "0", "0.0", "nan"):
                raise InputError(
                    f"was turned by {self.info['Rotation']} degrees after it was annotated",
                    code="image-rotated",
                )
            path = self.given.image(_places({"id": image}))
            width, height = exif.turned_size(*images_of.header(path))
            sized = {"width": width, "height": height}
            options = {**self.given.options, "size": [width, height]}
            found = self.given.with_image(path, sized, options)
        except N3DError as e:
            yield Drop(name, e.code, str(e))
            return
        kept: list[Region] = []
        left_out: list[str] = []
        for place, row, _ in own:
            try:
                kept.append(self._region(row, f"{name}:{place}", width, height))
            except N3DError as e:
                yield Drop(f"{name}:{place}", e.code, str(e))
                label = self.names.get(str(row.get("LabelName")))
                left_out += [] if label is None else [label]
        attributes: dict[str, Any] = {"size": (width, height), "file_name": self.given.place(found)}
        if left_out:
            attributes["left_out"] = sorted(left_out)
        for column, told in (("License", "licence_url"), ("Author", "author")):
            if self.info.get(column):
                attributes[told] = self.info[column]
        yield Picture(
            id=name,
            regions=tuple(kept),
            files=found,
            source="openimages",
            licence=self.info.get("License") or self.licence,
            attributes=attributes,
        )

    def _region(self, row: Mapping[str, Any], name: str, width: int, height: int) -> Region:
        for flag, (code, told) in REFUSED.items():
            if row.get(flag) == "1":
                raise InputError(told, code=code, field=flag)
        label = self.names.get(str(row.get("LabelName")))
        if label is None:
            raise InputError(
                f"{row.get('LabelName')!r} is not among the classes", code="category-unknown"
            )
        x0, y0, x1, y1 = (_share(row, side) for side in SIDES)
        if x1 <= x0 or y1 <= y0:
            raise InputError("has no area", code="region-empty")
        attributes = {told: row[flag] == "1" for flag, told in TOLD.items() if row.get(flag) in
                      ("0", "1")}  # fmt: skip
        score = _number(row.get("Confidence") or "1", "Confidence")
        if not 0 < score <= 1:
            raise InputError(f"is {score:g}", code="region-score", field="Confidence")
        rectangle = (x0 * width, y0 * height, x1 * width, y1 * height)
        return Region(label, rectangle, score=score, id=name, attributes=attributes)


def _share(row: Mapping[str, Any], field: str) -> float:
    value = _number(row.get(field), field)
    if not -SLACK <= value <= 1 + SLACK:
        raise InputError(
            f"is {value:g}", code="region-outside", field=field, limit="0 to 1, parts of the image"
        )
    return min(max(value, 0.0), 1.0)


def _number(text: Any, field: str) -> float:
    if not isinstance(text, str) or not camera_files.NUMBER.fullmatch(text):
        raise InputError(f"must be a number, got {text!r}", code="region-type", field=field)
    return float(text)


def _places(image: Mapping[str, Any]) -> list[Any]:
    name = image["id"]
    return [f"{folder}{name}{s}" for folder in ("", f"{name[:1]}/") for s in SUFFIXES]


# -- files --------------------------------------------------------------------------------


def rows(path: Any, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file of any size; InputError where it lacks a column."""
    with files.open_regular(path, max_bytes=None) as f:
        f.close()
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as f:
        try:
            table = csv.DictReader(f)
            missing = [n for n in needed if n not in (table.fieldnames or ())]
            if missing:
                raise InputError(
                    f"lacks the columns {', '.join(missing)}", code="openimages-form", file=path,
                    limit=", ".join(needed),
                )  # fmt: skip
            for row in table:
                yield {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
        except csv.Error as e:
            raise InputError(f"is no CSV: {e}", code="openimages-form", file=path) from None


def _records(path: Any) -> Iterator[tuple[str, Any]]:
    """An "images" entry where an image begins, and its boxes."""
    before = None
    for number, row in enumerate(rows(path, NEEDED)):
        image = row.get("ImageID", "")
        if image != before:
            yield "images", {"id": image}
        before = image
        yield "annotations", {**row, "id": number, "image_id": image}


def _classes(path: Any) -> dict[str, str]:
    """Label id -> name; the file has no header."""
    found = {}
    for line in csv.reader(files.read_text(path).splitlines()):
        if len(line) >= 2 and line[1].strip():
            found[line[0]] = line[1].strip().lower()
    if not found:
        raise InputError(
            "names no classes", code="openimages-form", file=path, limit="lines of id,name"
        )
    return found


class _Info:
    """What is known about images, by their ids; kept on disk, since there may be millions."""

    def __init__(self, path: Any) -> None:
        self.path = None if path is None else Path(path)
        self.spool: Spool | None = None

    def __enter__(self) -> _Info:
        if self.path is not None:
            entries = (
                ("annotations", {**row, "image_id": row.get("ImageID")})
                for row in rows(self.path, ("ImageID", "License"))
            )
            self.spool = Spool(self.path, entries).__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.spool is not None:
            self.spool.__exit__(*exception)

    def of(self, image: str) -> Mapping[str, str]:
        """The row of an image, empty where there is none."""
        if self.spool is None:
            return {}
        return next((row for _, row, _ in self.spool.of(key(image))), {})
