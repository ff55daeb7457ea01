"""Members of parsed JSON, taken for numbers and texts only if they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from n3d.errors import InputError

MAX_SIDE = 1 << 16


def row(value: Any, count: int, field: str, kind: str = "box") -> np.ndarray:
    """`count` finite numbers (count,) float64.

    Raises InputError `<kind>-type` for all else, numbers as text and booleans too, and
    `<kind>-not-finite` for what float64 cannot hold.
    """
    listed = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    if not listed or len(value) != count or not all(map(_is_number, value)):
        what = "a number" if count == 1 else f"{count} numbers"
        raise InputError(f"must be {what}, got {_short(value)}", code=f"{kind}-type", field=field)
    try:
        out = np.array([float(v) for v in value])
    except OverflowError:
        out = np.array([np.inf])
    if not np.isfinite(out).all():
        raise InputError(
            f"must be finite, got {_short(value)}", code=f"{kind}-not-finite", field=field
        )
    return out


def one(value: Any, field: str, kind: str = "box") -> float:
    """One finite number, with the same refusals."""
    return float(row([value], 1, field, kind)[0])


def side(value: Any, field: str) -> int:
    """A whole number of pixels from 1 to 65536; InputError "camera-size" otherwise."""
    number = one(value, field, "camera")
    if number != int(number) or not 1 <= number <= MAX_SIDE:
        raise InputError(
            f"must be a whole number of pixels, got {number:g}",
            code="camera-size",
            field=field,
            limit=f"1 to {MAX_SIDE}",
        )
    return int(number)


def sides(value: Any, field: str) -> tuple[int, int]:
    """Two such numbers."""
    first, second = row(value, 2, field)
    return side(first, field), side(second, field)


def matrix(value: Any, field: str) -> np.ndarray:
    """Three rows of three finite numbers."""
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise InputError("must be 3x3 numbers", code="box-type", field=field)
    return np.array([row(r, 3, field) for r in value])


def member(record: Any, field: str) -> Any:
    """A member that must be there."""
    if not isinstance(record, Mapping) or field not in record:
        raise InputError(f"{field} is missing", code="box-key", field=field)
    return record[field]


def text(record: Any, field: str) -> str:
    """A text that must be there and say something."""
    value = member(record, field)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"must be a text, got {_short(value)}", code="box-label", field=field)
    return value


def mapping(record: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A member that is an object, empty where it is absent or null."""
    value = record.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"must be an object, got {_short(value)}", code="box-type", field=field)
    return value


def rows(record: Any, field: str) -> list[Any]:
    """A member that must be a list."""
    value = member(record, field)
    if not isinstance(value, list):
        raise InputError(f"must be a list, got {_short(value)}", code="box-type", field=field)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
