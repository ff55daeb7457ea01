"""SpatialLM's layout text: `bbox_0=Bbox(sofa,px,py,pz,angle_z,sx,sy,sz)` in a z-up frame.

The frame here is the z-up one at the camera (right, forward, up), metres, the angle
counter-clockwise about z in radians. N3D-VLM uses the same word for other numbers: the form must
be named, it cannot be told from the text. Walls, doors and windows are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from n3d.errors import FormatError, GeometryError, printable
from n3d.geometry import Box3D
from n3d.geometry.pose import axis_rotation
from n3d.language import labels, reading
from n3d.language.reading import BoxText, Faults
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import files, frames, grounded
from n3d.sources.grounded import Grounded

OTHERS = ("wall_", "door_", "window_")


def read(path: Any, *, camera: Any = None, up: Any = None, **_: Any) -> Iterator[Grounded | Drop]:
    """One scene, in the frame of a camera with `up` (level where it is None)."""
    zup = frames.zup_from_camera(up)

    def make(found: BoxText, _faults: Faults) -> Object3D:
        n = np.array([float(f) for f in found.fields])
        try:
            world = Box3D(n[:3], n[4:], axis_rotation(2, math.fmod(n[3], 2 * math.pi)))
        except GeometryError as e:
            raise FormatError(e.message, code="out-of-range") from None
        box = frames.from_zup(world, zup)
        return Object3D(f"spatiallm:{found.number}", found.label, box)

    lines = files.read_text(path).splitlines()
    kept = "\n".join("" if line.lstrip().startswith(OTHERS) else line for line in lines)
    parsed = reading.boxes(kept, (7, 7), make)
    for index, fault in enumerate(parsed.faults):
        yield Drop(f"spatiallm:@{index}", fault.kind, f"{printable(path)}: {fault}")
    level = frames.LEVEL_UP if up is None else up
    scene = Scene("spatiallm", "spatiallm", tuple(parsed.items), level, source="spatiallm")
    yield Grounded(scene, camera)


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write the boxes of one scene; lean against gravity is lost, with a warning."""
    item = grounded.single(items, "spatiallm")
    zup = frames.zup_from_camera(item.scene.up)
    lines = []
    for index, thing in enumerate(item.scene.objects):
        world = frames.to_zup(frames.with_vertical(thing.box, 1, item.down), zup)
        heading, tilt = frames.yaw_about(world.rotation, 2)
        if tilt > 1e-4:
            grounded.warn_lost("spatiallm", f"{np.degrees(tilt):.2g} degrees of pitch and roll")
        numbers = [*world.center.tolist(), heading, *world.size.tolist()]
        told = ",".join(f"{n:.12f}" for n in numbers)
        lines.append(f"bbox_{index}=Bbox({labels.write(thing.label)},{told})\n")
    files.write_text(path, "".join(lines))
