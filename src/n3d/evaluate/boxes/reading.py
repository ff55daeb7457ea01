"""Files of true and of predicted boxes, in the forms that evaluations of the field use.

True boxes: Omni3D's JSON (`images`, `annotations`, `categories`); n3d's plain records; or JSON
lines with the `objects` of an image or query each. Predictions: a list of results with
`image_id` (COCO's, Omni3D's), the same by image under `instances` (Cube R-CNN), or any of the
forms of true boxes. Images are known by id or file name, categories by id or name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.evaluate.boxes import ignoring
from n3d.evaluate.boxes.columns import Rows
from n3d.evaluate.boxes.tables import Table, Truth
from n3d.geometry import Camera
from n3d.reason import labels
from n3d.scene import Drop, strict_json
from n3d.sources import fields, files

NAMED = ("category_id", "category_name", "label", "class", "name")


def truth(path: Any) -> tuple[Truth, list[Drop]]:
    """The true boxes of a file; rows that cannot be used are Drops. InputError for a file that
    holds none."""
    images, rows, names = _contents(path)
    order = sorted(images, key=_sort_key)
    places = {k: i for i, k in enumerate(order)}
    categories, category_alias = _categories(names, [r for _, r in rows])
    kept = Rows("truth")
    for number, (key, raw) in enumerate(rows):
        _place(kept, number, key, raw, places, category_alias)
    heights = [_height(images[k]) for k in order]
    table = kept.table(flat=True, ignored=None)
    ids = [kept.raw[i] for i in _kept(kept, table)]
    ignored = np.array(
        [ignoring.is_ignored(r, heights[i], categories[c])
         for r, i, c in zip(ids, table.image, table.category)], bool
    )  # fmt: skip
    if not len(table):
        raise InputError("holds no true boxes", code="truth-empty", file=path)
    cameras, drops = _cameras([images[k] for k in order])
    made = Truth(
        Table(table.image, table.category, table.box, table.score, table.rectangle, table.depth,
              ignored, table.known, table.scored),
        tuple(str(k) for k in order), categories, cameras, _aliases(order, images),
        category_alias, tuple(_subset(images[k]) for k in order), _dataset(path, names, images),
        np.array([bool(r.get("ignore2D", i)) for r, i in zip(ids, ignored)], bool),
        not all(isinstance(i.get("text"), str) for i in images.values()),
    )  # fmt: skip
    return made, [*kept.drops, *drops]


def predictions(path: Any, true: Truth) -> tuple[Table, list[Drop]]:
    """The predictions of a file for the images of a truth; those of other images are Drops.
    Categories that the truth does not have get numbers beyond its own."""
    _, rows, _ = _contents(path)
    kept = Rows("prediction")
    alias = dict(true.category_alias)
    if len(true.images) == 1 and len({key for key, _ in rows}) == 1:
        rows = [(true.images[0], raw) for _, raw in rows]  # one picture, whatever it is called
    for number, (key, raw) in enumerate(rows):
        if isinstance(raw, Mapping) and category_of(raw, alias) is None:
            new = max(len(true.categories), *alias.values(), 0) + 1
            alias[_spelled(_category(raw))] = new
        _place(kept, number, key, raw, true.image_alias, alias)
    return kept.table(), kept.drops


def with_cameras(true: Truth, path: Any) -> Truth:
    """The truth with the cameras that a file of predictions holds, for images without one: K and
    `image_size` beside the objects of an image."""
    if all(c is not None for c in true.cameras):
        return true
    cameras = list(true.cameras)
    images, _, _ = _contents(path)
    for key, about in images.items():
        at = true.image_alias.get(key, true.image_alias.get(str(key)))
        if at is not None and cameras[at] is None:
            try:
                cameras[at] = camera_of(about)
            except N3DError:
                continue  # told as a box without a projection
    return replace(true, cameras=tuple(cameras))


def _spelled(name: Any) -> Any:
    return labels.normal(name) if isinstance(name, str) else name


def _kept(rows: Rows, table: Table) -> list[int]:
    lost = {d.id for d in rows.drops}
    return [i for i, name in enumerate(rows.ids) if name not in lost][: len(table)]


def _place(kept: Rows, number: int, key: Any, raw: Any, images: Mapping, categories: Mapping):
    identity = f"{kept.name} {number}"
    try:
        if not isinstance(raw, Mapping):
            raise InputError("must be an object", code="box-type")
        at = images.get(key)
        if at is None:
            at = images.get(str(key))
        if at is None:
            raise InputError(f"its image {str(key)[:60]!r} is not there", code="image-unknown")
        kind = category_of(raw, categories)
        if kind is None:
            raise InputError("has no category", code="category-unknown")
        kept.add(raw, at, kind, identity)
    except N3DError as e:
        kept.drop(identity, e)


# -- what a file holds ------------------------------------------------------------------------


def _contents(path: Any) -> tuple[dict[Any, Mapping], list[tuple[Any, Any]], Any]:
    """(images by key, (image key, row) of all boxes, categories of a file)."""
    if str(path).endswith(".jsonl"):
        return _of_lines(path)
    raw = files.read_json(path)
    if isinstance(raw, Mapping) and isinstance(raw.get("scene", raw).get("objects"), list):
        raw = [_picture(raw.get("scene", raw))]  # an answer or a scene of n3d
    if isinstance(raw, Mapping) and isinstance(raw.get("annotations"), list):
        images = {i["id"]: i for i in raw.get("images", []) if isinstance(i, Mapping) and "id" in i}
        rows = raw["annotations"]
        keys = [r.get("image_id") if isinstance(r, Mapping) else None for r in rows]
        return images, list(zip(keys, rows)), raw
    if not isinstance(raw, list):
        raise InputError(
            "is no file of boxes", code="boxes-form", file=path,
            hint="Omni3D's JSON, a list of results, plain records, or JSON lines with objects",
        )  # fmt: skip
    return _of_list(raw)


def _picture(raw: Mapping[str, Any]) -> dict[str, Any]:
    name = raw.get("picture_id") or raw.get("id") or "picture"
    return {"image_id": name, "instances": raw["objects"]}


def _of_list(raw: list[Any]):
    images: dict[Any, Mapping] = {}
    rows: list[tuple[Any, Any]] = []
    for entry in raw:
        if not isinstance(entry, Mapping):
            rows.append((None, entry))
            continue
        keys = ("image_id", "scene", "picture", "image")
        key = next((entry[k] for k in keys if entry.get(k) is not None), None)
        images.setdefault(key, entry)
        if isinstance(entry.get("instances"), list):
            rows += [(key, r) for r in entry["instances"]]
        else:
            rows.append((key, entry))
    return images, rows, None


def _of_lines(path: Any):
    images: dict[Any, Mapping] = {}
    rows: list[tuple[Any, Any]] = []
    with files.open_regular(path, max_bytes=None) as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                entry = strict_json.loads(line, file=path)
            except InputError as e:
                e.field = f"line {number}"
                raise
            objects = entry.get("objects") if isinstance(entry, Mapping) else None
            if objects is None:
                _, more, _ = _of_list([entry])
                images |= {k: e for k, e in more if isinstance(e, Mapping) and k not in images}
                rows += more
                continue
            key = entry.get("id", f"line {number}")
            images.setdefault(key, entry)
            rows += [(key, o) for o in objects]
    return images, rows, None


def _sort_key(key: Any) -> tuple[int, float, str]:
    """Numbers before names, as COCO's evaluation orders images."""
    number = isinstance(key, (int, float))
    return (0, float(key), "") if number else (1, 0.0, str(key))


