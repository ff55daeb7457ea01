"""Omni3D's JSON of 3D boxes (also COCO3D, WildDet3D-Data and CA-1M conversions).

Local x is the length, y the height, z the width, and `dimensions` is [width, height, length]:
our size reversed. The frame is ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.geometry.box import CORNER_ORDER
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import fields, files, frames, grounded
from n3d.sources.grounded import Grounded
from n3d.sources.spool import Spool, key

CORNER_TOLERANCE = 0.01  # of the box diagonal
EXTRAS = ("truncation", "segmentation_pts", "lidar_pts", "depth_error")
MISSING = [-1, -1, -1, -1]


def read(path: Any, **_: Any) -> Iterator[Grounded | Drop]:
    """Scenes in the order of the file, with bounded memory; annotations to ignore are Drops."""
    files.open_regular(path, max_bytes=None).close()
    with Spool(path) as spool:
        names = _names(spool.sides.get("categories", []))
        licences = _names(spool.sides.get("licenses", []))
        for number, image, repeated, own in spool:
            name = (
                f"omni3d:{image.get('id', f'@{number}') if isinstance(image, Mapping) else number}"
            )
            try:
                if repeated:
                    raise InputError("an earlier image has the same id", code="id-duplicate")
                camera = _camera(image)
            except N3DError as e:
                yield Drop(name, e.code, str(e.at(file=path)))
                continue
            found: list[Object3D] = []
            for place, raw, _again in own:
                identity = f"{name}:{raw.get('id', f'@{place}')}"
                try:
                    found.append(read_object(raw, identity, names))
                except N3DError as e:
                    yield Drop(identity, e.code, str(e.at(file=path)))
            scene = Scene(
                name, name, tuple(found), source="omni3d", licence=_licence(image, licences)
            )
            yield Grounded(scene, camera, str(image.get("file_path", "")))
        for place, _ in spool.orphans():
            yield Drop(f"omni3d:@{place}", "image-unknown", "its image is not in the file")


def read_object(raw: Any, identity: str, names: Mapping[Any, str]) -> Object3D:
    """One annotation; N3DError for one that loaders ignore or whose numbers disagree."""
    if not isinstance(raw, Mapping):
        raise InputError("must be an object", code="box-type")
    for flag, ignored in (("behind_camera", True), ("valid3D", False)):
        if raw.get(flag, not ignored) is ignored:
            raise InputError(f"{flag} is {ignored}", code="box-ignored", field=flag)
    label = raw.get("category_name") or names.get(key(raw.get("category_id")))
    if not isinstance(label, str):
        raise InputError("has no known category", code="category-unknown", field="category_id")
    rectangles = (raw.get(f"bbox2D_{kind}") for kind in ("tight", "trunc", "proj"))
    seen = (grounded.region(label, r) for r in rectangles if r is not None)
    visibility = _optional(raw, "visibility")
    extras = {k: _optional(raw, k) for k in EXTRAS}
    return Object3D(
        identity,
        label,
        _box(raw),
        region=next((r for r in seen if r is not None), None),
        score=fields.one(raw.get("score", 1.0), "score"),
        visibility=visibility,
        attributes={k: v for k, v in extras.items() if v is not None},
    )


def _optional(raw: Mapping[str, Any], field: str) -> float | None:
    """A number of which -1 and null mean that it is unknown."""
    value = raw.get(field)
    found = -1.0 if value is None else fields.one(value, field)
    return None if found < 0 else found


def _box(raw: Mapping[str, Any]) -> Box3D:
    """The box of center, dimensions and R, checked against the corners; or of the corners."""
    corners = None if raw.get("bbox3D_cam") is None else fields.rows(raw, "bbox3D_cam")
    fitted = None
    if corners is not None:
        fitted = Box3D.from_corners([fields.row(c, 3, "bbox3D_cam") for c in corners])
    if "center_cam" not in raw and fitted is not None:
        return fitted
    width, height, length = fields.row(fields.member(raw, "dimensions"), 3, "dimensions")
    box = Box3D(
        fields.row(fields.member(raw, "center_cam"), 3, "center_cam"),
        np.array([length, height, width]),
        fields.matrix(fields.member(raw, "R_cam"), "R_cam"),
    )
    if corners is not None:
        off = np.abs(box.corners - np.array(corners, dtype=float)).max()
        share = off / np.linalg.norm(box.size)
        if share > CORNER_TOLERANCE:
            raise GeometryError(
                f"bbox3D_cam is {share:.1%} of the diagonal off center_cam, dimensions and R_cam",
                code="corners-order",
                field="bbox3D_cam",
                limit=f"{CORNER_TOLERANCE:.0%}",
                hint=f"dimensions are [width, height, length]; corners {CORNER_ORDER}",
            )
    return box


def _camera(image: Any) -> Camera | None:
    if not isinstance(image, Mapping):
        raise InputError("must be an object", code="box-type", field="images")
    if image.get("K") is None:
        return None
    width, height = (fields.side(image.get(k), k) for k in ("width", "height"))
    return Camera.from_matrix(image["K"], width, height)


def _licence(image: Mapping[str, Any], licences: Mapping[Any, str]) -> str:
    """The licence of an image: by number among `licenses`, or as text of its own."""
    told = image.get("license", image.get("licence"))
    return licences.get(key(told), told if isinstance(told, str) else "")


def _names(categories: list[Any]) -> dict[str | None, str]:
    return {
        key(c.get("id")): c["name"]
        for c in categories
        if isinstance(c, Mapping) and isinstance(c.get("name"), str)
    }


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write one JSON with all scenes; InputError for a scene without camera."""
    scenes = list(items)
    files.write_text(path, "".join(text(lambda: iter(scenes))))


