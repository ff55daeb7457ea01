"""Oriented 3D boxes: one box or a stack, one class."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.arrays import floats
from n3d.geometry.camera import Camera
from n3d.geometry.corners import CORNER_ORDER as CORNER_ORDER
from n3d.geometry.corners import CORNER_SIGNS, EDGES, fit_corners
from n3d.geometry.pose import Pose, checked_rotation, euler


def _proper_relabellings() -> np.ndarray:
    """The 24 rotation matrices that permute and flip the axes of a box."""
    found = []
    for permutation in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            m = np.zeros((3, 3))
            m[list(permutation), range(3)] = signs
            if np.linalg.det(m) > 0:
                found.append(m)
    return np.array(found)


RELABELLINGS = _proper_relabellings()
# Entries of R that settle ties of the trace: sin(yaw) first, so that yaw is positive.
CANONICAL_TIES = [2, 7, 3, 0, 1, 4, 5, 6, 8]


# The rotation of camera-aligned boxes: known to be sound, so it is not checked again.
ALIGNED = np.eye(3)
ALIGNED.flags.writeable = False


@dataclass(frozen=True, eq=False)
class Box3D:
    """Boxes with `center` (..., 3), `size` (..., 3) and `rotation` (..., 3, 3), float64.

    `size` are full extents along the box's own axes in metres; `rotation` maps object to
    camera (its columns are the box axes). Rotations orthonormal to 1e-3 are projected onto
    SO(3). Raises GeometryError for anything that is not a box.
    """

    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray = field(default_factory=lambda: ALIGNED)

    def __post_init__(self) -> None:
        center = floats(self.center, (3,), field="center", kind="box")
        size = floats(self.size, (3,), field="size", kind="box")
        if (size <= 0).any():
            raise GeometryError(
                f"must be positive, smallest is {size.min():g}", code="box-size", field="size"
            )
        rotation = ALIGNED
        if self.rotation is not None and self.rotation is not ALIGNED:
            rotation = checked_rotation(self.rotation)
        try:
            shape = np.broadcast_shapes(center.shape[:-1], size.shape[:-1], rotation.shape[:-2])
        except ValueError:
            raise GeometryError(
                f"leading axes differ: center {center.shape}, size {size.shape}, "
                f"rotation {rotation.shape}",
                code="box-shape",
            ) from None
        for name, value, tail in (
            ("center", center, (3,)),
            ("size", size, (3,)),
            ("rotation", rotation, (3, 3)),
        ):
            if value.shape != (*shape, *tail):
                value = np.broadcast_to(value, (*shape, *tail))
            value = np.ascontiguousarray(value)
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    # -- makers ---------------------------------------------------------------------------

    @classmethod
    def from_euler(cls, center, size, yaw=0.0, pitch=0.0, roll=0.0) -> Box3D:
        """Box with R = Ry(yaw) Rx(pitch) Rz(roll), radians."""
        return cls(center, size, euler(yaw, pitch, roll))

    @classmethod
    def from_corners(cls, corners, *, tolerance: float = 1e-2) -> Box3D:
        """Box of eight corners (..., 8, 3) in the documented order (CORNER_ORDER).

        Raises GeometryError when the corners differ from those of the fitted box by more
        than `tolerance` of its diagonal: another order, or not a cuboid.
        """
        return cls(*fit_corners(corners, tolerance))

    @classmethod
    def from_bounds(cls, low, high) -> Box3D:
        """Camera-aligned box between two corners (..., 3)."""
        low, high = floats(low, (3,), field="low"), floats(high, (3,), field="high")
        return cls((low + high) / 2, high - low)

    @classmethod
    def stack(cls, boxes) -> Box3D:
        """One Box3D of shape (n,) from n single boxes; n may be 0."""
        boxes = list(boxes)
        if not boxes:
            return cls(np.zeros((0, 3)), np.ones((0, 3)), np.zeros((0, 3, 3)))
        return cls(
            np.stack([b.center for b in boxes]),
            np.stack([b.size for b in boxes]),
            np.stack([b.rotation for b in boxes]),
        )

    @classmethod
    def _sound(cls, *arrays: np.ndarray) -> Box3D:
        """Boxes of a stack that was checked as a whole: not checked again."""
        made = object.__new__(cls)
        for name, value in zip(("center", "size", "rotation"), arrays, strict=True):
            value = np.ascontiguousarray(value)
            value.flags.writeable = False
            object.__setattr__(made, name, value)
        return made

    # -- shape ----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.center.shape[:-1]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single box has no length")
        return self.shape[0]

    def __bool__(self) -> bool:
        return not self.shape or len(self) > 0  # `if box` must not ask a single box its length

    def __getitem__(self, index) -> Box3D:
        if not self.shape:
            raise TypeError("a single box cannot be indexed")
        index = index if isinstance(index, tuple) else (index,)
        part = self.center[index], self.size[index], self.rotation[index]
        whole = all(isinstance(i, (int, np.integer, slice)) for i in index)
        if whole and len(index) <= len(self.shape):
            return self._sound(*part)
        return Box3D(*part)  # an index that may have cut into the boxes themselves

    def __iter__(self):
        len(self)  # a single box has no parts
        parts = zip(self.center, self.size, self.rotation, strict=True)
        return (self._sound(*part) for part in parts)

    def __repr__(self) -> str:
        if self.shape:
            return f"Box3D(shape={self.shape})"
        c, s = (", ".join(f"{v:.3f}" for v in a) for a in (self.center, self.size))
        return f"Box3D(center=[{c}], size=[{s}], yaw={np.degrees(float(self.yaw)):.1f} deg)"

    def allclose(self, other: Box3D, atol: float = 1e-9) -> bool:
        """Same numbers to `atol` (compare canonical() forms to compare the solids)."""
        return all(
            np.allclose(getattr(self, n), getattr(other, n), rtol=0, atol=atol)
            for n in ("center", "size", "rotation")
        )

    # -- facts ----------------------------------------------------------------------------

    @property
    def volume(self) -> np.ndarray:
        """Cubic metres, (...)."""
        return self.size.prod(axis=-1)

    @property
    def yaw(self) -> np.ndarray:
        """Yaw (...) of R = Ry(yaw) Rx(pitch) Rz(roll), radians in (-pi, pi]."""
        return np.arctan2(self.rotation[..., 0, 2], self.rotation[..., 2, 2])

    @property
    def corners(self) -> np.ndarray:
        """Corners (..., 8, 3) in the order of CORNER_SIGNS."""
        local = CORNER_SIGNS * (self.size[..., None, :] / 2)
        return local @ np.swapaxes(self.rotation, -1, -2) + self.center[..., None, :]

    def contains(self, points, margin: float = 0.0) -> np.ndarray:
        """Which points (n, 3) lie inside, (..., n) bool; `margin` metres are added all round."""
        p = np.asarray(points, dtype=float) - self.center[..., None, :]
        local = p @ self.rotation
        inside = np.abs(local) <= self.size[..., None, :] / 2 + margin
        return np.logical_and.reduce(inside, axis=-1)

    def extent_along(self, direction) -> np.ndarray:
        """Length (...) of the box's shadow on a unit direction (3,) or (..., 3)."""
        d = np.asarray(direction, dtype=float)
        return (np.abs((d[..., None, :] @ self.rotation)[..., 0, :]) * self.size).sum(axis=-1)

    # -- other boxes ----------------------------------------------------------------------

    def canonical(self) -> Box3D:
        """The same solid with the axis labels (of 24) whose rotation has the largest trace."""
        candidates = self.rotation[..., None, :, :] @ RELABELLINGS
        trace = np.trace(candidates, axis1=-2, axis2=-1)
        # Where several have the largest trace (a box turned by 45 degrees), its nine entries
        # decide one after the other, so that the choice does not depend on the labels given.
        keys = np.moveaxis(candidates.reshape(*trace.shape, 9), -1, 0)
        left = np.ones(trace.shape, bool)
        for key in (trace, *keys[CANONICAL_TIES]):
            best = np.where(left, key, -np.inf).max(axis=-1, keepdims=True)
            left &= key >= best - 1e-9
            if (left.sum(axis=-1) == 1).all():
                break
        best = left.argmax(axis=-1)
        relabel = RELABELLINGS[best]
        rotation = self.rotation @ relabel
        size = (self.size[..., None, :] @ np.abs(relabel))[..., 0, :]
        return Box3D(self.center, size, rotation)

    def hull(self) -> Box3D:
        """The smallest camera-aligned box around each box."""
        return Box3D(self.center, (np.abs(self.rotation) @ self.size[..., None])[..., 0])

    def transform(self, b_from_a: Pose) -> Box3D:
        """The same solids in frame b."""
        t = b_from_a.translation
        center = (b_from_a.rotation @ self.center[..., None])[..., 0] + t
        return Box3D(center, self.size, b_from_a.rotation @ self.rotation)

    def scaled(self, factor: float) -> Box3D:
        """The scene seen `factor` times larger from the same camera."""
        return Box3D(self.center * factor, self.size * factor, self.rotation)

    def project(
        self, camera: Camera, *, near: float = 1e-3, drop_behind: bool = False
    ) -> np.ndarray:
        """Image rectangle (..., 4) as x0, y0, x1, y1 pixels, not clipped to the image.

        Edges are cut at z = `near`, so that a box that reaches behind the camera is bounded
        by what is in front; NaN for a box that is wholly behind. With `drop_behind` the corners
        with z <= 0 are left out instead, the rule of the N3D-VLM demo.
        """
        corners = self.corners
        if drop_behind:
            return _bounds(camera.project(corners))
        a, b = corners[..., [e[0] for e in EDGES], :], corners[..., [e[1] for e in EDGES], :]
        za, zb = a[..., 2], b[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.clip((near - za) / (zb - za), 0, 1)
        cut = a + t[..., None] * (b - a)
        crosses = (za < near) != (zb < near)
        points = np.concatenate(
            [
                np.where((corners[..., 2] >= near)[..., None], corners, np.nan),
                np.where(crosses[..., None], cut, np.nan),
            ],
            axis=-2,
        )
        return _bounds(camera.project(points))


def _bounds(uv: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 (..., 4) of the pixels (..., n, 2) that are not NaN; NaN where all are."""
    seen = ~np.isnan(uv)
    low = np.where(seen, uv, np.inf).min(axis=-2)
    high = np.where(seen, uv, -np.inf).max(axis=-2)
    out = np.concatenate([low, high], axis=-1)
    return np.where(np.isfinite(out), out, np.nan)
