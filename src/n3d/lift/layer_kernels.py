"""Compiled loops over the layers of a mask, from its outline inwards: the blurred rim.

They run over whole crops without branches, so that they are vectorised; layers are 0 outside the
mask and DEEP inside the last one that is numbered.
"""

from __future__ import annotations

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

DEEP = 255


@nb.njit(**_options)
def peel(inside, most, layer):
    """Number the mask's outermost `most` layers 1, 2, ... from its outline inwards.

    The first touches what is not mask, or the crop's end, across a side; each next one touches
    the one before, across a corner too.
    """
    h, n = inside.shape
    one, deep = np.uint8(1), np.uint8(DEEP)
    for i in range(h):
        here = inside[i]
        above = inside[i - 1] if i > 0 else here
        below = inside[i + 1] if i < h - 1 else here
        out = layer[i]
        for j in range(1, n - 1):
            among = here[j - 1] & here[j + 1] & above[j] & below[j]
            out[j] = here[j] * (deep if among else one)
        out[0], out[n - 1] = here[0], here[n - 1]
    layer[0], layer[h - 1] = inside[0], inside[h - 1]
    reached = np.zeros(n + 2, np.uint8)
    touched = np.empty(n, np.uint8)
    for depth in range(1, most):
        last, new = np.uint8(depth), np.uint8(depth + 1)
        for i in range(h):
            here = layer[i]
            above, below = layer[max(i - 1, 0)], layer[min(i + 1, h - 1)]
            for j in range(n):
                reached[j + 1] = (above[j] == last) | (here[j] == last) | (below[j] == last)
            for j in range(n):
                touched[j] = reached[j] | reached[j + 1] | reached[j + 2]
            for j in range(n):
                here[j] = new if (here[j] == deep) & (touched[j] != 0) else here[j]


@nb.njit(**_options)
def blurred(edge, layer, least, most):
    """How many outer layers of the mask are edge in at least a quarter of their pixels."""
    h, n = layer.shape
    erode = min(least, most)
    total, hits = np.empty(n, np.uint16), np.empty(n, np.uint16)
    while erode < most:
        total[:] = 0
        hits[:] = 0
        which = np.uint8(erode + 1)
        for i in range(h):
            here, marks = layer[i], edge[i]
            for j in range(n):
                mine = np.uint8(here[j] == which)
                total[j] += mine
                hits[j] += mine & marks[j]
        if 4 * hits.sum() <= max(total.sum(), 1):
            break
        erode += 1
    return erode


@nb.njit(**_options)
def keep(w, edge, layer, erode, core):
    """Mark the trusted pixels: valid, inside, off the depth edges and `erode` layers deep.

    The ridge of a part that is too thin for that (a table's leg) stays, as 2, where it stands
    out towards the camera: there the blur is least.
    """
    h, n = w.shape
    deep, rim = np.uint8(DEEP), np.uint8(erode)
    highest = np.zeros(n + 2, np.uint8)
    ridge = np.empty(n, np.uint8)
    for i in range(h):
        here, values, marks, good = layer[i], w[i], edge[i], core[i]
        above, below = layer[max(i - 1, 0)], layer[min(i + 1, h - 1)]
        for j in range(n):
            good[j] = (here[j] > rim) & (values[j] > 0) & (marks[j] == 0)
            highest[j + 1] = max(above[j], here[j], below[j])
        some = np.uint8(0)
        for j in range(n):
            top = max(highest[j], highest[j + 1], highest[j + 2])
            low = (here[j] > 0) & (here[j] != deep) & (top == here[j])
            ridge[j] = low & (good[j] == 0) & (values[j] > 0)
            some |= ridge[j]
        if some:
            for j in range(n):
                if ridge[j] and _foremost(w, i, j):
                    good[j] = 2


@nb.njit(**_options)
def _foremost(w, i, j):
    """Whether no neighbour is clearly nearer to the camera."""
    h, n = w.shape
    nearest = np.float32(0)
    for y in range(max(0, i - 1), min(h, i + 2)):
        for x in range(max(0, j - 1), min(n, j + 2)):
            nearest = max(nearest, w[y, x])
    return w[i, j] >= np.float32(0.96) * nearest
