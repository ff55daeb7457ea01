"""Compiled loops that find the faces of a box that are seen.

Points stand in the gravity frame (right, down, forward) with the camera at the origin, so that
depth noise of relative size s moves the coordinate c of a point along any axis by s c.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.yaw_kernels import sweep, turn_to_faces

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def place(samples, intrinsics, turn, rays, reach):
    """Rays (k, 3) with camera z = 1, turned into the gravity frame, and depth (k,) of samples."""
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    for i in range(samples.shape[0]):
        x = (samples[i, 0] - cx) / fx
        y = (samples[i, 1] - cy) / fy
        for k in range(3):
            rays[i, k] = turn[0, k] * x + turn[1, k] * y + turn[2, k]
        reach[i] = 1.0 / samples[i, 2]


@nb.njit(**_options)
def selected(values, use):
    """The used values; twice as fast as `values[use]`."""
    kept = np.empty(values.shape[0] + 1)
    k = 0
    for i in range(values.shape[0]):
        kept[k] = values[i]
        k += use[i]
    return kept[:k]


@nb.njit(**_options)
def extremes(values, rank):
    """The values that `rank` of all lie below, and above (rank < 64), in one pass."""
    rank = min(rank, 63)
    low, high = np.full(rank + 1, np.inf), np.full(rank + 1, -np.inf)
    for i in range(values.shape[0]):
        v = values[i]
        if v < low[rank]:
            j = rank
            while j > 0 and low[j - 1] > v:
                low[j] = low[j - 1]
                j -= 1
            low[j] = v
        if v > high[rank]:
            j = rank
            while j > 0 and high[j - 1] < v:
                high[j] = high[j - 1]
                j -= 1
            high[j] = v
    return low[rank], high[rank]


@nb.njit(**_options)
def face(values, use, count, noise, out):
    """Look for a plane near the low end of the used values: the densest window there.

    `out`: position, half width of the window, points on it, 1 if it counts as a face.
    """
    kept = selected(values, use)
    low, high = extremes(kept, min(count // 200, 40))
    span = max(high - low, 1e-6)
    tol = 2.5 * (noise * abs(low)) + 0.008 * span + 0.001
    bins = np.zeros(64, np.int64)
    width = 0.5 * tol
    for value in kept:
        at = int((value - low) / width + 4.0)
        if 0 <= at < 64:
            bins[at] += 1
    most = max(4, min(60, 4 + int(0.25 * span / width)))
    best = 0
    where = 0
    for at in range(most):
        n = bins[at] + bins[at + 1] + bins[at + 2] + bins[at + 3]
        if n > best:
            best, where = n, at
    position = low + (where - 2.0) * width
    n = 0
    for _ in range(3):
        total = 0.0
        n = 0
        for value in kept:
            if abs(value - position) < tol:
                total += value
                n += 1
        if n == 0:
            break
        position = total / n
    out[0] = position
    out[1] = tol
    out[2] = n
    dense = n >= 2.0 * count * min(1.0, 2 * tol / span) or span < 4 * tol
    out[3] = 1.0 if n >= 6 and dense else 0.0


@nb.njit(**_options)
def narrow(rays, reach, side, steps, axes, position, seen, axis, noise, out):
    """Look for a narrow face at the low end of `axis`, in the rim where that end is.

    On the faces that are known the depth of the rim agrees with them; on a face that turns away
    it lies behind, at one coordinate of `axis`. `out`: position, points, 1 if there is such a
    face. Needs one known face.
    """
    n = rays.shape[0]
    gap = np.empty(n)
    value = np.empty(n)
    total = np.zeros(4)
    where = np.zeros(4)
    d = axes[axis]
    for i in range(n):
        far = 0.0
        for k in range(3):
            if seen[k] and k != axis:
                a = axes[k, 0] * rays[i, 0] + axes[k, 1] * rays[i, 1] + axes[k, 2] * rays[i, 2]
                if a > 1e-6:
                    far = max(far, position[k] / a)
        gap[i] = reach[i] / far - 1 if far > 0 else -1.0
        value[i] = reach[i] * (d[0] * rays[i, 0] + d[1] * rays[i, 1] + d[2] * rays[i, 2])
        if steps[i] == 0:
            total[side[i]] += 1
            where[side[i]] += value[i]
    out[:] = 0
    at = -1
    for s in range(4):
        if total[s] >= 4 and (at < 0 or where[s] / total[s] < where[at] / total[at]):
            at = s
    if at < 0:
        return
    here = side == at
    behind = here & (gap > 4 * noise)
    count = 0
    lines = 0
    for i in range(n):
        count += behind[i]
        lines += behind[i] and steps[i] == 0
    if lines < max(4.0, 0.1 * total[at]):
        return
    # Points far behind the crease say best where the face is: near it, blur mixes both faces.
    _, reference = extremes(selected(gap, behind), min(count // 5, 40))
    mean = 0.0
    k = 0
    for i in range(n):
        if behind[i] and gap[i] >= 0.6 * reference:
            mean += value[i]
            k += 1
    mean /= k
    if mean > 0:
        out[0] = mean
        out[2] = k
        out[3] = 1.0


@nb.njit(**_options)
def vertical(xyz, noise, found, body):
    """The sign that makes the vertical's near end low; the face there; which points are off it."""
    n = xyz.shape[0]
    mean = 0.0
    for i in range(n):
        mean += xyz[i, 1]
    sign = 1.0 if mean >= 0 else -1.0
    body[:] = True
    face(sign * xyz[:, 1], body, n, noise, found)
    if found[0] <= 2 * found[1] or found[2] <= 0.04 * n:
        found[3] = 0
    if found[3] > 0:
        for i in range(n):
            body[i] = abs(sign * xyz[i, 1] - found[0]) > found[1]
    return sign


