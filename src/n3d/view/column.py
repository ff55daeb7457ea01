"""A column of text that grows downwards: measured first, painted when its height is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from n3d.view import canvas, fonts, palette

_OBJECT = re.compile(r"bbox_(\d+)")
# What a plate adds on both sides of its text, as a share of the text size.
PAD = 0.16
Painter = Callable[[np.ndarray, int, int], None]


@dataclass
class Column:
    """Rows of a caption `width` pixels wide; each row knows its height and how to paint itself."""

    width: int
    scale: float = 1.0
    rows: list[tuple[int, Painter]] = field(default_factory=list)

    @property
    def height(self) -> int:
        return sum(height for height, _ in self.rows)

    def size(self, points: float) -> int:
        """A text size in pixels for a size at scale 1."""
        return max(7, round(points * self.scale))

    def gap(self, points: float) -> None:
        """Empty space."""
        self.rows.append((round(points * self.scale), lambda *_: None))

    def rule(self) -> None:
        """A hairline with space around it."""

        def paint(pixels: np.ndarray, x: int, y: int) -> None:
            middle = y + 8 * self.scale
            thick = max(1.0, 1.2 * self.scale)
            canvas.line(pixels, (x, middle), (x + self.width, middle), palette.RULE, thick)

        self.rows.append((round(16 * self.scale), paint))

    def text(
        self,
        text: str,
        points: float = 16,
        colour: palette.Colour = palette.INK,
        *,
        lines: int | None = None,
        indent: float = 0,
        chips: Mapping[int, palette.Colour] | None = None,
    ) -> None:
        """Wrapped text; with `chips`, each bbox_i in it stands on the colour of object i."""
        size = self.size(points)
        left = round(indent * self.scale)
        for line in fonts.wrap(text, size, self.width - left, lines=lines):
            self._line(line, size, colour, left, chips or {})

    def _line(self, text: str, size: int, colour, left: int, chips) -> None:
        def paint(pixels: np.ndarray, x: int, y: int) -> None:
            baseline = y + size
            write_chips(pixels, x + left, baseline, text, size, colour, chips)

        self.rows.append((fonts.line_height(size), paint))

    def pair(
        self,
        first: str,
        text: str,
        result: str,
        points: float = 15,
        *,
        tab: int,
        chips: Mapping[int, palette.Colour],
        colour: palette.Colour = palette.INK,
    ) -> None:
        """A table row: a short mark, wrapped text, and its result from `tab` pixels on.

        The result stands on a line of its own where it does not fit beside the text.
        """
        size = self.size(points)
        mark = round(1.9 * size)
        lines = fonts.wrap(text, size, max(tab - mark, 4 * size), lines=4)
        beside = fonts.wrap(result, size, max(self.width - tab - size, size), lines=3)
        for i in range(max(len(lines), len(beside))):

            def paint(pixels: np.ndarray, x: int, y: int, i: int = i) -> None:
                base = y + size
                if i == 0:
                    fonts.write(pixels, x, base, first, size, palette.MUTED)
                if i < len(lines):
                    write_chips(pixels, x + mark, base, lines[i], size, colour, chips)
                if i < len(beside):
                    write_chips(pixels, x + tab + size, base, beside[i], size, colour, chips)

            self.rows.append((round(1.45 * size), paint))

    def marked(self, good: bool | None, text: str, points: float = 16) -> None:
        """Text after a tick (True), a cross (False) or a dash (None)."""
        size = self.size(points)
        colour = {True: palette.GOOD, False: palette.BAD, None: palette.MUTED}[good]

        def paint(pixels: np.ndarray, x: int, y: int) -> None:
            sign(pixels, (x + 0.5 * size, y + 0.62 * size), size, good)

        for i, line in enumerate(fonts.wrap(text, size, self.width - 1.5 * size)):

            def write(pixels: np.ndarray, x: int, y: int, i: int = i, line: str = line) -> None:
                if i == 0:
                    paint(pixels, x, y)
                fonts.write(pixels, x + 1.5 * size, y + size, line, size, colour)

            self.rows.append((fonts.line_height(size), write))

    def paint(self, pixels: np.ndarray, x: int, y: int) -> None:
        """Paint all rows downwards from (x, y)."""
        for height, paint in self.rows:
            paint(pixels, x, y)
            y += height


def sign(pixels: np.ndarray, centre: canvas.Point, size: float, good: bool | None) -> None:
    """A disc with a tick, a cross or a dash."""
    x, y = centre
    colour = {True: palette.GOOD, False: palette.BAD, None: palette.MUTED}[good]
    canvas.disc(pixels, centre, 0.52 * size, colour)
    strokes: Sequence[Sequence[tuple[float, float]]] = {
        True: [[(-0.24, 0.02), (-0.06, 0.2)], [(-0.06, 0.2), (0.25, -0.18)]],
        False: [[(-0.19, -0.19), (0.19, 0.19)], [(-0.19, 0.19), (0.19, -0.19)]],
        None: [[(-0.22, 0.0), (0.22, 0.0)]],
    }[good]
    for (ax, ay), (bx, by) in strokes:
        a, b = (x + ax * size, y + ay * size), (x + bx * size, y + by * size)
        canvas.line(pixels, a, b, palette.PAPER, max(1.5, 0.11 * size))


def write_chips(
    pixels: np.ndarray,
    x: float,
    baseline: float,
    text: str,
    size: int,
    colour: palette.Colour,
    chips: Mapping[int, palette.Colour],
) -> float:
    """Write a line in which each bbox_i of `chips` stands on a plate; returns where it ends."""
    at = 0
    for found in _OBJECT.finditer(text):
        plate = chips.get(int(found.group(1)))
        if plate is None:
            continue
        x = _keep_space(pixels, x, baseline, text[at : found.start()], size, colour)
        end = x + fonts.width(found.group(), size) + 2 * PAD * size
        box = (x, baseline - 0.9 * size, end, baseline + 0.3 * size)
        canvas.rounded(pixels, box, 0.25 * size, plate)
        ink = palette.ink_on(plate)
        fonts.write(pixels, x + PAD * size, baseline, found.group(), size, ink)
        x, at = end, found.end()
    return _keep_space(pixels, x, baseline, text[at:], size, colour)


def _keep_space(pixels, x: float, baseline: float, text: str, size: int, colour) -> float:
    """Write a piece of a line without losing the space at its ends."""
    space = fonts.width("a a", size) - 2 * fonts.width("a", size)
    lead, tail = text[:1] == " ", text[-1:] == " " and len(text) > 1
    end = fonts.write(pixels, x + space * lead, baseline, text, size, colour)
    return end + space * tail
