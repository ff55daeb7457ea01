"""The objects a trace runs on, once or many times over, and the values it works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from n3d.errors import TraceError
from n3d.geometry import Box3D
from n3d.scene import Object3D, Quantity, Ref, Value


@dataclass(frozen=True, eq=False)
class Things:
    """One object per sample: `index` (...) into the world, and its `box` (...)."""

    index: np.ndarray
    box: Box3D
    front: np.ndarray


@dataclass(frozen=True, eq=False)
class Numbers:
    """A quantity per sample: `value` (...) with one unit, measured on the objects `of` (...)."""

    value: np.ndarray
    unit: str
    of: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Truths:
    """Yes or no per sample."""

    value: np.ndarray


@dataclass(frozen=True, eq=False)
class Words:
    """A word per sample."""

    value: np.ndarray


Run: TypeAlias = "Things | Numbers | Truths | Words | tuple[Run, ...]"
"""A value while a trace runs; every array has the sample axes of the world."""


@dataclass(frozen=True, eq=False)
class World:
    """n objects: `boxes` (n, ...) whose axes after the first are samples, and what is known."""

    boxes: Box3D
    labels: tuple[str, ...]
    fronts: np.ndarray
    up: np.ndarray | None = None

    @classmethod
    def of(cls, objects: Sequence[Object3D], up=None, boxes: Box3D | None = None) -> World:
        """The world of `objects`, on their own boxes or on drawn ones (n, samples)."""
        fronts = np.full((len(objects), 3), np.nan)
        for i, o in enumerate(objects):
            if o.front is not None:
                fronts[i] = o.front
        if boxes is None:
            boxes = Box3D.stack(o.box for o in objects)
        return cls(boxes, tuple(o.label for o in objects), fronts, up)

    @property
    def samples(self) -> tuple[int, ...]:
        return self.boxes.shape[1:]

    def __len__(self) -> int:
        return self.boxes.shape[0]

    def thing(self, index) -> Things:
        """The objects at `index`, one number or one per sample."""
        index = np.asarray(index)
        if not index.ndim:
            i = int(index)
            return Things(np.broadcast_to(index, self.samples), self.boxes[i], self.fronts[i])
        rest = np.indices(self.samples)
        return Things(index, self.boxes[(index, *rest)], self.fronts[index])

    def refer(self, ref: Ref) -> Things:
        """The object a trace calls bbox_i; TraceError where there is none."""
        if not 0 <= ref.index < len(self):
            raise TraceError(
                f"names {ref}, but there are {len(self)} objects", code="trace-object-absent"
            )
        return self.thing(ref.index)


def as_value(run: Run) -> Value:
    """The noun for a value of a single run (no sample axes)."""
    if isinstance(run, tuple):
        return tuple(as_value(r) for r in run)
    if isinstance(run, Things):
        return Ref(int(run.index))
    if isinstance(run, Truths):
        return bool(run.value)
    if isinstance(run, Words):
        return str(run.value)
    number = float(run.value)
    if not np.isfinite(number):
        raise TraceError("has no defined result here", code="trace-undefined")
    of = None if run.of is None else Ref(int(run.of))
    return Quantity(number, run.unit, of=of)  # pyright: ignore[reportArgumentType]


def as_run(value, world: World) -> Run:
    """A written value or literal as a value that runs; objects are looked up in the world."""
    if isinstance(value, tuple):
        return tuple(as_run(v, world) for v in value)
    if isinstance(value, Ref):
        return world.refer(value)
    if isinstance(value, bool):
        return Truths(np.broadcast_to(value, world.samples))
    if isinstance(value, str):
        return Words(np.broadcast_to(value, world.samples))
    if isinstance(value, Quantity):
        of = None if value.of is None else np.broadcast_to(value.of.index, world.samples)
        try:
            number = float(value.value)
        except (TypeError, ValueError, OverflowError):
            raise TraceError("a quantity is not a number", code="trace-type") from None
        return Numbers(np.broadcast_to(number, world.samples), value.unit, of)
    raise TraceError(f"cannot use {type(value).__name__}", code="trace-type")
