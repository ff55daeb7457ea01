"""Compiled loops that ask how well a box explains a depth image, and search for a better one.

All in the frame of the written box: its vertical axis is y and points down, the camera is the
origin. A box is seven numbers `p`: its low ends (3), its high ends (3) along its own axes, and
the yaw of these axes against the written ones. Samples are rays with camera z = 1 and depths.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.evidence import FREE, OTHER, ROOM

# Places of a sample: beside the box, before it, behind it, in it.
BESIDE, BEFORE, BEHIND, INSIDE = 0, 1, 2, 3
# Ways in which a box may change: an end, a shift along an axis, a turn, a move along the line
# of sight with its size kept, and with its image kept.
WAYS, TURN, ALONG, SCALE = 12, 9, 10, 11
# Least side, as a share of the written one and in metres.
LEAST_SHARE, LEAST_M = 0.125, 0.004
# A turn by a step of 1 is one radian; a move along the line of sight is this share of it.
DEPTH_STEP = 0.4

_options = {
    "cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}, "nogil": True,
}  # fmt: skip


@nb.njit(**_options)
def frame(p, out):
    """What all samples share under a box: cosine and sine of its yaw, one over its sides."""
    out[0], out[1] = math.cos(p[6]), math.sin(p[6])
    for k in range(3):
        out[2 + k] = 1 / (p[3 + k] - p[k])


@nb.njit(inline="always", **_options)
def _across(low, high, d, t, share, enter, leave, off):
    """The ray's way through one pair of faces."""
    off = max(off, max(low - t * d, t * d - high) * share)
    if abs(d) < 1e-9:
        if low > 0 or high < 0:
            leave = -1.0
        return enter, leave, off
    one = 1 / d
    a, b = low * one, high * one
    return max(enter, min(a, b)), min(leave, max(a, b)), off


@nb.njit(inline="always", **_options)
def place(p, f, x, y, z, t, tol):
    """Where a sample lies, how deep behind the near surface, and how far off in shares of sides;
    `f` is the `frame` of the box."""
    enter, leave, off = 0.0, np.inf, 0.0
    enter, leave, off = _across(p[0], p[3], f[0] * x + f[1] * z, t, f[2], enter, leave, off)
    enter, leave, off = _across(p[1], p[4], y, t, f[3], enter, leave, off)
    enter, leave, off = _across(p[2], p[5], f[0] * z - f[1] * x, t, f[4], enter, leave, off)
    if enter >= leave:
        return BESIDE, 0.0, off
    if t < enter - tol:
        return BEFORE, 0.0, off
    if t > leave + tol:
        return BEHIND, 0.0, off
    return INSIDE, max(t - enter, 0.0), off


@nb.njit(**_options)
def misfit(p, rays, reach, tol, shows, costs):
    """The mean cost of the samples under a box; `costs` in the order of `refine_config.Costs`."""
    total = 0.0
    filled = through = 0
    f = np.empty(5)
    frame(p, f)
    for i in range(rays.shape[0]):
        where, deep, off = place(p, f, rays[i, 0], rays[i, 1], rays[i, 2], reach[i], tol[i])
        if where == INSIDE:
            if shows[i] == ROOM:
                total += costs[6]
            else:
                g = max(deep / tol[i] - 1.0, 0.0)
                total += costs[7] * g * g / (1 + g * g)
                filled += 1
                if shows[i] == OTHER:
                    total += costs[8]
        else:
            known = costs[2 * where]
            if where == BEHIND:
                known = costs[0]
                through += shows[i] != FREE
            total += known
            if shows[i] == FREE:
                total += (costs[2 * where + 1] - known) / (1 + (off / costs[9]) ** 2)
    total += costs[4] * through * (1 - costs[10] * through / max(through + filled, 1))
    return total / rays.shape[0]


@nb.njit(**_options)
def deviations(p, written, sigma, ground, out):
    """How far a box is from the written one, in deviations.

    `written` is a box like p; `sigma` (7,): along the line of sight and across it, three sides
    (log), yaw (0: fixed), and the foot's distance from the height `ground` (0: unknown). `out`
    (7,) has the same order.
    """
    x, y, z = middle(p)
    u, v, w = middle(written)
    far = math.sqrt(u * u + v * v + w * w)
    along = ((x - u) * u + (y - v) * v + (z - w) * w) / far
    off = (x - u) ** 2 + (y - v) ** 2 + (z - w) ** 2
    out[0] = along / sigma[0]
    out[1] = math.sqrt(max(off - along * along, 0.0)) / sigma[1]
    for k in range(3):
        out[2 + k] = math.log((p[3 + k] - p[k]) / (written[3 + k] - written[k])) / sigma[2 + k]
    out[5] = p[6] / sigma[5] if sigma[5] > 0 else 0.0
    out[6] = (p[4] - ground) / sigma[6] if sigma[6] > 0 else 0.0


