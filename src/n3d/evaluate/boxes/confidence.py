"""Whether the scores of boxes mean something; what is said without scores where there are none.

The two are never mixed: a report is either "scored", with average precision and calibration, or
"score-free", where all scores are equal or absent, and has neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate import calibration
from n3d.evaluate.boxes import pairing
from n3d.evaluate.boxes.tables import Groups, Table

THRESHOLDS = (0.25, 0.50)


def mode(found: Table) -> str:
    """ "scored" or "score-free"."""
    return "scored" if found.scored else "score-free"


def report(found: Table, true: Table, g: Groups, worth: np.ndarray) -> dict[str, Any]:
    """Calibration of the scores against "its IoU is at least k"; `tied` is the share of the
    predictions whose score another one of the file has too."""
    out: dict[str, Any] = {"mode": mode(found)}
    if not found.scored:
        return out
    out["tied"] = tied(found.score)
    if not ((found.score >= 0) & (found.score <= 1)).all():
        return {**out, "note": "scores outside 0 to 1: not calibrated"}
    for threshold in THRESHOLDS:
        dets, truths = pairing.pairs_of(found, g, worth, threshold, "greedy")
        right, counted = np.zeros(len(found), bool), np.ones(len(found), bool)
        right[dets] = True
        counted[dets[true.ignored[truths]]] = False
        s, r = found.score[counted].tolist(), right[counted].tolist()
        out[f"at_{threshold:.2f}"] = {
            "ece": calibration.ece(s, r),
            "ece_adaptive": calibration.ece_adaptive(s, r),
            "brier": calibration.brier(s, r),
            "aurc": calibration.aurc(s, r),
            "share_right": float(np.mean(r)) if r else None,
        }
    return out


def tied(score: np.ndarray) -> float:
    """The share of scores that are not alone."""
    _, at, count = np.unique(score, return_inverse=True, return_counts=True)
    return float((count[at] > 1).mean()) if score.size else 0.0
