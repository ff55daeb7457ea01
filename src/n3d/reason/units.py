"""Units people ask in, and numbers with units as text."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from n3d.errors import QuestionError


@dataclass(frozen=True)
class UnitOf:
    """A unit: its `code` in files, the unit of the trace it measures, how many of those it is,
    its usual number of decimals, other names for it, and its sign where that is not the code."""

    code: str
    of: str
    factor: float
    decimals: int
    names: tuple[str, ...]
    sign: str | None = None

    @property
    def symbol(self) -> str:
        return self.code if self.sign is None else self.sign


FOOT, INCH = 0.3048, 0.0254
TABLE: tuple[UnitOf, ...] = (
    UnitOf("m", "m", 1.0, 2, ("meter", "metre", "meters", "metres", "mtr")),
    UnitOf("cm", "m", 0.01, 1, ("centimeter", "centimetre", "centimeters", "centimetres")),
    UnitOf("mm", "m", 0.001, 0, ("millimeter", "millimetre", "millimeters", "millimetres")),
    UnitOf("km", "m", 1000.0, 4, ("kilometer", "kilometre", "kilometers", "kilometres")),
    UnitOf("ft", "m", FOOT, 2, ("foot", "feet")),
    UnitOf("in", "m", INCH, 1, ("inch", "inches")),
    UnitOf("yd", "m", 0.9144, 2, ("yard", "yards")),
    UnitOf("mi", "m", 1609.344, 4, ("mile", "miles")),
    UnitOf("m2", "m2", 1.0, 2, ("square meters", "square metres", "sqm", "square meter"), "m²"),
    UnitOf("cm2", "m2", 1e-4, 0, ("square centimeters", "square centimetres"), "cm²"),
    UnitOf("ft2", "m2", FOOT**2, 2, ("square feet", "sq ft", "square foot"), "ft²"),
    UnitOf("m3", "m3", 1.0, 3, ("cubic meters", "cubic metres", "cubic meter"), "m³"),
    UnitOf("cm3", "m3", 1e-6, 0, ("cubic centimeters", "cubic centimetres", "cc"), "cm³"),
    UnitOf("l", "m3", 1e-3, 1, ("liters", "litres", "liter", "litre")),
    UnitOf("ft3", "m3", FOOT**3, 2, ("cubic feet", "cu ft", "cubic foot"), "ft³"),
    UnitOf("deg", "rad", float(np.pi / 180), 1, ("degrees", "degree"), "°"),
    UnitOf("rad", "rad", 1.0, 3, ("radians", "radian")),
    UnitOf("h", "h", 1.0, 0, ("o'clock", "hours", "hour"), "o'clock"),
    UnitOf("1", "1", 1.0, 2, (), ""),
)
BY_NAME: dict[str, UnitOf] = {n: u for u in TABLE for n in (u.code, u.symbol, *u.names) if n}
DEFAULT: dict[str, UnitOf] = {}
for _unit in TABLE:
    DEFAULT.setdefault(_unit.of, _unit)
# Longest first, so that "square feet" is not read as "feet".
NAMES = "|".join(re.escape(n) for n in sorted(BY_NAME, key=len, reverse=True) if n[0].isalpha())


def find(name: str, of: str | None = None) -> UnitOf:
    """The unit of this name; QuestionError where it is unknown or does not measure `of`."""
    unit = BY_NAME.get(name.strip().casefold().rstrip("."))
    if unit is None:
        raise QuestionError(
            f"unknown unit {name[:40]!r}", code="unit-unknown", field="unit", limit=_symbols(of)
        )
    if of is not None and unit.of != of:
        raise QuestionError(
            f"the answer is not measured in {name[:40]}",
            code="unit-mismatch",
            field="unit",
            limit=_symbols(of),
        )
    return unit


def _symbols(of: str | None) -> str:
    return ", ".join(u.symbol for u in TABLE if u.symbol and of in (None, u.of))


def convert(value: float, of: str, name: str) -> float:
    """A number in the trace's unit `of` in the unit called `name`."""
    return value / find(name, of).factor


def metres(text: str) -> float:
    """The length that a text like "22.32 feet" gives, in metres; QuestionError for another."""
    found = re.fullmatch(rf"\s*([-+]?\d+(?:\.\d+)?)\s*({NAMES})\.?\s*", text, re.IGNORECASE)
    if not found:
        raise QuestionError(f"is not a length: {text[:60]!r}", code="length", field="length")
    return float(found[1]) * find(found[2], "m").factor


def decimals(value: float, unit: UnitOf) -> int:
    """Decimals to show: the unit's own, more for values that would lose two digits."""
    places = unit.decimals
    if unit.of in ("h",) or value == 0 or not np.isfinite(value):
        return places
    needed = 1 - int(np.floor(np.log10(abs(value))))
    return min(max(places, needed), places + 2)


def text(value: float, unit: UnitOf, places: int | None = None) -> str:
    """A number with its unit, like "1.56 m", "61.4 in", "31.2°", "11 o'clock"."""
    places = decimals(value, unit) if places is None else places
    number = f"{value:.{places}f}"
    if float(number) == 0:
        number = number.lstrip("-")
    if unit.symbol in ("°", ""):
        return number + unit.symbol
    return f"{number} {unit.symbol}"
