"""Each blame by hand, and what makes a chain and a joint answer right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluate_samples import thing

from n3d import reason
from n3d.evaluate import grading, items, programs
from n3d.geometry import Box3D
from n3d.scene import QA, Answer, Prediction, Quantity, Ref, Step, Trace

UP = np.array([0.0, -1.0, 0.0])


def asked(question, objects) -> QA:
    query = reason.understand(question)
    trace, answer = reason.answer(query, objects, up=UP)
    found = reason.answering.concerned(trace)
    return QA("scene", query.kind, question, trace, answer, query, found)


def answered(qa: QA, objects, trace: Trace | None = None) -> Prediction:
    """What a model with these boxes says that runs the trace (the reference's) rightly."""
    trace = programs.rerun(trace or qa.trace, objects, UP)
    answer = Answer("", trace.answer)
    return Prediction(qa.question, objects=tuple(objects), trace=trace, answer=answer)


def pushed(o, factor):
    """The object that many times as far away, so that nothing overlaps any more."""
    return replace(o, box=Box3D(o.box.center * factor, o.box.size, o.box.rotation))


@pytest.fixture
def qa(room) -> QA:
    return asked("How far is the mug from the lamp?", room)


def test_the_truth_is_right_in_every_way(qa, room):
    m = grading.marks(answered(qa, room), qa, room, UP)
    assert m.right
    assert m.right_10
    assert m.program_right
    assert m.chain_right
    assert m.joint
    assert m.relative_error == 0
    assert (m.grade.blame, m.grade.box_error) == ("none", pytest.approx(0, abs=1e-9))


def test_the_order_of_objects_and_arguments_does_not_matter(qa, room):
    swapped = Trace((Step("distance", (Ref(3), Ref(2)), Quantity(0.0)),))
    prediction = answered(qa, room[::-1], swapped)
    m = grading.marks(prediction, qa, room, UP)
    assert m.joint
    assert m.chain_right


def test_no_answer_is_a_fault_of_format(qa, room):
    for prediction in (
        Prediction(qa.question, fault="truncated: the reply did not come to its end"),
        Prediction(qa.question, objects=room),
        replace(answered(qa, room), trace=None, answer=Answer("", Quantity(9.0))),
    ):
        m = grading.marks(prediction, qa, room, UP)
        assert (m.right, m.program_right, m.chain_right) == (False, False, False)
        assert m.grade.blame == "format"


def test_a_trace_that_cannot_run_is_a_fault_of_format(qa, room):
    broken = Trace((Step("distance", (Ref(0), Ref(17)), Quantity(9.0)),))
    prediction = Prediction(
        qa.question, objects=room, trace=broken, answer=Answer("", Quantity(9.0))
    )
    assert grading.grade(prediction, qa, room, UP).blame == "format"


def test_refusing_what_is_there_is_a_fault_of_grounding(qa, room):
    prediction = Prediction(qa.question, fault=f"{items.ABSENT}: nothing matches")
    assert grading.grade(prediction, qa, room, UP).blame == "grounding"
    assert grading.grade(prediction, qa, room, UP).box_error == 1


def test_wrong_boxes_under_the_right_program_are_a_fault_of_grounding(qa, room):
    far = (room[0], pushed(room[1], 2.0), *room[2:])
    m = grading.marks(answered(qa, far), qa, room, UP)
    assert (m.right, m.program_right, m.boxes_right) == (False, True, False)
    assert m.chain_right  # on the true boxes it would have been right
    assert m.grade.blame == "grounding"
    assert m.grade.box_error == pytest.approx(0.5)


def test_naming_a_box_that_stands_for_nothing_is_a_fault_of_grounding(qa, room):
    sofa = thing("sofa", (5, 5, 9))
    wrong = Trace((Step("distance", (Ref(0), Ref(4)), Quantity(0.0)),))
    prediction = answered(qa, (*room, sofa), wrong)
    assert grading.grade(prediction, qa, room, UP).blame == "grounding"


@pytest.mark.parametrize(
    "wrong",
    [
        Step("vertical_distance", (Ref(0), Ref(1)), Quantity(0.0)),  # another operation
        Step("distance", (Ref(0), Ref(3)), Quantity(0.0)),  # another object
    ],
)
def test_another_operation_or_object_is_a_fault_of_the_program(qa, room, wrong):
    m = grading.marks(answered(qa, room, Trace((wrong,))), qa, room, UP)
    assert (m.right, m.program_right, m.chain_right, m.boxes_right) == (False, False, False, True)
    assert m.grade.blame == "program"


def test_a_wrong_sum_is_a_fault_of_arithmetic(qa, room):
    good = answered(qa, room)
    assert good.trace is not None
    wrong = Quantity(2 * qa.trace.answer.value)
    trace = Trace((*good.trace.steps[:-1], replace(good.trace.steps[-1], out=wrong)))
    m = grading.marks(replace(good, trace=trace, answer=Answer("", wrong)), qa, room, UP)
    assert (m.right, m.program_right, m.chain_right, m.boxes_right) == (False, True, False, True)
    assert m.grade.blame == "arithmetic"


def test_a_right_answer_by_luck_has_no_blame_but_a_wrong_chain(qa, room):
    lucky = Trace((Step("distance", (Ref(0), Ref(1)), qa.trace.answer),))
    far = (room[0], pushed(room[1], 2.0), *room[2:])
    m = grading.marks(
        Prediction("", objects=far, trace=lucky, answer=Answer("", qa.trace.answer)), qa, room, UP
    )
    assert (m.right, m.chain_right, m.joint) == (True, False, False)
    assert m.grade.blame == "none"


def test_choices_and_orders_are_graded_by_object(room):
    choice = asked("Which is closer to the camera, the mug or the lamp?", room)
    assert choice.trace.answer == Ref(0)
    m = grading.marks(answered(choice, room[::-1], _reversed(choice.trace, 4)), choice, room, UP)
    assert m.joint
    closer = (pushed(room[0], 3.0), *room[1:])
    m = grading.marks(answered(choice, closer), choice, room, UP)
    assert (m.right, m.program_right, m.grade.blame) == (False, True, "grounding")


def _reversed(trace: Trace, count: int) -> Trace:
    moved = programs.moved(trace, {i: count - 1 - i for i in range(count)})
    assert moved is not None
    return moved


def test_hours_are_exact_and_within_one(room):
    clock = asked("If you are at the mug, in which clock direction is the lamp?", room)
    assert clock.trace.answer.unit == "h"
    good = answered(clock, room)
    m = grading.marks(good, clock, room, UP)
    assert (m.right, m.hours_off) == (True, 0)
    next_hour = Quantity(clock.trace.answer.value % 12 + 1, "h")
    m = grading.marks(replace(good, answer=Answer("", next_hour)), clock, room, UP)
    assert (m.right, m.hours_off) == (False, 1)
    m = grading.marks(Prediction(""), clock, room, UP)
    assert (m.right, m.hours_off) == (False, None)


# -- which object stands for which ------------------------------------------------------------


def test_objects_stand_for_the_nearest_of_their_label(room):
    assert grading.correspondence(room, room) == {i: i for i in range(4)}
    assert grading.correspondence(room[::-1], room) == {i: 3 - i for i in range(4)}
    assert grading.correspondence([pushed(room[3], 1.4)], room) == {0: 3}
    assert grading.correspondence([pushed(room[2], 1.4)], room) == {0: 2}
    assert grading.correspondence([], room) == {}
    assert grading.correspondence(room, []) == {}


def test_another_label_needs_an_overlap(room):
    cup = replace(room[0], label="cup")
    assert grading.correspondence([cup], room) == {0: 0}
    assert grading.correspondence([pushed(cup, 2.0)], room) == {}


def test_a_second_box_on_an_object_stands_for_it_too(room):
    assert grading.correspondence([room[0], room[0]], room) == {0: 0, 1: 0}
    far = pushed(room[0], 3.0)
    assert grading.correspondence([far, room[0]], room) == {1: 0}
