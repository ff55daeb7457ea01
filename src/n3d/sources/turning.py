"""How files write that a box is turned: no number, one, three, four or nine.

The text of a way names it whole:

* `none`
* `yaw:+y:rad` one angle about a file axis, right-handed for +
* `euler:xyz:zyx:+:deg` three angles about x, y, z, in this order of the numbers, with
  R = Rz Ry Rx; for - all three turn the other way
* `quaternion:wxyz`, `quaternion:xyzw`; `quaternion:wxyz:inverse` maps the frame to the object
* `matrix`, `matrix:transposed`: nine numbers row by row

Angles are in `rad`, `deg` or `pi` (units of pi).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from n3d.errors import ConfigError
from n3d.geometry.pose import axis_rotation
from n3d.sources import frames

UNITS = {"rad": 1.0, "deg": math.pi / 180, "pi": math.pi}
ORDERS = tuple("".join(p) for p in itertools.permutations("xyz"))
SIGNS = "+-"
COUNTS = {"none": 0, "yaw": 1, "euler": 3, "quaternion": 4, "matrix": 9}
LIMIT = "none, yaw:+y:rad, euler:xyz:zyx:+:deg, quaternion:wxyz, matrix"
QUATERNION_SLACK = 0.01


def every(count: int) -> Iterator[str]:
    """All ways of `count` numbers, the usual ones first."""
    if count == 0:
        yield "none"
    elif count == 1:
        for unit, sign, axis in itertools.product(UNITS, SIGNS, "yzx"):
            yield f"yaw:{sign}{axis}:{unit}"
    elif count == 3:
        slots = ("xyz", "zyx", *(o for o in ORDERS if o not in ("xyz", "zyx")))
        products = ("zyx", "xyz", "yxz", *(o for o in ORDERS if o not in ("zyx", "xyz", "yxz")))
        for unit, sign, slot, product in itertools.product(UNITS, SIGNS, slots, products):
            yield f"euler:{slot}:{product}:{sign}:{unit}"
    elif count == 4:
        yield from ("quaternion:wxyz", "quaternion:xyzw")
        yield from ("quaternion:wxyz:inverse", "quaternion:xyzw:inverse")
    elif count == 9:
        yield from ("matrix", "matrix:transposed")


def check(way: str) -> None:
    """ConfigError for a text that names no way."""
    if way not in _known():
        raise ConfigError(
            f"is {way[:60]!r}", code="convention", field="convention: rotation", limit=LIMIT
        )


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(way for n in COUNTS.values() for way in every(n))


def count(way: str) -> int:
    """How many numbers a way has."""
    return COUNTS[way.partition(":")[0]]


def rotations(way: str, numbers: np.ndarray) -> np.ndarray:
    """Rotations (n, 3, 3) in the file's axes of turning numbers (n, k); NaN for what is none."""
    kind, *parts = way.split(":")
    n = numbers.reshape(len(numbers), count(way)) if kind != "none" else numbers
    if kind == "none":
        return np.broadcast_to(np.eye(3), (len(n), 3, 3))
    if kind == "yaw":
        sign = 1 if parts[0][0] == "+" else -1
        return axis_rotation("xyz".index(parts[0][1]), sign * n[:, 0] * UNITS[parts[1]])
    if kind == "euler":
        slots, product, sign, unit = parts
        angles = n * (UNITS[unit] * (1 if sign == "+" else -1))
        first, second, third = (
            axis_rotation("xyz".index(axis), angles[:, slots.index(axis)]) for axis in product
        )
        return first @ second @ third
    if kind == "matrix":
        turned = n.reshape(-1, 3, 3)
        return np.swapaxes(turned, 1, 2) if parts else turned
    q = n if parts[0] == "wxyz" else n[:, [3, 0, 1, 2]]
    length = np.linalg.norm(q, axis=1)
    sound = np.abs(length - 1) <= QUATERNION_SLACK
    safe = np.where(sound[:, None], q, [1.0, 0, 0, 0])
    turned = np.array([frames.rotation_from_quaternion(row) for row in safe]).reshape(-1, 3, 3)
    turned = np.swapaxes(turned, 1, 2) if len(parts) > 1 else turned
    return np.where(sound[:, None, None], turned, np.nan)


def numbers(way: str, turned: np.ndarray) -> np.ndarray:
    """Turning numbers (n, k) of rotations (n, 3, 3); what a yaw cannot hold is lost."""
    kind, *parts = way.split(":")
    if kind == "none":
        return np.zeros((len(turned), 0))
    if kind == "yaw":
        axis, sign = "xyz".index(parts[0][1]), 1 if parts[0][0] == "+" else -1
        angles = np.array([frames.yaw_about(r, axis)[0] for r in turned])
        return (sign * angles / UNITS[parts[1]])[:, None]
    if kind == "euler":
        slots, product, sign, unit = parts
        return _angles(turned, product)[:, [product.index(axis) for axis in slots]] / (
            UNITS[unit] * (1 if sign == "+" else -1)
        )
    if kind == "matrix":
        return (np.swapaxes(turned, 1, 2) if parts else turned).reshape(-1, 9)
    held = np.swapaxes(turned, 1, 2) if len(parts) > 1 else turned
    q = np.array([frames.quaternion_from_rotation(r) for r in held])
    return q if parts[0] == "wxyz" else q[:, [1, 2, 3, 0]]


def _angles(turned: np.ndarray, product: str) -> np.ndarray:
    """Angles (n, 3) about the axes of `product`, whose matrices multiply to the rotations."""
    import warnings

    from scipy.spatial.transform import Rotation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at the pole one angle is free: scipy sets it to zero
        return Rotation.from_matrix(turned).as_euler(product.upper())


def told(way: str) -> str:
    """A way in words."""
    kind, *parts = way.split(":")
    units = {"rad": "radians", "deg": "degrees", "pi": "units of pi"}
    if kind == "none":
        return "none"
    if kind == "yaw":
        turn = "right-handed" if parts[0][0] == "+" else "left-handed"
        return f"one angle about {parts[0][1]}, {turn}, in {units[parts[1]]}"
    if kind == "euler":
        slots, product, sign, unit = parts
        matrices = " ".join(f"R{axis}" for axis in product)
        turn = "" if sign == "+" else ", all turning the other way"
        return f"angles about {', '.join(slots)} in {units[unit]}, R = {matrices}{turn}"
    if kind == "quaternion":
        inverse = ", frame to object" if len(parts) > 1 else ""
        return f"quaternion {', '.join(parts[0])}{inverse}"
    return f"matrix, {'frame to object' if parts else 'object to frame'}"
