"""The frame and unit of the released weights: x left, y up, z forward, divided by the scene.

Everything here follows inference code that cannot be changed without changing what the weights
see: one extreme pixel per axis sets the shift, the mean over near and far sets the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.errors import FormatError
from n3d.geometry import PointMap

LEFT_UP = np.array([-1.0, -1.0, 1.0])
"""Signs between the OpenCV frame and the upstream one (its own inverse)."""


def point_map(points: PointMap) -> np.ndarray:
    """The (h, w, 4) float16 array of upstream's point files: x left, y up, z, valid.

    Invalid points are inf with mask 0, and so are those beyond float16 (65 504 m).
    """
    with np.errstate(over="ignore"):
        xyz = (points.xyz * LEFT_UP).astype(np.float16)
    valid = points.valid & np.isfinite(xyz).all(axis=-1)
    out = np.empty((*valid.shape, 4), np.float16)
    out[..., :3] = np.where(valid[..., None], xyz, np.float16(np.inf))
    out[..., 3] = valid
    return out


@dataclass(frozen=True, eq=False)
class Normalizer:
    """p -> (p - shift) * scale, with `shift` (3,) in the upstream frame and `scale` in 1/m."""

    shift: np.ndarray
    scale: float

    def __post_init__(self) -> None:
        shift = np.asarray(self.shift, dtype=float)
        if shift.shape != (3,) or not np.isfinite(shift).all():
            raise FormatError("must be 3 finite numbers", code="normalizer", field="shift")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise FormatError("must be finite and positive", code="normalizer", field="scale")
        object.__setattr__(self, "shift", shift)

    @classmethod
    def of(cls, pcd) -> Normalizer:
        """The normaliser of an (..., 4) array as `point_map` makes it or a file holds it.

        The shift is the smallest valid coordinate of each axis, the scale one over the mean
        distance of the valid points from there. FormatError without two different valid points.
        """
        pcd = np.asarray(pcd, dtype=float)
        if pcd.shape[-1:] != (4,):
            raise FormatError(
                f"must have shape (..., 4), got {pcd.shape}", code="pcd-shape", field="pcd"
            )
        points = pcd[pcd[..., 3] > 0][:, :3]
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            raise FormatError("no valid point", code="depth-empty", field="pcd")
        shift = points.min(axis=0)
        distance = np.linalg.norm(points - shift, axis=1).mean()
        if not distance > 0:
            raise FormatError("all valid points coincide", code="depth-empty", field="pcd")
        return cls(shift, float(1 / distance))

    def apply(self, xyz) -> np.ndarray:
        """Normalised points (..., 3) of points in the upstream frame."""
        return (np.asarray(xyz, dtype=float) - self.shift) * self.scale
