"""Accuracy of grounding by queries (ScanRefer, Chen et al. 2020): one box for each query.

Of the predictions for a query the surest counts, of equal ones the first, whatever it is called. A
query without one is wrong. Overall, and for queries whose class is unique in the scene or not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate import bootstrap
from n3d.evaluate.boxes.tables import Table, Truth
from n3d.geometry import overlap

THRESHOLDS = (0.25, 0.50)


def evaluate(found: Table, true: Truth, *, seed: int = 0) -> dict[str, Any]:
    """Acc@0.25, Acc@0.50 and mean IoU of all queries and of each subset."""
    iou = best(found, true.boxes, len(true.images))
    asked = np.unique(true.boxes.image)
    subset = np.array([true.subsets[i] for i in asked])
    draws = bootstrap.Draws(asked, seed)
    out = {"overall": _row(iou[asked], np.arange(len(asked)), draws)}
    for name in sorted(set(subset.tolist()) - {""}):
        chosen = np.flatnonzero(subset == name)
        out[name] = _row(iou[asked][chosen], chosen, draws)
    return {**out, "answered": int((np.isin(asked, found.image)).sum())}


def best(found: Table, true: Table, queries: int) -> np.ndarray:
    """The IoU (queries,) of each query's surest box with its true box (the best of several)."""
    order = np.lexsort((-found.score, found.image))
    first = order[np.unique(found.image[order], return_index=True)[1]]
    chosen = np.full(queries, -1)
    chosen[found.image[first]] = first
    rows = np.flatnonzero(chosen[true.image] >= 0)
    out = np.zeros(queries)
    if len(rows):
        pair = overlap.iou_pairs(found.box[chosen[true.image[rows]]], true.box[rows])
        np.maximum.at(out, true.image[rows], pair)
    return out


def _row(iou: np.ndarray, chosen: np.ndarray, draws: bootstrap.Draws) -> dict[str, Any]:
    row: dict[str, Any] = {"queries": len(iou), "mean_iou": float(iou.mean())}
    for t in THRESHOLDS:
        right = (iou >= t).astype(float)
        row[f"acc{int(100 * t)}"] = float(right.mean())
        row[f"acc{int(100 * t)}_interval_95"] = draws.interval(chosen, right)
    return row
