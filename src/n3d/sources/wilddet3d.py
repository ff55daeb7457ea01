"""WildDet3D's runtime boxes: [cx, cy, cz, W, L, H, qw, qx, qy, qz] in our frame.

Local x is the length, y the height, z the width (its document orders the sizes differently
from its code, which counts), canonical with W <= L and yaw in [0, pi).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D
from n3d.geometry.pose import axis_rotation
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import fields, files, frames, grounded
from n3d.sources.grounded import Grounded

KEYS = ("boxes3d", "labels", "scores")


def vector(box: Box3D) -> list[float]:
    """The canonical ten numbers of a box whose local y axis is its height."""
    assert box.rotation is not None
    size, rotation = box.size, box.rotation
    if size[2] > size[0]:
        rotation, size = rotation @ axis_rotation(1, math.pi / 2), size[[2, 1, 0]]
    if not 0 <= math.atan2(rotation[0, 2], rotation[2, 2]) < math.pi:
        rotation = rotation @ np.diag([-1.0, 1.0, -1.0])
    length, height, width = size.tolist()
    quaternion = frames.quaternion_from_rotation(rotation).tolist()
    return [*box.center.tolist(), width, length, height, *quaternion]


def box(values: Any) -> Box3D:
    """The box of ten numbers."""
    v = fields.row(values, 10, "boxes3d")
    width, length, height = v[3:6]
    return Box3D(v[:3], np.array([length, height, width]), frames.rotation_from_quaternion(v[6:]))


def read(path: Any, *, camera: Any = None, **_: Any) -> Iterator[Grounded | Drop]:
    """One scene of {"boxes3d": [[10 numbers]], "labels": [...], "scores"?: [...]}."""
    try:
        records = _records(files.read_json(path))
    except InputError as e:
        raise e.at(file=path) from None
    found = []
    for index, (values, label, score) in enumerate(records):
        try:
            name = fields.text({"labels": label}, "labels")
            sure = fields.one(score, "scores")
            found.append(Object3D(f"wilddet3d:{index}", name, box(values), score=sure))
        except N3DError as e:
            yield Drop(f"wilddet3d:{index}", e.code, str(e.at(file=path)))
    yield Grounded(Scene("wilddet3d", "wilddet3d", tuple(found), source="wilddet3d"), camera)


def _records(raw: Any) -> list[tuple[Any, Any, Any]]:
    """(ten numbers, label, score) of each box, none of them checked yet."""
    if not isinstance(raw, dict) or not set(raw) <= set(KEYS) or "boxes3d" not in raw:
        raise InputError("must be an object", code="wilddet3d-form", limit=", ".join(KEYS))
    boxes = fields.rows(raw, "boxes3d")
    labels = fields.rows(raw, "labels") if "labels" in raw else ["object"] * len(boxes)
    scores = fields.rows(raw, "scores") if "scores" in raw else [1.0] * len(boxes)
    if not len(boxes) == len(labels) == len(scores):
        raise InputError("boxes3d, labels and scores differ in length", code="wilddet3d-form")
    return list(zip(boxes, labels, scores, strict=True))


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write one scene; which of two opposite headings a box has is lost (it is canonical)."""
    item = grounded.single(items, "wilddet3d")
    things = item.scene.objects
    out = {
        "boxes3d": [vector(frames.with_vertical(o.box, 1, item.down)) for o in things],
        "labels": [o.label for o in things],
        "scores": [o.score for o in things],
    }
    files.write_text(path, json.dumps(out, allow_nan=False) + "\n")
