"""Whether an answer is right, whether it is right for the right reasons, and what is to blame.

Objects of a prediction stand for true ones by label, overlap and nearness (`correspondence`).
Blame falls on the first of these that is wrong in a wrong answer:

* format: no trace, no answer, or a trace that cannot be run;
* grounding: an object was not found (the question was refused although all is there), or the
  trace names a box that stands for no true object;
* program: the operations or the objects they take are not those of the reference;
* grounding: the right program gives a wrong answer on the prediction's own boxes;
* arithmetic: it gives a right one there, but something else was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from n3d import reason
from n3d.errors import TraceError
from n3d.evaluate import items, matching, programs, values
from n3d.scene import QA, Check, Grade, Object3D, Prediction, Value

OVERLAP = 0.5
DUPLICATE = 0.25
MISSED = (items.ABSENT, "object-ambiguous", "object-count", "object-repeated")


@dataclass(frozen=True)
class Marks:
    """All that is said about one answer.

    `right` takes numbers within 25 % and the exact hour, `right_10` numbers within 10 %.
    `hours_off` is the error of a clock answer, None for other answers and unread ones.
    `relative_error` is that of a number. `covered` tells whether the interval holds the true
    number, None without one. `joint`: every true object of the question has its box with IoU
    0.5 or more (`boxes_right`), the program and the answer are right.
    """

    grade: Grade
    right: bool
    right_10: bool
    hours_off: int | None
    relative_error: float | None
    covered: bool | None
    program_right: bool
    chain_right: bool
    boxes_right: bool

    @property
    def joint(self) -> bool:
        return self.boxes_right and self.program_right and self.right


def grade(prediction: Prediction, qa: QA, objects: Sequence[Object3D], up=None) -> Grade:
    """Whether a prediction gives the reference's answer, its box error (1 - mean IoU over the
    question's objects) and the blame. `objects` are the true ones that `qa` refers to."""
    return marks(prediction, qa, objects, up).grade


def marks(prediction: Prediction, qa: QA, objects: Sequence[Object3D], up=None) -> Marks:
    """Everything `Marks` holds; `up` is used where the prediction does not have its own."""
    case = _Case(prediction, qa, tuple(objects), up)
    right = case.right(values.WITHIN)
    found = case.found_ious
    error = 1 - float(np.mean(found)) if found else None
    return Marks(
        grade=Grade(right, error, "none" if right else case.blame()),
        right=right,
        right_10=case.right(values.WITHIN_STRICT),
        hours_off=values.hours_off(case.value, qa.answer.value),
        relative_error=values.relative_error(case.value, qa.answer.value),
        covered=values.interval_holds(prediction.answer, qa.answer.value),
        program_right=case.program_right,
        chain_right=case.chain_right(),
        boxes_right=all(v >= OVERLAP for v in found),
    )


@dataclass(frozen=True, eq=False)
class _Case:
    """One prediction beside its truth."""

    prediction: Prediction
    qa: QA
    objects: tuple[Object3D, ...]
    default_up: np.ndarray | None

    @property
    def up(self):
        return self.default_up if self.prediction.up is None else self.prediction.up

    @property
    def value(self) -> Value | None:
        return None if self.prediction.answer is None else self.prediction.answer.value

    @cached_property
    def where(self) -> dict[int, int]:
        return correspondence(self.prediction.objects, self.objects)

    @cached_property
    def found_ious(self) -> list[float]:
        """The largest IoU that a box for each of the question's objects has."""
        iou = matching.ious(self.prediction.objects, self.objects)
        wanted = self.qa.objects
        return [max((float(iou[i, t]) for i, j in self.where.items() if j == t), default=0.0)
                for t in wanted]  # fmt: skip

    @cached_property
    def own(self) -> tuple[Check, Value] | None:
        """The trace run on the prediction's own boxes, None where it cannot be."""
        p = self.prediction
        if p.trace is None:
            return None
        try:
            check, results = reason.replay(p.trace, p.objects, up=self.up)
        except TraceError:
            return None
        return check, results[-1]

    def right(self, share: float, value: Value | None = None) -> bool:
        value = self.value if value is None else value
        return value is not None and values.right(value, self.qa, self.where, share)

    @cached_property
    def program_right(self) -> bool:
        trace = self.prediction.trace
        return trace is not None and programs.equivalent(trace, self.qa.program, self.where)

    def chain_right(self) -> bool:
        """The trace agrees with itself on its own boxes, and gives the reference answer on the
        true ones."""
        trace = self.prediction.trace
        if trace is None or self.own is None or not self.own[0].agrees:
            return False
        there = programs.moved(trace, self.where)
        if there is None:
            return False
        try:
            again = programs.rerun(there, self.objects, self.default_up)
        except TraceError:
            return False
        return programs.same_value(again.answer, self.qa.program.answer)

    def blame(self):
        p = self.prediction
        if p.answer is None and items.code_of(p.fault) in MISSED:
            return "grounding"
        if p.answer is None or p.trace is None or self.own is None:
            return "format"
        if any(i not in self.where for i in programs.named(p.trace)):
            return "grounding"
        if not self.program_right:
            return "program"
        return "arithmetic" if self.right(values.WITHIN, self.own[1]) else "grounding"


# -- objects --------------------------------------------------------------------------------


def correspondence(predicted: Sequence[Object3D], true: Sequence[Object3D]) -> dict[int, int]:
    """The true object that each predicted one stands for, by place; some stand for none.

    One to one, so that first as many labels as possible agree, then boxes overlap most, then
    centres are nearest. Objects of different labels need an IoU of 0.25. A second box on the
    same object stands for it too.
    """
    if not predicted or not true:
        return {}
    iou, same = matching.ious(predicted, true), matching.same_class(predicted, true)
    centers = [np.stack([o.box.center for o in objects]) for objects in (predicted, true)]
    apart = np.linalg.norm(centers[0][:, None] - centers[1][None], axis=-1)
    near = np.exp(-apart / np.maximum(np.linalg.norm(centers[1], axis=-1), 1e-9))
    sound = same | (iou >= DUPLICATE)
    pairs = matching.hungarian(np.where(sound, 10.0 * same + iou + 0.5 * near, -1.0))
    where = dict(pairs)
    for i in range(len(predicted)):
        best = int(np.where(same[i], iou[i], -1.0).argmax())
        if i not in where and same[i, best] and iou[i, best] >= DUPLICATE:
            where[i] = best
    return dict(sorted(where.items()))
