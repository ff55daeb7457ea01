"""Every foreign frame and angle convention, each as one function and its inverse.

Ours is the OpenCV camera frame (x right, y down, z forward) with R object to camera. The
world of z-up formats is (x, y, z) = (right, forward, up); for a level camera it is
(x, z, -y) of the camera frame.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry import Box3D, Pose
from n3d.geometry.box import RELABELLINGS
from n3d.geometry.pose import axis_rotation, upright

# Camera axes (right, down, forward) -> z-up axes (right, forward, up).
ZUP_FROM_LEVEL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
LEVEL_UP = np.array([0.0, -1.0, 0.0])


def zup_from_camera(up: Any = None) -> Pose:
    """The z-up frame at the camera: gravity from `up`, forward the camera's own (level if None)."""
    level_from_camera = np.eye(3) if up is None else upright(up).T
    return Pose(ZUP_FROM_LEVEL @ level_from_camera, np.zeros(3))


def to_zup(box: Box3D, zup_from_camera: Pose) -> Box3D:
    """The box in a z-up frame with its own axes relabelled alike: local z is its vertical."""
    moved = box.transform(zup_from_camera)
    assert moved.rotation is not None
    size = moved.size[..., [0, 2, 1]]
    return Box3D(moved.center, size, moved.rotation @ ZUP_FROM_LEVEL.T)


def from_zup(box: Box3D, zup_from_camera: Pose) -> Box3D:
    """Inverse of `to_zup`."""
    assert box.rotation is not None
    relabelled = Box3D(box.center, box.size[..., [0, 2, 1]], box.rotation @ ZUP_FROM_LEVEL)
    return relabelled.transform(zup_from_camera.inverse())


def with_vertical(box: Box3D, axis: int, direction: Any) -> Box3D:
    """The same solid, relabelled so that its local `axis` is the one closest to `direction`.

    Of the four ways left, the one that keeps the local x axis; a box whose axis already is
    the closest stays as it is.
    """
    assert box.rotation is not None
    candidates = box.rotation @ RELABELLINGS
    closeness = np.asarray(direction, dtype=float) @ candidates[:, :, axis].T
    kept = RELABELLINGS[:, 0, 0]
    same = np.trace(RELABELLINGS, axis1=1, axis2=2)
    order = np.lexsort((-same, -kept, -np.round(closeness, 9)))
    relabel = RELABELLINGS[order[0]]
    return Box3D(box.center, box.size @ np.abs(relabel), box.rotation @ relabel)


def yaw_about(rotation: np.ndarray, axis: int) -> tuple[float, float]:
    """(angle about the frame's `axis`, tilt lost by keeping only it), radians.

    The angle is that of the rotation about `axis` closest to `rotation` (its maximal trace);
    the tilt is the angle of what remains.
    """
    i, j = (axis + 1) % 3, (axis + 2) % 3
    angle = math.atan2(rotation[j, i] - rotation[i, j], rotation[i, i] + rotation[j, j])
    rest = axis_rotation(axis, angle).T @ rotation
    # From the skew part as well as the trace: arccos alone is blind below 1e-8.
    sine = np.linalg.norm(
        [rest[2, 1] - rest[1, 2], rest[0, 2] - rest[2, 0], rest[1, 0] - rest[0, 1]]
    )
    return angle, math.atan2(sine / 2, (np.trace(rest) - 1) / 2)


def rotation_from_quaternion(wxyz: Any) -> np.ndarray:
    """(3, 3) of a quaternion w, x, y, z of length 1 within 1 %; GeometryError otherwise."""
    q = np.asarray(wxyz, dtype=float)
    norm = np.linalg.norm(q) if q.shape == (4,) else math.nan
    if not math.isfinite(norm) or abs(norm - 1) > 1e-2:
        raise GeometryError(
            f"quaternion has length {norm:.4g}", code="quaternion", field="quaternion", limit="1"
        )
    w, x, y, z = q / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """w, x, y, z with w >= 0 of a rotation (3, 3)."""
    r = np.asarray(rotation, dtype=float)
    # The symmetric matrix whose dominant eigenvector is the quaternion (Bar-Itzhack 2000).
    k = np.array(
        [
            [r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [0, r[0, 0] - r[1, 1] - r[2, 2], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]],
            [0, 0, r[1, 1] - r[0, 0] - r[2, 2], r[2, 1] + r[1, 2]],
            [0, 0, 0, r[2, 2] - r[0, 0] - r[1, 1]],
        ]
    )
    q = np.linalg.eigh(k + np.triu(k, 1).T)[1][:, -1]
    return q if q[0] >= 0 else -q


def rotation_from_xyz(a: float, b: float, g: float) -> np.ndarray:
    """R = Rz(g) Ry(b) Rx(a), radians (Qwen3-VL's reference code)."""
    return axis_rotation(2, g) @ axis_rotation(1, b) @ axis_rotation(0, a)


def xyz_from_rotation(rotation: np.ndarray) -> tuple[float, float, float]:
    """(a, b, g) of R = Rz(g) Ry(b) Rx(a); where b is +-pi/2, g is 0."""
    r = rotation
    cosine = math.hypot(r[0, 0], r[1, 0])
    b = math.atan2(-r[2, 0], cosine)
    if cosine < 1e-9:
        return math.atan2(-r[1, 2], r[1, 1]), b, 0.0
    return math.atan2(r[2, 1], r[2, 2]), b, math.atan2(r[1, 0], r[0, 0])


def bottom_from_center(center: Any, height: float) -> np.ndarray:
    """KITTI's position: the middle of the lower face of a level box (y down)."""
    return np.asarray(center, dtype=float) + [0, height / 2, 0]


def center_from_bottom(bottom: Any, height: float) -> np.ndarray:
    return np.asarray(bottom, dtype=float) - [0, height / 2, 0]


def factor_camera(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """K (upper triangular, last row 0 0 1) and R of a 3x3 projection K R.

    GeometryError for a singular one or one that does not split into a K with positive focal
    lengths and a proper rotation.
    """
    m = np.asarray(matrix, dtype=float)
    if m.shape != (3, 3) or not np.isfinite(m).all() or abs(np.linalg.det(m)) < 1e-9:
        raise GeometryError("must be an invertible 3x3 matrix", code="camera-projection")
    flip = np.eye(3)[::-1]
    q, r = np.linalg.qr((flip @ m).T)
    k, rotation = flip @ r.T @ flip, flip @ q.T
    signs = np.diag(np.sign(np.diag(k)))
    k, rotation = k @ signs, signs @ rotation
    if np.linalg.det(rotation) < 0:
        raise GeometryError("projection mirrors the world", code="camera-projection")
    return k / k[2, 2], rotation
