"""Checked numbers, texts and members of JSON records, on the way out and on the way in."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from n3d.errors import InputError, N3DError

T = TypeVar("T")
REQUIRED: Any = object()


def refused(message: str, field: str, code: str = "record-type") -> InputError:
    """The InputError for a member that a record cannot have."""
    return InputError(message, code=code, field=field)


# -- out ----------------------------------------------------------------------------------


def number(value: Any, field: str) -> float:
    """A finite float; InputError otherwise (JSON and tables hold no NaN or infinity)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise refused(f"must be a number, got {type(value).__name__}", field)
    if not math.isfinite(value):
        raise refused(f"must be finite, got {float(value)}", field, "record-not-finite")
    return float(value)


def numbers(value: Any, field: str) -> Any:
    """Nested lists of the finite floats of an array."""
    array = np.asarray(value, dtype=float)
    if not np.isfinite(array).all():
        raise refused(f"must be finite, got {array.tolist()}", field, "record-not-finite")
    return array.tolist()


def text(value: Any, field: str) -> str:
    """A text that UTF-8 can hold."""
    if not isinstance(value, str):
        raise refused(f"must be a text, got {type(value).__name__}", field)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise refused("holds half a surrogate pair", field, "record-text") from None
    return value


def plain(value: Any, field: str) -> Any:
    """The value as JSON has it: tuples and arrays as lists, keys as texts, numbers finite."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return text(value, field)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return number(value, field)
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), field)
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{field}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {text(k, field): plain(v, f"{field}.{k}") for k, v in value.items()}
    raise refused(f"has no form in JSON: {type(value).__name__}", field)


def dumps(value: Any) -> str:
    """Compact JSON in one line with sorted keys: equal values are equal texts."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


# -- in -----------------------------------------------------------------------------------


class Fields:
    """The members of one JSON object, taken one by one with their type.

    A member that is absent or null gives `default`, or an InputError where there is none;
    `done` refuses members that nobody took, naming the nearest that exists.
    """

    def __init__(self, data: Any, noun: str) -> None:
        if not isinstance(data, dict):
            raise refused(f"must be an object with the fields of a {noun}", noun.lower())
        self._data, self._noun, self._known = data, noun, set()

    def take(self, name: str, decode: Callable[[Any, str], T], default: Any = REQUIRED) -> T:
        """The member `name` decoded by `decode(value, name)`."""
        self._known.add(name)
        value = self._data.get(name)
        if value is None:
            if default is REQUIRED:
                raise refused(f"a {self._noun} needs it", name, "record-missing")
            return default
        return decode(value, name)

    def done(self) -> None:
        for name in self._data:
            if name not in self._known:
                near = difflib.get_close_matches(str(name), self._known, 1)
                error = refused(f"a {self._noun} has no such field", str(name), "record-unknown")
                error.hint = f"Did you mean {near[0]}?" if near else None
                raise error


def flag(value: Any, field: str) -> bool:
    """A JSON boolean; InputError for numbers and texts that look like one."""
    if not isinstance(value, bool):
        raise refused(f"must be true or false, got {value!r}", field)
    return value


def whole(value: Any, field: str) -> int:
    """A JSON number without a fraction."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(f"must be a whole number, got {value!r}", field)
    return value


def mapping(value: Any, field: str) -> dict[str, Any]:
    """A JSON object, as `plain` makes it."""
    if not isinstance(value, dict):
        raise refused("must be an object", field)
    return plain(value, field)


def array(*shape: int) -> Callable[[Any, str], np.ndarray]:
    """A decoder of nested lists of finite numbers with this shape; any shape if none is given."""

    def decode(value: Any, field: str) -> np.ndarray:
        try:
            found = np.asarray(value)
        except ValueError:
            raise refused("rows differ in length", field) from None
        if found.dtype.kind not in "fiu":
            raise refused("must hold numbers only", field)
        if shape and found.shape != shape:
            raise refused(f"must have shape {shape}, got {found.shape}", field)
        if not np.isfinite(found).all():
            raise refused("must be finite", field, "record-not-finite")
        return found.astype(float)

    return decode


def pair(value: Any, field: str) -> tuple[float, float]:
    """Two finite numbers."""
    low, high = array(2)(value, field).tolist()
    return low, high


def many(decode: Callable[[Any], T]) -> Callable[[Any, str], tuple[T, ...]]:
    """A decoder of lists; errors name the element, as in objects[3].center."""

    def decode_all(value: Any, field: str) -> tuple[T, ...]:
        if not isinstance(value, (list, tuple)):
            raise refused("must be a list", field)
        return tuple(one(decode)(item, f"{field}[{i}]") for i, item in enumerate(value))

    return decode_all


def one(decode: Callable[[Any], T]) -> Callable[[Any, str], T]:
    """A decoder of one nested record; errors name the path to it."""

    def decode_one(value: Any, field: str) -> T:
        try:
            return decode(value)
        except N3DError as e:
            e.field = f"{field}.{e.field}" if e.field else field
            raise

    return decode_one
