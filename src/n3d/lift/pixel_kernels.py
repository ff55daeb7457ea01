"""Compiled loops over the pixels of one region: what can be trusted.

All work on the inverse depth w = 1/z of a crop (0 where invalid), because a plane is linear
in the image there: a slanted face has no second difference, whatever its slope.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def bounds(mask, out):
    """First and last row and column that hold any of the mask (uint8); False where it is empty."""
    h, w = mask.shape
    columns = np.zeros(w, np.uint8)
    top, bottom = -1, -1
    for i in range(h):
        some = np.uint8(0)
        for j in range(w):
            some |= mask[i, j]
        if some:
            for j in range(w):
                columns[j] |= mask[i, j]
            top = i if top < 0 else top
            bottom = i
    if top < 0:
        return False
    left, right = 0, w - 1
    while not columns[left]:
        left += 1
    while not columns[right]:
        right -= 1
    out[0], out[1], out[2], out[3] = top, bottom, left, right
    return True


@nb.njit(**_options)
def cut(depth, mask, top, left, near, far, w, inside):
    """Fill the crop's inverse depth and mask; how many mask pixels there are, and valid ones."""
    height, width = w.shape
    some, both = np.zeros(width, np.uint16), np.zeros(width, np.uint16)
    least, most = np.float32(near), np.float32(far)
    for i in range(height):
        row, marks = depth[top + i, left : left + width], mask[top + i, left : left + width]
        out, here = w[i], inside[i]
        for j in range(width):  # no branches: vectorised, and so is every count by column
            z = row[j]
            good = (z > least) & (z < most)
            out[j] = np.float32(1) / z if good else np.float32(0)
            here[j] = marks[j]
            some[j] += marks[j]
            both[j] += marks[j] & np.uint8(good)
    return some.sum(), both.sum()


@nb.njit(**_options)
def noise(w, inside, most):
    """Relative noise of w inside the mask: the median second difference along rows.

    White noise s gives second differences of standard deviation sqrt(6) s; 1.4826 turns the
    median absolute value of a normal variable into its standard deviation.
    """
    h, n = w.shape
    step = max(1, (h * n) // (4 * most))
    found = np.empty((h * n) // step + 1, np.float32)
    k = 0
    i, j = 0, -step
    for _ in range(0, h * n, step):
        j += step
        while j >= n:
            j -= n
            i += 1
        if 0 < j < n - 1 and inside[i, j] and inside[i, j - 1] and inside[i, j + 1]:
            a, b, c = w[i, j - 1], w[i, j], w[i, j + 1]
            if a > 0 and b > 0 and c > 0:
                found[k] = abs(a - 2 * b + c) / b
                k += 1
    if k < 8:
        return 0.0
    return float(np.median(found[:k])) * 1.4826 / math.sqrt(6.0)


@nb.njit(**_options)
def smooth(w, out):
    """3x3 mean of the valid values around each valid value."""
    h, n = w.shape
    for i in range(h):
        for j in range(n):
            out[i, j] = 0
            if w[i, j] > 0:
                total = np.float32(0)
                k = 0
                for y in range(max(0, i - 1), min(h, i + 2)):
                    for x in range(max(0, j - 1), min(n, j + 2)):
                        if w[y, x] > 0:
                            total += w[y, x]
                            k += 1
                out[i, j] = total / k


@nb.njit(**_options)
def edges(w, threshold, out):
    """Mark pixels at depth edges: second differences over +-2 pixels beyond `threshold` of w.

    Two pixels bridge the blur that stereo matchers, filters and networks leave at an edge; the
    stencil marks one pixel too many at both ends of it, which are given back. Flat middles of
    up to two pixels between marks are edge too.
    """
    h, n = w.shape
    hit = np.zeros(-(-n // 8) * 8, np.uint8)
    eight = hit.view(np.uint64)  # marks are few: eight are passed over at once
    begin = np.full(n, -1)
    latest = np.full(n, -10)
    out[:] = 0
    for i in range(h):
        _bends(w[i, : n - 4], w[i, 2 : n - 2], w[i, 4:], threshold, hit[2 : n - 2])
        last = -10
        start = -1
        for k in range(eight.shape[0]):
            if eight[k] == 0:
                continue
            for j in range(8 * k, 8 * k + 8):
                if hit[j]:
                    if j - last > 3:
                        for x in range(start + 1, last):
                            out[i, x] = 1
                        start = j
                    last = j
        for x in range(start + 1, last):
            out[i, x] = 1
    for i in range(2, h - 2):
        _bends(w[i - 2], w[i], w[i + 2], threshold, hit[:n])
        for k in range(eight.shape[0]):
            if eight[k] == 0:
                continue
            for j in range(8 * k, 8 * k + 8):
                if hit[j]:
                    if i - latest[j] > 3:
                        for y in range(begin[j] + 1, latest[j]):
                            out[y, j] = 1
                        begin[j] = i
                    latest[j] = i
    for j in range(n):
        for y in range(begin[j] + 1, latest[j]):
            out[y, j] = 1


@nb.njit(**_options)
def _bends(before, here, after, threshold, out):
    """Where the second difference is large. No branches: vectorised."""
    t = np.float32(threshold)
    zero = np.float32(0)
    for j in range(here.shape[0]):
        a, b, c = before[j], here[j], after[j]
        out[j] = np.uint8(abs(a + c - b - b) > t * b) & np.uint8(min(a, b, c) > zero)


@nb.njit(**_options)
def sample(w, core, total, most, left, top, out):
    """Every k-th trusted pixel as (u, v, w) in image pixels, at most `most`. Returns how many."""
    h, n = w.shape
    step = max(1, -(-total // most))
    k = 0
    wait = 0
    for i in range(h):
        here = core[i]
        for j in range(n):
            if here[j]:
                if wait == 0:
                    out[k, 0], out[k, 1], out[k, 2] = left + j + 0.5, top + i + 0.5, w[i, j]
                    k += 1
                    wait = step
                wait -= 1
    return k


@nb.njit(**_options)
def rim(w, core, deep, most, left, top, out):
    """The `deep` outermost trusted pixels of rows and columns: u, v, w, side, steps inwards.

    They hold what narrow faces show. Every k-th row or column is taken so that each side has
    at most `most` lines. Returns how many there are.
    """
    h, n = w.shape
    k = 0
    for i in range(0, h, max(1, -(-h // most))):
        for side in range(2):
            found = 0
            for x in range(n):
                j = x if side == 0 else n - 1 - x
                if core[i, j]:
                    out[k, 0], out[k, 1], out[k, 2] = left + j + 0.5, top + i + 0.5, w[i, j]
                    out[k, 3], out[k, 4] = side, found
                    k += 1
                    found += 1
                    if found == deep:
                        break
                elif found:
                    break
    for j in range(0, n, max(1, -(-n // most))):
        for side in range(2, 4):
            found = 0
            for y in range(h):
                i = y if side == 2 else h - 1 - y
                if core[i, j]:
                    out[k, 0], out[k, 1], out[k, 2] = left + j + 0.5, top + i + 0.5, w[i, j]
                    out[k, 3], out[k, 4] = side, found
                    k += 1
                    found += 1
                    if found == deep:
                        break
                elif found:
                    break
    return k
