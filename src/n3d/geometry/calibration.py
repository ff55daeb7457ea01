"""Which numbers can be those of a camera."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.arrays import floats

MAX_SIDE = 1 << 16


def finite_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise GeometryError(
            f"must be a number, got {type(value).__name__} {value!r}",
            code="camera-type",
            field=name,
        )
    if not math.isfinite(value):
        raise GeometryError("must be finite", code="camera-not-finite", field=name)
    return float(value)


def pixel_count(value: Any, name: str) -> int:
    whole = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not whole or not 1 <= value <= MAX_SIDE or value != int(value):
        raise GeometryError(
            f"must be a whole number of pixels, got {value!r}",
            code="camera-size",
            field=name,
            limit=f"1 to {MAX_SIDE}",
        )
    return int(value)


def calibration_matrix(matrix: Any) -> np.ndarray:
    """A 3x3 matrix of finite numbers with last row [0, 0, 1] and no skew, float64."""
    k = floats(matrix, (), field="K", kind="camera")
    if k.shape != (3, 3):
        raise GeometryError(
            f"K must be 3x3, got shape {k.shape}",
            code="camera-shape",
            field="K",
            hint="Give a 3x3 matrix, or fx, fy, cx, cy",
        )
    if not np.allclose(k[2], [0, 0, 1], atol=1e-9):
        raise GeometryError(
            f"last row of K must be [0, 0, 1], got {k[2].tolist()}",
            code="camera-last-row",
            field="K",
        )
    scale = max(abs(k[0, 0]), abs(k[1, 1]), 1e-12)
    if abs(k[0, 1]) > 1e-6 * scale or abs(k[1, 0]) > 1e-6 * scale:
        raise GeometryError(
            f"K has skew ({k[0, 1]:g}, {k[1, 0]:g}), which is not supported",
            code="camera-skew",
            field="K",
            hint="Rectify the image first",
        )
    return k
