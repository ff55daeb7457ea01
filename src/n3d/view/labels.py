"""Labels that stay inside the picture, do not cover one another, and point at what they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.view import canvas, fonts, palette

Rectangle = tuple[float, float, float, float]
TEXT_SIZE = 17
LONGEST = 0.45


@dataclass(frozen=True)
class Label:
    """A text, the rectangle of what it names, its colour; a lower `priority` chooses first.

    A `centred` label stands on the middle of what it names where it can, else beside it; one
    with an `anchor` point above that point.
    """

    text: str
    target: Rectangle
    colour: palette.Colour
    priority: float = 0.0
    key: int = 0
    centred: bool = False
    anchor: canvas.Point | None = None


def paint(
    pixels: np.ndarray,
    labels: Sequence[Label],
    *,
    scale: float = 1.0,
    avoid: Sequence[Rectangle] = (),
) -> list[Rectangle | None]:
    """Paint labels in place and return their rectangles, None where there is no room for one.

    Where a label does not fit at its size it is tried once at two thirds of it.
    """
    height, width = pixels.shape[:2]
    order = sorted(range(len(labels)), key=lambda i: labels[i].priority)
    places: list[Rectangle | None] = [None] * len(labels)
    sizes = [0] * len(labels)
    taken = list(avoid)
    for i in order:
        others = [label.target for j, label in enumerate(labels) if j != i]
        for size in (round(TEXT_SIZE * scale), round(TEXT_SIZE * scale * 2 / 3)):
            size = max(size, 7)
            text = fonts.shorten(labels[i].text, size, LONGEST * width)
            if not text:
                continue
            spot = place(extent(text, size), labels[i], (width, height), taken, others)
            if spot is not None:
                places[i], sizes[i] = spot, size
                taken.append(spot)
                break
    for i in order:
        if (spot := places[i]) is not None:
            _leader(pixels, spot, labels[i], scale)
    for i in order:
        if (spot := places[i]) is not None:
            text = fonts.shorten(labels[i].text, sizes[i], LONGEST * width)
            write(pixels, spot, text, sizes[i], labels[i].colour)
    return places


def extent(text: str, size: int) -> tuple[int, int]:
    """Width and height of the plate behind `text`."""
    return int(fonts.width(text, size) + 0.9 * size + 0.5), round(1.5 * size)


def write(
    pixels: np.ndarray, spot: Rectangle, text: str, size: int, colour: palette.Colour
) -> None:
    """A plate in `colour` with the text in whichever ink stands out on it."""
    x0, y0, x1, y1 = spot
    edge = max(1.0, size / 14)
    canvas.rounded(pixels, (x0, y0, x1, y1), 0.3 * size, palette.INK, 0.55)
    canvas.rounded(pixels, (x0 + edge, y0 + edge, x1 - edge, y1 - edge), 0.3 * size - edge, colour)
    ink = palette.ink_on(colour)
    fonts.write(pixels, x0 + 0.45 * size, y1 - 0.43 * size, text, size, ink)


def place(
    extent: tuple[int, int],
    label: Label,
    picture: tuple[int, int],
    taken: Sequence[Rectangle],
    others: Sequence[Rectangle] = (),
) -> Rectangle | None:
    """The best free rectangle of `extent` for a label, or None.

    Candidates: above its anchor, along the top and bottom edge of its target outside and
    inside, at its sides, then a grid over the picture, nearest first. Covering what other
    labels name costs.
    """
    width, height = picture
    w, h = extent
    if w > width or h > height:
        return None
    spots = _candidates(extent, label)
    best = _cheapest(spots, extent, label.target, picture, taken, others)
    if best is None:
        columns = np.unique(np.linspace(0, width - w, 2 + (width - w) // max(w // 3, 8)).round())
        rows = np.unique(np.linspace(0, height - h, 2 + (height - h) // max(h // 2, 4)).round())
        grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        best = _cheapest(grid, extent, label.target, picture, taken, others)
    return best


def _candidates(extent: tuple[int, int], label: Label) -> np.ndarray:
    """Corners (n, 2) to try, the most wanted first."""
    (w, h), (x0, y0, x1, y1) = extent, label.target
    middle_x, middle_y = (x0 + x1 - w) / 2, (y0 + y1 - h) / 2
    rows = (y0 - h - 3, y0 + 3, y1 + 3, y1 - h - 3)
    spots = [(x, y) for y in rows for x in (x0, middle_x, x1 - w)]
    spots += [(x1 + 4, middle_y), (x0 - w - 4, middle_y), (middle_x, middle_y)]
    if label.anchor is not None:
        x = min(max(label.anchor[0] - w / 2, x0), max(x1 - w, x0))
        spots = [(x, label.anchor[1] - h - 3), *spots]
    return np.round(np.array(spots[::-1] if label.centred else spots))


def _cheapest(
    spots: np.ndarray,
    extent: tuple[int, int],
    target: Rectangle,
    picture: tuple[int, int],
    taken: Sequence[Rectangle],
    others: Sequence[Rectangle],
) -> Rectangle | None:
    """The free spot (x, y) of `spots` (n, 2), moved into the picture, that costs least."""
    low = np.clip(spots, 0, np.array(picture) - extent)
    places = np.concatenate([low, low + extent], axis=1)
    room = np.array([extent[0] * extent[1]], float)
    own = max((target[2] - target[0]) * (target[3] - target[1]), 1.0)
    cost = 0.04 * np.arange(len(spots)) + gap(places, target) / extent[1]
    cost += _shared(places, target) / own
    for other in others:
        cost += 0.8 * _shared(places, other) / room
    for used in taken:
        grown = (used[0] - 2, used[1] - 2, used[2] + 2, used[3] + 2)
        cost[_shared(places, grown) > 0] = np.inf
    best = int(cost.argmin())
    if not np.isfinite(cost[best]):
        return None
    x0, y0, x1, y1 = places[best].tolist()
    return x0, y0, x1, y1


def gap(places: np.ndarray, target: Rectangle) -> np.ndarray:
    """Distance (n,) in pixels between rectangles (n, 4) and `target`; 0 where they meet."""
    x = np.maximum(np.maximum(target[0] - places[:, 2], places[:, 0] - target[2]), 0)
    y = np.maximum(np.maximum(target[1] - places[:, 3], places[:, 1] - target[3]), 0)
    return np.hypot(x, y)


def _shared(places: np.ndarray, other: Rectangle) -> np.ndarray:
    """Area (n,) that rectangles (n, 4) have in common with one."""
    x = np.minimum(places[:, 2], other[2]) - np.maximum(places[:, 0], other[0])
    y = np.minimum(places[:, 3], other[3]) - np.maximum(places[:, 1], other[1])
    return np.maximum(x, 0) * np.maximum(y, 0)


def _leader(pixels: np.ndarray, spot: Rectangle, label: Label, scale: float) -> None:
    """A thin line from a label that had to move away to what it names."""
    if gap(np.array([spot]), label.target)[0] <= 8 * scale:
        return
    x0, y0, x1, y1 = label.target
    dx, dy = 0.25 * (x1 - x0), 0.25 * (y1 - y0)
    middle = ((spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2)
    end = (min(max(middle[0], x0 + dx), x1 - dx), min(max(middle[1], y0 + dy), y1 - dy))
    start = (min(max(end[0], spot[0] + 4), spot[2] - 4), min(max(end[1], spot[1]), spot[3]))
    canvas.line(pixels, start, end, palette.INK, 3.2 * scale, alpha=0.5)
    canvas.line(pixels, start, end, label.colour, 1.6 * scale)
    canvas.disc(pixels, end, 3.4 * scale, palette.INK)
    canvas.disc(pixels, end, 2.6 * scale, label.colour)
