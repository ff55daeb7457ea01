"""Compiled loops that split trusted pixels into surfaces and choose the object's."""

from __future__ import annotations

import numba as nb
import numpy as np

# Relative change of inverse depth per pixel that a surface may have where pixels are missing.
SLOPE = 0.008

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def _root(parent, a):
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@nb.njit(**_options)
def split(w, core, jump, gap, runs, parent):
    """Split the trusted pixels into surfaces that are continuous in depth.

    Rows are cut into runs wherever w jumps by more than `jump` (relative); runs of
    neighbouring rows (up to `gap` rows or columns apart) join where they overlap at like
    depth. `runs` (k, 5): row, first and last column, root, pixels. Returns the run count.
    """
    h, n = w.shape
    k = 0
    before = np.zeros(h + 1, np.int64)
    follows, ends = np.zeros(n + 1, np.uint8), np.zeros(-(-n // 8) * 8, np.uint8)
    for i in range(h):
        before[i] = k
        if gap == 1:
            k = _runs(w[i], core[i], jump, follows, ends, i, runs, k)
        else:
            k = _sparse_runs(w[i], core[i], jump, gap, i, runs, k)
    before[h] = k
    for a in range(k):
        parent[a] = a
    for i in range(1, h):
        for back in range(1, min(gap, i) + 1):
            _join(w, core, jump + SLOPE * (back - 1), gap, runs, parent, before, i, i - back)
    for a in range(k):
        runs[a, 3] = _root(parent, a)
        runs[a, 4] = runs[a, 2] - runs[a, 1] + 1
    return k


@nb.njit(**_options)
def _runs(w, core, jump, follows, ends, row, runs, k):
    """The runs of a row without gaps. `follows` (n + 1) and `ends` (n, rounded up to eights),
    zero past the row, are scratch. Returns the run count."""
    n = w.shape[0]
    left, right, some, more, joined = w[:-1], w[1:], core[:-1], core[1:], follows[1:n]
    most = np.float32(jump)
    for j in range(n - 1):  # no branches: vectorised
        near = abs(right[j] - left[j]) <= most * right[j]
        joined[j] = np.uint8(near) & np.uint8(some[j] != 0) & np.uint8(more[j] != 0)
    after = follows[1:]
    for j in range(n):
        end = (follows[j] ^ 1) | (2 * (after[j] ^ 1))
        ends[j] = end if core[j] else np.uint8(0)
    eight = ends.view(np.uint64)
    for e in range(eight.shape[0]):
        if eight[e] == 0:
            continue
        for j in range(8 * e, 8 * e + 8):
            if ends[j] & 1:
                runs[k, 0], runs[k, 1] = row, j
            if ends[j] & 2:
                runs[k, 2] = j
                k += 1
    return k


@nb.njit(**_options)
def _sparse_runs(w, core, jump, gap, row, runs, k):
    """The runs of a row whose pixels may lie `gap` apart. Returns the run count."""
    start = last = -1
    for j in range(w.shape[0]):
        if not core[j]:
            continue
        if start >= 0 and (
            j - last > gap or abs(w[j] - w[last]) > (jump + SLOPE * (j - last - 1)) * w[j]
        ):
            runs[k, 0], runs[k, 1], runs[k, 2] = row, start, last
            k += 1
            start = -1
        if start < 0:
            start = j
        last = j
    if start >= 0:
        runs[k, 0], runs[k, 1], runs[k, 2] = row, start, last
        k += 1
    return k


@nb.njit(**_options)
def _join(w, core, jump, gap, runs, parent, before, row, above):
    low = before[above]
    for b in range(before[row], before[row + 1]):
        while low < before[above + 1] and runs[low, 2] < runs[b, 1] - gap:
            low += 1
        a = low
        while a < before[above + 1] and runs[a, 1] <= runs[b, 2] + gap:
            ra, rb = _root(parent, a), _root(parent, b)
            if ra != rb:
                first = max(runs[a, 1], runs[b, 1])
                last = min(runs[a, 2], runs[b, 2])
                joined = False
                if first > last:  # they only meet across a corner or a gap
                    x, y = (
                        (runs[a, 1], runs[b, 2])
                        if runs[a, 1] > runs[b, 2]
                        else (
                            runs[a, 2],
                            runs[b, 1],
                        )
                    )
                    joined = abs(w[above, x] - w[row, y]) <= jump * w[row, y]
                else:
                    stride = max(1, (last - first) // 4)
                    for j in range(first, last + 1, stride):
                        if core[above, j] and core[row, j]:
                            joined |= abs(w[above, j] - w[row, j]) <= jump * w[row, j]
                if joined:
                    parent[max(ra, rb)] = min(ra, rb)
            a += 1


@nb.njit(**_options)
def choose(w, core, runs, count, focal, least):
    """Keep the largest surface and those that lie within its depths plus its own breadth.

    Everything else in the mask is background seen past the outline, or something in front.
    Returns how many pixels are kept.
    """
    size = np.zeros(count, np.int64)
    thin = np.zeros(count, np.int64)
    low = np.full(count, np.float32(np.inf))
    high = np.zeros(count, np.float32)
    left = np.full(count, 1 << 30)
    right = np.zeros(count, np.int64)
    for r in range(count):
        root = runs[r, 3]
        i = runs[r, 0]
        left[root] = min(left[root], runs[r, 1])
        right[root] = max(right[root], runs[r, 2])
        pixels = ridge = 0
        least_w, most_w = np.float32(np.inf), np.float32(0)
        for j in range(runs[r, 1], runs[r, 2] + 1):
            if core[i, j]:
                pixels += 1
                ridge += core[i, j] == 2
                least_w = min(least_w, w[i, j])
                most_w = max(most_w, w[i, j])
        size[root] += pixels
        thin[root] += ridge
        low[root] = min(low[root], least_w)
        high[root] = max(high[root], most_w)
    best = np.argmax(size)
    if size[best] == 0:
        return 0
    nearest, farthest = 1 / high[best], 1 / low[best]
    breadth = 0.5 * (right[best] - left[best] + 1) / focal * (nearest + farthest)
    margin = max(breadth, farthest - nearest)
    kept = 0
    for root in range(count):
        if runs[root, 3] != root:
            continue
        good = root == best
        if not good and size[root] >= least:
            middle = 2 / (low[root] + high[root])
            good = (middle > nearest - margin) and (middle < farthest + margin)
            # A few thin pixels may be noise on the rim.
            good = good and (2 * thin[root] < size[root] or size[root] >= 2 * least)
        if good:
            kept += size[root]
        else:
            size[root] = 0
    for r in range(count):
        if size[runs[r, 3]] == 0:
            for j in range(runs[r, 1], runs[r, 2] + 1):
                core[runs[r, 0], j] = 0
    return kept
