"""Compiled loops behind `overlap`: the volume two oriented boxes share.

Box A becomes the cube [-1, 1]^3 by an affine map, which makes B a parallelepiped. With
g(p) = clamp(z, -1, 1), the divergence theorem gives

    V(A n B) = sum over the six faces of B of the integral of g dx dy over the face's part
               with |x| <= 1 and |y| <= 1, signed by the side of the face that looks up.

Every decision in it (a vertex inside or outside a side plane, z above or below 1) is
continuous: taking the other branch within rounding moves the result by rounding only. Faces
of A and B that coincide need no case of their own, which is what breaks methods that collect
the faces of both solids.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from n3d.geometry.corners import CORNER_SIGNS, FACES

# A pair counts as sharing an axis when no surface leans by more than this share of A's half size.
LEAN = 1e-12
# A face has 4 corners; clipping a convex polygon by a plane adds one, and a few more are
# possible where rounding makes it slightly concave.
_MOST_CORNERS = 32

_options = {"cache": True, "error_model": "numpy"}
_boxes = (nb.types.Array(nb.float64, 2, "C", readonly=True),) * 2 + (
    nb.types.Array(nb.float64, 3, "C", readonly=True),
)


@nb.njit(**_options)
def _frame(ca, ha, ra, i, cb, hb, rb, j, frame):
    """Rows 0-2: half edges of B in A's units, row 3: its centre. False if a face separates."""
    dx, dy, dz = cb[j, 0] - ca[i, 0], cb[j, 1] - ca[i, 1], cb[j, 2] - ca[i, 2]
    reach = np.sqrt(ha[i, 0] ** 2 + ha[i, 1] ** 2 + ha[i, 2] ** 2)
    reach += np.sqrt(hb[j, 0] ** 2 + hb[j, 1] ** 2 + hb[j, 2] ** 2)
    if dx * dx + dy * dy + dz * dz >= reach * reach:
        return False
    for k in range(3):
        t = ra[i, 0, k] * dx + ra[i, 1, k] * dy + ra[i, 2, k] * dz
        span = ha[i, k]
        for e in range(3):
            r = ra[i, 0, k] * rb[j, 0, e] + ra[i, 1, k] * rb[j, 1, e] + ra[i, 2, k] * rb[j, 2, e]
            frame[e, k] = r
            span += abs(r) * hb[j, e]
        if abs(t) >= span:
            return False
        frame[3, k] = t
    for e in range(3):
        t = frame[e, 0] * frame[3, 0] + frame[e, 1] * frame[3, 1] + frame[e, 2] * frame[3, 2]
        span = hb[j, e]
        for k in range(3):
            span += abs(frame[e, k]) * ha[i, k]
        if abs(t) >= span:
            return False
    for k in range(3):
        scale = 1 / ha[i, k]
        frame[3, k] *= scale
        for e in range(3):
            frame[e, k] *= hb[j, e] * scale
    return True


@nb.njit(**_options)
def _shared_axis(frame):
    """(axis of A, axis of B) that are parallel, or (-1, -1)."""
    for k in range(3):
        for e in range(3):
            e1, e2, k1, k2 = (e + 1) % 3, (e + 2) % 3, (k + 1) % 3, (k + 2) % 3
            if (
                abs(frame[e1, k]) < LEAN
                and abs(frame[e2, k]) < LEAN
                and abs(frame[e, k1]) < LEAN
                and abs(frame[e, k2]) < LEAN
            ):
                return k, e
    return -1, -1


@nb.njit(**_options)
def _clip(source, n, axis, sign, limit, target):
    """The part of a polygon with sign * coordinate <= limit (Sutherland and Hodgman, 1974)."""
    kept = 0
    last = n - 1
    d_last = limit - sign * source[last, axis]
    for i in range(n):
        d = limit - sign * source[i, axis]
        if (d >= 0) != (d_last >= 0):
            # From the inner to the outer end, so that both faces at an edge get the same point.
            a, b, da, db = (i, last, d, d_last) if d >= 0 else (last, i, d_last, d)
            t = da / (da - db)
            for k in range(3):
                target[kept, k] = source[a, k] + t * (source[b, k] - source[a, k])
            target[kept, axis] = sign * limit
            kept += 1
        if d >= 0:
            for k in range(3):
                target[kept, k] = source[i, k]
            kept += 1
        last, d_last = i, d
    return kept


@nb.njit(**_options)
def _integral(polygon, n, level, slope):
    """Integral of slope * z - level over the polygon's shadow on the xy plane, signed."""
    total = 0.0
    x0, y0, z0 = polygon[0, 0], polygon[0, 1], polygon[0, 2]
    x1, y1, z1 = polygon[1, 0] - x0, polygon[1, 1] - y0, polygon[1, 2]
    for i in range(2, n):
        x2, y2, z2 = polygon[i, 0] - x0, polygon[i, 1] - y0, polygon[i, 2]
        total += (x1 * y2 - x2 * y1) * (slope * (z0 + z1 + z2) / 3 - level)
        x1, y1, z1 = x2, y2, z2
    return total / 2


@nb.njit(**_options)
def _face(polygon, n, level, p, q):
    """Integral of clamp(z) - level over a polygon that lies within |x| <= 1, |y| <= 1."""
    low = high = polygon[0, 2]
    for i in range(1, n):
        low, high = min(low, polygon[i, 2]), max(high, polygon[i, 2])
    if low >= 1:
        return _integral(polygon, n, level - 1, 0.0)
    if high <= -1:
        return _integral(polygon, n, level + 1, 0.0)
    if low >= -1 and high <= 1:
        return _integral(polygon, n, level, 1.0)
    total = 0.0
    if high > 1:
        above = _clip(polygon, n, 2, -1.0, -1.0, p)
        if above > 2:
            total += _integral(p, above, level - 1, 0.0)
    if low < -1:
        below = _clip(polygon, n, 2, 1.0, -1.0, p)
        if below > 2:
            total += _integral(p, below, level + 1, 0.0)
    between = _clip(polygon, n, 2, 1.0, 1.0, p)
    between = _clip(p, between, 2, -1.0, 1.0, q) if between > 2 else 0
    return total + _integral(q, between, level, 1.0) if between > 2 else total


