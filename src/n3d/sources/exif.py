"""What EXIF says about a photograph: which way is up, and how long the lens was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.geometry import Camera

ORIENTATION = 0x0112
FOCAL_LENGTH = 0x920A
FOCAL_LENGTH_35MM = 0xA405
PLANE_X, PLANE_Y, PLANE_UNIT = 0xA20E, 0xA20F, 0xA210
PIXEL_X, PIXEL_Y = 0xA002, 0xA003
DIAGONAL_35MM = math.hypot(36, 24)  # CIPA DC-008: the 35 mm equivalent compares diagonals
UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}  # inch, centimetre; millimetre, micrometre by use
# FocalLengthIn35mmFilm is a whole number of millimetres: uniform rounding error.
ROUNDING_MM = 1 / math.sqrt(12)
FOV_LIMITS_DEG = (1.0, 170.0)

# Orientation tag -> (mirror left-right first, then quarter turns counter-clockwise).
TURNS = {
    1: (False, 0), 2: (True, 0), 3: (False, 2), 4: (True, 2),
    5: (True, 1), 6: (False, 3), 7: (True, 3), 8: (False, 1),
}  # fmt: skip


def turn_array(array: np.ndarray, orientation: int) -> np.ndarray:
    """A stored image (h, w, ...) set upright as EXIF `orientation` says."""
    mirror, turns = TURNS[orientation]
    return np.ascontiguousarray(np.rot90(array[:, ::-1] if mirror else array, turns))


def turn_camera(camera: Camera, orientation: int) -> Camera:
    """The camera of the stored image -> the camera of the image set upright."""
    mirror, turns = TURNS[orientation]
    return (camera.flip() if mirror else camera).rotate90(turns)


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if TURNS[orientation][1] % 2 else size


@dataclass(frozen=True)
class Focal:
    """Focal length in pixels of the stored image, its relative rounding error, or why not."""

    fx: float = 0.0
    fy: float = 0.0
    sigma: float = 0.0
    refused: str = ""


def focal(tags: Mapping[int, Any], width: int, height: int) -> Focal | None:
    """The focal length of a `width` x `height` stored image, or None where EXIF has none.

    `FocalLengthIn35mmFilm` scales by the diagonal; else `FocalLength` with the focal plane
    resolution, rescaled when the picture was resized since. A picture whose shape differs
    from the recorded one was cropped: then its focal length is refused.
    """
    recorded = (_number(tags.get(PIXEL_X)), _number(tags.get(PIXEL_Y)))
    film = _number(tags.get(FOCAL_LENGTH_35MM))
    length = _number(tags.get(FOCAL_LENGTH))
    plane = _plane(tags)
    if not film and not (length and plane):
        return None
    if all(recorded) and not _same_shape(recorded, (width, height)):
        return Focal(
            refused=f"EXIF recorded {recorded[0]:g}x{recorded[1]:g}, the picture is "
            f"{width}x{height}: it was cropped"
        )
    if film:
        f = film / DIAGONAL_35MM * math.hypot(width, height)
        found = Focal(f, f, ROUNDING_MM / film)
    else:
        assert plane is not None
        resize = math.hypot(width, height) / math.hypot(*recorded) if all(recorded) else 1.0
        found = Focal(length * plane[0] * resize, length * plane[1] * resize)
    fov = 2 * math.degrees(math.atan(max(width, height) / (2 * min(found.fx, found.fy))))
    if not FOV_LIMITS_DEG[0] <= fov <= FOV_LIMITS_DEG[1]:
        return Focal(refused=f"EXIF means a field of view of {fov:.3g} degrees")
    return found


def _plane(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Pixels per millimetre on the sensor, x and y."""
    x = _number(tags.get(PLANE_X))
    y = _number(tags.get(PLANE_Y)) or x
    unit = UNIT_MM.get(int(_number(tags.get(PLANE_UNIT, 2))))
    return (x / unit, y / unit) if x and unit else None


def _number(value: Any) -> float:
    """A positive finite number, or 0 for all else that EXIF may hold (0/0 included)."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0


def _same_shape(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Equal aspect ratios within 1 %, upright or lying."""
    long, short = max(a) / min(a), max(b) / min(b)
    return abs(long / short - 1) < 0.01
