"""Qwen3-VL's `bbox_3d` JSON: [x, y, z, sx, sy, sz, a, b, g], our frame, angles in units of pi.

R = Rz(g pi) Ry(b pi) Rx(a pi), as its reference code has it; its prose calls the angles roll,
pitch, yaw in radians. This is the strict file form; what a model says is read by
`pipelines.vlm_grounding`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import fields, files, frames, grounded
from n3d.sources.grounded import Grounded


def read(path: Any, *, camera: Any = None, **_: Any) -> Iterator[Grounded | Drop]:
    """One scene of a list of {"bbox_3d": [nine numbers], "label": text}."""
    raw = files.read_json(path)
    if not isinstance(raw, list):
        raise InputError("must be a list", code="qwen-form", file=path)
    found = []
    for index, entry in enumerate(raw):
        try:
            box = box_of(fields.row(fields.member(entry, "bbox_3d"), 9, "bbox_3d"))
            found.append(Object3D(f"qwen:{index}", fields.text(entry, "label"), box))
        except N3DError as e:
            yield Drop(
                f"qwen:{index}", e.code, str(grounded.within(e, f"box {index}").at(file=path))
            )
    yield Grounded(Scene("qwen", "qwen", tuple(found), source="qwen"), camera)


def box_of(values: Any) -> Box3D:
    """The box of nine numbers; GeometryError where they are none."""
    row = np.asarray(values, dtype=float)
    angles = (math.fmod(a, 2) * math.pi for a in row[6:9].tolist())
    return Box3D(row[:3], row[3:6], frames.rotation_from_xyz(*angles))


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write the boxes of one scene."""
    out = []
    for thing in grounded.single(items, "qwen").scene.objects:
        assert thing.box.rotation is not None
        angles = [a / math.pi for a in frames.xyz_from_rotation(thing.box.rotation)]
        numbers = [*thing.box.center.tolist(), *thing.box.size.tolist(), *angles]
        out.append({"bbox_3d": numbers, "label": thing.label})
    files.write_text(path, json.dumps(out, allow_nan=False) + "\n")
