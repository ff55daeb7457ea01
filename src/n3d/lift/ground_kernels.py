"""A compiled loop that finds what lies lowest in a view."""

from __future__ import annotations

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

# Fewest samples, the share of them that counts as lowest, and how flat they must lie.
LEAST, LOWEST, FLAT = 50, 0.95, 0.02


@nb.njit(**_options)
def lowest(depth, step, dx, dy, dz, intrinsics, near, far):
    """How far down (dx, dy, dz) the median of the lowest samples lies; inf where not flat.

    Every `step`-th pixel of every `step`-th row is a sample.
    """
    fx, fy, cx, cy = intrinsics
    rows, columns = depth.shape[0] // step + 1, depth.shape[1] // step + 1
    y, z = np.empty(rows * columns), np.empty(rows * columns)
    k = 0
    for i in range(step // 2, depth.shape[0], step):
        b = dy * (i + 0.5 - cy) / fy + dz
        for j in range(step // 2, depth.shape[1], step):
            d = float(depth[i, j])
            y[k], z[k] = d * (dx * (j + 0.5 - cx) / fx + b), d
            k += (d > near) & (d < far)
    if k < LEAST:
        return np.inf
    end = np.quantile(y[:k], LOWEST)
    n = 0
    for i in range(k):
        if y[i] >= end:
            y[n], z[n] = y[i], z[i]
            n += 1
    middle = np.median(y[:n])
    flat = np.median(np.abs(y[:n] - middle) / z[:n]) < FLAT
    return middle if flat and middle > 0 else np.inf