@nb.njit(**_options)
def middle(p):
    """The centre of a box in the frame."""
    c, s = math.cos(p[6]), math.sin(p[6])
    a, b = 0.5 * (p[0] + p[3]), 0.5 * (p[2] + p[5])
    return c * a - s * b, 0.5 * (p[1] + p[4]), s * a + c * b


@nb.njit(**_options)
def doubt(p, written, sigma, ground, tail):
    """The cost of leaving the written box: Student's t with `tail` degrees of freedom."""
    d = np.empty(7)
    deviations(p, written, sigma, ground, d)
    total = 0.0
    for k in range(7):
        dimensions = 2 if k == 1 else 1
        total += 0.5 * (tail + dimensions) * math.log(1 + d[k] * d[k] / tail)
    return total


@nb.njit(**_options)
def move(p, way, step, written, out):
    """Change a box in one of the WAYS, by a step in shares of its written sides."""
    out[:] = p
    if way < 6:
        out[way] += step * (written[3 + way % 3] - written[way % 3])
    elif way < TURN:
        k = way - 6
        for e in (k, 3 + k):
            out[e] += step * (written[3 + k] - written[k])
    elif way == TURN:
        turn(p, step, out)
    elif way == ALONG:
        for k in range(3):
            a = 0.5 * (p[k] + p[3 + k]) * DEPTH_STEP * step
            out[k] += a
            out[3 + k] += a
    else:
        for k in range(6):
            out[k] *= 1 + DEPTH_STEP * step
    for k in range(3):
        side = out[3 + k] - out[k]
        if side < max(LEAST_SHARE * (written[3 + k] - written[k]), LEAST_M):
            return False
    return True


@nb.njit(**_options)
def turn(p, angle, out):
    """Turn a box about its own vertical."""
    x, _, z = middle(p)
    out[6] = p[6] + angle
    c, s = math.cos(out[6]), math.sin(out[6])
    a, b = c * x + s * z, c * z - s * x
    for k, m in ((0, a), (2, b)):
        half = 0.5 * (p[3 + k] - p[k])
        out[k], out[3 + k] = m - half, m + half


@nb.njit(**_options)
def search(p, rays, reach, tol, shows, costs, weight, written, sigma, ground, tail, step, rounds):
    """Move a box, in place, downhill by steps that halve; returns its cost. Pattern search."""
    best = weight * misfit(p, rays, reach, tol, shows, costs)
    best += doubt(p, written, sigma, ground, tail)
    new = np.empty(7)
    for _ in range(rounds):
        for _ in range(3):
            better = False
            for way in range(WAYS):
                if way == TURN and sigma[5] <= 0:
                    continue
                for sign in (1.0, -1.0):
                    if not move(p, way, sign * step, written, new):
                        continue
                    cost = doubt(new, written, sigma, ground, tail)
                    cost += weight * misfit(new, rays, reach, tol, shows, costs)
                    if cost < best - 1e-9:
                        best = cost
                        p[:] = new
                        better = True
                        break
            if not better:
                break
        step *= 0.5
    return best


@nb.njit(**_options)
def widths(p, rays, reach, tol, shows, costs, weight, written, sigma, ground, tail, out):
    """How far each of the seven numbers can go, with the others kept, before the cost rises
    by one half: one standard deviation, where the cost is a logarithm of a probability."""
    least = weight * misfit(p, rays, reach, tol, shows, costs)
    least += doubt(p, written, sigma, ground, tail)
    new = np.empty(7)
    for k in range(7):
        way = k if k < 6 else TURN
        step = 0.0025
        while step < 0.5:
            rise = np.inf
            for sign in (1.0, -1.0):
                if move(p, way, sign * step, written, new):
                    cost = doubt(new, written, sigma, ground, tail)
                    cost += weight * misfit(new, rays, reach, tol, shows, costs)
                    rise = min(rise, cost - least)
            if rise >= 0.5:
                break
            step *= 1.4
        out[k] = step * (written[3 + k % 3] - written[k % 3]) if k < 6 else step


@nb.njit(**_options)
def tally(p, rays, reach, tol, shows, counts, places):
    """Where the samples lie: `places` (n,), and `counts` (3, 4) by what they show."""
    counts[:] = 0
    f = np.empty(5)
    frame(p, f)
    for i in range(rays.shape[0]):
        where, _, _ = place(p, f, rays[i, 0], rays[i, 1], rays[i, 2], reach[i], tol[i])
        counts[shows[i], where] += 1
        places[i] = where
