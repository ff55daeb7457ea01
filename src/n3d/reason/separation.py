"""The exact gap between the surfaces of oriented boxes."""

from __future__ import annotations

import numpy as np

from n3d.geometry import Box3D
from n3d.geometry.box import EDGES

_FROM = [e[0] for e in EDGES]
_TO = [e[1] for e in EDGES]
PARALLEL = 1e-12


def gap(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Between the surfaces, 0 where the boxes touch or overlap.

    Exact: two disjoint boxes are closest at a corner of one and the other box, or at interior
    points of two edges; disjointness is decided by the fifteen separating axes of two boxes.
    """
    corners_a, corners_b = a.corners, b.corners
    least = np.minimum(
        _corners_to_box(corners_a, b).min(axis=-1), _corners_to_box(corners_b, a).min(axis=-1)
    )
    least = np.minimum(least, _between_edges(corners_a, corners_b))
    return np.where(_separated(a, b), least, 0.0)


def _corners_to_box(corners: np.ndarray, box: Box3D) -> np.ndarray:
    """Distances (..., 8) from points to a solid box."""
    assert box.rotation is not None
    local = (corners - box.center[..., None, :]) @ box.rotation
    outside = np.maximum(np.abs(local) - box.size[..., None, :] / 2, 0)
    return np.linalg.norm(outside, axis=-1)


def _between_edges(corners_a: np.ndarray, corners_b: np.ndarray) -> np.ndarray:
    """The least distance (...) of two edges whose closest points lie inside both."""
    p = corners_a[..., _FROM, None, :]
    q = corners_b[..., None, _FROM, :]
    u = corners_a[..., _TO, None, :] - p
    v = corners_b[..., None, _TO, :] - q
    w = q - p
    uu, vv, uv = (u * u).sum(-1), (v * v).sum(-1), (u * v).sum(-1)
    uw, vw = (u * w).sum(-1), (v * w).sum(-1)
    determinant = uu * vv - uv * uv
    crossing = determinant > PARALLEL * uu * vv
    safe = np.where(crossing, determinant, 1.0)
    s = (uw * vv - vw * uv) / safe
    t = (uw * uv - vw * uu) / safe
    inside = crossing & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    distance = np.linalg.norm(w + t[..., None] * v - s[..., None] * u, axis=-1)
    return np.where(inside, distance, np.inf).min(axis=(-1, -2))


def _separated(a: Box3D, b: Box3D) -> np.ndarray:
    """Whether one of the fifteen axes separates the solids."""
    assert a.rotation is not None
    assert b.rotation is not None
    axes_a, axes_b = np.broadcast_arrays(a.rotation, b.rotation)
    crosses = np.cross(
        np.swapaxes(axes_a, -1, -2)[..., :, None, :], np.swapaxes(axes_b, -1, -2)[..., None, :, :]
    ).reshape(*axes_a.shape[:-2], 9, 3)
    axes = np.concatenate(
        [np.swapaxes(axes_a, -1, -2), np.swapaxes(axes_b, -1, -2), crosses], axis=-2
    )
    reach = (np.abs(axes @ axes_a) @ a.size[..., None] + np.abs(axes @ axes_b) @ b.size[..., None])[
        ..., 0
    ] / 2
    offset = np.abs((axes @ (b.center - a.center)[..., None])[..., 0])
    return np.asarray((offset > reach + 1e-12).any(axis=-1))
