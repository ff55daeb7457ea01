"""The normalised Hungarian distance of OVMono3D: how far eight corners are from eight corners.

Two values: `upstream`, the sum of the distances of the cheapest assignment over the diagonal of
the axis-aligned extent of the true corners, which depends on rotation; and `mean_over_diagonal`,
their mean over the box's own diagonal. Pairs are the predictions whose best true rectangle of
their class has a 2D IoU of at least 0.75. Upstream numbers true boxes after moving ignored ones to
the end, but their rectangles before: `upstream_pairs` repeats that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate.boxes import omni3d, tables
from n3d.evaluate.boxes.pairing import blocks
from n3d.evaluate.boxes.tables import Table
from n3d.geometry import Box3D

OVERLAP = 0.75
PARTS = ("xy", "z", "dimensions", "pose")


def assigned(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The smallest sum of distances (n,) of eight predicted corners (n, 8, 3) to the true ones,
    metres."""
    from scipy.optimize import linear_sum_assignment

    cost = np.linalg.norm(predicted[:, :, None] - true[:, None], axis=-1)
    best = [linear_sum_assignment(c) for c in cost]
    return np.array([c[rows, columns].sum() for c, (rows, columns) in zip(cost, best)])


def upstream(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """OVMono3D's value (n,) for corners (n, 8, 3): a sum, over the extent along the camera's
    axes."""
    extent = np.linalg.norm(true.max(axis=1) - true.min(axis=1), axis=-1)
    return assigned(predicted, true) / extent


def mean_over_diagonal(predicted: Box3D, true: Box3D) -> np.ndarray:
    """The mean corner distance (n,) over the true boxes' diagonals; a rotation of the scene
    leaves it."""
    return assigned(predicted.corners, true.corners) / 8 / np.linalg.norm(true.size, axis=-1)


def evaluate(found: Table, true: Table) -> dict[str, Any]:
    """Means over the pairs; `by_part` has all but one part of each box replaced by the true one's
    (`xy`: x and y of the centre)."""
    right, wrong = _pairs(found, true)
    p, t = found.box[right[:, 0]], true.box[right[:, 1]]
    moved = _means(found.box[wrong[:, 0]], true.box[wrong[:, 1]])
    return {
        "pairs": len(right),
        **_means(p, t),
        "by_part": {name: _means(_part(p, t, name), t) for name in PARTS},
        "upstream_pairs": {"pairs": len(wrong), "upstream": moved["upstream"]},
    }


def _pairs(found: Table, true: Table):
    """Pairs as they are, and as upstream's numbering makes them."""
    g = tables.groups(found, true)
    flat = omni3d.rectangle_ious(found, true, g)
    right: list[tuple[int, int]] = []
    wrong: list[tuple[int, int]] = []
    for _, dets, truths, part in blocks(g):
        if not len(dets) or not len(truths):
            continue
        matrix = flat[part].reshape(len(dets), len(truths))
        order = np.argsort(true.ignored[truths], kind="stable")
        for i, j, best in zip(dets, matrix.argmax(axis=1), matrix.max(axis=1)):
            if best < OVERLAP:
                continue
            if not true.ignored[truths[j]]:
                right.append((int(i), int(truths[j])))
            moved = truths[order[j]]
            if not true.ignored[moved]:
                wrong.append((int(i), int(moved)))
    return np.array(right, int).reshape(-1, 2), np.array(wrong, int).reshape(-1, 2)


def _part(p: Box3D, t: Box3D, name: str) -> Box3D:
    center = t.center.copy()
    if name == "xy":
        center[:, :2] = p.center[:, :2]
    elif name == "z":
        center[:, 2] = p.center[:, 2]
    size = p.size if name == "dimensions" else t.size
    return Box3D(center, size, p.rotation if name == "pose" else t.rotation)


def _means(p: Box3D, t: Box3D) -> dict[str, float | None]:
    """Both values from one assignment."""
    if not len(t):
        return {"upstream": None, "mean_over_diagonal": None}
    corners = t.corners
    total = assigned(p.corners, corners)
    extent = np.linalg.norm(corners.max(axis=1) - corners.min(axis=1), axis=-1)
    diagonal = np.linalg.norm(t.size, axis=-1)
    return {
        "upstream": float((total / extent).mean()),
        "mean_over_diagonal": float((total / 8 / diagonal).mean()),
    }
