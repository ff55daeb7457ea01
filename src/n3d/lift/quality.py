"""Scores of a lifted box that need no ground truth."""

from __future__ import annotations

from n3d.geometry import Camera
from n3d.lift.cleaning import Crop
from n3d.lift.fitting import Fit

Rectangle = tuple[float, float, float, float]
# What the overall score is multiplied by where the depth was not measured on faces.
_ASSUMED = {"faces": 1.0, "symmetry": 0.8, "prior": 0.6, "class": 0.6}


def score(
    fit: Fit, crop: Crop, projected: Rectangle, rectangle: Rectangle, camera: Camera
) -> dict[str, float]:
    """Scores in [0, 1], 1 is best.

    `reprojection_iou`: of the projected box and the region's rectangle, both cut to the image.
    `support`: valid mask pixels that were trusted. `depth_gap`: 1 less the median gap between
    box surface and points, in shares of the box's mean side. `truncation`: share of the outline
    off the image border. `density`: valid share of the mask. `score`: their geometric mean
    (density at its fourth root), less where the depth had to be assumed.
    """
    parts = {
        "reprojection_iou": iou(projected, rectangle, camera),
        "support": min(1.0, crop.kept / max(crop.valid, 1)),
        "depth_gap": max(0.0, 1 - fit.gap),
        "truncation": 1 - crop.border / max(len(crop.outline), 1),
        "density": min(1.0, crop.valid / max(crop.pixels, 1)),
    }
    product = 1.0
    for name, value in parts.items():
        product *= value ** (0.25 if name == "density" else 1.0)
    parts["score"] = _ASSUMED[fit.depth_from] * product ** (1 / 4.25)
    return parts


def iou(a: Rectangle, b: Rectangle, camera: Camera) -> float:
    """Intersection over union of two rectangles x0, y0, x1, y1, both cut to the image."""
    a, b = _cut(a, camera), _cut(b, camera)
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if not (width > 0 and height > 0):
        return 0.0
    shared = width * height
    return shared / (_area(a) + _area(b) - shared)


def visibility(projected: Rectangle, camera: Camera) -> float:
    """Share of a projected rectangle that lies in the image."""
    seen = _cut(projected, camera)
    if seen[2] <= seen[0] or seen[3] <= seen[1]:
        return 0.0
    return _area(seen) / _area(projected)


def _cut(r: Rectangle, camera: Camera) -> Rectangle:
    w, h = float(camera.width), float(camera.height)
    return max(r[0], 0.0), max(r[1], 0.0), min(r[2], w), min(r[3], h)


def _area(r: Rectangle) -> float:
    return (r[2] - r[0]) * (r[3] - r[1])
