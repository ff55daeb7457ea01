"""Which traces are the same program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from n3d.evaluate import programs
from n3d.language import traces
from n3d.reason import ops
from n3d.scene import Object3D, Quantity, Ref, Step, Trace, Var


def program(*lines: str) -> Trace:
    """A trace of calls such as "a = distance(bbox_0, bbox_1)"; results do not matter here."""
    steps = []
    for line in lines:
        call = line.partition(" = ")[2] or line
        gives = ops.SIGNATURES[call.partition("(")[0]].returns
        out = {"box": "bbox_0", "boxes": "[bbox_0]", "bool": "yes", "text": "left"}.get(gives, "1")
        steps.append(f">>> {line}\n{out}\n")
    found = traces.parse("".join(steps), ops.SIGNATURES)
    assert not found.faults, found.faults
    return Trace(found.items)


SAME = [
    (["distance(bbox_0, bbox_1)"], ["distance(bbox_1, bbox_0)"]),
    (["gap(bbox_0, bbox_1)"], ["gap(bbox_1, bbox_0)"]),
    (["angle(bbox_0, bbox_1, bbox_2)"], ["angle(bbox_2, bbox_1, bbox_0)"]),
    (["between(bbox_0, bbox_1, bbox_2)"], ["between(bbox_0, bbox_2, bbox_1)"]),
    (["left_of(bbox_0, bbox_1)"], ["right_of(bbox_1, bbox_0)"]),
    (["left_of(bbox_0, bbox_1)"], ['left_of(bbox_0, bbox_1, "camera")']),
    (['left_of(bbox_0, bbox_1, "opposite")'], ["right_of(bbox_0, bbox_1)"]),
    (['behind(bbox_0, bbox_1, "opposite")'], ["in_front_of(bbox_0, bbox_1)"]),
    (["above(bbox_0, bbox_1)"], ["below(bbox_1, bbox_0)"]),
    (["a = height(bbox_0)", "b = height(bbox_1)", "taller(a, b)"],
     ["x = height(bbox_1)", "y = height(bbox_0)", "taller(x, y)"]),
    (["a = height(bbox_0)", "b = height(bbox_1)", "taller(a, b)"],
     ["a = height(bbox_0)", "b = height(bbox_1)", "largest([b, a])"]),
    (["a = depth(bbox_0)", "b = depth(bbox_1)", "greater(a, b)"],
     ["a = depth(bbox_0)", "b = depth(bbox_1)", "less(b, a)"]),
    (["a = bearing(bbox_0, bbox_1)", "clock(a)"],
     ["a = bearing(bbox_0, bbox_1)", 'clock(a, "floor")']),
    (["a = bearing(bbox_0, bbox_1)", "side(a)"],
     ["a = bearing(bbox_0, bbox_1)", 'side(a, "left-right")']),
    (["count([bbox_0, bbox_1])"], ["count([bbox_1, bbox_0])"]),
    (['a = find("night stands")', "count(a)"], ['a = find("night_stand")', "count(a)"]),
    (["height(bbox_0)"], ["a = width(bbox_1)", "height(bbox_0)"]),
    (["a = distance(bbox_2, bbox_0)", "b = distance(bbox_2, bbox_1)", "difference(a, b)"],
     ["a = distance(bbox_0, bbox_2)", "b = distance(bbox_1, bbox_2)", "difference(a, b)"]),
]  # fmt: skip
OTHER = [
    (["distance(bbox_0, bbox_1)"], ["distance(bbox_0, bbox_2)"]),
    (["distance(bbox_0, bbox_1)"], ["gap(bbox_0, bbox_1)"]),
    (["height(bbox_0)"], ["width(bbox_0)"]),
    (["left_of(bbox_0, bbox_1)"], ["left_of(bbox_1, bbox_0)"]),
    (["left_of(bbox_0, bbox_1)"], ['left_of(bbox_0, bbox_1, "opposite")']),
    (["angle(bbox_0, bbox_1, bbox_2)"], ["angle(bbox_1, bbox_0, bbox_2)"]),
    (["between(bbox_0, bbox_1, bbox_2)"], ["between(bbox_1, bbox_0, bbox_2)"]),
    (["bearing(bbox_0, bbox_1)"], ["bearing(bbox_1, bbox_0)"]),
    (["a = bearing(bbox_0, bbox_1)", "clock(a)"],
     ["a = bearing(bbox_0, bbox_1)", 'clock(a, "nearest")']),
    (["a = height(bbox_0)", "b = height(bbox_1)", "taller(a, b)"],
     ["a = height(bbox_0)", "b = height(bbox_1)", "shorter(a, b)"]),
    (["a = height(bbox_0)", "b = height(bbox_1)", "difference(a, b)"],
     ["a = height(bbox_0)", "b = height(bbox_1)", "difference(b, a)"]),
    # The nearer of two distances is the object that each is measured from.
    (["a = distance(bbox_0, bbox_2)", "b = distance(bbox_1, bbox_2)", "nearer(a, b)"],
     ["a = distance(bbox_2, bbox_0)", "b = distance(bbox_2, bbox_1)", "nearer(a, b)"]),
    (["a = depth(bbox_0)", "b = depth(bbox_1)", "ascending([a, b])"],
     ["a = depth(bbox_0)", "b = depth(bbox_1)", "descending([a, b])"]),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SAME)
def test_the_same_program_in_other_words(a, b):
    assert programs.equivalent(program(*a), program(*b))
    assert programs.equivalent(program(*b), program(*a))


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_another_program(a, b):
    assert not programs.equivalent(program(*a), program(*b))
    assert not programs.equivalent(program(*b), program(*a))


@pytest.mark.parametrize(("a", "b"), [pair for pair in SAME if "find" not in pair[0][0]])
def test_the_same_program_has_the_same_result_anywhere(a, b, room):
    for k in range(4):
        objects = [*room[k:], *room[:k]]
        results = [programs.rerun(program(*lines), objects).answer for lines in (a, b)]
        assert programs.same_value(*results)


def test_objects_are_compared_by_what_they_stand_for():
    a, b = program("height(bbox_1)"), program("height(bbox_0)")
    assert programs.equivalent(a, b, {0: 1, 1: 0})
    assert not programs.equivalent(a, b, {0: 0, 1: 1})
    assert not programs.equivalent(a, b, {0: 0})  # the second box stands for nothing


def test_an_exponential_tree_is_compared_in_a_moment():
    steps = [Step("depth", (Ref(0),), Quantity(1.0), "a0")]
    for i in range(300):
        args = (Var(f"a{i}"), Var(f"a{i}"))
        steps.append(Step("difference", args, Quantity(0.0), f"a{i + 1}"))
    trace = Trace(tuple(steps))
    assert programs.equivalent(trace, trace)
    assert not programs.equivalent(trace, Trace(trace.steps[:-1]))


def test_names_that_are_bound_again_or_never_do_not_confuse():
    again = program("a = height(bbox_0)", "b = height(bbox_1)", "taller(a, b)")
    steps = list(again.steps)
    steps[1] = replace(steps[1], name="a")
    steps[2] = replace(steps[2], args=(Var("a"), Var("never")))
    assert not programs.equivalent(Trace(tuple(steps)), again)


def test_every_reference_is_itself_on_renamed_objects(sittings):
    rng = np.random.default_rng(1)
    for item in (i for s in sittings for i in s.items if i.qa is not None):
        order = [int(i) for i in rng.permutation(len(item.around))]
        back = {old: new for new, old in enumerate(order)}
        elsewhere = programs.moved(item.qa.trace, back)
        assert elsewhere is not None
        renamed = Trace(tuple(
            replace(s, name=s.name and f"x{s.name}", args=_renamed(s.args))
            for s in elsewhere.steps
        ))  # fmt: skip
        assert programs.equivalent(renamed, item.qa.trace, dict(enumerate(order)))
        objects: list[Object3D] = [item.around[i] for i in order]
        again = programs.rerun(renamed, objects, sittings[0].view.up)
        assert len(again.steps) == len(renamed.steps)


def _renamed(arg):
    if isinstance(arg, tuple):
        return tuple(_renamed(a) for a in arg)
    return Var(f"x{arg.name}") if isinstance(arg, Var) else arg


def test_moving_needs_a_counterpart_for_every_object():
    trace = program("distance(bbox_0, bbox_3)")
    assert programs.named(trace) == (0, 3)
    moved = programs.moved(trace, {0: 5, 3: 1})
    assert moved is not None
    assert moved.steps[0].args == (Ref(5), Ref(1))
    assert programs.moved(trace, {0: 5}) is None


def test_values_are_compared_as_computed():
    same = programs.same_value
    assert same(Quantity(1.0), Quantity(1.0 + 1e-9))
    assert not same(Quantity(1.0), Quantity(1.001))
    assert not same(Quantity(1.0), Quantity(1.0, "rad"))
    assert not same(True, Quantity(1.0))
    assert same((Ref(0), Ref(1)), (Ref(0), Ref(1)))
    assert not same((Ref(0), Ref(1)), (Ref(1), Ref(0)))
