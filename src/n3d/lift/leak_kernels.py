"""What a mask that is drawn too wide holds of the floor or wall beside the object: compiled.

Depth is inverse here, where planes are linear. Along each row and column, the pixels next to the
mask's border that lie on the surface beyond the border, and not on the one further inside, belong
to the former: a foot on a floor has no depth step that would tell them apart.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.pixel_kernels import bounds

_options = {"cache": True, "error_model": "numpy"}

STEP = 0.003
"""Relative difference of inverse depth from which two surfaces are two, where there is no noise."""
SAMPLES, REACH = 5, 8
"""Pixels that a line goes through: at least, and at most."""


@nb.njit(**_options)
def without_leaks(depth, mask, slack):
    """The mask (h, w) uint8 without leaked pixels, up to `slack` deep; the same one if none are."""
    h, w = depth.shape
    ends = np.empty(4, np.int64)
    if not bounds(mask, ends):
        return mask
    top, bottom, left, right = ends[0], ends[1], ends[2], ends[3]
    out = mask.copy()
    for v in range(top, bottom + 1):
        for u in range(left, right + 1):
            if mask[v, u] == 0:
                continue
            if u > 0 and mask[v, u - 1] == 0:
                _trim(depth, mask, out, v, u, 0, -1, slack)
            if u + 1 < w and mask[v, u + 1] == 0:
                _trim(depth, mask, out, v, u, 0, 1, slack)
            if v > 0 and mask[v - 1, u] == 0:
                _trim(depth, mask, out, v, u, -1, 0, slack)
            if v + 1 < h and mask[v + 1, u] == 0:
                _trim(depth, mask, out, v, u, 1, 0, slack)
    return out


@nb.njit(**_options)
def _trim(depth, mask, out, v, u, dv, du, slack):
    """Take leaked pixels off one end of a row or column, from the border pixel (v, u) inwards."""
    far, slope, noise = _line(depth, mask, v + dv, u + du, dv, du, 0)
    if math.isnan(far):
        return
    v1, u1 = v - slack * dv, u - slack * du
    near, rise, rough = _line(depth, mask, v1, u1, -dv, -du, 1)
    if math.isnan(near):
        return
    for d in range(slack):
        y, x = v - d * dv, u - d * du
        if not _is_mask(mask, y, x):
            return
        if not depth[y, x] > 0:
            continue
        here = 1 / depth[y, x]
        beyond = abs(here - (far - slope * (d + 1)))
        within = abs(here - (near - rise * (slack - d)))
        apart = max(STEP * here, 2 * rough, 2 * beyond)
        if beyond > max(STEP * here, 3 * noise) or within < apart:
            return
        out[y, x] = 0


@nb.njit(**_options)
def _line(depth, mask, v, u, dv, du, wanted):
    """The line through the inverse depths of up to REACH pixels from (v, u) on: its value there,
    slope a pixel, and the noise about it; NaN where fewer than SAMPLES have depth, or the pixels
    of that side end before."""
    h, w = depth.shape
    n = 0
    k1 = k2 = y1 = y2 = ky = 0.0
    for k in range(REACH):
        y, x = v + k * dv, u + k * du
        if not _inside(h, w, y, x) or (mask[y, x] != 0) != (wanted != 0):
            break
        if depth[y, x] > 0:
            value = 1 / depth[y, x]
            n += 1
            k1 += k
            k2 += k * k
            y1 += value
            y2 += value * value
            ky += k * value
    if n < SAMPLES:
        return math.nan, 0.0, 0.0
    spread = k2 - k1 * k1 / n
    slope = (ky - k1 * y1 / n) / spread
    rest = (y2 - y1 * y1 / n) - slope * slope * spread
    return (y1 - slope * k1) / n, slope, math.sqrt(max(rest, 0.0) / (n - 2))


@nb.njit(**_options)
def _is_mask(mask, v, u):
    return _inside(mask.shape[0], mask.shape[1], v, u) and mask[v, u] != 0


@nb.njit(**_options)
def _inside(h, w, v, u):
    return 0 <= v < h and 0 <= u < w
