"""The numbers of a file of 3D boxes whose convention is not known, as a table.

Taken are JSON (a list of records or of rows, `annotations` with `images`, `boxes3d` with
`labels`), JSON lines, CSV with a header, and text lines of a name and numbers, KITTI's too.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.scene import Drop, strict_json
from n3d.sources import camera_files, fields, files, members
from n3d.sources.members import Members

RECORDS = ("annotations", "objects", "boxes", "detections", "predictions", "instances", "results",
           "labels3d", "objlist", "bboxes", "boxes3d", "data")  # fmt: skip
TURNS = (0, 1, 3, 4, 9)
ROWS = (6, 7, 9, 10)
MAX_ROWS = 200_000


@dataclass(frozen=True, eq=False)
class Row:
    """One box as it was found: its numbers and what stands beside them."""

    label: str
    location: list[float]
    sizes: list[float]
    turns: list[float]
    corners: np.ndarray | None = None
    rectangle: list[float] | None = None
    image: str = ""
    score: float = 1.0


@dataclass(frozen=True, eq=False)
class Table:
    """The boxes of one kind of a file: `rows` have as many turning numbers each.

    `cameras` are those of the images that the file itself tells, by their ids. `bare` rows may
    hold the location first or the sizes. `taken` says what was read where; `drops` are the
    records that hold no such box. `rectangle` is the order of 2D boxes where a name tells it.
    """

    rows: tuple[Row, ...]
    cameras: Mapping[str, Camera]
    bare: bool
    taken: Mapping[str, str]
    drops: tuple[Drop, ...]
    rectangle: str = ""
    unit: str = ""

    def swapped(self) -> Table:
        """The same with locations and sizes the other way round."""
        turned = (replace(r, location=r.sizes, sizes=r.location) for r in self.rows)
        return replace(self, rows=tuple(turned))


def read(path: Any) -> Table:
    """The table of a file; InputError where it holds no 3D boxes that can be made out."""
    rows: list[Row] = []
    drops: list[Drop] = []
    taken: Counter[tuple[tuple[str, str], ...]] = Counter()
    cameras: dict[str, Camera] = {}
    bare, unit = 0, ""
    for index, raw in enumerate(_records(path, cameras)):
        if index >= MAX_ROWS:
            break
        try:
            row, names = _row(raw)
        except N3DError as e:
            drops.append(Drop(f"record {index}", e.code, str(e)))
            continue
        rows.append(row)
        taken[tuple(sorted(names.items()))] += 1
        bare += names["size"] == names["location"]
        unit = unit or _unit(raw)
    if not rows:
        told = f": {drops[0].detail}" if drops else ""
        raise InputError(
            f"holds no 3D boxes that can be made out{told}", code="foreign-boxes", file=path,
            limit="a centre, three sizes and a rotation for each box, or its eight corners",
        )  # fmt: skip
    kind = Counter((len(r.turns), r.corners is not None) for r in rows).most_common(1)[0][0]
    for index, row in enumerate(rows):
        if (len(row.turns), row.corners is not None) != kind:
            drops.append(Drop(f"box {index}", "foreign-kind", "is written unlike most others"))
    kept = tuple(r for r in rows if (len(r.turns), r.corners is not None) == kind)
    names = dict(taken.most_common(1)[0][0])
    return Table(kept, cameras, bare * 2 > len(rows), names, tuple(drops), _order(names), unit)


def _order(names: Mapping[str, str]) -> str:
    name = names.get("rectangle", "").lower()
    return next((o for o in ("xyxy", "xywh") if o in name), "xyxy" if " " in name else "")


def _unit(raw: Any) -> str:
    unit = raw.get("unit") if isinstance(raw, Mapping) else None
    return unit if isinstance(unit, str) and unit in ("m", "cm", "mm", "ft", "in") else ""


# -- one record ---------------------------------------------------------------------------


def _row(raw: Any) -> tuple[Row, dict[str, str]]:
    if isinstance(raw, (list, tuple)):
        raw = {"bbox_3d": list(raw)}
    if not isinstance(raw, Mapping):
        raise InputError("is no object and no row of numbers", code="foreign-record")
    m = Members(raw)
    names: dict[str, str] = {}

    def take(part: str, among: tuple[str, ...], lengths: tuple[int, ...]) -> list[float] | None:
        found = m.numbers(part, among, lengths)
        if found is not None:
            names[part] = found[1]
        return None if found is None else found[0]

    cornered = next((c for n in members.CORNERS if (c := members.corners(m.found.get(n))) is not
                     None), None)  # fmt: skip
    if cornered is not None:
        names["corners"] = "eight corners"
    location, sizes = take("location", members.LOCATION, (3,)), take("size", members.SIZE, (3,))
    turns = take("turn", members.TURN, (1, 3, 4, 9)) or []
    if location is None or sizes is None:
        row = take("vector", members.VECTOR, ROWS)
        if row is not None:
            location, sizes, turns = row[:3], row[3:6], row[6:] or turns
            names["location"] = names["size"] = names.pop("vector")
        elif cornered is not None:
            location, sizes = cornered.mean(axis=0).tolist(), [1.0, 1.0, 1.0]
            names["location"], names["size"] = "corners", "the corners"
        else:
            raise InputError("has no centre and sizes", code="foreign-record")
    if (
        cornered is None
        and min(sizes) <= 0
        and not (names["size"] == names["location"] and min(location) > 0)
    ):
        raise InputError(f"has sizes {sizes}", code="box-size")
    rectangle = take("rectangle", members.RECTANGLE, (4,))
    if rectangle is not None and min(rectangle) < 0 and max(rectangle) <= 0:
        rectangle = None  # -1 -1 -1 -1: unknown
    score = m.numbers("score", ("score", "confidence", "prob"), (1,))
    row = Row(
        m.text(members.LABEL), location, sizes, turns, cornered, rectangle,
        m.text(members.IMAGE), 1.0 if score is None else score[0][0],
    )  # fmt: skip
    return row, names


# -- files --------------------------------------------------------------------------------


def _records(path: Any, cameras: dict[str, Camera]) -> Iterator[Any]:
    """The records of a file, one after the other; fills in the cameras it tells."""
    with files.open_regular(path, max_bytes=None) as f:
        head = f.read(4096).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if str(path).endswith(".jsonl"):
        for line in files.read_text(path, max_bytes=files.MAX_FILE_BYTES).splitlines():
            if line.strip():
                yield strict_json.loads(line, file=path)
    elif head[:1] in "[{":
        yield from _json(path, cameras)
    elif "," in head.split("\n", 1)[0] and "(" not in head.split("\n", 1)[0]:
        text = files.read_text(path, max_bytes=files.MAX_FILE_BYTES)
        for line in csv.DictReader(io.StringIO(text)):
            yield {k: v for k, v in line.items() if isinstance(k, str)}
    else:
        for line in files.read_text(path).splitlines():
            if line.strip():
                yield _line(line)


def _json(path: Any, cameras: dict[str, Camera]) -> Iterator[Any]:
    if not files.is_json_object(path):
        for _, entry in strict_json.stream(path):
            if _is_map(entry) and entry.get("K") is not None:
                _camera(entry, cameras)
            nested = entry.get("objects", entry.get("obj_list")) if _is_map(entry) else None
            yield from nested if isinstance(nested, list) else [entry]
        return
    columns: dict[str, list[Any]] = {}
    names: dict[Any, str] = {}
    for key, entry in strict_json.stream(path):
        plain = "".join(c for c in key.lower() if c.isalnum())
        if plain == "images" and _is_map(entry):
            _camera(entry, cameras)
        elif plain == "categories" and _is_map(entry):
            names[entry.get("id")] = str(entry.get("name", ""))
        elif plain in ("camera", "intrinsics") and _is_map(entry):
            _camera(entry, cameras)
        elif plain in RECORDS and _is_map(entry):
            if "category_name" not in entry and entry.get("category_id") in names:
                entry = {**entry, "category_name": names[entry["category_id"]]}
            yield entry
        else:
            columns.setdefault(plain, []).append(entry)
    whole = {k: columns[k][0] for k in ("width", "height") if columns.get(k)}
    _camera({"K": columns.get("k"), **whole}, cameras)
    yield from _columns(columns)


def _columns(columns: Mapping[str, list[Any]]) -> Iterator[Any]:
    """Records of lists that stand side by side: boxes3d, labels, scores, boxes2d."""
    rows = next((columns[n] for n in members.VECTOR if isinstance(columns.get(n), list)), None)
    for index, row in enumerate(rows or ()):
        record = {"bbox_3d": row}
        for name, among in (
            ("label", ("labels", "classes", "names")),
            ("bbox_2d", ("boxes2d", "bboxes2d", "rectangles")),
            ("score", ("scores",)),
        ):
            found = next((columns[n] for n in among if len(columns.get(n, ())) == len(rows or ())),
                         None)  # fmt: skip
            if found is not None:
                record[name] = found[index]
        yield record


def _camera(image: Mapping[str, Any], cameras: dict[str, Camera]) -> None:
    """Take the camera of an image record that has one."""
    try:
        stated = image.get("image_size") or [image["width"], image["height"]]
        width, height = fields.sides(stated, "image_size")
        camera = Camera.from_matrix(fields.matrix(image["K"], "K"), width, height)
    except (KeyError, N3DError):
        return
    records = "image_size" in image  # of boxes, which name their image otherwise
    name = Members(image).text(members.IMAGE) if records else image.get("id", "")
    cameras[str(name)] = camera


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _line(line: str) -> dict[str, Any]:
    """A text line: KITTI's fields, or a name (of any number of words) and numbers."""
    words = line.replace(",", " ").split()
    numbers = []
    while words and camera_files.NUMBER.fullmatch(words[-1]):
        numbers.insert(0, float(words.pop()))
    label = " ".join(words)
    if len(numbers) in (14, 15) and len(words) == 1:
        return {
            "type": label, "bbox2d_xyxy": numbers[3:7], "dimensions": numbers[7:10],
            "location": numbers[10:13], "rotation_y": numbers[13],
        }  # fmt: skip
    return {"label": label, "bbox_3d": numbers}
