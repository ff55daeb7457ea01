"""Numbers with units as text: `1.56 m`, `0.0312 m3`, `31.2 deg`, `11 o'clock`, `3`.

Lengths, areas, volumes and ratios have 2 decimals, and as many more as 3 significant digits
need (at most 6): 12.30, 1.56, 0.156, 0.0156. Angles have 1 decimal and are written in degrees;
hours have 1 decimal. Ratios, counts and hours that are whole drop their decimals.
"""

from __future__ import annotations

import math
import re

from n3d.errors import TraceError
from n3d.scene.traces import Quantity, Unit

LARGEST = 1e7
PATTERN = r"-?[0-9]{1,8}(?:\.[0-9]{1,6})?(?: (?:m3|m2|m|deg|o'clock)(?![0-9A-Za-z_]))?"

_QUANTITY = re.compile(r"(-?[0-9]{1,8}(?:\.[0-9]{1,6})?)(?: (m3|m2|m|deg|o'clock))?")
_WORDS: dict[str, str] = {"m": "m", "m2": "m2", "m3": "m3", "rad": "deg", "h": "o'clock", "1": ""}
_UNITS: dict[str, Unit] = {
    "m": "m", "m2": "m2", "m3": "m3", "deg": "rad", "o'clock": "h", "": "1",
}  # fmt: skip
_WHOLE = ("h", "1")


def write(quantity: Quantity) -> str:
    """The text of a quantity, rounded; TraceError for what is not finite or above 1e7."""
    value = _shown(quantity)
    if not abs(value) < LARGEST:
        raise TraceError(
            f"{quantity.value:g} cannot be written", code="trace-value", limit=f"below {LARGEST:g}"
        )
    # Rounding can move a value into the next decade (0.9996 to 1.000), which has fewer decimals.
    for _ in range(2):
        text = f"{value:.{_decimals(value, quantity.unit)}f}"
        value = float(text)
    if value == 0:
        text = text.removeprefix("-")
    if quantity.unit in _WHOLE and value == round(value):
        text = text.split(".")[0]
    word = _WORDS[quantity.unit]
    return f"{text} {word}" if word else text


def read(text: str) -> Quantity:
    """The quantity of a text; TraceError where it is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise TraceError(f"not a quantity: {text[:40]!r}", code="trace-syntax")
    unit = _UNITS[match[2] or ""]
    value = float(match[1])
    return Quantity(math.radians(value) if unit == "rad" else value, unit)


def rounded(quantity: Quantity) -> Quantity:
    """What is read back after the quantity has been written."""
    return read(write(quantity))


def resolution(quantity: Quantity) -> float:
    """Half of the last written digit, in the quantity's own unit (radians for an angle)."""
    value = _shown(rounded(quantity))
    half = 0.5 * 10.0 ** -_decimals(value, quantity.unit)
    return math.radians(half) if quantity.unit == "rad" else half


def _shown(quantity: Quantity) -> float:
    return math.degrees(quantity.value) if quantity.unit == "rad" else quantity.value


def _decimals(value: float, unit: Unit) -> int:
    if unit in ("rad", "h"):
        return 1
    if value == 0 or abs(value) >= 1:
        return 2
    return min(2 - math.floor(math.log10(abs(value))), 6)
