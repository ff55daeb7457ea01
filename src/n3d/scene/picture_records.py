"""Cameras, boxes, provenance, regions and pictures as JSON and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Box3D, Camera
from n3d.scene import fields, masks
from n3d.scene.objects import BoxSpread
from n3d.scene.pictures import RGBD, Picture, PictureFiles, Provenance, Region

# -- camera, box, provenance --------------------------------------------------------------


def camera_to_json(c: Camera) -> dict[str, Any]:
    return {
        **{k: getattr(c, k) for k in ("fx", "fy", "cx", "cy", "width", "height")},
        "source": fields.text(c.source, "source"),
    }


def camera_from_json(data: Any) -> Camera:
    f = fields.Fields(data, "Camera")
    camera = Camera(
        fx=f.take("fx", fields.number),
        fy=f.take("fy", fields.number),
        cx=f.take("cx", fields.number),
        cy=f.take("cy", fields.number),
        width=f.take("width", fields.whole),
        height=f.take("height", fields.whole),
        source=f.take("source", fields.text, "given"),
    )
    f.done()
    return camera


def box_to_json(b: Box3D) -> dict[str, Any]:
    return {k: getattr(b, k).tolist() for k in ("center", "size", "rotation")}


def box_from_json(data: Any) -> Box3D:
    f = fields.Fields(data, "Box3D")
    box = take_box(f, any_shape=True)
    f.done()
    return box


def take_box(f: fields.Fields, any_shape: bool = False) -> Box3D:
    vector, matrix = ((), ()) if any_shape else ((3,), (3, 3))
    return Box3D(
        f.take("center", fields.array(*vector)),
        f.take("size", fields.array(*vector)),
        f.take("rotation", fields.array(*matrix), None),
    )


def spread_to_json(s: BoxSpread) -> dict[str, Any]:
    return {"center": s.center.tolist(), "size": s.size.tolist(), "yaw": float(s.yaw)}


def spread_from_json(data: Any) -> BoxSpread:
    f = fields.Fields(data, "BoxSpread")
    center, size = f.take("center", fields.array(3)), f.take("size", fields.array(3))
    yaw = f.take("yaw", fields.number, 0.0)
    f.done()
    return BoxSpread(center, size, yaw)


def provenance_to_json(p: Provenance) -> dict[str, Any]:
    data = p.to_json()
    checks = (fields.text, fields.text, fields.flag, fields.text, fields.number)
    return {k: check(v, f"provenance.{k}") for check, (k, v) in zip(checks, data.items())}


def provenance_from_json(data: Any) -> Provenance:
    f = fields.Fields(data, "Provenance")
    provenance = Provenance(
        f.take("camera_source", fields.text),
        f.take("depth_source", fields.text),
        f.take("metric", fields.flag),
        f.take("up_source", fields.text, "unknown"),
        f.take("scale_sigma", fields.number, 0.0),
    )
    f.done()
    return provenance


# -- regions, pictures --------------------------------------------------------------------


def region_to_json(r: Region) -> dict[str, Any]:
    out: dict[str, Any] = {
        "label": fields.text(r.label, "label"),
        "rectangle": list(r.rectangle),
        "score": fields.number(r.score, "score"),
    }
    if r.mask is not None:
        out["mask"] = masks.to_rle(r.mask)
    for name in ("expression", "id"):
        if getattr(r, name) is not None:
            out[name] = fields.text(getattr(r, name), name)
    if r.attributes:
        out["attributes"] = fields.plain(r.attributes, "attributes")
    return out


def region_from_json(data: Any) -> Region:
    f = fields.Fields(data, "Region")
    region = Region(
        label=f.take("label", fields.text),
        rectangle=tuple(f.take("rectangle", fields.array(4)).tolist()),
        mask=f.take("mask", _mask_in, None),
        score=f.take("score", fields.number, 1.0),
        expression=f.take("expression", fields.text, None),
        id=f.take("id", fields.text, None),
        attributes=f.take("attributes", fields.mapping, {}),
    )
    f.done()
    return region


def _mask_in(value: Any, field: str) -> np.ndarray:
    return masks.from_rle(fields.mapping(value, field))


def files_to_json(p: PictureFiles) -> dict[str, Any]:
    out = {k: fields.plain(getattr(p, k), k) for k in ("image", "depth", "camera")}
    return out | {"options": fields.plain(p.options, "options")}


def files_from_json(data: Any) -> PictureFiles:
    f = fields.Fields(data, "PictureFiles")
    files = PictureFiles(
        f.take("image", fields.text),
        f.take("depth", fields.text, None),
        f.take("camera", fields.text, None),
        f.take("options", fields.mapping, {}),
    )
    f.done()
    return files


def picture_to_json(p: Picture) -> dict[str, Any]:
    if p.files is None:
        raise InputError(
            "a decoded view has no form in JSON",
            code="record-arrays",
            field="rgbd",
            hint="Write pictures with shards.write, or give their files",
        )
    return {
        "id": fields.text(p.id, "id"),
        "regions": [region_to_json(r) for r in p.regions],
        "files": files_to_json(p.files),
        "source": fields.text(p.source, "source"),
        "licence": fields.text(p.licence, "licence"),
        "attributes": fields.plain(p.attributes, "attributes"),
    }


def picture_from_json(data: Any, rgbd: RGBD | None = None) -> Picture:
    f = fields.Fields(data, "Picture")
    picture = Picture(
        id=f.take("id", fields.text),
        regions=f.take("regions", fields.many(region_from_json), ()),
        files=f.take("files", fields.one(files_from_json), fields.REQUIRED if not rgbd else None),
        rgbd=rgbd,
        source=f.take("source", fields.text, ""),
        licence=f.take("licence", fields.text, ""),
        attributes=f.take("attributes", fields.mapping, {}),
    )
    f.done()
    return picture
