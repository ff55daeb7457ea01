"""The gravity frame as three small axes in a corner of the image."""

from __future__ import annotations

import numpy as np

from n3d.geometry import Camera, upright
from n3d.view import canvas, labels, palette

# Right, up and forward; the three hues of palette.COLOURS that differ most.
AXES = ((0, 1, "right", 5), (1, -1, "up", 2), (2, 1, "forward", 4))


def paint(pixels: np.ndarray, camera: Camera, up, *, scale: float = 1.0) -> labels.Rectangle:
    """Paint right, up and forward of the gravity frame in place; returns the corner it takes.

    The axes are drawn in the perspective of the camera at the lower left.
    """
    frame = upright(up)
    height = pixels.shape[0]
    reach = 46 * scale
    origin = (1.7 * reach, height - 1.5 * reach)
    anchor = camera.lift(origin, 1.0)
    length = reach / camera.fx
    size = max(7, round(13 * scale))
    axes = []
    for axis, sign, name, hue in AXES:
        end = anchor + sign * length * frame[:, axis]
        tip = tuple(camera.project(end).tolist())
        axes.append((float(sign * frame[2, axis]), tip, name, palette.of_index(hue)))
    canvas.disc(pixels, origin, 4 * scale, palette.INK)
    for _, tip, name, colour in sorted(axes, key=lambda a: a[0], reverse=True):
        canvas.line(pixels, origin, tip, palette.PAPER, 6 * scale, alpha=0.8)
        canvas.line(pixels, origin, tip, colour, 3.2 * scale)
        canvas.disc(pixels, tip, 4.2 * scale, colour)
        width, tall = labels.extent(name, size)
        x, y = _beside(origin, tip, width, tall, scale)
        labels.write(pixels, (x, y, x + width, y + tall), name, size, colour)
    return 0.0, height - 3.2 * reach, 3.6 * reach, float(height)


def _beside(origin, tip, width: int, tall: int, scale: float) -> tuple[float, float]:
    """The corner of a name set beyond the end of its axis."""
    away = np.array(tip) - origin
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    middle = np.array(tip) + away * (0.55 * np.array([width, tall]) + 5 * scale)
    return float(middle[0] - width / 2), float(middle[1] - tall / 2)