@nb.njit(**_options)
def yaw(xyz, out_rays, out_reach, noise, sign, found, body, steps):
    """The yaw at which points off the top, and the outline of the top, pile up."""
    n, m = xyz.shape[0], out_rays.shape[0]
    x, z = np.empty(n + m), np.empty(n + m)
    k = 0
    total = 0.0
    for i in range(n):
        total += xyz[i, 2]
        if body[i]:
            x[k], z[k] = xyz[i, 0], xyz[i, 2]
            k += 1
    if found[3] > 0:
        for i in range(m):
            facing = sign * out_rays[i, 1]
            if facing > 1e-6:
                t = found[0] / facing
                if abs(t - out_reach[i]) < 0.03 * out_reach[i]:
                    x[k], z[k] = t * out_rays[i, 0], t * out_rays[i, 2]
                    k += 1
    if k < 16:
        for i in range(n):
            x[i], z[i] = xyz[i, 0], xyz[i, 2]
        k = n
    return sweep(x[:k], z[:k], max(2 * noise * total / n, 1e-3), steps)


@nb.njit(**_options)
def stand(angle, sign, mean, axes):
    """Axes (rows across, vertical, along) at a yaw, each turned away from the camera."""
    c, s = math.cos(angle), math.sin(angle)
    axes[:] = 0
    axes[0, 0], axes[0, 2] = c, s
    axes[1, 1] = sign
    axes[2, 0], axes[2, 2] = -s, c
    for k in (0, 2):
        if axes[k, 0] * mean[0] + axes[k, 2] * mean[2] < 0:
            axes[k] = -axes[k]


