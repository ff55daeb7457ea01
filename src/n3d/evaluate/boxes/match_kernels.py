"""Compiled loops that pair predictions with true boxes, group by group."""

from __future__ import annotations

import numba as nb
import numpy as np

_ints = nb.types.Array(nb.int64, 1, "C", readonly=True)
_reals = nb.types.Array(nb.float64, 1, "C", readonly=True)
_flags = nb.types.Array(nb.boolean, 1, "C", readonly=True)
_flag_rows = nb.types.Array(nb.boolean, 2, "C", readonly=True)


@nb.njit(
    nb.void(_ints, _ints, _ints, _reals, _flags, _flag_rows, _reals, nb.int64[:, :, ::1]),
    cache=True,
)
def greedy(det_start, truth_start, pair_start, worth, allowed, ignored, thresholds, taken):
    """The matching of COCO's evaluation for every range and threshold.

    Surest first, each prediction takes the free true box of the group with the largest worth of
    at least the threshold, the later of equal ones; one that is ignored only where no other is
    left. `worth` and `allowed` hold each group's matrix row by row, `ignored` (ranges, truths)
    and `taken` (ranges, thresholds, predictions), the place of the true box in its order or -1,
    follow the order of the groups.
    """
    most = 0
    for g in range(len(truth_start) - 1):
        most = max(most, truth_start[g + 1] - truth_start[g])
    used, order = np.empty(most, np.bool_), np.empty(most, np.int64)
    for g in range(len(det_start) - 1):
        d0, d1, t0, t1 = det_start[g], det_start[g + 1], truth_start[g], truth_start[g + 1]
        n = t1 - t0
        for a in range(ignored.shape[0]):
            k = 0
            for wanted in (False, True):
                for j in range(n):
                    if ignored[a, t0 + j] == wanted:
                        order[k] = j
                        k += 1
            for t in range(len(thresholds)):
                used[:n] = False
                for d in range(d0, d1):
                    best, at = min(thresholds[t], 1 - 1e-10), -1
                    row = pair_start[g] + (d - d0) * n
                    for k in range(n):
                        j = order[k]
                        if used[j] or not allowed[row + j]:
                            continue
                        if at >= 0 and not ignored[a, t0 + at] and ignored[a, t0 + j]:
                            break
                        if worth[row + j] >= best:
                            best, at = worth[row + j], j
                    taken[a, t, d] = -1 if at < 0 else t0 + at
                    if at >= 0:
                        used[at] = True


@nb.njit(nb.void(_ints, _ints, _ints, _reals, _ints, _reals, nb.boolean[:, ::1]), cache=True)
def first_come(det_start, truth_start, pair_start, worth, order, thresholds, hit):
    """The matching of PASCAL VOC and mmdetection3d's indoor evaluation.

    Predictions, surest first over all images (`order`), are right where the true box that they
    overlap most does so by more than the threshold and was not taken before: `hit` (thresholds,
    predictions) in the order of the groups.
    """
    group = np.empty(det_start[-1], np.int64)
    for g in range(len(det_start) - 1):
        group[det_start[g] : det_start[g + 1]] = g
    for t in range(len(thresholds)):
        used = np.zeros(truth_start[-1], np.bool_)
        for d in order:
            g = group[d]
            n = truth_start[g + 1] - truth_start[g]
            row = pair_start[g] + (d - det_start[g]) * n
            best, at = -np.inf, -1
            for j in range(n):
                if worth[row + j] > best:
                    best, at = worth[row + j], j
            hit[t, d] = at >= 0 and best > thresholds[t] and not used[truth_start[g] + at]
            if hit[t, d]:
                used[truth_start[g] + at] = True
