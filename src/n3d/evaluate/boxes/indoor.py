"""Average precision of the indoor protocol (mmdetection3d), at IoU 0.15, 0.25 and 0.50.

Over all images of a class, surest first, a prediction is right where the true box that it overlaps
most does so by more than the threshold and was not taken before; AP is the area under the
precision that never rises. The mean is over classes that have true boxes.

Language models give all boxes the same score, so that their order in the file decides: for them
`score_free` stands in place of AP, which no order changes. It is another measure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate.boxes import confidence, omni3d, pairing, precision, tables
from n3d.evaluate.boxes.tables import Table

THRESHOLDS = np.array([0.15, 0.25, 0.50])


def evaluate(found: Table, true: Table) -> dict[str, Any]:
    """AP and recall by threshold, as shares; "scored" or "score-free"."""
    true = true.take(~true.ignored)
    g = tables.groups(found, true, most=None)
    worth = omni3d.box_ious(found, true, g)
    out: dict[str, Any] = {"mode": confidence.mode(found)}
    if found.scored:
        return {**out, **_scored(found, true, g, worth)}
    for t in THRESHOLDS:
        dets, _ = pairing.pairs_of(found, g, worth, float(t), "hungarian")
        hits = np.bincount(found.category[dets], minlength=int(true.category.max()) + 1)
        values = [
            precision.score_free(
                int(hits[k]), int((found.category == k).sum()), int((true.category == k).sum())
            )
            for k in np.unique(true.category)
        ]
        out[f"score_free_ap{int(100 * t)}"] = float(np.mean([v for v in values if v is not None]))
    out["detection"] = {
        f"{t:.2f}": pairing.detection(found, true, g, worth, float(t)) for t in THRESHOLDS
    }
    return out


def hits(found: Table, g, worth: np.ndarray) -> np.ndarray:
    """Which predictions are right (thresholds, predictions) in the order of the groups."""
    from n3d.evaluate.boxes import match_kernels  # numba: imported when first needed

    order = np.argsort(-found.score[g.detections], kind="stable")
    hit = np.zeros((len(THRESHOLDS), len(g.detections)), bool)
    match_kernels.first_come(
        g.det_start, g.truth_start, g.pair_start, worth, order, THRESHOLDS, hit
    )
    return hit


def _scored(found: Table, true: Table, g, worth: np.ndarray) -> dict[str, Any]:
    hit = hits(found, g, worth)
    kind = g.category[g.det_group]
    out: dict[str, Any] = {"tied": confidence.tied(found.score)}
    for t, threshold in enumerate(THRESHOLDS):
        by_kind: dict[int, tuple[float, float]] = {}
        for k in np.unique(true.category):
            own = np.flatnonzero(kind == k)
            own = own[np.argsort(-found.score[g.detections[own]], kind="stable")]
            total = int((true.category == k).sum())
            by_kind[int(k)] = precision.area(hit[t, own], total)
        name = f"{int(100 * threshold)}"
        out[f"ap{name}"] = float(np.mean([ap for ap, _ in by_kind.values()]))
        out[f"ar{name}"] = float(np.mean([r for _, r in by_kind.values()]))
        out[f"ap{name}_by_category"] = {k: ap for k, (ap, _) in by_kind.items()}
    return out
