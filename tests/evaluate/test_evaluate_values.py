"""Values against the golden rules, and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from n3d import reason
from n3d.evaluate import values
from n3d.scene import QA, Answer, Quantity, Ref, Step, Trace


def qa(value, op="height") -> QA:
    trace = Trace((Step(op, (), value),))
    return QA("", "", "", trace, Answer("", value))


def test_numbers_are_marked_as_the_benchmark_does(shared):
    data = json.loads((shared / "golden/numeric_scoring.json").read_text())
    for row in data["rows"]:
        assert values.within(row["pred_m"], row["gt_m"]) == row["success_pm25"], row
        if row["gt_m"]:
            found = values.relative_error(Quantity(row["pred_m"]), Quantity(row["gt_m"]))
            off = row["abs_rel_with_eps"] * (row["gt_m"] + 1e-4) / row["gt_m"]
            assert found == pytest.approx(off, abs=1e-12)
    for row in data["unit_examples"]:
        assert reason.units.metres(row["text"]) == pytest.approx(row["metres"], abs=1e-12)


def test_hours_are_marked_as_the_benchmark_does(shared):
    data = json.loads((shared / "golden/clock_direction.json").read_text())
    for row in data["scoring_pairs"]:
        off = values.hours_off(Quantity(row["pred"], "h"), Quantity(row["gt"], "h"))
        assert off == row["err"], row
        assert (off <= 1) == row["success"]


def test_an_hour_is_an_hour():
    assert values.hours_off(Quantity(3.0), Quantity(3.0, "h")) is None
    assert values.hours_off(None, Quantity(3.0, "h")) is None
    assert values.hours_off(Quantity(3.0), Quantity(3.0)) is None
    assert values.right(Quantity(3.0, "h"), qa(Quantity(3.0, "h")), {})
    assert not values.right(Quantity(4.0, "h"), qa(Quantity(3.0, "h")), {})


def test_counts_are_exact_and_ratios_are_not():
    assert values.right(Quantity(4.0, "1"), qa(Quantity(4.0, "1"), "count"), {})
    assert not values.right(Quantity(5.0, "1"), qa(Quantity(4.0, "1"), "count"), {})
    assert values.right(Quantity(5.0, "1"), qa(Quantity(4.0, "1"), "ratio"), {})
    assert not values.right(Quantity(5.0, "1"), qa(Quantity(4.0, "1"), "ratio"), {}, 0.1)


def test_objects_are_right_by_what_they_stand_for():
    where = {0: 3, 1: 2}
    assert values.right(Ref(0), qa(Ref(3)), where)
    assert not values.right(Ref(1), qa(Ref(3)), where)
    assert not values.right(Ref(9), qa(Ref(3)), where)
    assert values.right((Ref(0), Ref(1)), qa((Ref(3), Ref(2))), where)
    assert not values.right((Ref(1), Ref(0)), qa((Ref(3), Ref(2))), where)
    assert not values.right((Ref(0),), qa((Ref(3), Ref(2))), where)
    assert not values.right(True, qa(Ref(3)), where)


def test_kinds_of_values_are_never_mixed():
    assert values.right(True, qa(True), {})
    assert not values.right(Quantity(1.0, "1"), qa(True), {})
    assert not values.right("left", qa("right"), {})
    assert not values.right(Quantity(1.0, "rad"), qa(Quantity(1.0)), {})
    assert values.within(-1.2, -1.0)
    assert not values.within(float("nan"), 1.0)
    assert not values.within(1.3, 1.0)


def test_intervals_hold_the_number_in_the_unit_they_are_in():
    def holds(interval, unit, value, true):
        return values.interval_holds(Answer("", value, 1.0, unit, interval), true)

    metre = Quantity(1.0)
    assert holds((90.0, 110.0), "cm", metre, metre) is True
    assert holds((0.9, 1.1), "cm", metre, metre) is False
    assert holds((0.9, 1.1), "parsec", metre, metre) is None
    assert holds(None, "cm", metre, metre) is None
    assert holds((0.9, 1.1), "m", True, metre) is None
    # Angles go round.
    first = Quantity(np.radians(359.0), "rad")
    assert holds((355.0, 365.0), "deg", first, Quantity(np.radians(2.0), "rad")) is True
    assert holds((355.0, 365.0), "deg", first, Quantity(np.radians(20.0), "rad")) is False
    assert values.interval_holds(None, metre) is None
