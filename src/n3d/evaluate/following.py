"""Whether answers follow the boxes: one box is edited, and the answer must change as replay says.

A model that answers from the picture, or from habit, and not from the boxes before it, is found
out by this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from n3d.errors import N3DError, TraceError
from n3d.evaluate import programs
from n3d.evaluate.items import Item, Sitting
from n3d.geometry import Box3D
from n3d.reason.answering import concerned
from n3d.scene import Object3D, Prediction, Trace, Value

FACTORS = (0.5, 0.67, 1.5, 2.0)
TRIES = 8
CHANGE = 0.1
"""Numbers must change by this share, so that rounding hides nothing."""


class GivenBoxes(Protocol):
    """What can be told the boxes of a question."""

    def answer(self, view: Any, question: Any, /, *, objects: Any, computed: bool) -> Prediction:
        """The Prediction of a question about known objects."""
        ...


@dataclass(frozen=True, eq=False)
class Edit:
    """A question of a view with its objects, one of which was edited, and what the reference
    trace then gives."""

    item: Item
    objects: tuple[Object3D, ...]
    value: Value


def edits(sitting: Sitting) -> Iterator[Edit]:
    """One edit of each question whose answer an edit changes."""
    for item in sitting.items:
        if item.qa is None:
            continue
        order = concerned(item.qa.program)
        there = programs.moved(item.qa.program, {n: k for k, n in enumerate(order)})
        if there is None:
            continue
        rng = np.random.default_rng([item.seed, len(item.id), len(item.question)])
        objects = [replace(item.around[i], spread=None) for i in order]
        found = _edit(item, objects, there, sitting.view.up, rng)
        if found is not None:
            yield found


def _edit(item: Item, objects: Sequence[Object3D], trace: Trace, up, rng) -> Edit | None:
    try:
        before = programs.rerun(trace, objects, up).answer
    except TraceError:
        return None
    for _ in range(TRIES):
        i = int(rng.integers(len(objects)))
        edited = tuple(_edited(o, rng) if k == i else o for k, o in enumerate(objects))
        try:
            after = programs.rerun(trace, edited, up).answer
        except TraceError:
            continue
        if not same(before, after, CHANGE):
            return Edit(item, edited, after)
    return None


def _edited(o: Object3D, rng: np.random.Generator) -> Object3D:
    """An object moved along its ray, and of another size."""
    away, *sides = rng.choice(FACTORS, 4)
    return replace(o, box=Box3D(o.box.center * away, o.box.size * sides, o.box.rotation))


def same(a: Value | None, b: Value, share: float) -> bool:
    """Whether values are the same, numbers to a share of the larger."""
    first, second = getattr(a, "value", None), getattr(b, "value", None)
    if isinstance(first, float) and isinstance(second, float):
        unit = getattr(a, "unit", None) == getattr(b, "unit", None)
        return unit and abs(first - second) <= share * max(abs(first), abs(second))
    return a is not None and programs.same_value(a, b)


def follow(
    model: GivenBoxes, sittings: Iterable[Sitting], *, computed: bool = True
) -> Iterator[tuple[Edit, bool]]:
    """For each edit, whether the model's answer is what replay gives, numbers within 5 %: what a
    box says is written on a grid, and a difference of two lengths shows it."""
    for sitting in sittings:
        look = getattr(model, "look", None)
        view = sitting.view if look is None else look(sitting.view)
        for edit in edits(sitting):
            yield edit, _follows(model, view, edit, computed)


def _follows(model: GivenBoxes, view: Any, edit: Edit, computed: bool) -> bool:
    try:
        found = model.answer(view, edit.item.question, objects=edit.objects, computed=computed)
    except N3DError:
        return False
    return found.answer is not None and same(found.answer.value, edit.value, 0.05)
