"""Precision, recall and F1 at an IoU threshold, class-aware, by two rules of matching.

"greedy": surest first, each prediction takes the free true box that it overlaps most. "hungarian":
as many pairs as possible, then the largest sum of IoU; it needs no scores. Micro sums the counts
of all classes; macro is the mean over the classes that have true boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate import matching
from n3d.evaluate.boxes.tables import Groups, Table
from n3d.evaluate.matching import Counts, Rule

RULES: tuple[Rule, ...] = ("hungarian", "greedy")


def blocks(g: Groups):
    """(group, its predictions, its true boxes, its slice of the pairs) of each group."""
    for i in range(len(g.image)):
        yield (
            i,
            g.detections[g.det_start[i] : g.det_start[i + 1]],
            g.truths[g.truth_start[i] : g.truth_start[i + 1]],
            slice(g.pair_start[i], g.pair_start[i + 1]),
        )


def pairs_of(found: Table, g: Groups, worth: np.ndarray, threshold: float, rule: Rule):
    """(predictions, true boxes) that belong together, as places in the tables."""
    left: list[int] = []
    right: list[int] = []
    for _, dets, truths, part in blocks(g):
        if not len(dets) or not len(truths):
            continue
        matrix = worth[part].reshape(len(dets), len(truths))
        if matrix.max() < threshold:
            continue
        if rule == "greedy":
            chosen = matching.greedy(matrix, found.score[dets].tolist(), threshold)
        else:
            chosen = matching.hungarian(matrix, threshold)
        left += [int(dets[i]) for i, _ in chosen]
        right += [int(truths[j]) for _, j in chosen]
    return np.array(left, int), np.array(right, int)


def detection(found: Table, true: Table, g: Groups, worth: np.ndarray, threshold: float):
    """Micro and macro precision, recall and F1 by each rule. Pairs with an ignored true box, and
    ignored boxes that are missed, count neither way."""
    out: dict[str, Any] = {}
    for rule in RULES:
        hit_det, hit_truth = pairs_of(found, g, worth, threshold, rule)
        forgiven = true.ignored[hit_truth]
        hits = np.bincount(true.category[hit_truth[~forgiven]], minlength=1)
        free = np.ones(len(found), bool)
        free[hit_det] = False
        extra = np.bincount(found.category[free], minlength=1)
        wanted = np.bincount(true.category[~true.ignored], minlength=1)
        n = max(len(hits), len(extra), len(wanted))
        hits, extra, wanted = (np.pad(v, (0, n - len(v))) for v in (hits, extra, wanted))
        rows = [
            Counts(int(h), int(e), int(w - h)) for h, e, w in zip(hits, extra, wanted) if w or e
        ]
        known = [c for c in rows if c.hits + c.missing]
        out[rule] = {
            "micro": shares(sum(rows, Counts())),
            "macro": {
                k: _mean([shares(c)[k] or 0.0 for c in known])
                for k in ("precision", "recall", "f1")
            },
        }
    return out


def shares(c: Counts) -> dict[str, float | None]:
    """Precision, recall and F1 of counts."""
    return {"precision": c.precision, "recall": c.recall, "f1": c.f1}


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
