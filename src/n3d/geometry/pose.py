"""Rigid motions between frames, named `b_from_a`, and rotations spoken of as angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.arrays import floats

ROTATION_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid motion: `b_from_a.apply(points_a)` are the same points in frame b.

    `rotation` (..., 3, 3) and `translation` (..., 3), float64, leading axes broadcast.
    """

    rotation: np.ndarray
    translation: np.ndarray

    def __post_init__(self) -> None:
        t = floats(self.translation, (3,), field="translation", kind="pose")
        r = checked_rotation(self.rotation)
        try:
            np.broadcast_shapes(r.shape[:-2], t.shape[:-1])
        except ValueError:
            raise GeometryError(
                f"leading axes differ: rotation {r.shape}, translation {t.shape}",
                code="pose-shape",
            ) from None
        object.__setattr__(self, "rotation", r)
        object.__setattr__(self, "translation", t)

    @classmethod
    def identity(cls) -> Pose:
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix) -> Pose:
        """Pose from (..., 4, 4) or (..., 3, 4) matrices [R | t], the last row [0, 0, 0, 1]."""
        m = floats(matrix, (), field="matrix", kind="pose")
        if m.shape[-2:] not in ((4, 4), (3, 4)):
            raise GeometryError(
                f"pose matrix has shape {m.shape}, not (..., 4, 4) or (..., 3, 4)",
                code="pose-shape",
                field="matrix",
            )
        if m.shape[-2] == 4 and np.abs(m[..., 3, :] - [0, 0, 0, 1]).max(initial=0) > 1e-6:
            raise GeometryError(
                "last row of a pose matrix must be [0, 0, 0, 1]",
                code="pose-last-row",
                field="matrix",
                hint="A column-major file holds the transpose",
            )
        return cls(m[..., :3, :3], m[..., :3, 3])

    @property
    def matrix(self) -> np.ndarray:
        """(..., 4, 4)."""
        shape = np.broadcast_shapes(self.rotation.shape[:-2], self.translation.shape[:-1])
        out = np.zeros((*shape, 4, 4))
        out[..., :3, :3] = self.rotation
        out[..., :3, 3] = self.translation
        out[..., 3, 3] = 1
        return out

    def apply(self, points) -> np.ndarray:
        """Points (..., n, 3), or one point (3,) moved by every pose, in the other frame."""
        p = np.asarray(points, dtype=float)
        back, t = np.swapaxes(self.rotation, -1, -2), self.translation
        if p.ndim == 1:
            return (p @ back) + t
        return p @ back + t[..., None, :]

    def inverse(self) -> Pose:
        back = np.swapaxes(self.rotation, -1, -2)
        return Pose(back, -(back @ self.translation[..., None])[..., 0])

    def __matmul__(self, other: Pose) -> Pose:
        """`c_from_b @ b_from_a` is `c_from_a`."""
        t = (self.rotation @ other.translation[..., None])[..., 0] + self.translation
        return Pose(self.rotation @ other.rotation, t)


def checked_rotation(rotation) -> np.ndarray:
    """Rotations (..., 3, 3) projected onto SO(3); GeometryError beyond 1e-3 of orthonormal."""
    r = floats(rotation, (3, 3), field="rotation")
    eye = np.eye(3)
    error = np.abs(np.swapaxes(r, -1, -2) @ r - eye).max() if r.size else 0.0
    if error > ROTATION_TOLERANCE:
        raise GeometryError(
            f"rotation is not orthonormal: R^T R differs from the identity by {error:.2g}",
            code="rotation-orthonormal",
            field="rotation",
            limit=f"{ROTATION_TOLERANCE:g}",
        )
    if r.size and np.linalg.det(r).min() < 0:
        raise GeometryError(
            "rotation is a mirror image (determinant -1)",
            code="rotation-mirror",
            field="rotation",
            hint="A left-handed frame must be converted first",
        )
    if error > 1e-12:
        u, _, vt = np.linalg.svd(r)
        r = u @ vt
    return r


def euler(yaw=0.0, pitch=0.0, roll=0.0) -> np.ndarray:
    """R = Ry(yaw) Rx(pitch) Rz(roll), object to camera, radians; leading axes broadcast."""
    yaw, pitch, roll = np.broadcast_arrays(*(np.asarray(a, float) for a in (yaw, pitch, roll)))
    return axis_rotation(1, yaw) @ axis_rotation(0, pitch) @ axis_rotation(2, roll)


def axis_rotation(axis: int, angle) -> np.ndarray:
    """Right-handed rotation (..., 3, 3) by `angle` radians about camera axis 0, 1 or 2."""
    angle = np.asarray(angle, dtype=float)
    if not np.isfinite(angle).all():
        raise GeometryError("must be finite", code="rotation-not-finite", field="angle")
    c, s = np.cos(angle), np.sin(angle)
    out = np.zeros((*angle.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[..., axis, axis] = 1
    out[..., i, i] = out[..., j, j] = c
    out[..., i, j], out[..., j, i] = -s, s
    return out


def upright(up) -> np.ndarray:
    """The gravity frame (3, 3) in camera coordinates: columns right, down, forward.

    Column 1 is -up; column 2 is the camera's forward axis made horizontal, within 2.6 degrees
    of straight down (up) the image's upward (downward) axis; column 0 completes a
    right-handed frame. For a level camera it is the identity.
    """
    up = np.asarray(up, dtype=float)
    norm = np.linalg.norm(up)
    if up.shape != (3,) or not np.isfinite(norm) or norm < 1e-6:
        raise GeometryError(f"up must be a non-zero 3-vector, got {up}", code="up", field="up")
    down = -up / norm
    forward = np.array([0.0, 0.0, 1.0])
    if abs(down[2]) > 0.999:
        forward = np.array([0.0, -np.sign(down[2]), 0.0])
    forward = forward - down * (forward @ down)
    forward /= np.linalg.norm(forward)
    return np.stack([np.cross(down, forward), down, forward], axis=1)
