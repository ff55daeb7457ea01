"""2D regions painted onto an image: masks as a translucent layer, rectangles, labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.scene import Region
from n3d.view import canvas, labels, palette


def paint(
    image,
    regions: Sequence[Region],
    *,
    scale: float = 1.0,
    colour_by: str = "index",
    fill: float = 0.4,
    scores: bool = False,
    names: bool = True,
) -> Image.Image:
    """The image (h, w, 3) uint8 with its regions; rectangles beyond the image are cut at it.

    A mask must have the size of the image. Large regions are painted first.
    """
    pixels = np.array(image.convert("RGB") if isinstance(image, Image.Image) else image)
    colours = palette.of_objects([r.label for r in regions], colour_by)
    for i in sorted(range(len(regions)), key=lambda i: -_area(regions[i])):
        if (mask := regions[i].mask) is not None:
            paint_mask(pixels, mask, colours[i], fill=fill, edge=max(1, round(1.6 * scale)))
        else:
            _rectangle(pixels, regions[i], colours[i], scale)
    if names:
        _names(pixels, regions, colours, scale, scores)
    return Image.fromarray(pixels)


def _area(region: Region) -> float:
    x0, y0, x1, y1 = region.rectangle
    return (x1 - x0) * (y1 - y0)


def paint_mask(
    pixels: np.ndarray,
    mask: np.ndarray,
    colour: palette.Colour,
    *,
    fill: float = 0.4,
    edge: int = 2,
) -> None:
    """Paint a mask (h, w) in place: a translucent fill and an opaque rim `edge` pixels wide."""
    if mask.shape != pixels.shape[:2]:
        raise InputError(
            f"mask is {mask.shape[1]}x{mask.shape[0]}, the image "
            f"{pixels.shape[1]}x{pixels.shape[0]}",
            code="mask-size",
            field="mask",
        )
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = rows[0], columns[0]
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    core = np.pad(part, edge)
    for _ in range(edge):
        core[1:-1, 1:-1] &= core[:-2, 1:-1] & core[2:, 1:-1] & core[1:-1, :-2] & core[1:-1, 2:]
    core = core[edge:-edge, edge:-edge]
    canvas.blend(pixels, int(left), int(top), np.where(core, fill, 0.95) * part, colour)


def _rectangle(pixels: np.ndarray, region: Region, colour: palette.Colour, scale: float) -> None:
    x0, y0, x1, y1 = region.rectangle
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    canvas.outline(pixels, corners, palette.INK, 4.2 * scale, alpha=0.4)
    canvas.outline(pixels, corners, colour, 2.4 * scale)


def _names(
    pixels: np.ndarray,
    regions: Sequence[Region],
    colours: Sequence[palette.Colour],
    scale: float,
    scores: bool,
) -> None:
    height, width = pixels.shape[:2]
    wanted = []
    for region, colour in zip(regions, colours):
        x0, y0, x1, y1 = region.rectangle
        if x0 < width and y0 < height and x1 > 0 and y1 > 0:
            text = f"{region.label}, {region.score:.2f}" if scores else region.label
            target = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
            wanted.append(labels.Label(text, target, colour, priority=_area(region)))
    labels.paint(pixels, wanted, scale=scale)
