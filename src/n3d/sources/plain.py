"""n3d's own JSON record of one object: a box with all that is needed to trust it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.scene import BoxSpread, Drop, Object3D, Provenance, Region, Scene, strict_json
from n3d.sources import fields, files, rle
from n3d.sources.grounded import Grounded

FIXED = {
    "frame": "camera_opencv",
    "unit": "m",
    "size_axes": "object_xyz_full",
    "R_maps": "object_to_frame",
}
KEYS = (
    *FIXED, "id", "label", "center", "size", "R", "K", "image_size", "intrinsics_source",
    "depth_source", "metric", "scale_sigma", "gravity_camera", "gravity_source", "score",
    "spread", "visible", "quality", "visibility", "extent", "depth_unobserved", "front",
    "attributes", "bbox2d_xyxy", "mask_rle", "scene", "picture", "image", "provenance",
)  # fmt: skip


def record(item: Grounded, thing: Object3D) -> dict[str, Any]:
    """The JSON record of one object; what is unknown is null or left out."""
    scene, camera, box = item.scene, item.camera, thing.box
    region = thing.region
    out: dict[str, Any] = {
        "id": thing.id,
        "label": thing.label,
        "frame": FIXED["frame"],
        "unit": FIXED["unit"],
        **_numbers(box),
        "size_axes": FIXED["size_axes"],
        "R_maps": FIXED["R_maps"],
        "K": None if camera is None else camera.matrix.tolist(),
        "image_size": None if camera is None else [camera.width, camera.height],
        "intrinsics_source": scene.provenance.camera if camera is None else camera.source,
        "depth_source": scene.provenance.depth,
        "metric": scene.provenance.metric,
        "scale_sigma": scene.provenance.scale_sigma,
        "gravity_camera": None if scene.up is None else (-scene.up).tolist(),
        "gravity_source": scene.provenance.up,
        "score": thing.score,
        "quality": dict(thing.quality),
        "spread": _spread(thing),
        "visibility": thing.visibility,
        "extent": thing.extent,
        "visible": None if thing.visible is None else _numbers(thing.visible),
        "depth_unobserved": thing.depth_unobserved,
        "front": None if thing.front is None else np.asarray(thing.front).tolist(),
        "attributes": dict(thing.attributes),
        "bbox2d_xyxy": None if region is None else list(region.rectangle),
        "mask_rle": None if region is None or region.mask is None else rle.encode(region.mask),
        "scene": scene.id,
        "picture": scene.picture_id,
        "image": item.image,
        "provenance": {"source": scene.source, "license": [scene.licence] if scene.licence else []},
    }
    return out


def _numbers(box: Box3D) -> dict[str, Any]:
    assert box.rotation is not None
    return {
        "center": box.center.tolist(),
        "size": box.size.tolist(),
        "R": box.rotation.tolist(),
    }


def _spread(thing: Object3D) -> dict[str, Any] | None:
    if thing.spread is None:
        return None
    center, size = thing.spread.center.tolist(), thing.spread.size.tolist()
    return {"center": center, "size": size, "yaw": thing.spread.yaw}


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write a JSON list of records, or one record a line where the name ends in .jsonl."""
    lines = [json.dumps(record(i, o), allow_nan=False) for i in items for o in i.scene.objects]
    if str(path).endswith(".jsonl"):
        files.write_text(path, "".join(f"{line}\n" for line in lines))
    else:
        files.write_text(path, "[" + ",\n ".join(lines) + "]\n")


def read(path: Any, **_: Any) -> Iterator[Grounded | Drop]:
    """Scenes of neighbouring records with one `scene`; a record that is wrong is a Drop."""
    group: list[Object3D] = []
    shared: tuple | None = None
    for index, raw in enumerate(_records(path)):
        try:
            thing, about = parse(raw, default_id=f"{index}")
        except N3DError as e:
            yield Drop(f"record {index}", e.code, str(e.at(file=path)))
            continue
        if shared is not None and about[0] != shared[0]:
            yield _grounded(group, shared)
            group = []
        shared = about
        group.append(thing)
    if shared is not None:
        yield _grounded(group, shared)


def _records(path: Any) -> Iterator[Any]:
    if not str(path).endswith(".jsonl"):
        if files.is_json_object(path):
            raise InputError("must be a list of records", code="plain-form", file=path)
        for _, raw in strict_json.stream(path):
            yield raw
        return
    with files.open_regular(path, max_bytes=None) as f:
        for number, line in enumerate(f, 1):
            if line.strip():
                try:
                    yield strict_json.loads(line, file=path)
                except InputError as e:
                    e.field = f"line {number}"
                    raise


