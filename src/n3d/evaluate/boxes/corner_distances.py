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


def assigned(predicted: np.ndarray, true: np.ndarray) -> float:
    """The smallest sum of distances of eight predicted corners (8, 3) to the true ones, metres."""
    from scipy.optimize import linear_sum_assignment

    cost = np.linalg.norm(predicted[:, None] - true[None], axis=-1)
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].sum())


def upstream(predicted: np.ndarray, true: np.ndarray) -> float:
    """OVMono3D's value for corners (8, 3): a sum, over the extent along the camera's axes."""
    extent = float(np.linalg.norm(true.max(axis=0) - true.min(axis=0)))
    return assigned(predicted, true) / extent


def mean_over_diagonal(predicted: Box3D, true: Box3D) -> float:
    """The mean corner distance over the true box's diagonal; a rotation of the scene leaves it."""
    return assigned(predicted.corners, true.corners) / 8 / float(np.linalg.norm(true.size))


def evaluate(found: Table, true: Table) -> dict[str, Any]:
    """Means over the pairs; `by_part` has all but one part of each box replaced by the true one's
    (`xy`: x and y of the centre)."""
    right, wrong = _pairs(found, true)
    parts = {
        name: _means([_part(found.box[p], true.box[t], name) for p, t in right], right, true)
        for name in PARTS
    }
    own = [found.box[p] for p, _ in right]
    return {
        "pairs": len(right),
        **_means(own, right, true),
        "by_part": parts,
        "upstream_pairs": {
            "pairs": len(wrong),
            "upstream": _means([found.box[p] for p, _ in wrong], wrong, true)["upstream"],
        },
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
    return right, wrong


def _part(p: Box3D, t: Box3D, name: str) -> Box3D:
    center = t.center.copy()
    if name == "xy":
        center[:2] = p.center[:2]
    elif name == "z":
        center[2] = p.center[2]
    size = p.size if name == "dimensions" else t.size
    return Box3D(center, size, p.rotation if name == "pose" else t.rotation)


def _means(boxes: list[Box3D], pairs: list[tuple[int, int]], true: Table) -> dict[str, Any]:
    truths = [true.box[t] for _, t in pairs]
    both = [
        (upstream(b.corners, t.corners), mean_over_diagonal(b, t)) for b, t in zip(boxes, truths)
    ]
    mean = np.mean(both, axis=0).tolist() if both else [None, None]
    return {"upstream": mean[0], "mean_over_diagonal": mean[1]}
