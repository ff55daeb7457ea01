"""Compiled shading of a cast: patterns, Lambert light with a shadow map, linear colour out."""

from __future__ import annotations

import math

import numba as nb

from n3d.synthetic.solid_kernels import normal

GLOW = 5


@nb.njit(nb.float64(nb.int64, nb.int64, nb.int64), cache=True)
def lattice(x, y, z):
    """A fixed pseudo-random number in [0, 1) for every lattice point."""
    h = (x * 374761393 + y * 668265263 + z * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65536.0


@nb.njit(nb.float64(nb.float64, nb.float64, nb.float64), cache=True)
def mottle(x, y, z):
    """Value noise in [0, 1): smooth between the lattice points."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
                total += weight * lattice(int(i) + a, int(j) + b, int(k) + c)
    return total


@nb.njit(nb.float64(nb.int32, nb.float64, nb.float64, nb.float64, nb.float64), cache=True)
def mix(pattern, x, y, z, period):
    """Share of the accent colour at a point of the solid's own frame in metres."""
    # Off the lattice, so that a face at a multiple of the period does not flicker.
    x, y, z = x / period + 0.137, y / period + 0.241, z / period + 0.171
    if pattern == 1:
        return float((math.floor(x) + math.floor(y) + math.floor(z)) & 1)
    if pattern == 2:
        return float(math.floor(x + z) & 1)
    if pattern == 3:
        return 0.6 * mottle(x, y, z) + 0.4 * mottle(2.7 * x, 2.7 * y, 2.7 * z)
    if pattern == 4:
        # Planks: one period wide, eight long, staggered, each with its own tone and joints.
        row = math.floor(x)
        along = z / 8.0 + lattice(int(row), 7, 3)
        tone = 0.8 * lattice(int(row), math.floor(along), 11)
        joint = x - row < 0.03 or along - math.floor(along) < 0.005
        return 1.0 if joint else tone + 0.2 * mottle(8.0 * x, 0.0, 0.7 * z)
    return 0.0


@nb.njit(nb.float64(nb.float32[:, ::1], nb.float64, nb.float64, nb.float64), cache=True)
def lit(shadow, u, v, z):
    """Share of light at depth z behind texel coordinates u, v: four comparisons, interpolated."""
    h, w = shadow.shape
    u, v = u - 0.5, v - 0.5
    j, i = math.floor(u), math.floor(v)
    if i < 0 or j < 0 or i + 1 >= h or j + 1 >= w:
        return 1.0
    right, below = u - j, v - i
    a, b = shadow[i, j], shadow[i, j + 1]
    c, d = shadow[i + 1, j], shadow[i + 1, j + 1]
    total = (1.0 - below) * (1.0 - right) if a <= 0.0 or z <= a else 0.0
    total += (1.0 - below) * right if b <= 0.0 or z <= b else 0.0
    total += below * (1.0 - right) if c <= 0.0 or z <= c else 0.0
    total += below * right if d <= 0.0 or z <= d else 0.0
    return total


@nb.njit(
    nb.float64(
        *[nb.float64] * 6,
        nb.float64[::1],
        nb.float64[:, ::1],
        nb.float64[::1],
        nb.float32[:, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def lamp(px, py, pz, nx, ny, nz, key, to_light, lens, shadow):
    """Lambert light of a lamp at `key` on the point p with normal n, 0 in its shadow."""
    x, y, z = key[0] - px, key[1] - py, key[2] - pz
    square = x * x + y * y + z * z + 1e-12
    facing = (nx * x + ny * y + nz * z) / math.sqrt(square)
    if facing <= 0.0:
        return 0.0
    # A step off the surface keeps it from shadowing itself.
    x, y, z = px + 0.012 * nx, py + 0.012 * ny, pz + 0.012 * nz
    u = to_light[0, 0] * x + to_light[0, 1] * y + to_light[0, 2] * z + to_light[0, 3]
    v = to_light[1, 0] * x + to_light[1, 1] * y + to_light[1, 2] * z + to_light[1, 3]
    w = to_light[2, 0] * x + to_light[2, 1] * y + to_light[2, 2] * z + to_light[2, 3]
    direct = facing / (1.0 + square / 16.0)
    if w <= 1e-3:
        return direct
    scale = lens[0] / w
    return direct * lit(shadow, scale * u + lens[1], scale * v + lens[1], 0.99 * w - 0.01)


@nb.njit(
    nb.types.UniTuple(nb.float64, 3)(
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int64,
        nb.float64,
        nb.float64,
        nb.float64,
    ),
    cache=True,
)
def local(to_unit, origin, half, k, rx, ry, t):
    """The point at z-depth t of a ray in the own frame of solid k, metres."""
    x = to_unit[k, 0, 0] * rx + to_unit[k, 0, 1] * ry + to_unit[k, 0, 2]
    y = to_unit[k, 1, 0] * rx + to_unit[k, 1, 1] * ry + to_unit[k, 1, 2]
    z = to_unit[k, 2, 0] * rx + to_unit[k, 2, 1] * ry + to_unit[k, 2, 2]
    return (
        half[k, 0] * (origin[k, 0] + t * x),
        half[k, 1] * (origin[k, 1] + t * y),
        half[k, 2] * (origin[k, 2] + t * z),
    )


@nb.njit(
    nb.float64(
        nb.int32[::1],
        nb.float64[:, :, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.int32[::1],
        nb.float64[::1],
        nb.float64[::1],
        nb.float64[::1],
        nb.float64[:, ::1],
        nb.int32[:, ::1],
        nb.float64[:, ::1],
        nb.float64[:, ::1],
        nb.float64[::1],
        nb.float32[:, ::1],
        nb.float32[:, :, ::1],
        nb.float32[:, ::1],
    ),
    cache=True,
    error_model="numpy",
)
def shade(
    kind, to_unit, origin, half, ends, caps, color, accent, pattern, period,
    ray_x, ray_y, depth, part, lights, to_light, lens, shadow, out, incidence,
):  # fmt: skip
    """Fill in linear colour (h, w, 3) and the cosine between normal and ray (h, w).

    Returns the mean light that falls on what is seen. `lights` rows: up; key position; key
    colour; fill direction; fill colour; ambient colour.
    `to_light` (3, 4) takes camera-frame points to the key light's own camera, whose focal
    length and centre (texels) are `lens` and whose depth image is `shadow`.
    """
    up, key, key_rgb = lights[0], lights[1], lights[2]
    fill, fill_rgb, ambient = lights[3], lights[4], lights[5]
    total, lit_pixels = 0.0, 0
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            k = part[i, j]
            if k < 0:
                out[i, j] = 0.0
                incidence[i, j] = 1.0
                continue
            t, rx, ry = depth[i, j], ray_x[j], ray_y[i]
            nx, ny, nz = normal(kind, to_unit, origin, ends, caps, k, rx, ry, t)
            incidence[i, j] = -(nx * rx + ny * ry + nz) / math.sqrt(rx * rx + ry * ry + 1.0)
            share = 0.0
            if 0 < pattern[k] < GLOW:
                x, y, z = local(to_unit, origin, half, k, rx, ry, t)
                share = mix(pattern[k], x, y, z, period[k])
            sky = 0.6 + 0.4 * (nx * up[0] + ny * up[1] + nz * up[2])
            direct = lamp(t * rx, t * ry, t, nx, ny, nz, key, to_light, lens, shadow)
            side = max(nx * fill[0] + ny * fill[1] + nz * fill[2], 0.0)
            for c in range(3):
                albedo = color[k, c] + share * (accent[k, c] - color[k, c])
                albedo *= albedo  # sRGB to linear, near enough
                light = ambient[c] * sky + key_rgb[c] * direct + fill_rgb[c] * side
                out[i, j, c] = albedo * (1.3 if pattern[k] == GLOW else light)
                total += 0.0 if pattern[k] == GLOW else light / 3.0
            lit_pixels += 0 if pattern[k] == GLOW else 1
    return total / max(lit_pixels, 1)


@nb.njit(
    nb.void(
        nb.float32[:, :, ::1],
        nb.float64[::1],
        nb.float64,
        nb.types.Array(nb.uint64, 2, "C", readonly=True),
        nb.uint8[:, :, ::1],
    ),
    cache=True,
)
def develop(linear, gain, noise, dice, out):
    """8-bit sRGB (h, w, 3) of linear colour times `gain` (3,), with noise of a given sigma.

    `dice` (h, w) are random bits. The sum of two random bytes, of standard deviation 104.5,
    is near enough to a normal variable.
    """
    for i in range(linear.shape[0]):
        for j in range(linear.shape[1]):
            bits = dice[i, j]
            # What is too bright is scaled down as a whole, so that it keeps its hue.
            top = 1.0
            for c in range(3):
                top = max(top, linear[i, j, c] * gain[c])
            for c in range(3):
                value = math.sqrt(linear[i, j, c] * gain[c] / top)
                byte = float(bits & nb.uint64(255)) + float((bits >> nb.uint64(8)) & nb.uint64(255))
                bits >>= nb.uint64(16)
                value += noise * (byte - 255.0) / 104.5
                out[i, j, c] = int(min(max(value, 0.0), 1.0) * 255.0 + 0.5)