def _grounded(group: list[Object3D], about: tuple) -> Grounded:
    name, picture, up, source, licence, provenance, camera, image = about
    scene = Scene(name, picture, tuple(group), up, source, licence, provenance)
    return Grounded(scene, camera, image)


def parse(raw: Any, *, default_id: str = "0") -> tuple[Object3D, tuple]:
    """One record -> the object, and what it says about its scene. Raises N3DError."""
    if not isinstance(raw, Mapping):
        raise InputError("must be an object", code="plain-form")
    for key in raw:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            hint = f"Did you mean {near[0]}?" if near else None
            raise InputError(f"unknown key {key!r}", code="plain-key", hint=hint)
    for key, value in FIXED.items():
        if fields.member(raw, key) != value:
            raise InputError(
                f"is {raw[key]!r}", code="plain-frame", field=key, limit=f"only {value!r}"
            )
    return _object(raw, default_id), _about(raw)


def _object(raw: Mapping[str, Any], default_id: str) -> Object3D:
    label = fields.text(raw, "label")
    front, visible, spread = (raw.get(k) for k in ("front", "visible", "spread"))
    return Object3D(
        id=str(raw.get("id", default_id)),
        label=label,
        box=_box(raw),
        region=_region(raw, label),
        score=fields.one(raw.get("score", 1.0), "score"),
        attributes=dict(fields.mapping(raw, "attributes")),
        visibility=None
        if raw.get("visibility") is None
        else fields.one(raw["visibility"], "visibility"),
        quality={k: fields.one(v, "quality") for k, v in fields.mapping(raw, "quality").items()},
        extent=raw.get("extent", "whole"),
        visible=None if visible is None else _box(visible),
        spread=None if spread is None else _read_spread(spread),
        depth_unobserved=bool(raw.get("depth_unobserved", False)),
        front=None if front is None else fields.row(front, 3, "front"),
    )


def _box(raw: Any) -> Box3D:
    center = fields.member(raw, "center")
    rotation = np.eye(3) if raw.get("R") is None else fields.matrix(raw["R"], "R")
    return Box3D(
        fields.row(center, 3, "center"),
        fields.row(fields.member(raw, "size"), 3, "size"),
        rotation,
    )


def _read_spread(raw: Any) -> BoxSpread:
    return BoxSpread(
        fields.row(fields.member(raw, "center"), 3, "spread"),
        fields.row(fields.member(raw, "size"), 3, "spread"),
        fields.one(raw.get("yaw", 0.0), "spread"),
    )


def _region(raw: Mapping[str, Any], label: str) -> Region | None:
    if raw.get("bbox2d_xyxy") is None:
        return None
    x0, y0, x1, y1 = fields.row(raw["bbox2d_xyxy"], 4, "bbox2d_xyxy").tolist()
    mask = None
    if raw.get("mask_rle") is not None:
        width, height = fields.sides(fields.member(raw, "image_size"), "image_size")
        lengths = rle.counts(fields.mapping(raw, "mask_rle"), width, height)
        mask = rle.decode(lengths, width, height)
    return Region(label, (x0, y0, x1, y1), mask)


def _about(raw: Mapping[str, Any]) -> tuple:
    """(scene id, picture id, up, source, licence, provenance, camera, image)."""
    source = str(raw.get("intrinsics_source") or "given")
    camera = None
    if raw.get("K") is not None:
        width, height = fields.sides(fields.member(raw, "image_size"), "image_size")
        camera = Camera.from_matrix(fields.matrix(raw["K"], "K"), width, height, source=source)
    down = raw.get("gravity_camera")
    up = None if down is None else -fields.row(down, 3, "gravity_camera")
    if up is not None and not 1e-6 <= np.abs(up).max() <= 1e6:
        raise InputError(
            f"must be a direction, got {down}", code="up", field="gravity_camera", limit="length 1"
        )
    origin = fields.mapping(raw, "provenance")
    provenance = Provenance(
        camera=source,
        depth=str(raw.get("depth_source") or "given"),
        metric=bool(raw.get("metric", True)),
        up=str(raw.get("gravity_source") or ("unknown" if up is None else "given")),
        scale_sigma=fields.one(raw.get("scale_sigma") or 0.0, "scale_sigma"),
    )
    licences = fields.rows(origin, "license") if origin.get("license") else [""]
    name = str(raw.get("scene") or "scene")
    return (
        name, str(raw.get("picture") or name), up, str(origin.get("source", "")),
        str(licences[0]), provenance, camera, str(raw.get("image") or ""),
    )  # fmt: skip
