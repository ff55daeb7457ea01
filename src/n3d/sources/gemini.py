"""Gemini's `box_3d` JSON: [x, y, z, sx, sy, sz, roll, pitch, yaw] in metres and degrees.

Read as angles about x, y, z of our frame with R = Rz(yaw) Ry(pitch) Rx(roll). The order is
second-hand and not checked against the model: `n3d doctor` tells what a reply of it follows.
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
    """One scene of a list of {"box_3d": [nine numbers], "label": text}."""
    raw = files.read_json(path)
    if not isinstance(raw, list):
        raise InputError("must be a list", code="gemini-form", file=path)
    found = []
    for index, entry in enumerate(raw):
        try:
            row = fields.row(fields.member(entry, "box_3d"), 9, "box_3d")
            angles = np.radians(np.fmod(row[6:], 360)).tolist()
            box = Box3D(row[:3], row[3:6], frames.rotation_from_xyz(*angles))
            found.append(Object3D(f"gemini:{index}", fields.text(entry, "label"), box))
        except N3DError as e:
            where = grounded.within(e, f"box {index}").at(file=path)
            yield Drop(f"gemini:{index}", e.code, str(where))
    yield Grounded(Scene("gemini", "gemini", tuple(found), source="gemini"), camera)


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write the boxes of one scene."""
    out = []
    for thing in grounded.single(items, "gemini").scene.objects:
        angles = [math.degrees(a) for a in frames.xyz_from_rotation(thing.box.rotation)]
        numbers = [*thing.box.center.tolist(), *thing.box.size.tolist(), *angles]
        out.append({"label": thing.label, "box_3d": numbers})
    files.write_text(path, json.dumps(out, allow_nan=False) + "\n")
