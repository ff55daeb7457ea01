"""Compiled loops over pixels and the rectangles they run in. Twins in the tests."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.synthetic.solid_kernels import INFINITY, hit, normal


@nb.njit(
    nb.void(
        nb.float64[:, ::1],
        nb.float64[::1],
        nb.float64[::1],
        nb.int64[::1],
        nb.int64[::1],
    ),
    cache=True,
    error_model="numpy",
)
def rectangle(axes, center, intrinsics, window, out):
    """Columns and rows [x0, x1), [y0, y1) of the window that a cuboid can cover.

    `axes` are the half axes as columns. Where the cuboid reaches behind the camera its edges
    are cut just in front of it. Empty (x1 <= x0 or y1 <= y0) where nothing is in the window.
    """
    fx, fy, cx, cy = intrinsics
    cut = 1e-3
    low_x, low_y, high_x, high_y = INFINITY, INFINITY, -INFINITY, -INFINITY
    corner = np.empty((8, 3))
    for i in range(8):
        for k in range(3):
            corner[i, k] = center[k]
            for axis in range(3):
                sign = 1.0 if (i >> axis) & 1 else -1.0
                corner[i, k] += sign * axes[k, axis]
    for i in range(8):
        z = corner[i, 2]
        if z >= cut:
            u = fx * corner[i, 0] / z + cx
            v = fy * corner[i, 1] / z + cy
            low_x, high_x = min(low_x, u), max(high_x, u)
            low_y, high_y = min(low_y, v), max(high_y, v)
        for axis in range(3):
            j = i | (1 << axis)
            if j == i or (z < cut) == (corner[j, 2] < cut):
                continue
            t = (cut - z) / (corner[j, 2] - z)
            u = fx * (corner[i, 0] + t * (corner[j, 0] - corner[i, 0])) / cut + cx
            v = fy * (corner[i, 1] + t * (corner[j, 1] - corner[i, 1])) / cut + cy
            low_x, high_x = min(low_x, u), max(high_x, u)
            low_y, high_y = min(low_y, v), max(high_y, v)
    # Pixel j is reached by its centre j + 0.5; a hair more guards against rounding.
    out[0] = int(min(max(math.floor(low_x - 0.501), window[0]), window[2]))
    out[1] = int(min(max(math.floor(low_y - 0.501), window[1]), window[3]))
    out[2] = int(min(max(math.ceil(high_x + 0.501), window[0]), window[2]))
    out[3] = int(min(max(math.ceil(high_y + 0.501), window[1]), window[3]))


@nb.njit(
    nb.void(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[::1],
        nb.int64[::1],
        nb.int64[:, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def rectangles(kind, axes, center, intrinsics, window, out):
    """The rectangle of every solid in a window x0, y0, x1, y1 of pixels.

    A plane covers all of the window, or nothing when no corner ray meets it.
    """
    fx, fy, cx, cy = intrinsics
    for k in range(len(kind)):
        if kind[k] != 3:
            rectangle(axes[k], center[k], intrinsics, window, out[k])
            continue
        n = axes[k, :, 1]
        c = center[k]
        height = n[0] * c[0] + n[1] * c[1] + n[2] * c[2]
        met = False
        for u in (window[0], window[2]):
            for v in (window[1], window[3]):
                along = n[0] * (u - cx) / fx + n[1] * (v - cy) / fy + n[2]
                met = met or along * height > 0.0
        for side in range(4):
            out[k, side] = window[side] if met or side < 2 else window[side - 2]


@nb.njit(
    nb.void(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.int64[:, ::1],
        nb.float64[::1],
        nb.float64[::1],
        nb.float64[:, ::1],
        nb.int32[:, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def cast(kind, to_unit, origin, ends, caps, rectangles, ray_x, ray_y, depth, part):
    """z-buffer all solids into `depth` (inf where nothing) and `part` (-1 where nothing)."""
    depth[:] = INFINITY
    part[:] = -1
    for k in range(len(kind)):
        m, o = to_unit[k], origin[k]
        for i in range(rectangles[k, 1], rectangles[k, 3]):
            ry = ray_y[i]
            bx = m[0, 1] * ry + m[0, 2]
            by = m[1, 1] * ry + m[1, 2]
            bz = m[2, 1] * ry + m[2, 2]
            for j in range(rectangles[k, 0], rectangles[k, 2]):
                rx = ray_x[j]
                t = hit(
                    o[0],
                    o[1],
                    o[2],
                    m[0, 0] * rx + bx,
                    m[1, 0] * rx + by,
                    m[2, 0] * rx + bz,
                    kind[k],
                    ends[k, 0],
                    ends[k, 1],
                    caps[k],
                )
                if t < depth[i, j]:
                    depth[i, j] = t
                    part[i, j] = k


@nb.njit(
    nb.void(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.float64[::1],
        nb.float64[::1],
        nb.float64[:, ::1],
        nb.int32[:, ::1],
        nb.float32[:, :, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def normals(kind, to_unit, origin, ends, caps, ray_x, ray_y, depth, part, out):
    """Normals (h, w, 3) of a cast; 0 where nothing was hit."""
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            k = part[i, j]
            if k < 0:
                out[i, j] = 0.0
                continue
            out[i, j, 0], out[i, j, 1], out[i, j, 2] = normal(
                kind, to_unit, origin, ends, caps, k, ray_x[j], ray_y[i], depth[i, j]
            )


@nb.njit(
    nb.void(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.int64[:, ::1],
        nb.float64[::1],
        nb.int64[::1],
        nb.int64,
        nb.boolean[:, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def cover(kind, to_unit, origin, ends, caps, rectangles, intrinsics, start, stride, out):
    """Mark every `stride`-th pixel, counted from `start` (x, y), whose ray meets a solid."""
    fx, fy, cx, cy = intrinsics
    out[:] = False
    h, w = out.shape
    for k in range(len(kind)):
        m, o = to_unit[k], origin[k]
        for i in range(h):
            v = start[1] + i * stride
            if v < rectangles[k, 1] or v >= rectangles[k, 3]:
                continue
            ry = (v + 0.5 - cy) / fy
            for j in range(w):
                u = start[0] + j * stride
                if out[i, j] or u < rectangles[k, 0] or u >= rectangles[k, 2]:
                    continue
                rx = (u + 0.5 - cx) / fx
                t = hit(
                    o[0],
                    o[1],
                    o[2],
                    m[0, 0] * rx + m[0, 1] * ry + m[0, 2],
                    m[1, 0] * rx + m[1, 1] * ry + m[1, 2],
                    m[2, 0] * rx + m[2, 1] * ry + m[2, 2],
                    kind[k],
                    ends[k, 0],
                    ends[k, 1],
                    caps[k],
                )
                out[i, j] = t < INFINITY


@nb.njit(nb.void(nb.int32[:, ::1], nb.int64[::1], nb.int64[:, ::1]), cache=True)
def tally(ids, count, rectangles):
    """Pixels of every id 0..n-1 and their rectangles x0, y0, x1, y1 (0, 0, 0, 0 for none)."""
    h, w = ids.shape
    count[:] = 0
    rectangles[:] = 0
    for i in range(h):
        for j in range(w):
            k = ids[i, j]
            if k < 0:
                continue
            r = rectangles[k]
            if count[k] == 0:
                r[0], r[1], r[2], r[3] = j, i, j + 1, i + 1
            count[k] += 1
            r[0] = min(r[0], j)
            r[2] = max(r[2], j + 1)
            r[3] = i + 1
