"""Compiled loops over an outline: its points on known faces, and where it ends along an axis."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.face_kernels import extremes, selected

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

# Share of an outline that may lie past its end: spurs and stray pixels.
PASSED_OVER = 0.03
# Lowest share of an object's height, where a floor may pass for it.
FOOT = 0.07


@nb.njit(**_options)
def _dot(a, i, b, j):
    return a[i, 0] * b[j, 0] + a[i, 1] * b[j, 1] + a[i, 2] * b[j, 2]


@nb.njit(**_options)
def edge(values, sigmas, sign, out):
    """The high (sign 1) or low (sign -1) end of values with standard deviations `sigmas`.

    The end lies at least at L, which PASSED_OVER of the values exceed by two of their own
    deviations; it is the weighted mean of the values beyond L, so that well-known points decide
    and a flat side is averaged. What lies more than two deviations past that range counts as
    being there. `out`: end, its deviation, points that made it.
    """
    n = values.shape[0]
    out[0] = out[1] = out[2] = 0.0
    if n == 0:
        return
    rank = min(int(PASSED_OVER * n), 40)
    _, least = extremes(sign * values - 2 * sigmas, rank)
    total = weight = close = 0.0
    for i in range(n):
        c = sign * values[i]
        if c >= least:
            g = 1 / (sigmas[i] * sigmas[i])
            total += g * min(c, least + 4 * sigmas[i])
            weight += g
            close += 1
    out[0] = sign * total / weight
    # Neighbouring points share their error: no more than some are independent.
    out[1] = math.sqrt(close / weight * (0.5 + 0.5 / close))
    out[2] = close


@nb.njit(**_options)
def snap(rays, reach, axes, position, seen, tolerance, hit):
    """Move points along their rays onto the faces that are seen, where these are near enough.

    A ray enters a convex solid where it has passed the last of the planes turned to the camera.
    `hit` is the face, -1 where the point is left alone (it lies more than `tolerance`, metres of
    depth, off the faces). Returns how many were moved.
    """
    moved = 0
    for i in range(rays.shape[0]):
        far = 0.0
        which = -1
        for k in range(3):
            if seen[k]:
                along = axes[k, 0] * rays[i, 0] + axes[k, 1] * rays[i, 1] + axes[k, 2] * rays[i, 2]
                if along > 1e-6 and position[k] / along > far:
                    far = position[k] / along
                    which = k
        hit[i] = -1
        if which >= 0 and abs(far - reach[i]) < tolerance[i]:
            reach[i] = far
            hit[i] = which
            moved += 1
    return moved


@nb.njit(**_options)
def allowance(rays, reach, side, axes, position, seen, pixel, noise, pixels, out):
    """How far, in depth, an outline point may lie off the faces and still be theirs.

    A part of its depth, and what an error of some pixels makes on a face that turns away.
    """
    for i in range(rays.shape[0]):
        s = 0 if side[i] < 2 else 1
        far = slide = 0.0
        for k in range(3):
            if seen[k]:
                facing = _dot(axes, k, rays, i)
                if facing > 1e-6 and position[k] > far * facing:
                    far = position[k] / facing
                    slide = abs(far * _dot(axes, k, pixel, s) / facing)
        out[i] = max(0.02, 5 * noise) * reach[i] + pixels * slide


@nb.njit(**_options)
def uncertainty(
    rays, reach, hit, side, axes, face_sigma, pixel, noise, pixel_sigma, direction, out
):
    """Standard deviation of every outline point's coordinate along `direction`.

    On a face the pixel error slides the point along the face; elsewhere it moves it sideways
    and the depth noise along its ray. `pixel` (2, 3): the ray's change per column and per row.
    """
    moves, turns = np.empty(2), np.empty((3, 2))
    for s in range(2):
        moves[s] = (
            direction[0] * pixel[s, 0] + direction[1] * pixel[s, 1] + direction[2] * pixel[s, 2]
        )
        for k in range(3):
            turns[k, s] = _dot(axes, k, pixel, s)
    for i in range(rays.shape[0]):
        s = 0 if side[i] < 2 else 1
        t, k = reach[i], hit[i]
        move = moves[s]
        along = direction[0] * rays[i, 0] + direction[1] * rays[i, 1] + direction[2] * rays[i, 2]
        if k >= 0:
            share = along / max(_dot(axes, k, rays, i), 1e-6)
            move -= share * turns[k, s]
            lift = share * face_sigma[k]
            slide = t * move * pixel_sigma
            sigma = math.sqrt(slide * slide + lift * lift)
        else:
            side_step, depth_step = move * pixel_sigma, along * noise
            sigma = t * math.sqrt(side_step * side_step + depth_step * depth_step)
        out[i] = max(sigma, 1e-4 * t)


@nb.njit(**_options)
def project(rays, reach, direction, out):
    """Coordinates along a direction of the points at depth `reach` on their rays."""
    for i in range(rays.shape[0]):
        out[i] = reach[i] * (
            direction[0] * rays[i, 0] + direction[1] * rays[i, 1] + direction[2] * rays[i, 2]
        )


@nb.njit(**_options)
def off_ground(xyz, out):
    """Mark the points above the lowest FOOT of the object: there a floor may pass for it."""
    n = xyz.shape[0]
    out[:] = True
    high, low = extremes(xyz[:, 1], min(n // 100, 40))
    count = 0
    for i in range(n):
        out[i] = xyz[i, 1] < low - FOOT * (low - high)
        count += out[i]
    if 2 * count < n:
        out[:] = True


@nb.njit(**_options)
def near_end(values, use, noise, position, sigma):
    """The low end of an axis with a face: the face, or what sticks out of it to the camera.

    `values` are the points' coordinates. Returns the end and its standard deviation.
    """
    kept = selected(values, use)
    first, last = extremes(kept, min(len(kept) // 100, 40))
    error = noise * abs(position)
    # The noise of a plane puts one percent of its points 2.3 deviations before it.
    end = first + 2.3 * error
    if end < position - error - 0.01 * (last - first):
        return end, max(sigma, error)
    return position, sigma


@nb.njit(**_options)
def hidden(outline):
    """Which points of an outline are not the object's own edge: 1 on the image border and where
    the surface beyond them is nearer than the object."""
    out = outline[:, 5].copy()
    for i in range(out.shape[0]):
        if outline[i, 3] > outline[i, 2]:
            out[i] = 1.0
    return out


@nb.njit(**_options)
def cut_off(values, border, end):
    """The share of the outline near an end at which the object does not end but is cut off."""
    reach = 0.03 * (values.max() - values.min())
    near = on = 0.0
    for i in range(values.shape[0]):
        if abs(values[i] - end) <= reach:
            near += 1
            on += border[i]
    return on / max(near, 1.0)
