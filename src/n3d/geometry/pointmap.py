"""One 3D point per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.errors import GeometryError


@dataclass(frozen=True, eq=False)
class PointMap:
    """Camera-frame points of a depth image.

    `xyz` is (h, w, 3) float32 in metres, a view of planar (3, h, w) memory; it is 0 where
    `valid` (h, w) is False. Derived from depth and camera; never stored, never float16.
    """

    xyz: np.ndarray
    valid: np.ndarray

    def __post_init__(self) -> None:
        if self.xyz.ndim != 3 or self.xyz.shape[-1] != 3 or self.valid.shape != self.xyz.shape[:2]:
            raise GeometryError(
                f"xyz {self.xyz.shape} and valid {self.valid.shape} must be (h, w, 3) and (h, w)",
                code="pointmap-shape",
            )

    @property
    def planes(self) -> np.ndarray:
        """The same points as (3, h, w)."""
        return np.moveaxis(self.xyz, -1, 0)

    @property
    def depth(self) -> np.ndarray:
        """z-depth (h, w), 0 where invalid."""
        return self.xyz[..., 2]

    def points(self, mask=None) -> np.ndarray:
        """The valid points, (n, 3) float32, in raster order, within `mask` (h, w) if given."""
        keep = self.valid if mask is None else self.valid & mask
        return self.xyz[keep]
