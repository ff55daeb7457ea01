"""Compiled loops for objects that are round about the vertical: bottles, bins, balls, lamps.

Half of such an object is seen, and its other half is known by symmetry.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.end_kernels import edge

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

SLICES = 10
# Angles, of 15 degrees each over the half that faces the camera, that points must fill.
SECTORS, FILLED = 12, 8
# How much better than planes the circles must fit, and how far their width may be off.
BETTER, WIDTH_OFF = 0.75, 0.3
# How far, in shares of the width, points may stray from the circles beside the noise.
ROUGH = 0.03


@nb.njit(**_options)
def axis_of(xyz, use, center):
    """The vertical axis about which every slice of the points is a circle of its own radius.

    With q = x^2 + z^2, points on a circle of radius r about (a, b) have q - 2 a x - 2 b z =
    r^2 - a^2 - b^2, one constant per slice; differences from the slice's mean are free of it
    and linear in a and b. Returns how near three quarters of them come.
    """
    n = xyz.shape[0]
    low, high = np.inf, -np.inf
    for i in range(n):
        if use[i]:
            low, high = min(low, xyz[i, 1]), max(high, xyz[i, 1])
    scale = SLICES / max(high - low, 1e-9)
    count = np.zeros(SLICES)
    mean = np.zeros((SLICES, 3))
    part = np.empty(n, np.int64)
    for i in range(n):
        if use[i]:
            s = min(int((xyz[i, 1] - low) * scale), SLICES - 1)
            part[i] = s
            x, z = xyz[i, 0], xyz[i, 2]
            count[s] += 1
            mean[s, 0] += x
            mean[s, 1] += z
            mean[s, 2] += x * x + z * z
    for s in range(SLICES):
        mean[s] /= max(count[s], 1.0)
    xx = xz = zz = qx = qz = 0.0
    for i in range(n):
        if use[i]:
            s = part[i]
            x, z = xyz[i, 0] - mean[s, 0], xyz[i, 2] - mean[s, 1]
            q = xyz[i, 0] ** 2 + xyz[i, 2] ** 2 - mean[s, 2]
            xx += x * x
            xz += x * z
            zz += z * z
            qx += q * x
            qz += q * z
    det = 2 * (xx * zz - xz * xz)
    if not det > 0:
        return np.inf
    center[0] = (qx * zz - qz * xz) / det
    center[1] = (qz * xx - qx * xz) / det
    radius = np.zeros(SLICES)
    for i in range(n):
        if use[i]:
            radius[part[i]] += math.hypot(xyz[i, 0] - center[0], xyz[i, 2] - center[1])
    off = np.empty(n)
    k = 0
    for i in range(n):
        if use[i]:
            r = math.hypot(xyz[i, 0] - center[0], xyz[i, 2] - center[1])
            off[k] = abs(r - radius[part[i]] / count[part[i]])
            k += 1
    return np.quantile(off[:k], 0.75)


@nb.njit(**_options)
def off_planes(xyz, use, axes, position, seen):
    """Distance, for three quarters of the points, from the nearest of the seen vertical faces."""
    off = np.empty(xyz.shape[0])
    k = 0
    for i in range(xyz.shape[0]):
        if use[i]:
            off[k] = np.inf
            for f in (0, 2):
                if seen[f]:
                    at = axes[f, 0] * xyz[i, 0] + axes[f, 2] * xyz[i, 2]
                    off[k] = min(off[k], abs(at - position[f]))
            k += 1
    return np.quantile(off[:k], 0.75)


@nb.njit(**_options)
def filled(xyz, use, center):
    """How many sectors of the half that faces the camera hold points."""
    toward = math.atan2(-center[1], -center[0])
    hits = np.zeros(SECTORS, np.int64)
    for i in range(xyz.shape[0]):
        if use[i]:
            turn = math.atan2(xyz[i, 2] - center[1], xyz[i, 0] - center[0]) - toward
            turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
            at = math.floor((turn / math.pi + 0.5) * SECTORS)
            if 0 <= at < SECTORS:
                hits[at] += 1
    return (hits > 0).sum()


@nb.njit(**_options)
def is_round(xyz, out_rays, axes, position, seen, noise, result):
    """Whether circles fit the points off the top clearly better than planes do.

    `result` (4,): the axis' x and z, and the object's left and right end across the line of
    sight to the axis, where the outline's rays pass it.
    """
    n, m = xyz.shape[0], out_rays.shape[0]
    use = np.ones(n, np.bool_)
    body = n
    if seen[1]:
        height = 0.0
        for i in range(n):
            height = max(height, abs(axes[1, 1] * xyz[i, 1] - position[1]))
        for i in range(n):
            use[i] = axes[1, 1] * xyz[i, 1] > position[1] + 0.1 * height
            body -= not use[i]
    if body < 0.3 * n or body < 40:
        return False
    center = np.empty(2)
    circles = axis_of(xyz, use, center)
    far = math.hypot(center[0], center[1])
    if not circles < np.inf or far < 1e-3:
        return False
    # Across the line of sight to the axis.
    ax, az = center[1] / far, -center[0] / far
    values, sigmas = np.empty(m), np.empty(m)
    end = np.empty(3)
    for i in range(m):
        ahead = (out_rays[i, 0] * center[0] + out_rays[i, 2] * center[1]) / far
        values[i] = far * (out_rays[i, 0] * ax + out_rays[i, 2] * az) / max(ahead, 1e-6)
        sigmas[i] = 1e-3 * far
    edge(values, sigmas, -1.0, end)
    left = end[0]
    edge(values, sigmas, 1.0, end)
    right = end[0]
    widest = nearest = 0.0
    for i in range(n):
        if use[i]:
            widest = max(widest, math.hypot(xyz[i, 0] - center[0], xyz[i, 2] - center[1]))
            nearest = max(nearest, far - math.hypot(xyz[i, 0], xyz[i, 2]))
    width = right - left
    result[0], result[1], result[2], result[3] = center[0], center[1], left, right
    if abs(2 * nearest - width) > WIDTH_OFF * width or abs(2 * widest - width) > 0.5 * width:
        return False
    if abs(left + right) > WIDTH_OFF * width or filled(xyz, use, center) < FILLED:
        return False
    flat = np.inf
    if seen[0] or seen[2]:
        flat = off_planes(xyz, use, axes, position, seen)
    return circles < BETTER * flat and circles < ROUGH * width + noise * far


@nb.njit(**_options)
def stand_round(result, axes, low, high, low_sigma, high_sigma):
    """Turn the box to the line of sight and give it the width across, and as much along."""
    x, z = result[0], result[1]
    far = math.hypot(x, z)
    width = result[3] - result[2]
    axes[0, 0], axes[0, 1], axes[0, 2] = z / far, 0.0, -x / far
    axes[2, 0], axes[2, 1], axes[2, 2] = x / far, 0.0, z / far
    low[0], high[0] = result[2], result[3]
    # The rays that touch a circle pass its middle a little wider than it is.
    radius = 0.5 * width / math.sqrt(1 + (0.5 * width / far) ** 2)
    middle = 0.5 * (low[0] + high[0])
    low[0], high[0] = middle - radius, middle + radius
    low[2], high[2] = far - radius, far + radius
    for k in (0, 2):
        low_sigma[k] = high_sigma[k] = (0.03 if k == 0 else 0.08) * width
