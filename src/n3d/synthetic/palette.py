"""Named colours with jitter, neutral trims, and the paints made of them."""

from __future__ import annotations

import colorsys

import numpy as np

from n3d.synthetic import primitives as solids
from n3d.synthetic.shapes import RGB, Paint

# Hue (degrees), saturation and value ranges. They are apart from each other so that a name
# stays right under the jitter and under shading, which changes mostly the value.
_RANGES = {
    "red": ((-7, 5), (0.80, 0.98), (0.68, 0.90)),
    "orange": ((23, 31), (0.88, 1.00), (0.92, 1.00)),
    "yellow": ((49, 56), (0.80, 0.98), (0.90, 1.00)),
    "green": ((105, 145), (0.60, 0.90), (0.45, 0.75)),
    "blue": ((212, 232), (0.70, 0.95), (0.60, 0.90)),
    "purple": ((268, 288), (0.50, 0.80), (0.45, 0.70)),
    "pink": ((325, 345), (0.35, 0.55), (0.92, 1.00)),
    "brown": ((18, 28), (0.55, 0.78), (0.28, 0.42)),
    "black": ((0, 360), (0.00, 0.12), (0.08, 0.15)),
    "white": ((0, 360), (0.00, 0.03), (0.92, 0.98)),
}
NAMES = tuple(_RANGES)
# Colours of legs, handles and frames: they must not be mistaken for the named colour.
_TRIMS = (
    (0.62, 0.62, 0.64),
    (0.45, 0.45, 0.47),
    (0.24, 0.24, 0.25),
    (0.78, 0.76, 0.72),
    (0.70, 0.58, 0.44),
    (0.52, 0.40, 0.29),
)


def draw(name: str, rng: np.random.Generator) -> RGB:
    """An sRGB colour in [0, 1] that goes by the name."""
    (h, s, v) = (rng.uniform(*bounds) for bounds in _RANGES[name])
    return colorsys.hsv_to_rgb(h % 360 / 360, s, v)


def shaded(color: RGB, factor: float) -> RGB:
    """The same hue darker (below 1) or mixed towards white (above 1)."""
    if factor <= 1:
        return (color[0] * factor, color[1] * factor, color[2] * factor)
    mix = factor - 1
    return (color[0] + (1 - color[0]) * mix, color[1] + (1 - color[1]) * mix,
            color[2] + (1 - color[2]) * mix)  # fmt: skip


def paint(name: str, rng: np.random.Generator, textured: float) -> Paint:
    """A paint of a named colour; with probability `textured` in two tones of it."""
    color = draw(name, rng)
    if rng.random() >= textured:
        return Paint(color)
    tone = {"black": 1.12, "white": 0.8}.get(name) or rng.choice((0.6, 1.25))
    pattern = (solids.CHECKER, solids.STRIPES, solids.MOTTLED)[rng.integers(3)]
    return Paint(color, shaded(color, float(tone)), pattern, float(rng.uniform(0.03, 0.12)))


def trim(rng: np.random.Generator) -> Paint:
    """A neutral paint for legs, handles and frames."""
    return Paint(_TRIMS[rng.integers(len(_TRIMS))])
