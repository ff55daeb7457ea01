"""Compiled loops that find the yaw at which points lie on two planes at right angles."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def peakedness(x, z, angle, width):
    """How much the points pile up when seen along two axes at `angle`: sum of squared counts."""
    c, s = math.cos(angle), math.sin(angle)
    n = x.shape[0]
    low_a = low_b = np.inf
    high_a = high_b = -np.inf
    for i in range(n):
        a, b = c * x[i] + s * z[i], c * z[i] - s * x[i]
        low_a, high_a = min(low_a, a), max(high_a, a)
        low_b, high_b = min(low_b, b), max(high_b, b)
    size = 256
    width = max(width, max(high_a - low_a, high_b - low_b) / (size - 3))
    bins_a = np.zeros(size, np.int32)
    bins_b = np.zeros(size, np.int32)
    scale = 1 / width
    for i in range(n):
        a, b = c * x[i] + s * z[i], c * z[i] - s * x[i]
        bins_a[int((a - low_a) * scale)] += 1
        bins_b[int((b - low_b) * scale)] += 1
    total = 0.0
    for k in range(size - 1):
        total += float(bins_a[k] + bins_a[k + 1]) ** 2 + float(bins_b[k] + bins_b[k + 1]) ** 2
    return total


@nb.njit(**_options)
def sweep(x, z, width, steps):
    """The yaw in [0, pi/2) at which the points pile up most, to about 0.2 degrees."""
    quarter = math.pi / 2
    best = -1.0
    angle = 0.0
    step = quarter / steps
    for k in range(steps):
        score = peakedness(x, z, k * step, width)
        if score > best:
            best, angle = score, k * step
    for _ in range(3):
        step /= 2
        middle = angle
        for k in (-1, 1):
            score = peakedness(x, z, middle + k * step, width)
            if score > best:
                best, angle = score, middle + k * step
    return angle


@nb.njit(**_options)
def turn_to_faces(x, z, on_a, on_b, angle):
    """Total least squares: the angle at which points on faces a and b (at right angles) lie best.

    Face b is turned by a quarter about its mean, so that one scatter matrix serves both. Returns
    the angle and its standard deviation from the residuals.
    """
    sxx = sxz = szz = 0.0
    n = 0
    for which in range(2):
        mx = mz = 0.0
        k = 0
        for i in range(x.shape[0]):
            if on_a[i] if which == 0 else on_b[i]:
                mx += x[i]
                mz += z[i]
                k += 1
        if k < 3:
            continue
        mx /= k
        mz /= k
        n += k
        for i in range(x.shape[0]):
            if on_a[i] if which == 0 else on_b[i]:
                dx, dz = x[i] - mx, z[i] - mz
                if which == 1:
                    dx, dz = dz, -dx
                sxx += dx * dx
                sxz += dx * dz
                szz += dz * dz
    if n < 3:
        return angle, 0.5
    along = 0.5 * math.atan2(2 * sxz, sxx - szz)  # of the face; its normal is a quarter further
    normal = along + math.pi / 2
    turns = round((normal - angle) / math.pi)
    found = normal - turns * math.pi
    root = math.sqrt((0.5 * (sxx - szz)) ** 2 + sxz * sxz)
    small, large = 0.5 * (sxx + szz) - root, 0.5 * (sxx + szz) + root
    deviation = math.sqrt(max(small, 0.0) / n / max(large, 1e-12))
    return found, min(deviation, 0.5)
