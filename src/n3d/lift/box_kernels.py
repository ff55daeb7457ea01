"""Compiled loops that measure a box: its ends, the bounds of what is seen, its description."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.depth_kernels import FAINT_PX, settle_depth
from n3d.lift.end_kernels import (
    allowance,
    cut_off,
    edge,
    hidden,
    near_end,
    off_ground,
    project,
    snap,
    uncertainty,
)
from n3d.lift.face_kernels import extremes, find, place
from n3d.lift.round_kernels import is_round, stand_round

# Stands for the assumed axis where the hidden half is known by symmetry.
SYMMETRY = 3
# A foot of which this share of the outline, there and below, is hidden may reach to the floor,
# over at most this many times the height seen; how much of that stays in doubt.
FOOT_HIDDEN, STANDS, FLOOR_DOUBT = 0.3, 1.0, 0.2

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}


@nb.njit(**_options)
def _placed(samples, intrinsics, turn):
    rays, reach = np.empty((samples.shape[0], 3)), np.empty(samples.shape[0])
    place(samples, intrinsics, turn, rays, reach)
    return rays, reach


@nb.njit(**_options)
def solve(
    core, rim, outline, intrinsics, turn, noise, steps, pixel_sigma, depth_prior, ground,
    axes, low, high, low_sigma, high_sigma, open_share, visible, seen,
):  # fmt: skip
    """The box of a crop's core, rim and outline; see `find` and `measure`.

    `ground` is the floor's height (down, inf where unknown); `open_share` (2, 3) becomes the
    share of each end's outline that something nearer or the image border cuts off. Returns the
    yaw's deviation, the share of points on the faces, the axis whose far end was assumed (-1:
    none, SYMMETRY: mirrored), the median gap between points and box, and the 80 % quantile of it.
    """
    rays, reach = _placed(core, intrinsics, turn)
    rim_rays, rim_reach = _placed(rim, intrinsics, turn)
    out_rays, out_reach = _placed(outline, intrinsics, turn)
    xyz = np.empty_like(rays)
    for i in range(rays.shape[0]):
        for k in range(3):
            xyz[i, k] = rays[i, k] * reach[i]
    pixel = np.empty((2, 3))
    pixel[0] = turn[0] / intrinsics[0]
    pixel[1] = turn[1] / intrinsics[1]
    position, faint = np.empty(3), np.empty(3, np.bool_)
    yaw_sigma, _ = find(
        xyz, rim_rays, rim_reach, rim[:, 3].astype(np.int64), rim[:, 4].astype(np.int64),
        out_rays, out_reach, noise, steps, axes, position, seen, faint,
    )  # fmt: skip
    agreement, assumed = measure(
        xyz, rays, reach, out_rays, out_reach, outline[:, 4].astype(np.int64),
        outline[:, 3].copy(), hidden(outline), pixel, noise, axes, position, seen, faint,
        pixel_sigma, depth_prior, turn, low, high, low_sigma, high_sigma, open_share, visible,
    )  # fmt: skip
    if not (seen[0] and seen[2] and agreement > 0.97):
        result = np.empty(4)
        if is_round(xyz, out_rays, axes, position, seen, noise, result):
            stand_round(result, axes, low, high, low_sigma, high_sigma)
            assumed = SYMMETRY
    reach_ground(outline, axes, open_share, ground, low, high, low_sigma, high_sigma)
    gap, misfit = _gap(rays, reach, axes, low, high)
    return yaw_sigma, agreement, assumed, gap, misfit


@nb.njit(**_options)
def reach_ground(outline, axes, open_share, ground, low, high, low_sigma, high_sigma):
    """Let a box whose foot is hidden stand on the floor, where that is near enough.

    An object whose foot is hidden and that is as high as what is missing most likely stands on
    the floor; a small one may stand on something else.
    """
    down = axes[1, 1] > 0
    height = high[1] - low[1]
    foot = high[1] if down else -low[1]
    missing = ground - foot
    cut = hidden(outline)
    bottom = below = 0.0
    for i in range(len(cut)):
        if outline[i, 4] == 3:
            bottom += 1
            below += cut[i]
    share = min(open_share[1 if down else 0, 1], below / max(bottom, 1.0))
    if share < FOOT_HIDDEN or not 0 < missing < STANDS * height:
        return
    if down:
        high[1] = ground
        high_sigma[1] = math.hypot(high_sigma[1], FLOOR_DOUBT * missing)
    else:
        low[1] = -ground
        low_sigma[1] = math.hypot(low_sigma[1], FLOOR_DOUBT * missing)


@nb.njit(**_options)
def measure(
    xyz, rays, reach, out_rays, out_reach, side, behind, border, pixel, noise,
    axes, position, seen, faint, pixel_sigma, depth_prior, view,
    low, high, low_sigma, high_sigma, open_share, visible,
):  # fmt: skip
    """Ends of the box along its axes, bounds of the seen surface along the rows of `view`.

    Returns the share of points on the faces and the axis whose far end was assumed (-1: none).
    """
    n, m = rays.shape[0], out_rays.shape[0]
    on, out = reach.copy(), out_reach.copy()
    hit, out_hit = np.empty(n, np.int64), np.empty(m, np.int64)
    mean = 0.0
    for i in range(n):
        mean += reach[i] / n
    moved = snap(rays, on, axes, position, seen, max(4 * noise, 0.01) * reach, hit) / n
    loose = np.empty(m)
    pixels = 5.0 if moved > 0.8 else 1.0
    allowance(out_rays, out_reach, side, axes, position, seen, pixel, noise, pixels, loose)
    snap(out_rays, out, axes, position, seen, loose, out_hit)
    face_sigma = np.zeros(3)
    size_px = np.abs(pixel).max()
    for k in range(3):
        if seen[k]:
            part = 0.6 if faint[k] else 0.2
            face_sigma[k] = math.hypot(0.3 * noise * position[k], part * mean * size_px)
    values, sigmas, end = np.empty(m), np.empty(m), np.empty(3)
    points, every = np.empty(n), np.empty(n, np.bool_)
    one = np.ones(n)
    cut = np.zeros((2, 3), np.bool_)
    for k in range(3):
        project(out_rays, out, axes[k], values)
        uncertainty(
            out_rays, out, out_hit, side, axes, face_sigma, pixel, noise, pixel_sigma, axes[k],
            sigmas,
        )  # fmt: skip
        edge(values, sigmas, 1.0, end)
        high[k], high_sigma[k] = end[0], end[1]
        open_share[1, k] = cut_off(values, border, high[k])
        if seen[k]:
            project(xyz, one, axes[k], points)
            every[:] = True
            if k != 1:
                off_ground(xyz, every)
            low[k], low_sigma[k] = near_end(points, every, noise, position[k], face_sigma[k])
            open_share[0, k] = 0.0
        else:
            edge(values, sigmas, -1.0, end)
            low[k], low_sigma[k] = end[0], end[1]
            open_share[0, k] = cut_off(values, border, low[k])
    cut[:] = open_share > 0.5
    assumed = settle_depth(
        out_rays, out, out_hit, behind, pixel, axes, seen, cut, moved, depth_prior,
        low, high, low_sigma, high_sigma,
    )  # fmt: skip
    for k in range(3):
        high[k] = max(high[k], low[k] + 1e-3)
    for k in range(3):
        # Beyond the image border anything may follow.
        if cut[0, k]:
            low_sigma[k] = math.hypot(low_sigma[k], 0.4 * (high[k] - low[k]))
        if cut[1, k]:
            high_sigma[k] = math.hypot(high_sigma[k], 0.4 * (high[k] - low[k]))
        if not seen[k] and low[k] > 0 and not cut[0, k]:
            # The far edge of a face too faint to be seen may pass for the near one.
            deep = max(high[0] - low[0], high[2] - low[2]) if k == 1 else high[2 - k] - low[2 - k]
            hidden = min(FAINT_PX * size_px * mean, low[k] * deep / mean)
            low_sigma[k] = math.hypot(low_sigma[k], 0.4 * hidden)
    if moved > 0.8 and _faces_bounds(
        axes, view, pixel, low, high, low_sigma, assumed, visible
    ):  # fmt: skip
        return moved, assumed
    for k in range(3):
        project(out_rays, out, view[k], values)
        uncertainty(
            out_rays, out, out_hit, side, axes, face_sigma, pixel, noise, pixel_sigma, view[k],
            sigmas,
        )  # fmt: skip
        for row in range(2):
            edge(values, sigmas, 2.0 * row - 1.0, end)
            visible[row, k] = end[0]
    nearest, _ = extremes(on, min(n // 200, 40))
    visible[0, 2] = min(visible[0, 2], nearest)
    return moved, assumed


@nb.njit(**_options)
def _faces_bounds(axes, view, pixel, low, high, low_sigma, assumed, visible):
    """Bounds of a true box's seen surface: of all faces turned to the camera.

    Where the depth was assumed, only the face before it counts. A corner is seen up to the last
    pixel centre, which falls short of it by as much as half a pixel makes on its best face.
    False where no face is turned to the camera.
    """
    turned = low > 2 * low_sigma
    visible[0] = np.inf
    visible[1] = -np.inf
    for c in range(8):
        corner = np.zeros(3)
        for k in range(3):
            corner += (high[k] if c >> k & 1 else low[k]) * axes[k]
        best = np.full(3, np.inf)
        for f in range(3):
            if turned[f] and not c >> f & 1 and (assumed < 0 or f == assumed):
                for k in range(3):
                    best[k] = min(best[k], _half_pixel(corner, axes[f], view, pixel, k))
        if best[0] == np.inf:
            continue
        for k in range(3):
            p = view[k, 0] * corner[0] + view[k, 1] * corner[1] + view[k, 2] * corner[2]
            visible[0, k] = min(visible[0, k], p + best[k])
            visible[1, k] = max(visible[1, k], p - best[k])
    if visible[0, 0] == np.inf:
        return False
    for k in range(3):
        if visible[0, k] > visible[1, k]:
            visible[:, k] = 0.5 * (visible[0, k] + visible[1, k])
    return True


@nb.njit(**_options)
def _half_pixel(p, normal, view, pixel, k):
    """How far the camera coordinate k of a point moves on its face with half a pixel."""
    z = view[2, 0] * p[0] + view[2, 1] * p[1] + view[2, 2] * p[2]
    facing = normal[0] * p[0] + normal[1] * p[1] + normal[2] * p[2]
    along = view[k, 0] * p[0] + view[k, 1] * p[1] + view[k, 2] * p[2]
    total = 0.0
    for s in range(2):
        step = pixel[s]
        move = view[k, 0] * step[0] + view[k, 1] * step[1] + view[k, 2] * step[2]
        turn = normal[0] * step[0] + normal[1] * step[1] + normal[2] * step[2]
        total += (z * (move - along * turn / max(facing, 1e-9))) ** 2
    return 0.5 * math.sqrt(total)


@nb.njit(**_options)
def _gap(rays, reach, axes, low, high):
    """The median and the 80 % quantile of the gap between points and box, in mean sides.

    A few hundred points say it well enough.
    """
    step = max(1, len(reach) // 250)
    some, on = rays[::step], reach[::step].copy()
    hit = np.empty(len(on), np.int64)
    snap(some, on, axes, low, low > 0, np.full(len(on), np.inf), hit)
    gaps = np.sort(np.abs(on - reach[::step])) / np.mean(high - low)
    return gaps[len(gaps) // 2], gaps[4 * len(gaps) // 5]


@nb.njit(**_options)
def describe(axes, low, high, low_sigma, high_sigma, yaw_sigma, visible, turn, k, out):
    """The box in the camera frame and what it looks like.

    Rows of `out` (9, 3): centre, size, rotation (3 rows), deviations of centre and size, and
    centre and size between the bounds `visible` (2, 3). Returns the projected rectangle's x0,
    y0, x1, y1, and the nearest corner's z.
    """
    for e in range(3):
        out[0, e] = out[5, e] = 0.0
        out[1, e] = high[e] - low[e]
        out[6, e] = math.hypot(low_sigma[e], high_sigma[e])
        end = max(visible[1, e], visible[0, e] + 1e-3)
        out[7, e], out[8, e] = 0.5 * (visible[0, e] + end), end - visible[0, e]
    sign = 1.0 if axes[0, 0] * axes[2, 2] - axes[0, 2] * axes[2, 0] > 0 else -1.0
    for r in range(3):
        for e in range(3):
            along = turn[r, 0] * axes[e, 0] + turn[r, 1] * axes[e, 1] + turn[r, 2] * axes[e, 2]
            out[0, r] += 0.5 * (low[e] + high[e]) * along
            out[5, r] += (0.5 * out[6, e] * along) ** 2
            out[2 + r, e] = along
        out[2 + r, 0] *= sign
        out[2 + r, 1] = turn[r, 1]  # the box's y axis points down
        out[5, r] = math.sqrt(out[5, r])
    # A wrong yaw slants the far ends of the two horizontal axes into each other.
    across, along = out[1, 0], out[1, 2]
    out[6, 0] = math.hypot(out[6, 0], 0.5 * yaw_sigma * along)
    out[6, 2] = math.hypot(out[6, 2], 0.5 * yaw_sigma * across)
    x0 = y0 = nearest = np.inf
    x1 = y1 = -np.inf
    for c in range(8):
        p = out[0].copy()
        for e in range(3):
            half = 0.5 * out[1, e] * (1 if c >> e & 1 else -1)
            for r in range(3):
                p[r] += half * out[2 + r, e]
        nearest = min(nearest, p[2])
        u, v = k[0] * p[0] / p[2] + k[2], k[1] * p[1] / p[2] + k[3]
        x0, x1, y0, y1 = min(x0, u), max(x1, u), min(y0, v), max(y1, v)
    return x0, y0, x1, y1, nearest
