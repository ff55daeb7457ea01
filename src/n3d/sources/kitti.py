"""KITTI labels: h, w, l first, position at the bottom, in rectified camera 0.

The picture is that of camera 2, about 6 cm beside it: the translation column of P2 is folded
into the positions. Local x is the length (the way a car drives), y the height, z the width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.geometry.pose import axis_rotation
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import camera_files, files, frames, grounded
from n3d.sources.grounded import Grounded

IGNORED = "DontCare"


@dataclass(frozen=True, eq=False)
class Calibration:
    """K (3, 3) of camera 2 and the position of rectified camera 0 in its frame (3,)."""

    matrix: np.ndarray
    offset: np.ndarray

    @classmethod
    def none(cls) -> Calibration:
        return cls(np.eye(3), np.zeros(3))


def read_calibration(path: Any) -> Calibration:
    """P2 of a calibration file; InputError where it is missing or no 3x4 projection."""
    for line in files.read_text(path, max_bytes=files.MIB).splitlines():
        name, _, rest = line.partition(":")
        if name.strip() != "P2":
            continue
        words = rest.split()
        if len(words) != 12 or not all(camera_files.NUMBER.fullmatch(w) for w in words):
            raise InputError("P2 must hold 12 numbers", code="kitti-calibration", file=path)
        projection = np.array([float(w) for w in words]).reshape(3, 4)
        matrix = projection[:, :3]
        if not np.isfinite(projection).all() or abs(np.linalg.det(matrix)) < 1e-9:
            raise GeometryError("P2 is singular", code="kitti-calibration", file=path)
        return Calibration(matrix, np.linalg.solve(matrix, projection[:, 3]))
    raise InputError("has no line P2:", code="kitti-calibration", file=path)


def is_calibration(path: Any) -> bool:
    """Whether a text file is KITTI's calibration."""
    return "P2:" in files.read_text(path, max_bytes=files.MIB)


def read(
    path: Any,
    *,
    camera: Camera | None = None,
    calibration: Calibration | None = None,
    **_: Any,
) -> Iterator[Grounded | Drop]:
    """The scene of one label file; DontCare and broken lines are Drops.

    Without `calibration` positions are taken as the camera's own. `camera` is passed on.
    """
    calibration = calibration or Calibration.none()
    found: list[Object3D] = []
    for number, line in enumerate(files.read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(read_line(line, f"kitti:{number}", calibration))
        except N3DError as e:
            yield Drop(
                f"kitti:{number}", e.code, str(grounded.within(e, f"line {number}").at(file=path))
            )
    yield Grounded(Scene("kitti", "kitti", tuple(found), source="kitti"), camera)


def read_line(line: str, identity: str, calibration: Calibration) -> Object3D:
    """One label line in the frame of camera 2."""
    words = line.split()
    if len(words) not in (15, 16):
        raise InputError(f"holds {len(words)} fields", code="kitti-line", limit="15 or 16")
    if words[0] == IGNORED:
        raise InputError(f"is {words[0]}", code="box-ignored")
    bad = next((w for w in words[1:] if not camera_files.NUMBER.fullmatch(w)), None)
    if bad is not None:
        raise InputError(f"{bad[:40]!r} is not a number", code="box-type")
    values = [float(w) for w in words[1:]]
    truncated, occluded, alpha, x0, y0, x1, y1, h, w, l, x, y, z, ry = values[:14]
    if not np.isfinite(values).all():
        raise InputError("must be finite", code="box-not-finite")
    box = Box3D(
        frames.center_from_bottom([x, y, z], h) + calibration.offset,
        np.array([l, h, w]),
        axis_rotation(1, ry),
    )
    return Object3D(
        identity,
        words[0],
        box,
        region=grounded.region(words[0], [x0, y0, x1, y1]),
        score=values[14] if len(values) > 14 else 1.0,
        attributes={"truncation": truncated, "occluded": int(occluded), "alpha": alpha},
        front=axis_rotation(1, ry)[:, 0],
    )


def write(
    path: Any, items: Iterable[Grounded], *, calibration: Calibration | None = None, **_: Any
) -> None:
    """Write the labels of one scene; pitch, roll and blanks in labels are lost, with a warning."""
    item = grounded.single(items, "kitti")
    calibration = calibration or Calibration.none()
    lines = [write_line(item, thing, calibration) for thing in item.scene.objects]
    files.write_text(path, "".join(f"{line}\n" for line in lines))


def write_line(item: Grounded, thing: Object3D, calibration: Calibration) -> str:
    """One label line with score; numbers are written in full, so that nothing is rounded."""
    box = frames.with_vertical(thing.box, 1, -frames.LEVEL_UP)
    assert box.rotation is not None
    ry, tilt = frames.yaw_about(box.rotation, 1)
    if tilt > 1e-6:
        grounded.warn_lost("kitti", f"{math.degrees(tilt):.2g} degrees of pitch and roll")
    label = "_".join(thing.label.split())
    if label != thing.label:
        grounded.warn_lost("kitti", f"the blanks in {thing.label!r}")
    l, h, w = box.size.tolist()
    bottom = frames.bottom_from_center(box.center, h) - calibration.offset
    alpha = ry - math.atan2(bottom[0], bottom[2])
    alpha = (alpha + math.pi) % (2 * math.pi) - math.pi
    rectangle = grounded.rectangle(item, thing) or (-1, -1, -1, -1)
    truncated = thing.attributes.get("truncation", -1)
    occluded = thing.attributes.get("occluded", -1)
    values = [truncated, occluded, alpha, *rectangle, h, w, l, *bottom, ry, thing.score]
    return " ".join([label, *(repr(v) if isinstance(v, int) else repr(float(v)) for v in values)])
