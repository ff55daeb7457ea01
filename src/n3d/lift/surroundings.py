"""What a view shows besides its objects: the planes of the room, and what an object stands on."""

from __future__ import annotations

import numpy as np

from n3d.scene import RGBD

# Points looked at, triples tried for each plane, most planes.
POINTS, TRIALS, PLANES = 3000, 300, 5
# A plane of the room holds this share of the points, and at most this share lies beyond it.
LEAST, BEYOND = 0.04, 0.01
# Half the thickness of a plane: metres, and share of the distance.
THICK_M, THICK = 0.015, 0.01
# Height of the layers that a support is looked for in; its least share of the points around.
LAYER_M, SUPPORT = 0.01, 0.25
# How far around an object its support is looked for, beyond its deviations.
AROUND_M = 0.25


def room_planes(view: RGBD, seed: int = 0) -> np.ndarray:
    """Floor, walls and ceiling (k, 4): unit normal n towards the camera and d, n . p + d = 0.

    Planes with nothing behind them, found one after the other by random sample consensus with
    a fixed seed and fitted to their points by least squares. InputError without depth.
    """
    points = view.points
    at = np.flatnonzero(points.valid)
    at = at[:: max(1, len(at) // POINTS)]
    xyz = points.planes.reshape(3, -1)[:, at].T.astype(float)
    thick = np.maximum(THICK_M, THICK * np.linalg.norm(xyz, axis=1))
    rng = np.random.default_rng(seed)
    left, found = np.ones(len(xyz), bool), []
    for _ in range(PLANES):
        if left.sum() < max(LEAST * len(xyz), 12):
            break
        plane = _next(xyz, thick, left, rng)
        if plane is None:
            break
        found.append(plane)
        left &= xyz @ plane[:3] + plane[3] > 2 * thick
    return np.array(found).reshape(-1, 4)


def _next(xyz, thick, left, rng) -> np.ndarray | None:
    """The plane of the points that are left that holds most of them and has least behind it."""
    triples = xyz[rng.choice(np.flatnonzero(left), size=(TRIALS, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    length = np.linalg.norm(normals, axis=1)
    normals, origins = normals[length > 1e-6] / length[length > 1e-6, None], triples[:, 0]
    if not len(normals):
        return None
    offsets = -(normals * origins[length > 1e-6]).sum(axis=1)
    sign = np.where(offsets < 0, -1.0, 1.0)
    height = xyz @ (normals * sign[:, None]).T + offsets * sign
    held = ((np.abs(height) < thick[:, None]) & left[:, None]).sum(axis=0)
    beyond = (height < -3 * thick[:, None] - 0.03).sum(axis=0)
    score = held - 5 * np.maximum(0, beyond - BEYOND * len(xyz))
    best = int(score.argmax())
    if score[best] < max(LEAST * len(xyz), 6):
        return None
    plane = np.append(normals[best] * sign[best], offsets[best] * sign[best])
    for _ in range(2):
        near = xyz[(np.abs(xyz @ plane[:3] + plane[3]) < thick) & left]
        if len(near) < 6:
            return None
        middle = near.mean(axis=0)
        normal = np.linalg.eigh((near - middle).T @ (near - middle))[1][:, 0]
        d = -float(normal @ middle)
        plane = np.append(normal, d) * (-1.0 if d < 0 else 1.0)
    return plane


def behind_planes(xyz: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Which points (n, 3) lie on one of the planes (k, 4) or beyond it."""
    thick = np.maximum(THICK_M, THICK * xyz[:, 2])
    out = np.zeros(len(xyz), bool)
    for plane in planes:
        out |= xyz @ plane[:3] + plane[3] < thick
    return out


def support(xyz: np.ndarray, low: np.ndarray, high: np.ndarray, sigma: np.ndarray) -> float | None:
    """The height y (down) of the level surface that a box stands on, or None.

    `xyz` (n, 3), `low`, `high` (3,) and the deviations `sigma` (3,) of the box's ends in the
    box's own frame, y down. The densest level layer of the points around the box, those near
    the written foot first.
    """
    off = np.maximum(low - xyz, xyz - high)
    around = np.maximum(off[:, 0], off[:, 2])
    rise = high[1] - xyz[:, 1]
    ring = (around > 0) & (around < AROUND_M + 2 * sigma.max())
    ring &= np.abs(rise) < 2.5 * sigma[1] + 2 * LAYER_M
    if ring.sum() < 20:
        return None
    layer = np.round(rise[ring] / LAYER_M).astype(int)
    first = layer.min()
    count = np.convolve(np.bincount(layer - first), [1, 1, 1])[1:-1]
    heights = (np.arange(len(count)) + first) * LAYER_M
    best = int((count * np.exp(-0.5 * (heights / sigma[1]) ** 2)).argmax())
    if count[best] < SUPPORT * ring.sum():
        return None
    on = ring & (np.abs(rise - heights[best]) < 2 * LAYER_M)
    return float(np.median(xyz[on, 1]))
