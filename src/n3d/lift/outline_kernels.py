"""Compiled loops that find an object's outline: planes continued past the trusted pixels."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def _plane(w, core, si, sj, jump, reach, stride, out):
    """Slope of w per column and row around a trusted pixel, and its value there, by least squares.

    A small pull towards zero slope keeps it finite where the window is a line or a point.
    """
    h, n = w.shape
    middle = w[si, sj]
    sw = sx = sy = sxx = sxy = syy = sv = svx = svy = 0.0
    for dy in range(-reach, reach + 1, stride):
        y = si + dy
        if y < 0 or y >= h:
            continue
        for dx in range(-reach, reach + 1, stride):
            x = sj + dx
            if x < 0 or x >= n or not core[y, x]:
                continue
            v = w[y, x] - middle
            if abs(v) > jump * middle * (1 + max(abs(dx), abs(dy))):
                continue
            sw += 1
            sx += dx
            sy += dy
            sxx += dx * dx
            sxy += dx * dy
            syy += dy * dy
            sv += v
            svx += v * dx
            svy += v * dy
    mx, my, mv = sx / sw, sy / sw, sv / sw
    pull = 0.5 * reach
    cxx = sxx - sw * mx * mx + pull
    cyy = syy - sw * my * my + pull
    cxy = sxy - sw * mx * my
    bx, by = svx - sw * mx * mv, svy - sw * my * mv
    det = cxx * cyy - cxy * cxy
    gx, gy = (bx * cyy - by * cxy) / det, (by * cxx - bx * cxy) / det
    out[0] = gx
    out[1] = gy
    out[2] = middle + mv - gx * mx - gy * my


@nb.njit(**_options)
def scatter(w, core, total, reach, most):
    """Relative noise of sparse samples: the median distance from neighbours' planes."""
    h, n = w.shape
    step = max(1, total // most)
    found = np.empty(total // step + 2)
    plane = np.empty(3)
    k = 0
    seen = 0
    for i in range(h):
        for j in range(n):
            if core[i, j]:
                if seen % step == 0:
                    _plane(w, core, i, j, 0.02, reach, 1, plane)
                    found[k] = abs(plane[2] - w[i, j]) / w[i, j]
                    k += 1
                seen += 1
    # The sample is one of about ten that made its plane, so its distance is a little small.
    return float(np.median(found[:k])) * 1.4826 * 1.1 if k >= 8 else 0.003


@nb.njit(**_options)
def grow(w, inside, core, jump, step, reach, window, stride, expected, share, behind):
    """Decide the pixels around the trusted ones, layer by layer, up to `reach` layers away.

    Each takes over the plane of the trusted pixel it grew from: `expected` is the inverse depth
    of that plane there. Where depth has a step of more than `step` (relative) between that plane
    and what lies beyond, the pixel belongs to the object if its own depth is on the object's
    side of the middle (`share` >= 0.5); elsewhere the mask decides (`share` 1 or 0, and -1 in
    `behind`, which else holds the inverse depth beyond). Trusted pixels have share 2.
    """
    h, n = w.shape
    order = np.empty((h * n, 2), np.int32)
    source = np.empty(h * n, np.int32)  # the pixel of the first layer whose plane is taken over
    behind[:] = -1
    filled = _first_layer(w, core, jump, order, source, expected, share)
    planes = np.empty((filled, 3))
    planes[:, 2] = -1
    start = 0
    for _ in range(reach):
        stop = filled
        for k in range(start, stop):
            i, j = order[k, 0], order[k, 1]
            s = source[k]
            si, sj = order[s, 0], order[s, 1]
            for y in range(max(0, i - 1), min(h, i + 2)):
                for x in range(max(0, j - 1), min(n, j + 2)):
                    if share[y, x] != -1:
                        continue
                    if planes[s, 2] < 0:
                        _plane(w, core, si, sj, jump, window, stride, planes[s])
                    _decide(w, inside, planes[s], si, sj, y, x, step, expected, share, behind)
                    # Outside the mask nothing follows once the object has ended.
                    if inside[y, x] or share[y, x] >= 0.5:
                        order[filled, 0], order[filled, 1] = y, x
                        source[filled] = s
                        filled += 1
        start = stop


@nb.njit(**_options)
def _first_layer(w, core, jump, order, source, expected, share):
    """List the trusted pixels with an untrusted neighbour; those close together share a plane."""
    h, n = w.shape
    rim = np.zeros(-(-n // 8) * 8, np.uint8)
    eight = rim.view(np.uint64)  # the rim is thin: eight pixels are passed over at once
    across = n // 3 + 1
    block = np.full((h // 3 + 1) * across, -1, np.int32)
    filled = 0
    expected[:] = w
    for i in range(h):
        here = core[i]
        above = core[i - 1] if i > 0 else here
        below = core[i + 1] if i < h - 1 else here
        out = share[i]
        for j in range(n):
            out[j] = np.float32(2) if here[j] else np.float32(-1)
        rim[0], rim[n - 1] = here[0] != 0, here[n - 1] != 0
        for j in range(1, n - 1):  # no branches: vectorised
            deep = (above[j] != 0) & (below[j] != 0) & (here[j - 1] != 0) & (here[j + 1] != 0)
            rim[j] = (here[j] != 0) & (not deep)
        for e in range(eight.shape[0]):
            if eight[e] == 0:
                continue
            for j in range(8 * e, 8 * e + 8):
                if rim[j]:
                    order[filled, 0], order[filled, 1] = i, j
                    source[filled] = filled
                    at = i // 3 * across + j // 3
                    k = block[at]
                    if k < 0:
                        block[at] = filled
                    elif abs(w[order[k, 0], order[k, 1]] - w[i, j]) < jump * w[i, j]:
                        source[filled] = k
                    filled += 1
    return filled


@nb.njit(**_options)
def _decide(w, inside, plane, si, sj, y, x, step, expected, share, behind):
    h, n = w.shape
    dx, dy = x - sj, y - si
    least, most = 0.5 * plane[2], 2 * plane[2]
    here = min(max(plane[2] + plane[0] * dx + plane[1] * dy, least), most)
    expected[y, x] = here
    behind[y, x] = -1
    share[y, x] = 1 if inside[y, x] else 0
    # Four pixels on in the same direction, past the blur.
    four = 4.0 / max(abs(dx), abs(dy))
    qx, qy = x + math.floor(four * dx + 0.5), y + math.floor(four * dy + 0.5)
    if qx < 0 or qy < 0 or qx >= n or qy >= h or w[qy, qx] <= 0 or w[y, x] <= 0:
        return
    beyond = w[qy, qx]
    # Three more: where what lies there rises to meet the object (a floor at its foot), there is
    # no step, however different the depths a few pixels apart.
    three = 0.75 * four
    rx, ry = qx + math.floor(three * dx + 0.5), qy + math.floor(three * dy + 0.5)
    if 0 <= rx < n and 0 <= ry < h and w[ry, rx] > 0:
        slope = (beyond - w[ry, rx]) / 3
        if abs(slope) < step * beyond:
            beyond += 4 * slope
    if abs(beyond - here) <= step * beyond or beyond <= 0:
        return
    # Share of the object in a mixed depth: (z - z beyond) / (z object - z beyond).
    mixed = (beyond - w[y, x]) * here
    part = mixed / ((beyond - here) * w[y, x]) if beyond != here else 1.0
    share[y, x] = min(max(part, 0.0), 1.0)
    behind[y, x] = beyond


@nb.njit(**_options)
def outline(share, expected, behind, out):
    """The outermost object pixels of every row and column, with the edge between pixels.

    `out` (k, 6): u, v in crop pixels, expected inverse depth, inverse depth beyond (-1 where
    unknown), side (0 left, 1 right, 2 top, 3 bottom), 1 if the crop ends there. Returns k.
    """
    h, n = share.shape
    k = 0
    half = np.float32(0.5)
    first, last = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for i in range(h):
        here = share[i]
        a = 0
        while a < n and here[a] < half:
            a += 1
        if a == n:
            continue
        b = n - 1
        while here[b] < half:
            b -= 1
        _point(share, expected, behind, i, a, 0, -1, out[k])
        out[k, 4] = 0
        _point(share, expected, behind, i, b, 0, 1, out[k + 1])
        out[k + 1, 4] = 1
        k += 2
        row = np.int32(i)
        for j in range(n):  # no branches: vectorised
            mine = here[j] >= half
            last[j] = row if mine else last[j]
            first[j] = row if mine & (first[j] < 0) else first[j]
    for j in range(n):
        if first[j] < 0:
            continue
        _point(share, expected, behind, first[j], j, -1, 0, out[k])
        out[k, 4] = 2
        _point(share, expected, behind, last[j], j, 1, 0, out[k + 1])
        out[k + 1, 4] = 3
        k += 2
    return k


@nb.njit(**_options)
def _point(share, expected, behind, i, j, dy, dx, out):
    h, n = share.shape
    y, x = i + dy, j + dx
    part = 0.5
    out[3] = -1
    out[5] = 1
    if 0 <= y < h and 0 <= x < n:
        out[5] = 0
        out[3] = behind[y, x]
        if share[i, j] <= 1 and behind[i, j] > 0 and behind[y, x] > 0 and share[y, x] >= 0:
            part = (share[i, j] - 0.5) / max(share[i, j] - share[y, x], 1e-6)
            part = min(max(part, 0.0), 1.0)
    out[0] = j + 0.5 + dx * part
    out[1] = i + 0.5 + dy * part
    out[2] = expected[i, j]


@nb.njit(**_options)
def place(outline, left, top, ends):
    """Move an outline from its crop into the image; of the crop's ends (left, right, top,
    bottom) only those in `ends` are the image's. Returns how many points lie on these."""
    cut = 0
    for k in range(outline.shape[0]):
        if not ends[int(outline[k, 4])]:
            outline[k, 5] = 0
        cut += outline[k, 5] > 0
        outline[k, 0] += left
        outline[k, 1] += top
    return cut