def _aliases(order: list[Any], images: Mapping[Any, Mapping]) -> dict[Any, int]:
    """Keys, file names and their stems; what stands for two images stands for none."""
    found: dict[Any, int | None] = {}
    for i, key in enumerate(order):
        about = images[key]
        path = next((about[k] for k in ("file_path", "file_name", "image") if about.get(k)), None)
        names = {key, str(key)}
        if isinstance(path, str):
            names |= {path, PurePath(path).name, PurePath(path).stem}
        for name in names:
            found[name] = i if found.get(name, i) == i else None
    for i, key in enumerate(order):
        found[key] = i
    return {k: v for k, v in found.items() if v is not None}


def _categories(raw: Any, rows: list[Any]) -> tuple[tuple[str, ...], dict[Any, int]]:
    """Category names in the order of their ids, and what they may be called by."""
    listed = raw.get("categories", []) if isinstance(raw, Mapping) else []
    known = [c for c in listed if isinstance(c, Mapping) and "id" in c]
    known.sort(key=lambda c: _sort_key(c["id"]))
    alias: dict[Any, int] = {}
    names: list[str] = []
    for c in known:
        alias[c["id"]] = len(names)
        alias.setdefault(_spelled(str(c.get("name", c["id"]))), len(names))
        names.append(str(c.get("name", c["id"])))
    for row in rows:
        if not isinstance(row, Mapping) or category_of(row, alias) is not None:
            continue
        called = [row[k] for k in NAMED if isinstance(row.get(k), (str, int))]
        for name in called:
            alias.setdefault(_spelled(name), len(names))
        if called:
            names.append(str(called[-1]))
    return tuple(names), alias