@nb.njit(**_options)
def _side_code(x, y):
    """The side planes of A that a point lies beyond: bits for x < -1, x > 1, y < -1, y > 1."""
    return (x < -1) | ((x > 1) << 1) | ((y < -1) << 2) | ((y > 1) << 3)


@nb.njit(**_options)
def _clip_sides(polygon, beyond, spare):
    """A parallelogram within the side planes named by `beyond`: it, the other array, its size."""
    n = 4
    for plane in range(4):
        if beyond >> plane & 1 and n > 2:
            n = _clip(polygon, n, plane >> 1, 1.0 if plane & 1 else -1.0, 1.0, spare)
            polygon, spare = spare, polygon
    return polygon, spare, n


@nb.njit(**_options)
def _prism(frame, k, e, p, q):
    """Shared volume, in units of A's half sizes, where axis k of A is parallel to axis e of B."""
    c, h = frame[3, k], abs(frame[e, k])
    height = min(1.0, c + h) - max(-1.0, c - h)
    if height <= 0:
        return 0.0
    u, v = (e + 1) % 3, (e + 2) % 3
    together, beyond = 15, 0
    for i in range(4):
        su, sv = CORNER_SIGNS[i, 0], CORNER_SIGNS[i, 1]
        for axis in range(2):
            m = (k + 1 + axis) % 3
            p[i, axis] = frame[3, m] + su * frame[u, m] + sv * frame[v, m]
        p[i, 2] = 0.0
        code = _side_code(p[i, 0], p[i, 1])
        together, beyond = together & code, beyond | code
    if together:
        return 0.0
    outline, _, n = _clip_sides(p, beyond, q)
    return height * abs(_integral(outline, n, -1.0, 0.0)) if n > 2 else 0.0


@nb.njit(**_options)
def _solid(frame, corners, codes, p, q, r):
    """Shared volume, in units of A's half sizes, of the cube and any parallelepiped."""
    for i in range(8):
        for k in range(3):
            corners[i, k] = frame[3, k]
            for e in range(3):
                corners[i, k] += CORNER_SIGNS[i, e] * frame[e, k]
        codes[i] = _side_code(corners[i, 0], corners[i, 1])
    # The clipped shadows of B's faces cancel, so a constant may be taken off clamp(z): the
    # value at B's centre keeps the terms of a small B small.
    level = min(max(frame[3, 2], -1.0), 1.0)
    total = 0.0
    for f in range(6):
        a, b, c, d = FACES[f]
        if codes[a] & codes[b] & codes[c] & codes[d]:
            continue
        for k in range(3):
            p[0, k], p[1, k], p[2, k], p[3, k] = (
                corners[a, k], corners[b, k], corners[c, k], corners[d, k]
            )  # fmt: skip
        beyond = codes[a] | codes[b] | codes[c] | codes[d]
        polygon, spare, n = _clip_sides(p, beyond, q)
        if n > 2:
            total += _face(polygon, n, level, spare, r)
    return total


@nb.njit(**_options)
def _scratch():
    polygons = np.empty((3, _MOST_CORNERS, 3))
    return np.empty((4, 3)), np.empty((8, 3)), np.empty(8, np.int64), polygons


@nb.njit(**_options)
def _pair(a, i, b, j, as_iou, frame, corners, codes, p, q, r):
    """IoU or shared volume of box i of `a` and box j of `b`; the smaller box is the cube."""
    ca, ha, ra = a
    cb, hb, rb = b
    va, vb = ha[i, 0] * ha[i, 1] * ha[i, 2], hb[j, 0] * hb[j, 1] * hb[j, 2]
    if va <= vb:
        near = _frame(ca, ha, ra, i, cb, hb, rb, j, frame)
    else:
        near = _frame(cb, hb, rb, j, ca, ha, ra, i, frame)
    if not near:
        return 0.0
    k, e = _shared_axis(frame)
    shared = _prism(frame, k, e, p, q) if k >= 0 else _solid(frame, corners, codes, p, q, r)
    shared = min(max(shared, 0.0), 8.0)
    if as_iou:
        return shared / (8 + 8 * max(va, vb) / min(va, vb) - shared)
    return shared * min(va, vb)


@nb.njit(nb.void(*_boxes, *_boxes, nb.boolean, nb.float64[:, ::1]), **_options)
def matrix(ca, ha, ra, cb, hb, rb, as_iou, out):
    """Every box of the first stack (centre, half size, rotation) with every box of the second."""
    frame, corners, codes, polygons = _scratch()
    p, q, r = polygons[0], polygons[1], polygons[2]
    a, b = (ca, ha, ra), (cb, hb, rb)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = _pair(a, i, b, j, as_iou, frame, corners, codes, p, q, r)


@nb.njit(nb.void(*_boxes, *_boxes, nb.boolean, nb.float64[::1]), **_options)
def pairs(ca, ha, ra, cb, hb, rb, as_iou, out):
    """Box i of the first stack with box i of the second."""
    frame, corners, codes, polygons = _scratch()
    p, q, r = polygons[0], polygons[1], polygons[2]
    a, b = (ca, ha, ra), (cb, hb, rb)
    for i in range(out.shape[0]):
        out[i] = _pair(a, i, b, i, as_iou, frame, corners, codes, p, q, r)
