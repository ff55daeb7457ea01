"""Dimension lines stand where the trace measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.geometry import Box3D, euler
from n3d.scene import Object3D, Quantity, Ref, Step, Trace, Var
from n3d.view import measures

UP = np.array([0.0, -1.0, 0.0])


def trace(*steps) -> Trace:
    return Trace(tuple(Step(op, args, out) for op, args, out in steps))


def length(d: measures.Dimension) -> float:
    return float(np.linalg.norm(d.end - d.start))


def test_a_distance_runs_between_the_centres_and_states_the_written_number(objects):
    (d,) = measures.of_trace(trace(("distance", (Ref(0), Ref(2)), Quantity(1.234))), objects)
    assert (d.start == objects[0].box.center).all()
    assert (d.end == objects[2].box.center).all()
    assert d.text == "1.23 m"


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_legs_of_a_right_angle_have_the_lengths_of_the_definitions(objects, tilt):
    up = euler(pitch=tilt) @ UP
    a, b = objects[0].box.center, objects[1].box.center
    rise = abs((b - a) @ up)
    both = trace(
        ("horizontal_distance", (Ref(0), Ref(1)), Quantity(1)),
        ("vertical_distance", (Ref(0), Ref(1)), Quantity(1)),
    )
    level, vertical = measures.of_trace(both, objects, up)
    assert length(vertical) == pytest.approx(rise)
    assert length(level) == pytest.approx(np.sqrt(((b - a) ** 2).sum() - rise**2))
    assert (level.end - level.start) @ up == pytest.approx(0)
    assert np.allclose(np.cross(vertical.end - vertical.start, up), 0)
    assert level.corner is not None
    assert np.allclose(level.corner, b)


@pytest.mark.parametrize(
    ("op", "expected"), [("height", 0.7), ("width", 0.5), ("thickness", 0.3), ("length", 0.7)]
)
def test_sides_of_an_upright_box(op, expected):
    box = Box3D([0.2, 0.3, 2.0], [0.5, 0.7, 0.3], euler(0.6))
    (d,) = measures.of_trace(trace((op, (Ref(0),), Quantity(1))), [Object3D("a", "a", box)], UP)
    assert length(d) == pytest.approx(expected)
    assert all(box.contains([p], 1e-6).all() for p in (d.start, d.end))


def test_the_height_of_a_tilted_box_is_its_extent():
    box = Box3D([0, 0, 2.0], [0.5, 0.7, 0.3], euler(0.6, 0.3))
    things = [Object3D("a", "a", box)]
    (d,) = measures.of_trace(trace(("height", (Ref(0),), Quantity(1))), things, UP)
    assert length(d) == pytest.approx(float(box.extent_along(UP)))


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_nearest_points_are_on_both_boxes_and_nearest(seed):
    rng = np.random.default_rng(seed)
    a, b = (
        Box3D(rng.uniform(-1, 1, 3) + shift, rng.uniform(0.2, 1.0, 3), euler(*rng.normal(size=3)))
        for shift in ([0, 0, 3], [2, 0, 3])
    )
    p, q = measures.nearest_points(a, b)
    assert a.contains([p], 1e-6).all()
    assert b.contains([q], 1e-6).all()
    gap = np.linalg.norm(p - q)
    some_a = a.center + (rng.uniform(-0.5, 0.5, (200, 3)) * a.size) @ np.asarray(a.rotation).T
    some_b = b.center + (rng.uniform(-0.5, 0.5, (200, 3)) * b.size) @ np.asarray(b.rotation).T
    assert gap <= np.linalg.norm(some_a - some_b, axis=-1).min() + 2e-3


def test_only_lengths_between_known_objects_are_drawn(objects):
    steps = [
        ("distance", (Ref(0), Ref(9)), Quantity(1)),
        ("distance", (Ref(0), Var("a")), Quantity(1)),
        ("volume", (Ref(0),), Quantity(1, "m3")),
        ("depth", (Ref(0),), Quantity(1)),
        ("left_of", (Ref(0), Ref(1)), True),
        ("no_such_operation", (Ref(0), Ref(1)), Quantity(1)),
    ]
    assert measures.of_trace(trace(*steps), objects) == []


def test_repeated_and_many_lengths_are_kept_apart(objects):
    same = ("distance", (Ref(0), Ref(1)), Quantity(1))
    assert len(measures.of_trace(trace(same, same, same), objects)) == 1
    many = [("distance", (Ref(0), Ref(1)), Quantity(k)) for k in range(20)]
    assert len(measures.of_trace(trace(*many), objects)) == measures.MOST


def test_a_line_is_painted_between_its_ends(camera, objects):
    pixels = np.full((240, 320, 3), 60, np.uint8)
    dimensions = measures.of_trace(trace(("distance", (Ref(0), Ref(1)), Quantity(1.1))), objects)
    (place,) = measures.paint(pixels, dimensions, camera, scale=0.5)
    a, b = (camera.project(p) for p in (dimensions[0].start, dimensions[0].end))
    for t in (0.1, 0.9):
        x, y = (a + t * (b - a)).astype(int)
        assert pixels[y, x].min() > 150
    middle = (a + b) / 2
    assert place[0] - 1 <= middle[0] <= place[2] + 1


def test_a_length_behind_the_camera_is_not_drawn(camera):
    pixels = np.zeros((240, 320, 3), np.uint8)
    behind = measures.Dimension(np.array([0, 0, -1.0]), np.array([1, 0, -2.0]), "1 m")
    assert measures.paint(pixels, [behind], camera) == []
    assert not pixels.any()
