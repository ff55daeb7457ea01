"""Whether two pixel grids show the same picture at different resolutions."""

from __future__ import annotations

MAX_FACTOR = 16

Size = tuple[int, int]


def same_picture(a: Size, b: Size) -> bool:
    """True where (width, height) `a` is `b` resized: sides agree within 1 pixel of rounding.

    Image sizes are rounded or truncated by whoever resized them (int against round), so the
    smaller grid may be off by one. Factors above 16 are taken for accidents.
    """
    small, big = sorted((a, b), key=lambda s: s[0] * s[1])
    if big[0] > MAX_FACTOR * small[0] or big[1] > MAX_FACTOR * small[1]:
        return False
    by_width = abs(big[1] * small[0] / big[0] - small[1])
    by_height = abs(big[0] * small[1] / big[1] - small[0])
    return min(by_width, by_height) <= 1


def name(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
