"""Compiled loops that find the yaw at which points lie on two planes at right angles."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def peakedness(x, z, angle, width, radius, at, bins):
    """How much points within `radius` of the origin pile up when seen along two axes.

    The sum of squares of the counts in pairs of neighbouring bins, so that it does not matter
    where a bin begins. `at` (2, n) int32 and `bins` (4, k) int32 are scratch: neighbours among
    the points, which often fall into one bin, are counted in two sets of bins by turns.
    """
    c, s = math.cos(angle) / width, math.sin(angle) / width
    middle = radius / width + 1.0
    n = x.shape[0]
    first, second = at[0], at[1]
    for i in range(n):
        first[i] = np.int32(c * x[i] + s * z[i] + middle)
        second[i] = np.int32(c * z[i] - s * x[i] + middle)
    bins[:] = 0
    for i in range(0, n - 1, 2):
        bins[0, np.uint32(first[i])] += 1
        bins[1, np.uint32(second[i])] += 1
        bins[2, np.uint32(first[i + 1])] += 1
        bins[3, np.uint32(second[i + 1])] += 1
    if n % 2:
        bins[0, first[n - 1]] += 1
        bins[1, second[n - 1]] += 1
    total = 0
    for k in range(bins.shape[1] - 1):
        a = bins[0, k] + bins[2, k] + bins[0, k + 1] + bins[2, k + 1]
        b = bins[1, k] + bins[3, k] + bins[1, k + 1] + bins[3, k + 1]
        total += a * a + b * b
    return total


@nb.njit(**_options)
def sweep(x, z, width, steps):
    """The yaw in [0, pi/2) at which the points pile up most, to an eighth of a step.

    Moves the points, in place, to their mean.
    """
    n = x.shape[0]
    mx, mz = x.mean(), z.mean()
    radius = 0.0
    for i in range(n):
        x[i] -= mx
        z[i] -= mz
        radius = max(radius, x[i] * x[i] + z[i] * z[i])
    radius = math.sqrt(radius)
    width = max(width, 2 * radius / 250)
    bins = np.empty((4, int(2 * radius / width) + 4), np.int32)
    at = np.empty((2, n), np.int32)
    best = -1
    angle = 0.0
    step = math.pi / 2 / steps
    for k in range(steps):
        score = peakedness(x, z, k * step, width, radius, at, bins)
        if score > best:
            best, angle = score, k * step
    for _ in range(3):
        step /= 2
        middle = angle
        for k in (-1, 1):
            score = peakedness(x, z, middle + k * step, width, radius, at, bins)
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
