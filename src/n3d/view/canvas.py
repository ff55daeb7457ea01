"""Anti-aliased shapes on an RGB array, in pixel coordinates where pixel (0, 0) covers [0, 1).

Coverage is computed from the distance to the shape, so that the cost follows what is painted
and not the size of the picture. Arrays are (h, w, 3) uint8 and are painted in place.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from n3d.view.palette import Colour

Point = tuple[float, float]
LIMIT = 1e7


def blank(width: int, height: int, colour: Colour) -> np.ndarray:
    """A picture (h, w, 3) of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def blend(pixels: np.ndarray, left: int, top: int, coverage: np.ndarray, colour: Colour) -> None:
    """Paint `colour` through `coverage` (h, w), 0 to 1, whose corner lies at (left, top)."""
    height, width = pixels.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + coverage.shape[1], width), min(top + coverage.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = coverage[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.float32)
    under = pixels[y0:y1, x0:x1]
    mixed = under + (np.asarray(colour, np.float32) - under) * part
    pixels[y0:y1, x0:x1] = (mixed + 0.5).astype(np.uint8)


def line(
    pixels: np.ndarray,
    a: Point,
    b: Point,
    colour: Colour,
    width: float = 1.0,
    *,
    alpha: float = 1.0,
    dash: tuple[float, float] | None = None,
) -> None:
    """A straight line with round ends; `dash` gives the lengths of stroke and gap in pixels."""
    height, wide = pixels.shape[:2]
    reach = width / 2 + 1
    cut = clip_segment(a, b, (-reach, -reach, wide + reach, height + reach))
    if cut is None:
        return
    start = math.dist(a, cut[0])
    (ax, ay), (bx, by) = cut
    length = math.hypot(bx - ax, by - ay)
    dx, dy = ((bx - ax) / length, (by - ay) / length) if length > 1e-9 else (1.0, 0.0)
    x, y = _around(ax, ay, bx, by, dx, dy, reach)
    along = (x + 0.5 - ax) * dx + (y + 0.5 - ay) * dy
    across = (y + 0.5 - ay) * dx - (x + 0.5 - ax) * dy
    beyond = np.maximum(np.maximum(-along, along - length), 0)
    shade = np.clip(width / 2 + 0.5 - np.hypot(across, beyond), 0, min(width, 1.0))
    if dash is not None and length > dash[0]:
        stroke, gap = dash
        phase = (along + start + stroke / 2) % (stroke + gap)
        shade = shade * np.clip(np.minimum(phase, stroke - phase) + 0.5, 0, 1)
    keep = (x >= 0) & (y >= 0) & (x < wide) & (y < height) & (shade > 0)
    x, y, shade = x[keep], y[keep], shade[keep, None] * alpha
    under = pixels[y, x]
    pixels[y, x] = (under + (np.asarray(colour) - under) * shade + 0.5).astype(np.uint8)


def _around(ax, ay, bx, by, dx, dy, reach) -> tuple[np.ndarray, np.ndarray]:
    """All pixels (x, y) within `reach` of a segment: a short run across it per step along it."""
    steep = abs(dy) > abs(dx)
    if steep:
        ax, ay, bx, by, dx, dy = ay, ax, by, bx, dy, dx
    low, high = min(ax, bx) - reach, max(ax, bx) + reach
    major = np.arange(math.floor(low), math.ceil(high))
    slope = dy / dx
    half = math.ceil(reach * math.hypot(1, slope)) + 1
    middle = np.floor(ay + (major + 0.5 - ax) * slope).astype(int)
    minor = middle[:, None] + np.arange(-half, half + 1)
    major = np.broadcast_to(major[:, None], minor.shape)
    x, y = (minor, major) if steep else (major, minor)
    return x.ravel(), y.ravel()


def disc(pixels: np.ndarray, centre: Point, radius: float, colour: Colour) -> None:
    """A filled circle."""
    line(pixels, centre, centre, colour, 2 * radius)


def polygon(pixels: np.ndarray, points: np.ndarray, colour: Colour, alpha: float) -> None:
    """A filled polygon (n, 2) with hard edges, meant for faint fills under drawn outlines."""
    height, width = pixels.shape[:2]
    inside = clip_polygon(np.asarray(points, float), (0, 0, width, height))
    if len(inside) < 3:
        return
    x0, y0 = np.floor(inside.min(axis=0)).astype(int)
    x1, y1 = np.ceil(inside.max(axis=0)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    mask = Image.new("L", (int(x1 - x0), int(y1 - y0)))
    # Pillow's polygon takes integer coordinates as pixel centres.
    corners = [(float(x - x0 - 0.5), float(y - y0 - 0.5)) for x, y in inside]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    blend(pixels, int(x0), int(y0), np.asarray(mask, np.float32) * (alpha / 255), colour)


def rounded(
    pixels: np.ndarray,
    rectangle: tuple[float, float, float, float],
    radius: float,
    colour: Colour,
    alpha: float = 1.0,
) -> None:
    """A filled rectangle (x0, y0, x1, y1) with round corners."""
    x0, y0, x1, y1 = rectangle
    left, top = math.floor(x0) - 1, math.floor(y0) - 1
    x = np.arange(left, math.ceil(x1) + 1)[None, :] + 0.5
    y = np.arange(top, math.ceil(y1) + 1)[:, None] + 0.5
    radius = max(0.0, min(radius, (x1 - x0) / 2, (y1 - y0) / 2))
    qx = np.abs(x - (x0 + x1) / 2) - ((x1 - x0) / 2 - radius)
    qy = np.abs(y - (y0 + y1) / 2) - ((y1 - y0) / 2 - radius)
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0)
    blend(pixels, left, top, np.clip(radius + 0.5 - outside, 0, 1) * alpha, colour)


def outline(pixels: np.ndarray, points, colour: Colour, width: float, **style) -> None:
    """The closed line through `points`."""
    for a, b in zip(points, [*points[1:], points[0]]):
        line(pixels, (float(a[0]), float(a[1])), (float(b[0]), float(b[1])), colour, width, **style)


def clip_segment(
    a: Point, b: Point, bounds: tuple[float, float, float, float]
) -> tuple[Point, Point] | None:
    """The part of a segment within (x0, y0, x1, y1), or None (Liang and Barsky, 1984)."""
    if not all(math.isfinite(v) for v in (*a, *b)):
        return None
    dx, dy = b[0] - a[0], b[1] - a[1]
    t0, t1 = 0.0, 1.0
    for delta, low, high, start in (
        (dx, bounds[0], bounds[2], a[0]),
        (dy, bounds[1], bounds[3], a[1]),
    ):
        if abs(delta) < 1e-12:
            if not low <= start <= high:
                return None
            continue
        near, far = sorted(((low - start) / delta, (high - start) / delta))
        t0, t1 = max(t0, near), min(t1, far)
    if t0 > t1:
        return None
    return (a[0] + t0 * dx, a[1] + t0 * dy), (a[0] + t1 * dx, a[1] + t1 * dy)


def clip_polygon(points: np.ndarray, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """The part (m, 2) of a convex polygon (n, 2) within (x0, y0, x1, y1); m may be 0."""
    for axis, sign, limit in (
        (0, 1, bounds[0]),
        (0, -1, bounds[2]),
        (1, 1, bounds[1]),
        (1, -1, bounds[3]),
    ):
        points = clip_convex(points, sign * (points[:, axis] - limit))
    return points


def clip_convex(points: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (n, d) where `inside` (n,), linear over it, is >= 0.

    One half-space of Sutherland and Hodgman (1974).
    """
    kept = []
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if inside[i] >= 0:
            kept.append(points[i])
        if (inside[i] >= 0) != (inside[j] >= 0):
            t = inside[i] / (inside[i] - inside[j])
            kept.append(points[i] + t * (points[j] - points[i]))
    return np.array(kept).reshape(-1, points.shape[1])
