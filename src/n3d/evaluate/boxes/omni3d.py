"""AP3D of Omni3D (Brazil et al., CVPR 2023), and AP2D beside it.

IoU 0.05 to 0.50, 101 recalls, at most 1, 10 and 100 predictions of a category in an image, all
depths and near [0, 10], medium [10, 35], far [35, inf) metres. True boxes outside a range, and
ignored ones, count neither way, nor do predictions outside it that hit nothing. Under the
proximity rule, for data sets that are not labelled in full (Objectron, SUN RGB-D), a prediction
counts only where its rectangle has a 2D IoU over 0.3 with that of a true box of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.evaluate.boxes import precision, tables
from n3d.evaluate.boxes.tables import Groups, Table
from n3d.geometry import overlap

MOST = (1, 10, 100)
NEAR_2D = 0.3
THRESHOLDS_3D = np.linspace(0.05, 0.50, 10)
THRESHOLDS_2D = np.linspace(0.50, 0.95, 10)
DEPTHS = ((0.0, 1e5), (0.0, 10.0), (10.0, 35.0), (35.0, 1e5))
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))


@dataclass(frozen=True)
class Ranges:
    """Thresholds, ranges of depth (or of pixel area) and the names of the ranges and thresholds
    that a report has."""

    thresholds: np.ndarray
    limits: tuple[tuple[float, float], ...]
    names: tuple[str, ...]
    shown: tuple[tuple[str, float], ...]


IN_3D = Ranges(
    THRESHOLDS_3D, DEPTHS, ("near", "medium", "far"),
    (("ap15", 0.15), ("ap25", 0.25), ("ap50", 0.50)),
)  # fmt: skip
IN_2D = Ranges(
    THRESHOLDS_2D, AREAS, ("small", "medium", "large"),
    (("ap50", 0.50), ("ap75", 0.75), ("ap95", 0.95)),
)  # fmt: skip


def evaluate(
    found: Table, true: Table, *, proximity: bool = False, in_2d: bool = False,
    worth: np.ndarray | None = None, grouped: Groups | None = None,
) -> dict[str, Any]:  # fmt: skip
    """AP, AR and their parts, as shares; None where there is no true box.

    `worth` replaces the IoU of the pairs of `grouped`. Categories are keyed by their number.
    """
    ranges = IN_2D if in_2d else IN_3D
    g = grouped or tables.groups(found, true, most=MOST[-1])
    if worth is None:
        worth = (rectangle_ious if in_2d else box_ious)(found, true, g)
    near = rectangle_ious(found, true, g) > NEAR_2D if proximity else np.ones(len(worth), bool)
    matched = match(found, true, g, worth, near, ranges, in_2d)
    ignored = matched.ignored
    if proximity:
        ignored = ignored | _far(g, near)
    return summary(found, g, matched, ignored, ranges)


@dataclass(frozen=True, eq=False)
class Matched:
    """`taken` (ranges, thresholds, predictions): the place in `Groups.truths` of the true box, or
    -1; `ignored` of the same shape; `truth_ignored` (ranges, truths) in the order of the groups."""

    taken: np.ndarray
    ignored: np.ndarray
    truth_ignored: np.ndarray


def match(found: Table, true: Table, g: Groups, worth, allowed, ranges: Ranges, in_2d=False):
    """Pairs at every range and threshold, and which predictions count for nothing."""
    from n3d.evaluate.boxes import match_kernels  # numba: imported when first needed

    size = [rectangle_area(t.rectangle) if in_2d else t.depth for t in (found, true)]
    low, high = np.array(ranges.limits).T[:, :, None]
    of_truth, of_found = size[1][g.truths], size[0][g.detections]
    truth_ignored = true.ignored[g.truths] | (of_truth < low) | (of_truth > high)
    taken = np.full((len(low), len(ranges.thresholds), len(g.detections)), -1)
    match_kernels.greedy(
        g.det_start, g.truth_start, g.pair_start, worth, allowed, truth_ignored,
        ranges.thresholds, taken,
    )  # fmt: skip
    outside = ((of_found < low) | (of_found > high))[:, None]
    ignored = np.where(taken < 0, outside, False)
    for a in range(len(low)):
        hit = taken[a] >= 0
        ignored[a][hit] = truth_ignored[a][taken[a][hit]]
    return Matched(taken, ignored, truth_ignored)


def _far(g: Groups, near: np.ndarray) -> np.ndarray:
    """Predictions near no true rectangle of their group; none of a group without true boxes."""
    n_truth = np.diff(g.truth_start)[g.det_group]
    any_near = np.zeros(len(n_truth), bool)
    at = np.repeat(np.arange(len(n_truth)), n_truth)
    np.logical_or.at(any_near, at, near)
    return (n_truth > 0) & ~any_near


def summary(found: Table, g: Groups, m: Matched, ignored: np.ndarray, ranges: Ranges):
    """AP and AR of matches, overall and by range, threshold and category."""
    kinds = np.unique(g.category)
    truth_kind = g.category[np.repeat(np.arange(len(g.image)), np.diff(g.truth_start))]
    det_kind = g.category[g.det_group]
    combos = [(0, most) for most in MOST] + [(a, MOST[-1]) for a in (1, 2, 3)]
    shape = (len(combos), len(kinds), len(ranges.thresholds))
    ap, ar = np.full((*shape, len(precision.RECALLS)), np.nan), np.full(shape, np.nan)
    right = (m.taken >= 0) & ~ignored
    wrong = (m.taken < 0) & ~ignored
    score = found.score[g.detections]
    for k, kind in enumerate(kinds):
        own, own_truth = det_kind == kind, truth_kind == kind
        for c, (a, most) in enumerate(combos):
            total = int((~m.truth_ignored[a, own_truth]).sum())
            if total:
                these = own & (g.rank < most)
                ap[c, k], ar[c, k] = precision.coco(
                    score[these], right[a][:, these], wrong[a][:, these], total
                )
    return _named(ap, ar, kinds, ranges)


def _named(ap: np.ndarray, ar: np.ndarray, kinds: np.ndarray, ranges: Ranges) -> dict[str, Any]:
    full = ap[2]
    out: dict[str, Any] = {"ap": _mean(full)}
    for name, threshold in ranges.shown:
        at = int(np.argmin(np.abs(ranges.thresholds - threshold)))
        out[name] = _mean(full[:, at])
    for a, name in enumerate(ranges.names):
        out[f"ap_{name}"] = _mean(ap[3 + a])
    for c, most in enumerate(MOST):
        out[f"ar{most}"] = _mean(ar[c])
    for a, name in enumerate(ranges.names):
        out[f"ar_{name}"] = _mean(ar[3 + a])
    out["stats"] = [-1.0 if v is None else v for v in out.values()]
    out["ap_by_threshold"] = {
        f"{t:.2f}": _mean(full[:, i]) for i, t in enumerate(ranges.thresholds)
    }
    out["ap_by_category"] = {int(kind): _mean(full[k]) for k, kind in enumerate(kinds)}
    return out


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def box_ious(found: Table, true: Table, g: Groups) -> np.ndarray:
    """Exact IoU of every pair of the groups, (pairs,)."""
    if not len(g.pair_det):
        return np.zeros(0)
    return overlap.iou_pairs(found.box[g.pair_det], true.box[g.pair_truth])


def rectangle_area(rectangle: np.ndarray) -> np.ndarray:
    """Square pixels of rectangles (..., 4)."""
    return (rectangle[..., 2] - rectangle[..., 0]) * (rectangle[..., 3] - rectangle[..., 1])


def rectangle_ious(found: Table, true: Table, g: Groups) -> np.ndarray:
    """IoU of the rectangles of every pair, 0 where one has none."""
    return flat_ious(found.rectangle[g.pair_det], true.rectangle[g.pair_truth])


def flat_ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of rectangles (..., 4) with each other, 0 where one is NaN."""
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.where((sides > 0).all(axis=-1), sides.prod(axis=-1), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = shared / (rectangle_area(a) + rectangle_area(b) - shared)
    return np.nan_to_num(out)
