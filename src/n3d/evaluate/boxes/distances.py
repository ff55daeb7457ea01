"""Average precision by the distance of centres, and the Open Detection Score made of it.

A prediction matches a true box where the distance of their centres is at most t r, with r half
the length of the true dimensions' vector, |dimensions| / 2, for t of 0.5, 0.55 ... 0.95. Of
matches at t, ATE = distance / (t r), ASE = 1 - IoU of the dimensions alone, AOE = angle / pi
(3D-MOOD; the thresholds are those that an IoU range 0.5 to 0.95 suggests, as its text leaves
them open). ODS = (3 AP + (1 - ATE) + (1 - ASE) + (1 - AOE)) / 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.evaluate.boxes import omni3d, tables
from n3d.evaluate.boxes.omni3d import Ranges
from n3d.evaluate.boxes.tables import Groups, Table
from n3d.geometry import Box3D
from n3d.geometry.box import RELABELLINGS

THRESHOLDS = np.linspace(0.5, 0.95, 10)


def evaluate(found: Table, true: Table) -> dict[str, Any]:
    """AP by centre distance over all depths and by range, the errors of matches and ODS."""
    g = tables.groups(found, true, most=omni3d.MOST[-1])
    apart = _apart(found, true, g)
    # A worth that falls with distance, so that the matching of COCO applies: d <= t is
    # 1 / (1 + d) >= 1 / (1 + t). A little slack keeps d = t a match.
    limits = 1 / (1 + THRESHOLDS) - 1e-12
    ranges = Ranges(limits, omni3d.DEPTHS, omni3d.IN_3D.names, ())
    worth = 1 / (1 + apart)
    m = omni3d.match(found, true, g, worth, np.ones(len(worth), bool), ranges)
    ap = omni3d.summary(found, g, m, m.ignored, ranges)
    errors = _errors(found, true, g, m)
    known = ap["ap"]
    ods = None
    if known is not None:
        ods = (3 * known + sum(1 - v for v in errors.values())) / 6
    by_threshold = dict(zip((f"{t:.2f}" for t in THRESHOLDS), ap.pop("ap_by_threshold").values()))
    return {**ap, "ap_by_threshold": by_threshold, **errors, "ods": ods}


def _apart(found: Table, true: Table, g: Groups) -> np.ndarray:
    """Distance of the centres of every pair over the true radius."""
    gap = found.box.center[g.pair_det] - true.box.center[g.pair_truth]
    radius = np.linalg.norm(true.box.size, axis=-1) / 2
    return np.linalg.norm(gap, axis=-1) / radius[g.pair_truth]


def _errors(found: Table, true: Table, g: Groups, m: omni3d.Matched) -> dict[str, float]:
    """Mean errors of the matches over thresholds and categories; 1 where there is no match."""
    kind = g.category[g.det_group]
    true_kinds = np.unique(true.category[~true.ignored])
    right = (m.taken[0] >= 0) & ~m.ignored[0]
    rows: dict[str, list[float]] = {"ate": [], "ase": [], "aoe": []}
    for k in true_kinds:
        for t, limit in enumerate(THRESHOLDS):
            own = np.flatnonzero(right[t] & (kind == k))
            if not len(own):
                for values in rows.values():
                    values.append(1.0)
                continue
            p = found.box[g.detections[own]]
            q = true.box[g.truths[m.taken[0, t, own]]]
            gap = np.linalg.norm(p.center - q.center, axis=-1)
            radius = np.linalg.norm(q.size, axis=-1) / 2
            rows["ate"].append(float(np.mean(gap / (radius * limit))))
            size, angle = aligned(p, q)
            shared = np.minimum(size, q.size).prod(axis=-1)
            union = size.prod(axis=-1) + q.size.prod(axis=-1) - shared
            rows["ase"].append(float(np.mean(1 - shared / union)))
            rows["aoe"].append(float(np.mean(angle / np.pi)))
    return {name: float(np.mean(v)) if v else 1.0 for name, v in rows.items()}


def aligned(p: Box3D, q: Box3D) -> tuple[np.ndarray, np.ndarray]:
    """(sizes (n, 3), angles (n,)) of predicted boxes with the axis labels, of 24, that turn them
    least against the true ones: a box has no name on its sides."""
    turns = np.swapaxes(q.rotation, -1, -2) @ p.rotation
    traces = np.einsum("nij,kji->nk", turns, RELABELLINGS)
    best = traces.argmax(axis=1)
    size = (p.size[:, None, :] @ np.abs(RELABELLINGS[best]))[:, 0]
    trace = np.take_along_axis(traces, best[:, None], axis=1)[:, 0]
    return size, np.arccos(np.clip((trace - 1) / 2, -1, 1))
