"""Whether a value is the reference's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n3d import reason
from n3d.errors import QuestionError
from n3d.evaluate import calibration
from n3d.scene import QA, Answer, Quantity, Ref, Value

WITHIN, WITHIN_STRICT = 0.25, 0.10


def right(value: Value, qa: QA, where: Mapping[int, int], share: float = WITHIN) -> bool:
    """Whether a value is the reference's: numbers within `share` of it, hours and counts exact,
    words and yes or no the same, objects and orders those that they stand for."""
    true = qa.answer.value
    if isinstance(true, Quantity):
        if not isinstance(value, Quantity) or value.unit != true.unit:
            return False
        if true.unit == "h" or qa.program.steps[-1].op == "count":
            return value.value == true.value
        return within(value.value, true.value, share)
    if isinstance(true, tuple):
        return (
            isinstance(value, tuple)
            and len(value) == len(true)
            and all(_stands_for(v, t, where) for v, t in zip(value, true))
        )
    return _stands_for(value, true, where)


def _stands_for(value: Value, true: Value, where: Mapping[int, int]) -> bool:
    if isinstance(true, Ref):
        return isinstance(value, Ref) and where.get(value.index) == true.index
    return type(value) is type(true) and value == true


def within(value: float, true: float, share: float = WITHIN) -> bool:
    """(1 - share) true <= value <= (1 + share) true: SpatialRGPT-Bench's rule with 0.25."""
    low, high = sorted(((1 - share) * true, (1 + share) * true))
    return low <= value <= high


def hours_off(value: Value | None, true: Value) -> int | None:
    """Hours between two clock answers the short way round, 0 to 6; None for other values."""
    if not (isinstance(true, Quantity) and true.unit == "h"):
        return None
    if not (isinstance(value, Quantity) and value.unit == "h" and np.isfinite(value.value)):
        return None
    off = round(abs(value.value - true.value)) % 12
    return min(off, 12 - off)


def is_clock(qa: QA) -> bool:
    """Whether the answer is an hour."""
    return isinstance(qa.answer.value, Quantity) and qa.answer.value.unit == "h"


def relative_error(value: Value | None, true: Value) -> float | None:
    """|value - true| / |true| of two numbers of one unit; None for hours and for a true 0."""
    if not (isinstance(value, Quantity) and isinstance(true, Quantity)):
        return None
    if value.unit != true.unit or true.unit == "h" or true.value == 0:
        return None
    return abs(value.value - true.value) / abs(true.value)


def interval_holds(answer: Answer | None, true: Value) -> bool | None:
    """Whether the stated interval holds the true number; None without an interval of its unit."""
    if answer is None or answer.interval is None or not isinstance(true, Quantity):
        return None
    if not isinstance(answer.value, Quantity) or answer.value.unit != true.unit:
        return None
    try:
        factor = reason.units.find(answer.unit, true.unit).factor if answer.unit else 1.0
    except QuestionError:
        return None
    period = 2 * np.pi / factor if true.unit == "rad" else None
    return calibration.covered(answer.interval, true.value / factor, period=period)


RELATIVE_THRESHOLDS = np.linspace(0.5, 0.95, 10)
ERROR_LIMITS = np.arange(5, 51, 5) / 100


def mean_relative_accuracy(value: float, true: float, *, strict: bool = False) -> float:
    """The share of ten thresholds that |value - true| / |true| satisfies, 0 to 1.

    At most 1 - t for t of 0.50, 0.55 ... 0.95 (VSI-Bench, Yang et al. 2024, as lmms-eval computes
    it); `strict` is less than 0.05 ... 0.50, as VLMEvalKit's Omni3DBench has it. A true 0 takes 0
    alone.
    """
    if true == 0:
        return float(value == 0)
    error = abs(value - true) / abs(true)
    reached = error < ERROR_LIMITS if strict else error <= 1 - RELATIVE_THRESHOLDS
    return float(np.mean(reached))
