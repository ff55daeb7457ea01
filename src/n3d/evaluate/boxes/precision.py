"""Average precision from matches: COCO's 101 points, and the area of PASCAL VOC."""

from __future__ import annotations

import numpy as np

RECALLS = np.linspace(0, 1, 101)


def coco(score: np.ndarray, right: np.ndarray, wrong: np.ndarray, total: int):
    """(precision at 101 recalls (t, 101), recall (t,)) of one category over all its images.

    `score` (n,), `right` and `wrong` (t, n) for t thresholds, in the order of the images: a
    prediction that is neither counts for nothing. `total` true boxes. The precision at a recall
    is the largest at it or beyond, 0 beyond the last one (Lin et al., COCO evaluation).
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[:, order], axis=1, dtype=float)
    misses = np.cumsum(wrong[:, order], axis=1, dtype=float)
    out = np.zeros((len(right), len(RECALLS)))
    if not score.size:
        return out, np.zeros(len(right))
    recall = hits / total
    precision = hits / (misses + hits + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for t in range(len(right)):
        at = np.searchsorted(recall[t], RECALLS, side="left")
        out[t] = np.append(precision[t], 0.0)[at]
    return out, recall[:, -1]


def area(right: np.ndarray, total: int) -> tuple[float, float]:
    """(average precision, recall) of right and wrong predictions (n,), surest first: the area
    under the precision that never rises with recall (PASCAL VOC since 2010)."""
    if total == 0:
        return 0.0, 0.0
    hits = np.cumsum(right, dtype=float)
    recall = np.concatenate([[0.0], hits / total, [1.0]])
    precision = hits / np.maximum(np.arange(1, len(right) + 1), np.finfo(float).eps)
    precision = np.concatenate([[0.0], precision, [0.0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    ap = float(((recall[steps + 1] - recall[steps]) * precision[steps + 1]).sum())
    return ap, float(hits[-1] / total) if len(right) else 0.0


def score_free(right: int, predicted: int, total: int) -> float | None:
    """What COCO's average precision is where all predictions are equally sure and stand in no
    order: precision times the share of the 101 recalls that is reached. None without true boxes."""
    if total == 0:
        return None
    reached = float((right / total >= RECALLS - 1e-12).mean())
    return right / predicted * reached if predicted else 0.0
