"""Compiled geometry of single solids: hits, normals, extents. Each has a twin in the tests.

Every solid is mapped to its unit form: the cube [-1, 1]^3, the unit ball, a frustum of
height 2, or the plane y = 0. A ray is (x/z, y/z, 1) times its z-depth, and the map is affine,
so the ray parameter of a hit in unit space is the z-depth itself.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

NEAR = 1e-6
INFINITY = np.inf


@nb.njit(nb.float64(*[nb.float64] * 6), cache=True, error_model="numpy")
def hit_box(ox, oy, oz, dx, dy, dz):
    """z-depth where the ray o + t d first meets the unit cube in front of the camera, or inf."""
    enter, leave = -INFINITY, INFINITY
    for o, d in ((ox, dx), (oy, dy), (oz, dz)):
        if d == 0.0:
            if abs(o) > 1.0:
                return INFINITY
            continue
        inverse = 1.0 / d
        a = (-1.0 - o) * inverse
        b = (1.0 - o) * inverse
        enter = max(enter, min(a, b))
        leave = min(leave, max(a, b))
    if enter > leave or leave <= NEAR:
        return INFINITY
    return enter if enter > NEAR else leave


@nb.njit(nb.float64(*[nb.float64] * 6), cache=True, error_model="numpy")
def hit_ball(ox, oy, oz, dx, dy, dz):
    """z-depth where the ray first meets the unit ball, or inf."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - 1.0
    under = b * b - a * c
    if under < 0.0:
        return INFINITY
    root = math.sqrt(under)
    near = (-b - root) / a
    if near > NEAR:
        return near
    far = (-b + root) / a
    return far if far > NEAR else INFINITY


@nb.njit(nb.float64(*[nb.float64] * 8, nb.int32), cache=True, error_model="numpy")
def hit_frustum(ox, oy, oz, dx, dy, dz, top, bottom, caps):
    """z-depth where the ray first meets a frustum of radii top (y = -1) and bottom (y = 1)."""
    mean, slope = 0.5 * (top + bottom), 0.5 * (bottom - top)
    best = INFINITY
    radius = mean + slope * oy
    a = dx * dx + dz * dz - slope * slope * dy * dy
    b = ox * dx + oz * dz - slope * dy * radius
    c = ox * ox + oz * oz - radius * radius
    under = b * b - a * c
    if under >= 0.0:
        # The form without cancellation; it also covers a = 0.
        q = -(b + math.copysign(math.sqrt(under), b))
        for t in (q / a, c / q):
            if NEAR < t < best and abs(oy + t * dy) <= 1.0:
                best = t
    for bit, y, r in ((1, -1.0, top), (2, 1.0, bottom)):
        if caps & bit:
            t = (y - oy) / dy
            if NEAR < t < best:
                x, z = ox + t * dx, oz + t * dz
                if x * x + z * z <= r * r:
                    best = t
    return best


@nb.njit(
    nb.float64(*[nb.float64] * 6, nb.int32, nb.float64, nb.float64, nb.int32),
    cache=True,
    error_model="numpy",
)
def hit(ox, oy, oz, dx, dy, dz, kind, top, bottom, caps):
    """z-depth of the first hit with a unit solid of any kind, or inf."""
    if kind == 0:
        return hit_box(ox, oy, oz, dx, dy, dz)
    if kind == 1:
        return hit_ball(ox, oy, oz, dx, dy, dz)
    if kind == 2:
        return hit_frustum(ox, oy, oz, dx, dy, dz, top, bottom, caps)
    t = -oy / dy
    return t if t > NEAR else INFINITY


@nb.njit(
    nb.types.UniTuple(nb.float64, 3)(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.int64,
        nb.float64,
        nb.float64,
        nb.float64,
    ),
    cache=True,
    error_model="numpy",
)
def normal(kind, to_unit, origin, ends, caps, k, rx, ry, t):
    """Unit normal of solid k in the camera's frame at z-depth t of a ray, towards the camera."""
    # All solids and an index: a view of one row would be counted in and out for every pixel.
    m00, m01, m02 = to_unit[k, 0, 0], to_unit[k, 0, 1], to_unit[k, 0, 2]
    m10, m11, m12 = to_unit[k, 1, 0], to_unit[k, 1, 1], to_unit[k, 1, 2]
    m20, m21, m22 = to_unit[k, 2, 0], to_unit[k, 2, 1], to_unit[k, 2, 2]
    a, b, c = 0.0, -1.0, 0.0
    if kind[k] != 3:
        x = origin[k, 0] + t * (m00 * rx + m01 * ry + m02)
        y = origin[k, 1] + t * (m10 * rx + m11 * ry + m12)
        z = origin[k, 2] + t * (m20 * rx + m21 * ry + m22)
        if kind[k] == 0:
            a, b, c = abs(x), abs(y), abs(z)
            if a >= b and a >= c:
                b = c = 0.0
            elif b >= c:
                a = c = 0.0
            else:
                a = b = 0.0
        elif kind[k] == 1:
            a, b, c = x, y, z
        else:
            mean, slope = 0.5 * (ends[k, 0] + ends[k, 1]), 0.5 * (ends[k, 1] - ends[k, 0])
            radius = mean + slope * y
            capped = caps[k] & (1 if y < 0 else 2)
            off = abs(x * x + z * z - radius * radius)
            if not (capped and abs(abs(y) - 1.0) < 1e-9 + off):
                a, b, c = x, -slope * radius, z
    nx = m00 * a + m10 * b + m20 * c
    ny = m01 * a + m11 * b + m21 * c
    nz = m02 * a + m12 * b + m22 * c
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
    if nx * rx + ny * ry + nz > 0.0:
        scale = -scale
    return nx * scale, ny * scale, nz * scale


@nb.njit(
    nb.void(
        nb.int32[::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
    ),
    cache=True,
)
def extents(kind, center, size, rotation, ends, axes, low, high):
    """Lowest and highest coordinate (n, 3) of every solid along the columns of `axes`."""
    half = np.empty(3)
    for k in range(len(kind)):
        for a in range(3):
            middle = 0.0
            for c in range(3):
                middle += axes[c, a] * center[k, c]
                half[c] = 0.0
                for r in range(3):
                    half[c] += axes[r, a] * rotation[k, r, c]
                half[c] *= size[k, c] / 2
            if kind[k] == 0:
                reach = abs(half[0]) + abs(half[1]) + abs(half[2])
                under, over = -reach, reach
            elif kind[k] == 1:
                reach = math.sqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2)
                under, over = -reach, reach
            elif kind[k] == 2:
                # The larger of its two discs'.
                disc = math.sqrt(half[0] ** 2 + half[2] ** 2)
                top, bottom = disc * ends[k, 0], disc * ends[k, 1]
                under = min(-top - half[1], -bottom + half[1])
                over = max(top - half[1], bottom + half[1])
            else:
                under, over = 0.0, 0.0
            low[k, a], high[k, a] = middle + under, middle + over