def _category(raw: Mapping[str, Any]) -> Any:
    return next((raw[k] for k in NAMED if isinstance(raw.get(k), (str, int))), None)


def category_of(raw: Mapping[str, Any], alias: Mapping[Any, int]) -> int | None:
    """The place of a row's category: by id, else by name."""
    for key in NAMED:
        value = raw.get(key)
        if isinstance(value, (int, str)):
            at = alias.get(value)
            at = alias.get(_spelled(value)) if at is None else at
            if at is not None:
                return at
    return None


# -- about images -----------------------------------------------------------------------------


def _cameras(images: list[Mapping]) -> tuple[tuple[Camera | None, ...], list[Drop]]:
    cameras: list[Camera | None] = []
    drops: list[Drop] = []
    for i, about in enumerate(images):
        try:
            cameras.append(camera_of(about))
        except N3DError as e:
            cameras.append(None)
            drops.append(Drop(f"camera {i}", e.code, str(e)))
    return tuple(cameras), drops


def camera_of(about: Mapping[str, Any]) -> Camera | None:
    """The camera that an image's record holds: K with width and height or `image_size`."""
    if about.get("K") is None:
        return None
    size = about.get("image_size") or [about.get("width"), about.get("height")]
    width, height = fields.sides(size, "image_size")
    return Camera.from_matrix(fields.matrix(about["K"], "K"), width, height)


def _height(about: Mapping[str, Any]) -> float | None:
    size = about.get("image_size")
    value = size[1] if isinstance(size, list) and len(size) == 2 else about.get("height")
    return float(value) if isinstance(value, (int, float)) else None


def _subset(about: Mapping[str, Any]) -> str:
    if isinstance(about.get("unique"), bool):
        return "unique" if about["unique"] else "multiple"
    return str(about.get("subset") or "")


def _dataset(path: Any, raw: Any, images: Mapping[Any, Mapping]) -> str:
    """All that names the data set: its info, the name of the file, what an import noted."""
    info = raw.get("info") if isinstance(raw, Mapping) else None
    noted = sorted({str(i["dataset"]) for i in images.values() if "dataset" in i})
    told = [str(info.get(k, "")) for k in ("name", "source")] if isinstance(info, Mapping) else []
    return " ".join([*told, *noted[:3], PurePath(str(path)).stem])
