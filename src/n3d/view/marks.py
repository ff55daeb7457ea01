"""A rectangle drawn on a picture, to ask about what is in it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

COLOUR = (255, 0, 0)


def draw(image: np.ndarray, rectangle: Sequence[float]) -> np.ndarray:
    """The image (h, w, 3) uint8 with the rectangle (x0, y0, x1, y1) in red, pixels.

    The line is a 200th of the longer side wide, at least 2 pixels, and lies inside the image.
    """
    from PIL import Image, ImageDraw

    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    x0, y0, x1, y1 = (round(v) for v in rectangle)
    left, top = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    corners = (left, top, max(min(x1, width) - 1, left), max(min(y1, height) - 1, top))
    line = max(2, round(max(width, height) / 200))
    ImageDraw.Draw(picture).rectangle(corners, outline=COLOUR, width=line)
    return np.asarray(picture)


def png(image: np.ndarray, rectangle: Sequence[float]) -> bytes:
    """The drawing as a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(draw(image, rectangle)).save(out, "png")
    return out.getvalue()
