"""Operations on worlds: types, choices, orders, views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import TraceError
from n3d.geometry import Box3D
from n3d.reason import ops, run
from n3d.reason.worlds import World
from n3d.scene import Object3D, Quantity, Ref
from n3d.scene.traces import UNITS


def row(*xs: float) -> list[Object3D]:
    return [Object3D(str(i), f"o{i}", Box3D([x, 0, 2 + i], [0.1] * 3)) for i, x in enumerate(xs)]


def test_every_signature_is_sound():
    kinds = {"box", "boxes", "quantity", "quantities", "text", "bool", "any"}
    for op, s in ops.SIGNATURES.items():
        assert op == s.op
        assert {a.rstrip("?") for a in s.args} <= kinds
        assert s.returns in kinds
        assert s.summary.endswith((".", "hour."))
        assert ops.OPERATIONS[op].unit in (*UNITS, "")


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_left_is_right_swapped_and_the_opposite_view_inverts(x, y):
    objects = row(x, y)
    for op, converse in (("left_of", "right_of"), ("in_front_of", "behind"), ("above", "below")):
        ab = run(op, (Ref(0), Ref(1)), objects)
        assert ab == run(converse, (Ref(1), Ref(0)), objects)
        if op != "above":
            assert ab == run(op, (Ref(1), Ref(0), "opposite"), objects)
            assert ab == run(op, (Ref(0), Ref(1), "camera"), objects)


def length(value: float, of: int | None = None) -> Quantity:
    return Quantity(value, "m", of=None if of is None else Ref(of))


def test_choices_name_the_object_that_was_measured():
    objects = row(0, 1, 2)
    a, b, c = length(1.0, 2), length(2.0, 0), length(1.0, 1)
    assert run("nearer", (a, b), objects) == Ref(2)
    assert run("taller", (a, b), objects) == Ref(0)
    assert run("smallest", ((b, c, a),), objects) == Ref(1)
    assert run("ascending", ((b, c, a),), objects) == (Ref(1), Ref(2), Ref(0))
    assert run("descending", ((b, c, a),), objects) == (Ref(0), Ref(1), Ref(2))
    assert run("difference", (a, b), objects) == length(-1.0)
    assert run("ratio", (b, a), objects) == Quantity(2.0, "1")
    assert run("greater", (b, a), objects) is True


def test_labels_are_found_and_counted():
    labels = ["night_stand", "Nightstand", "bed"]
    objects = [Object3D("", x, Box3D([i, 0, 1], [1, 1, 1])) for i, x in enumerate(labels)]
    assert run("find", ("night stands",), objects) == (Ref(0), Ref(1))
    assert run("find", ("door",), objects) == ()
    assert run("count", ((Ref(0), Ref(1)),), objects) == Quantity(2, "1")
    assert run("count", ((),), objects) == Quantity(0, "1")


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("nope", (), "trace-op"),
        ("distance", (Ref(0),), "trace-arity"),
        ("distance", (Ref(0), Ref(7)), "trace-object-absent"),
        ("distance", (Ref(0), Ref(-1)), "trace-object-absent"),
        ("distance", (Ref(0), length(1)), "trace-type"),
        ("behind", (Ref(0), Ref(1), "sideways"), "trace-word"),
        ("nearer", (length(1), length(2)), "trace-no-object"),
        ("nearer", (length(1, 0), Quantity(1, "rad", of=Ref(1))), "trace-units"),
        ("difference", (length(1), Quantity(1, "m2")), "trace-units"),
        ("ratio", (length(1), length(0)), "trace-undefined"),
        ("smallest", ((),), "trace-type"),
        ("clock", (length(1),), "trace-units"),
        ("facing", (Ref(0), Ref(1)), "front-unknown"),
        ("leftward", (Ref(0), Ref(1)), "front-unknown"),
    ],
)
def test_what_cannot_run_says_why(op, args, code):
    with pytest.raises(TraceError) as e:
        run(op, args, row(0, 1))
    assert e.value.code == code


def test_all_samples_run_in_one_call_as_one_by_one(make_scene):
    scene = make_scene(1, 4)
    rng = np.random.default_rng(0)
    boxes = Box3D(
        scene.boxes.center[:, None] + rng.normal(size=(4, 9, 3)) * 0.5,
        scene.boxes.size[:, None],
        scene.boxes.rotation[:, None],
    )
    world = World.of(scene.objects, scene.up, boxes)
    things = [world.thing(i) for i in range(4)]
    heights = tuple(ops.apply("distance", [t, things[3]], world) for t in things[:3])
    nearest = ops.apply("smallest", [heights], world)
    again = ops.apply("height", [nearest], world)
    for s in range(9):
        one = World.of(scene.objects, scene.up, boxes[:, s])
        parts = [one.thing(i) for i in range(4)]
        each = tuple(ops.apply("distance", [t, parts[3]], one) for t in parts[:3])
        chosen = ops.apply("smallest", [each], one)
        assert int(chosen.index) == nearest.index[s]
        assert float(ops.apply("height", [chosen], one).value) == pytest.approx(again.value[s])
