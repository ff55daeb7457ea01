"""Colours that stay apart for colour-blind readers, and ink that stays legible on them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]

# The set of Okabe and Ito (2008, "Color Universal Design") without black, followed by a lighter
# or darker member of each hue so that the second round differs in lightness as well.
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (255, 200, 110), (160, 215, 250), (120, 215, 180), (150, 140, 20),
    (110, 165, 235), (255, 155, 110), (150, 70, 120),
)  # fmt: skip

INK: Colour = (20, 23, 28)
PAPER: Colour = (255, 255, 255)
MUTED: Colour = (101, 109, 118)
RULE: Colour = (220, 224, 229)
GOOD: Colour = (0, 128, 92)
BAD: Colour = (196, 62, 0)


def of_index(index: int) -> Colour:
    """The colour of the object at `index`; the same in image, plan, page and panel."""
    return COLOURS[index % len(COLOURS)]


def of_labels(labels: Sequence[str]) -> list[Colour]:
    """One colour per label, the same for equal labels, from the spelling alone.

    A label keeps its colour from picture to picture and machine to machine unless another
    label of the same picture would share it; labels differ while there are colours left.
    """
    names = [label.strip().casefold() for label in labels]
    chosen: dict[str, int] = {}
    for name in sorted(set(names)):
        first = zlib.crc32(name.encode("utf-8", "replace")) % len(COLOURS)
        free = [(first + k) % len(COLOURS) for k in range(len(COLOURS))]
        chosen[name] = next((i for i in free if i not in chosen.values()), first)
    return [COLOURS[chosen[name]] for name in names]


def of_objects(labels: Sequence[str], by: str) -> list[Colour]:
    """The colours of a list of things: one each (`by` "index") or one per label ("label")."""
    return of_labels(labels) if by == "label" else [of_index(i) for i in range(len(labels))]


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (c / 255 for c in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Colour, b: Colour) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def ink_on(colour: Colour) -> Colour:
    """Dark or light text, whichever stands out more on `colour`."""
    return INK if contrast(INK, colour) >= contrast(PAPER, colour) else PAPER


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` (0 to 1) of `b` in it."""
    r, g, blue = (round(x + (y - x) * share) for x, y in zip(a, b))
    return r, g, blue
