"""What a given array must be before geometry is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.errors import GeometryError


def floats(value: Any, tail: tuple[int, ...], *, field: str, kind: str | None = None) -> np.ndarray:
    """A float64 copy of finite numbers with shape (..., *tail).

    Raises GeometryError with code `<kind>-type`, `<kind>-shape` or `<kind>-not-finite`
    (`kind` is `field` if not given). Text that reads as a number is not a number.
    """
    kind = kind or field
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise GeometryError("rows differ in length", code=f"{kind}-shape", field=field) from None
    if array.dtype.kind not in "fiu":
        raise GeometryError(
            f"must hold numbers only, got {array.dtype}", code=f"{kind}-type", field=field
        )
    if array.ndim < len(tail) or array.shape[array.ndim - len(tail) :] != tail:
        expected = ", ".join(["...", *map(str, tail)])
        raise GeometryError(
            f"must have shape ({expected}), got {array.shape}", code=f"{kind}-shape", field=field
        )
    array = np.array(array, dtype=float)
    if not np.isfinite(array).all():
        raise GeometryError("must be finite", code=f"{kind}-not-finite", field=field)
    return array
