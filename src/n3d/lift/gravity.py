"""The direction of up from the floor, where nothing else tells it."""

from __future__ import annotations

import math

import numpy as np

from n3d.geometry import PointMap
from n3d.lift.config import LiftConfig
from n3d.scene import RGBD

# A floor's normal lies within this cosine of the image's upward direction: 26 degrees; a plane
# that holds CLEAR of all points may lean as far as a camera that looks down (41 degrees).
UPRIGHT, LEANING, CLEAR = 0.9, 0.75, 0.3
_TRIALS = 192
_MOST = 3000


def floor(
    points: PointMap | np.ndarray, *, share: float = 0.15, seed: int = 0, noise: float = 0.005
) -> np.ndarray | None:
    """Unit up vector (3,) of the floor plane in the camera frame, or None where none stands out.

    `points` is a point map or an array (n, 3). Random sample consensus over planes whose normal
    has |n . up| > 0.9 for the image's up (0.75 where the plane holds 30 % of the points), that
    pass below the camera and that hold at least `share` of all points within `noise` of their
    distance (at least 1 cm); at most a twentieth of the points may lie clearly beneath. The best
    plane is then fitted to its points by least squares. Deterministic given `seed`.
    """
    xyz = _sampled(points)
    if len(xyz) < 50:
        return None
    tolerance = np.maximum(0.01, noise * np.linalg.norm(xyz, axis=1))
    rng = np.random.default_rng(seed)
    normals, offsets = _hypotheses(xyz, rng)
    if not len(normals):
        return None
    inside, beneath = _count(xyz, tolerance, normals, offsets)
    least = np.where(-normals[:, 1] > UPRIGHT, share, max(share, CLEAR))
    good = (inside >= least * len(xyz)) & (beneath <= 0.05 * len(xyz))
    if not good.any():
        return None
    best = int(np.argmax(np.where(good, inside - 2 * beneath, -np.inf)))
    normal, offset = normals[best], offsets[best]
    for factor in (2.0, 1.0, 1.0):
        near = np.abs(xyz @ normal + offset) < factor * tolerance
        if np.count_nonzero(near) < 20:
            return None
        normal, offset = _plane(xyz[near], 1 / tolerance[near])
    near = np.abs(xyz @ normal + offset) < tolerance
    least = share if -normal[1] > UPRIGHT else max(share, CLEAR)
    if np.count_nonzero(near) < least * len(xyz) or -normal[1] <= LEANING or offset <= 0:
        return None
    return normal


def _sampled(points: PointMap | np.ndarray) -> np.ndarray:
    if isinstance(points, PointMap):
        valid = np.flatnonzero(points.valid)
        at = valid[:: max(1, len(valid) // _MOST)]
        return points.planes.reshape(3, -1)[:, at].T.astype(float)
    xyz = np.asarray(points, dtype=float).reshape(-1, 3)
    xyz = xyz[np.isfinite(xyz).all(axis=1) & (xyz[:, 2] > 0)]
    return xyz[:: max(1, len(xyz) // _MOST)]


def _hypotheses(xyz: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Planes n . p + d = 0 through random triples, upright and below the camera (d > 0)."""
    # Floors lie low in the image: triples come from the lower part of the points' directions.
    low = np.flatnonzero(xyz[:, 1] / xyz[:, 2] >= np.median(xyz[:, 1] / xyz[:, 2]))
    picks = low[rng.integers(len(low), size=(_TRIALS, 3))]
    a, b, c = (xyz[picks[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(length, 1e-12)[:, None]
    normals *= np.where(normals[:, 1] > 0, -1.0, 1.0)[:, None]
    offsets = -(normals * a).sum(axis=1)
    keep = (length > 1e-6) & (-normals[:, 1] > LEANING) & (offsets > 0)
    return normals[keep], offsets[keep]


def _count(xyz, tolerance, normals, offsets) -> tuple[np.ndarray, np.ndarray]:
    """For every plane the points on it and the points clearly beneath it."""
    height = xyz @ normals.T + offsets
    t = tolerance[:, None]
    return (np.abs(height) < t).sum(axis=0), (height < -3 * t - 0.02).sum(axis=0)


def _plane(xyz: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """The plane of least weighted squares through points, its normal turned up."""
    weight = weight / weight.sum()
    mean = weight @ xyz
    away = (xyz - mean) * np.sqrt(weight)[:, None]
    normal = np.linalg.eigh(away.T @ away)[1][:, 0]
    if normal[1] > 0:
        normal = -normal
    return normal / math.sqrt(float(normal @ normal)), float(-(normal @ mean))


def ground(view: RGBD, turn: np.ndarray, config: LiftConfig) -> float:
    """How far the floor lies below the camera along the vertical of `turn`; inf where unknown.

    The floor is taken to be what lies lowest in the view: the median of the lowest 5 % of a
    coarse sample, if that is flat within 5 % of its distance.
    """
    depth = view.depth
    if depth is None:
        return np.inf
    from n3d.lift import ground_kernels as grounds  # numba: imported when first needed

    camera = view.camera
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    step = max(1, int(max(depth.shape) / 48))
    x, y, z = turn[:, 1].tolist()
    return grounds.lowest(depth, step, x, y, z, intrinsics, float(config.near), float(config.far))
