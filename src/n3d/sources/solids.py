"""Solids without names of axes: which are the same, what they cover, how large things are."""

from __future__ import annotations

import math

import numpy as np

from n3d.geometry import Box3D
from n3d.scene import typical
from n3d.sources import conventions

SAME_CENTER, SAME_SHAPE = 0.02, 0.03
# -- units --------------------------------------------------------------------------------

RARE = {"m": 0.0, "cm": -1.0, "mm": -1.0, "ft": -5.0, "in": -5.0}
"""Log odds of a unit before anything is seen."""
USUAL, USUAL_SPREAD = 0.7, 0.9  # longest side in metres of any object, its log's deviation
SHARED_SPREAD = 0.2


def same(a: Box3D, b: Box3D) -> bool:
    """Whether two stacks are the same solids, to 2 % of their sizes; names of axes do not count."""
    if a.shape != b.shape:
        return False
    size = (a.size.mean(axis=-1) + b.size.mean(axis=-1)) / 2
    off = np.linalg.norm(a.center - b.center, axis=-1) / size
    moments = [
        (x.rotation * x.size[..., None, :] ** 2) @ np.swapaxes(x.rotation, -1, -2) for x in (a, b)
    ]
    shape = np.abs(moments[0] - moments[1]).max(axis=(-1, -2)) / size**2
    return bool(off.max(initial=0) <= SAME_CENTER and shape.max(initial=0) <= SAME_SHAPE)


def cover(a: np.ndarray, b: np.ndarray) -> float:
    """IoU of two rectangles (4,) as x0, y0, x1, y1; 0 where one has no area."""
    shared = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0).prod()
    joined = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared
    return float(shared / joined) if joined > 0 else 0.0


def units(labels: list[str], longest: np.ndarray) -> dict[str, float]:
    """Log odds of each unit against the likeliest, of labels and longest sides as numbers.

    Things of known labels tell by their usual lengths (`scene.typical`), others by those of
    objects at large.
    """
    ratio, known = typical.log_ratio(labels, longest.tolist())
    spread = math.hypot(SHARED_SPREAD, typical.SPREAD / math.sqrt(max(known, 1)))
    if not known:
        ratio, spread = math.log(float(np.median(longest)) / USUAL), USUAL_SPREAD
    found = {
        unit: RARE[unit] - ((ratio + math.log(metres)) / spread) ** 2 / 2
        for unit, metres in conventions.METRES.items()
    }
    best = max(found.values())
    return {u: v - best for u, v in sorted(found.items(), key=lambda i: -i[1])}
