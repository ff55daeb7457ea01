"""Which of two boxes hides the other, and an order in which to paint many."""

from __future__ import annotations

import numpy as np

from n3d.geometry import FACES, Box3D

# Measured boxes touch and overlap a little: a box counts as outside a face when no more than
# this share of its own thickness lies within.
OVERLAP = 0.2


def outward(box: Box3D) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals and centres (6, 3) of the faces of one box, in the order of FACES."""
    axes = np.asarray(box.rotation).T
    normals = np.concatenate([[-axis, axis] for axis in axes])
    centres = box.corners[np.array(FACES)].mean(axis=1)
    return normals, centres


def facing(box: Box3D) -> np.ndarray:
    """Which faces (6,) of one box look at the camera; none where the camera is inside."""
    normals, centres = outward(box)
    return (normals * centres).sum(axis=-1) < 0


def far_to_near(boxes: Box3D) -> list[int]:
    """Indices of a stack (n,) such that a box comes after those it hides.

    A face plane with the camera and one box on opposite sides settles a pair. Pairs that no
    face plane settles, and circles, are ordered by the distance of their centres.
    """
    n = len(boxes)
    distance = np.linalg.norm(boxes.center, axis=-1)
    before = np.zeros((n, n), bool)
    for i in range(n):
        in_front, behind = _against(boxes[i], boxes)
        before[i] |= in_front & ~behind
        before[:, i] |= behind & ~in_front
    both = before & before.T
    before &= ~both
    left, out = set(range(n)), []
    while left:
        free = [i for i in left if not any(before[j, i] for j in left)] or list(left)
        chosen = max(free, key=lambda i: (distance[i], -i))
        out.append(chosen)
        left.remove(chosen)
    return out


def _against(box: Box3D, others: Box3D) -> tuple[np.ndarray, np.ndarray]:
    """Which of `others` lie in front of one box as seen from the camera, and which behind it."""
    normals, centres = outward(box)
    offset = (normals * centres).sum(axis=-1)
    heights = others.corners @ normals.T - offset  # (n, 8, 6)
    low, high = heights.min(axis=1), heights.max(axis=1)
    outside = low >= -OVERLAP * (high - low)  # (n, 6)
    sees = offset < 0
    # Beyond a face that looks at the camera: between it and the camera. Beyond one that looks
    # away: hidden behind the box.
    return (outside & sees).any(axis=-1), (outside & ~sees).any(axis=-1)