@nb.njit(**_options)
def upright_faces(xyz, noise, angle, axes, values, body, faces, on):
    """Find the main vertical face, then the other one among the points behind the main one."""
    n = xyz.shape[0]
    for k in (0, 2):
        for i in range(n):
            values[k, i] = axes[k, 0] * xyz[i, 0] + axes[k, 2] * xyz[i, 2]
        faces[k] = 0
        on[k] = False
    count = 0
    for i in range(n):
        count += body[i]
    if count < 6:
        return
    for k in (0, 2):
        face(values[k], body, count, noise, faces[k])
        if faces[k, 0] <= faces[k, 1]:
            faces[k, 3] = 0
    main = 0 if faces[0, 2] * faces[0, 3] >= faces[2, 2] * faces[2, 3] else 2
    other = 2 - main
    if faces[main, 3] == 0:
        faces[other] = 0
        return
    rest = np.zeros(n, np.bool_)
    count = 0
    for i in range(n):
        if body[i]:
            gap = values[main, i] - faces[main, 0]
            on[main, i] = abs(gap) < faces[main, 1]
            rest[i] = gap > faces[main, 1]
            count += rest[i]
    faces[other] = 0
    if count < 6:
        return
    face(values[other], rest, count, noise, faces[other])
    if faces[other, 0] <= faces[other, 1] or faces[other, 2] <= 0.4 * count:
        faces[other, 3] = 0
    if faces[other, 3] > 0:
        for i in range(n):
            on[other, i] = rest[i] and abs(values[other, i] - faces[other, 0]) < faces[other, 1]


@nb.njit(**_options)
def find(
    xyz, rim_rays, rim_reach, rim_side, rim_step, out_rays, out_reach, noise, steps,
    axes, position, seen, faint,
):  # fmt: skip
    """Axes, along each the position of the near face, whether it is seen, and only just.

    Returns the standard deviation of the yaw and the share of points on the faces.
    """
    n = xyz.shape[0]
    faces = np.zeros((3, 4))
    body = np.empty(n, np.bool_)
    on = np.zeros((3, n), np.bool_)
    values = np.empty((3, n))
    mean = np.zeros(3)
    for i in range(n):
        for k in range(3):
            mean[k] += xyz[i, k] / n
    sign = vertical(xyz, noise, faces[1], body)
    angle = yaw(xyz, out_rays, out_reach, noise, sign, faces[1], body, steps)
    sigma = 0.05
    for _ in range(3):
        stand(angle, sign, mean, axes)
        upright_faces(xyz, noise, angle, axes, values, body, faces, on)
        if faces[0, 3] > 0 or faces[2, 3] > 0:
            angle, sigma = turn_to_faces(xyz[:, 0], xyz[:, 2], on[0], on[2], angle)
    stand(angle, sign, mean, axes)
    planar = 0
    for k in range(3):
        seen[k] = faces[k, 3] > 0
        position[k] = faces[k, 0]
        total = 0.0
        count = 0
        for i in range(n):
            values[k, i] = axes[k, 0] * xyz[i, 0] + axes[k, 1] * xyz[i, 1] + axes[k, 2] * xyz[i, 2]
            if on[k, i]:
                total += values[k, i]
                count += 1
        if k == 1:
            planar += int(faces[1, 2]) if seen[1] else 0
        elif seen[k] and count:
            position[k] = total / count
            planar += count
    _add_narrow(rim_rays, rim_reach, rim_side, rim_step, axes, position, seen, faint, values, noise)
    return sigma, planar / n


@nb.njit(**_options)
def _add_narrow(
    rim_rays, rim_reach, rim_side, rim_step, axes, position, seen, faint, values, noise
):
    """Add the faces that only the rim shows, where they lie at the near end of their axis."""
    out = np.empty(4)
    known = seen.copy()
    faint[:] = False
    if not known.any():
        return
    for k in range(3):
        if known[k]:
            continue
        narrow(rim_rays, rim_reach, rim_side, rim_step, axes, position, known, k, noise, out)
        low, high = extremes(values[k], min(values.shape[1] // 100, 40))
        if out[3] > 0 and out[0] < low + 0.1 * (high - low) + 3 * noise * abs(low):
            position[k] = out[0]
            seen[k] = faint[k] = True
