"""A scene from above: footprints, the camera and its field of view, a grid in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from n3d.geometry import Box3D, Camera, upright
from n3d.scene import Object3D
from n3d.view import boxes, canvas, depth, fonts, labels, palette

GROUND: palette.Colour = (250, 250, 248)
FIELD: palette.Colour = (233, 238, 243)


def paint(
    objects: Sequence[Object3D],
    *,
    up=None,
    camera: Camera | None = None,
    width: int = 800,
    height: int = 800,
    style: boxes.BoxStyle | None = None,
    unit: str = "m",
) -> Image.Image:
    """The objects seen from above, the camera at the bottom looking up the page.

    Above is `up`, a unit vector against gravity in the camera frame; without it the camera's
    -y, and the picture says so. A camera adds its horizontal field of view.
    """
    style = style or boxes.BoxStyle()
    frame = upright((0, -1, 0) if up is None else up)
    shapes = [footprint(o.box, frame) for o in objects]
    to_px, bounds = _fit(shapes, width, height, style.scale)
    pixels = canvas.blank(width, height, GROUND)
    if camera is not None:
        _field_of_view(pixels, camera, to_px, bounds)
    _grid(pixels, bounds, to_px, style.scale, unit)
    heights = [-float(o.box.center @ frame[:, 1]) for o in objects]
    wanted = []
    ink = boxes.colours(objects, style)
    for i in sorted(range(len(objects)), key=lambda i: heights[i]):
        colour = ink[i]
        strong = style.emphasis is None or i in style.emphasis
        outline = to_px(shapes[i])
        canvas.polygon(pixels, outline, colour, 0.35 if strong else 0.15)
        canvas.outline(pixels, outline, palette.mix(colour, palette.INK, 0.35), 2.2 * style.scale)
        low, high = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        text = boxes.caption(i, objects[i], style)
        wanted.append(labels.Label(text, (*low, *high), colour, -heights[i], i, centred=True))
    camera_box = _camera_sign(pixels, to_px, style.scale)
    foot = _footer(pixels, up is not None, style.scale)
    if style.labels:
        labels.paint(pixels, wanted, scale=0.9 * style.scale, avoid=[camera_box, foot])
    return Image.fromarray(pixels)


def footprint(box: Box3D, frame: np.ndarray) -> np.ndarray:
    """Outline (6, 2) of one box on the ground: right and forward in the gravity frame (3, 3)."""
    across = frame[:, [0, 2]].T
    middle = across @ box.center
    # The shadow of a box is a hexagon whose sides are its three axes, taken in order of angle.
    sides = (across @ (np.asarray(box.rotation) * box.size)).T
    sides = np.where((np.arctan2(sides[:, 1], sides[:, 0]) < 0)[:, None], -sides, sides)
    sides = sides[np.argsort(np.arctan2(sides[:, 1], sides[:, 0]))]
    half = middle - sides.sum(axis=0) / 2 + np.cumsum([np.zeros(2), *sides], axis=0)
    return np.concatenate([half[:3], 2 * middle - half[:3]])


def _fit(shapes, width: int, height: int, scale: float):
    """A map of ground metres to pixels that shows all shapes and the camera, and its bounds."""
    points = np.concatenate([np.zeros((1, 2)), *shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, 0.2)
    margin = 46 * scale
    zoom = min((width - 2 * margin) / span[0], (height - 2 * margin) / span[1])
    zoom = max(zoom, 1e-3)
    middle = (low + high) / 2

    def to_px(ground) -> np.ndarray:
        moved = (np.asarray(ground, float) - middle) * zoom
        return moved * [1, -1] + [width / 2, height / 2]

    reach = np.array([width, height]) / 2 / zoom
    return to_px, (*(middle - reach), *(middle + reach))


def _grid(pixels: np.ndarray, bounds, to_px, scale: float, unit: str) -> None:
    height, width = pixels.shape[:2]
    size = max(7, round(12 * scale))
    across = depth.ticks(bounds[0], bounds[2], most=8)
    step = across[1] - across[0] if len(across) > 1 else 1.0
    for value in across:
        x = float(to_px((value, 0))[0])
        canvas.line(pixels, (x, 0), (x, height), palette.RULE, max(1.0, scale))
    for k in range(math.ceil(bounds[1] / step), math.floor(bounds[3] / step) + 1):
        y = float(to_px((0, k * step))[1])
        canvas.line(pixels, (0, y), (width, y), palette.RULE, max(1.0, scale))
        text = f"{round(k * step, 6):g} {unit}".strip()
        if size < y < height - 2.5 * size:
            fonts.write(pixels, 4 * scale, y - 3 * scale, text, size, palette.MUTED)


def _field_of_view(pixels: np.ndarray, camera: Camera, to_px, bounds) -> None:
    far = 2 * max(abs(v) for v in bounds) + 1
    left, right = -camera.cx / camera.fx, (camera.width - camera.cx) / camera.fx
    wedge = np.array([[0, 0], [left * far, far], [right * far, far]])
    canvas.polygon(pixels, to_px(wedge), FIELD, 1.0)


def _camera_sign(pixels: np.ndarray, to_px, scale: float) -> labels.Rectangle:
    x, y = to_px((0, 0)).tolist()
    r = 11 * scale
    canvas.polygon(
        pixels, np.array([[x, y], [x - r, y - 1.5 * r], [x + r, y - 1.5 * r]]), palette.INK, 0.9
    )
    canvas.disc(pixels, (x, y), 0.5 * r, palette.INK)
    return x - r, y - 1.5 * r, x + r, y + 0.5 * r


def _footer(pixels: np.ndarray, up_known: bool, scale: float) -> labels.Rectangle:
    height, width = pixels.shape[:2]
    size = max(7, round(12 * scale))
    text = "from above" if up_known else "along the camera's y axis: gravity is not known"
    text = fonts.shorten(text, size, width - 12 * scale)
    fonts.write(pixels, 6 * scale, height - 0.6 * size, text, size, palette.MUTED)
    return 0, height - 2 * size, fonts.width(text, size) + 12 * scale, height