def text(
    scenes: Callable[[], Iterator[Grounded]],
    image: Callable[[Grounded, int], dict[str, Any]] | None = None,
    record: Callable[[Grounded, Object3D], dict[str, Any]] | None = None,
) -> Iterator[str]:
    """The JSON of scenes, piece by piece; `scenes` is asked for them twice.

    `image` and `record` make the entries of images and annotations, where not as Omni3D has them.
    """
    numbers: dict[str, int] = {}
    licences: dict[str, int] = {}
    about = {"id": 1, "source": "n3d", "name": "n3d", "split": "", "version": "1", "url": ""}
    yield f'{{"info": {json.dumps(about)},\n"images": ['
    for number, item in enumerate(scenes(), 1):
        entry = (image or image_entry)(item, number)
        if item.scene.licence:
            entry["license"] = licences.setdefault(item.scene.licence, len(licences) + 1)
        for thing in item.scene.objects:
            numbers.setdefault(thing.label, 0)
        yield f"{',' if number > 1 else ''}\n{_json(entry)}"
    numbers = {label: i for i, label in enumerate(sorted(numbers), 1)}
    categories = [{"id": i, "name": n, "supercategory": ""} for n, i in numbers.items()]
    told = [{"id": i, "name": n} for n, i in licences.items()]
    yield f'],\n"categories": {_json(categories)},\n"licenses": {_json(told)},\n"annotations": ['
    count = 0
    for number, item in enumerate(scenes(), 1):
        for thing in item.scene.objects:
            count += 1
            entry = (record or annotation)(item, thing)
            entry |= {"id": count, "image_id": number, "category_id": numbers[thing.label]}
            yield f"{',' if count > 1 else ''}\n{_json(entry)}"
    yield "]}\n"


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def image_entry(item: Grounded, number: int) -> dict[str, Any]:
    """The entry of one image; InputError where its camera is unknown."""

    if item.camera is None:
        raise InputError(
            "omni3d needs a camera", code="convert-camera", field="camera", hint="Give --camera"
        )
    return {
        "id": number,
        "dataset_id": 1,
        "width": item.camera.width,
        "height": item.camera.height,
        "file_path": item.image or item.scene.picture_id,
        "K": item.camera.matrix.tolist(),
        "src_90_rotate": 0,
        "src_flagged": False,
    }


def annotation(item: Grounded, thing: Object3D) -> dict[str, Any]:
    """One annotation without its ids; the local y axis is made the one along gravity."""
    box = frames.with_vertical(thing.box, 1, item.down)
    assert box.rotation is not None
    projected = np.full(4, np.nan) if item.camera is None else box.project(item.camera)
    shown = grounded.rectangle(item, thing)
    region = thing.region
    extra = {k: thing.attributes.get(k, -1) for k in EXTRAS}
    return {
        "category_name": thing.label,
        "valid3D": True,
        "bbox2D_tight": MISSING if region is None else list(region.rectangle),
        "bbox2D_proj": projected.tolist() if np.isfinite(projected).all() else MISSING,
        "bbox2D_trunc": MISSING if shown is None else list(shown),
        "bbox3D_cam": box.corners.tolist(),
        "center_cam": box.center.tolist(),
        "dimensions": box.size[::-1].tolist(),
        "R_cam": box.rotation.tolist(),
        "behind_camera": bool((box.corners[:, 2] <= 0).all()),
        "visibility": -1 if thing.visibility is None else thing.visibility,
        "score": thing.score,
        **extra,
    }
