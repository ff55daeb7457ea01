"""The geometry behind the operations: laws, goldens, and a slow twin of the gap."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.geometry import Box3D, Pose, pose
from n3d.reason import measures

ONE = ("height", "width", "thickness", "length")
TWO = ("distance", "horizontal_distance", "vertical_distance", "gap")
seeds = st.integers(0, 10_000)


def boxes(seed: int, *shape: int, tilted: bool = True) -> Box3D:
    rng = np.random.default_rng(seed)
    low = 1 if tilted else 0
    return Box3D.from_euler(
        rng.uniform(-2, 2, (*shape, 3)) + [0, 0, 4],
        rng.uniform(0.1, 1.5, (*shape, 3)),
        rng.uniform(-3, 3, shape),
        rng.uniform(-1, 1, shape) * low,
        rng.uniform(-1, 1, shape) * low,
    )


def up_of(seed: int) -> np.ndarray:
    up = np.random.default_rng(seed).normal(size=3) + [0, -3, 0]
    return up / np.linalg.norm(up)


@given(seeds)
def test_distances_are_metrics(seed):
    a, b, c = boxes(seed, 3)
    up = up_of(seed)
    for name in ("distance", "horizontal_distance", "vertical_distance"):
        d = getattr(measures, name)
        assert d(a, b, up=up) == pytest.approx(d(b, a, up=up))
        assert d(a, a, up=up) == pytest.approx(0)
        assert d(a, c, up=up) <= d(a, b, up=up) + d(b, c, up=up) + 1e-12
    squares = [float(getattr(measures, n)(a, b, up=up)) ** 2 for n in TWO[:3]]
    assert squares[0] == pytest.approx(squares[1] + squares[2])


@given(seeds)
def test_rigid_motion_of_the_scene_with_up_changes_no_size_or_distance(seed):
    a, b = boxes(seed, 2)
    up = up_of(seed)
    rng = np.random.default_rng(seed + 1)
    move = Pose(pose.euler(*rng.uniform(-3, 3, 3)), rng.normal(size=3))
    a2, b2, up2 = a.transform(move), b.transform(move), move.rotation @ up
    for name in ONE:
        function = getattr(measures, name)
        assert function(a2, up=up2) == pytest.approx(function(a, up=up), abs=1e-9)
    for name in TWO:
        function = getattr(measures, name)
        assert function(a2, b2, up=up2) == pytest.approx(function(a, b, up=up), abs=1e-9)


@given(seeds, st.floats(0.1, 10))
def test_scaling_the_scene_scales_lengths(seed, factor):
    a, b = boxes(seed, 2)
    up = up_of(seed)
    for name in ONE:
        function = getattr(measures, name)
        assert function(a.scaled(factor), up=up) == pytest.approx(factor * function(a, up=up))
    for name in TWO:
        function = getattr(measures, name)
        scaled = function(a.scaled(factor), b.scaled(factor), up=up)
        assert scaled == pytest.approx(factor * function(a, b, up=up), abs=1e-9)
    assert measures.volume(a.scaled(factor)) == pytest.approx(factor**3 * measures.volume(a))
    assert measures.bearing(a, b, up=up) == pytest.approx(
        measures.bearing(a.scaled(factor), b.scaled(factor), up=up)
    )


@pytest.mark.parametrize("name", sorted(TWO) + ["left_of", "in_front_of", "above", "on", "bearing"])
def test_a_stack_is_measured_as_its_boxes_are(name):
    a, b = boxes(3, 4, 5), boxes(4, 4, 5)
    function = getattr(measures, name)
    stacked = function(a, b, up=up_of(1))
    assert stacked.shape == (4, 5)
    for i in range(4):
        for j in range(5):
            assert stacked[i, j] == pytest.approx(function(a[i, j], b[i, j], up=up_of(1)))
    one_against_many = function(a[0, 0], b, up=up_of(1))
    assert one_against_many.shape == (4, 5)


def gap_by_optimization(a: Box3D, b: Box3D) -> float:
    """The least distance between points of two boxes, by bounded least squares."""
    from scipy.optimize import lsq_linear

    axes = [x.rotation * x.size / 2 for x in (a, b)]
    found = lsq_linear(
        np.hstack([axes[0], -axes[1]]), b.center - a.center, bounds=(-1, 1), method="bvls"
    )
    return float(np.sqrt(2 * found.cost))


def test_gap_agrees_with_an_optimizer_and_is_zero_where_boxes_meet():
    rng = np.random.default_rng(0)
    met = apart = 0
    for seed in range(150):
        a, b = boxes(seed, 2, tilted=seed % 3 > 0)
        if seed % 2:
            b = Box3D(a.center + rng.normal(size=3) * 0.8, b.size, b.rotation)
        expected = gap_by_optimization(a, b)
        got = float(measures.gap(a, b))
        assert got == pytest.approx(expected, abs=1e-6)
        met, apart = met + (got == 0), apart + (got > 0)
    assert met > 20
    assert apart > 60


def test_gap_of_faces_edges_crossing_bars_and_nested_boxes():
    unit = Box3D([0, 0, 0], [1, 1, 1])
    assert measures.gap(unit, Box3D([3, 0, 0], [1, 1, 1])) == pytest.approx(2)
    assert measures.gap(unit, Box3D([2, 2, 0], [1, 1, 1])) == pytest.approx(np.sqrt(2))
    turned = Box3D.from_euler([2, 0, 0], [1, 1, 1], np.pi / 4)
    assert measures.gap(unit, turned) == pytest.approx(1.5 - np.sqrt(0.5))
    assert measures.gap(unit, Box3D([0, 0, 0], [0.1, 0.1, 0.1])) == 0
    # Two crossing bars: no corner of one is inside the other.
    bar, across = Box3D([0, 0, 0], [4, 0.2, 0.2]), Box3D([0, 0, 0], [0.2, 4, 0.2])
    assert measures.gap(bar, across) == 0
    lifted = Box3D([0, 0, 1], [0.2, 4, 0.2])
    assert measures.gap(bar, lifted) == pytest.approx(0.8)
    # Skew edges face each other: only the edge to edge part sees it.
    edge = Box3D.from_euler([0, 0, 0], [1, 1, 1], 0, np.pi / 4)
    other = Box3D.from_euler([0, 0, 2], [1, 1, 1], np.pi / 4)
    assert measures.gap(edge, other) == pytest.approx(2 - 2 * np.sqrt(0.5))


def test_sides_of_a_turned_box():
    cupboard = Box3D.from_euler([0, 0, 3], [0.4, 2.0, 1.2], 0.7)
    assert measures.height(cupboard) == pytest.approx(2.0)
    assert measures.width(cupboard) == pytest.approx(1.2)
    assert measures.thickness(cupboard) == pytest.approx(0.4)
    assert measures.length(cupboard) == pytest.approx(2.0)
    assert measures.footprint(cupboard) == pytest.approx(0.48)
    hull = cupboard.hull().size
    assert measures.camera_width(cupboard) == pytest.approx(hull[0])
    assert measures.camera_height(cupboard) == pytest.approx(hull[1])
    assert measures.nearest_depth(cupboard) == pytest.approx(3 - hull[2] / 2)


def test_relations_follow_the_frame():
    a, b = Box3D([-1, 0, 2], [0.2] * 3), Box3D([1, 0.5, 3], [0.2] * 3)
    assert measures.left_of(a, b)
    assert measures.in_front_of(a, b)
    assert measures.above(a, b)
    # With the camera upside down, up is +y: above is turned round, left is not.
    assert not measures.above(a, b, up=np.array([0, 1.0, 0]))


def test_standing_on():
    table = Box3D([0, 0.5, 2], [1.0, 0.8, 0.6])
    assert measures.on(Box3D([0.3, 0.05, 2.1], [0.1, 0.1, 0.1]), table)
    assert not measures.on(Box3D([0.8, 0.05, 2.1], [0.1, 0.1, 0.1]), table)
    assert not measures.on(Box3D([0.3, -0.2, 2.1], [0.1, 0.1, 0.1]), table)
    assert not measures.on(table, Box3D([0.3, 0.05, 2.1], [0.1, 0.1, 0.1]))


def box_at(left: float, forward: float) -> Box3D:
    return Box3D([-left, 0, forward], [0.1, 0.1, 0.1])


def test_clock_golden(shared):
    golden = json.loads((shared / "golden" / "clock_direction.json").read_text())
    start = box_at(0, 0)
    for case in golden["directions"]:
        angle = measures.bearing(start, box_at(*case["direction_left_forward"]))
        assert measures.clock(angle) in case["hour_floor_accepted"]
        assert measures.clock(angle, "nearest") in case["hour_nearest_accepted"]
        assert measures.clock(np.radians(case["angle_deg"])) in case["hour_floor_accepted"]
    for case in golden["worked_examples"]:
        angle = measures.bearing(box_at(*case["A_left_forward"]), box_at(*case["B_left_forward"]))
        assert np.degrees(angle) == pytest.approx(case["angle_deg"], abs=1e-6)
        assert measures.clock(angle) == case["hour"]


def test_clock_of_someone_who_faces_an_object():
    at, wall, right = box_at(0, 0), box_at(-5, 0), box_at(0, -5)
    # Facing right, what the camera calls behind is to the right hand.
    assert np.degrees(measures.bearing(at, right, wall)) == pytest.approx(270)
    assert measures.clock(measures.bearing(at, right, wall)) == 3


def test_point_of_view_follows_the_front():
    viewer, front = Box3D([0, 0, 4], [0.5] * 3), np.array([0, 0, -1.0])
    b = Box3D([1, 0, 3], [0.2] * 3)
    # Facing the camera, camera right is the left hand.
    assert measures.leftward(viewer, front, b) == pytest.approx(1)
    assert measures.ahead(viewer, front, b) == pytest.approx(1)
    assert measures.facing(viewer, front, Box3D([0.1, 0, 1], [0.2] * 3))
    assert not measures.facing(viewer, front, Box3D([0, 0, 6], [0.2] * 3))
    assert np.isnan(measures.leftward(viewer, np.array([0, -1.0, 0]), b))


def test_published_worked_examples(shared):
    golden = json.loads((shared / "golden" / "n3d_demo_outputs.json").read_text())
    for case in golden["paper_worked_examples"]:
        a, b = (Box3D(case[k], [1, 1, 1]) for k in "ab")
        assert measures.distance(a, b) == pytest.approx(case["got"], abs=1e-9)


def test_reference_object(shared):
    golden = json.loads((shared / "golden" / "reference_object.json").read_text())
    o = golden["omni3d"]
    size = np.array(o["dimensions_whl"])[[2, 1, 0]]
    box = Box3D(o["center_cam"], size, np.array(o["R_cam"]))
    assert measures.height(box) == pytest.approx(0.9)
    assert measures.width(box) == pytest.approx(1.8)
    assert measures.thickness(box) == pytest.approx(0.8)
    w, h, d = golden["n3d_float"]["size"]
    assert measures.camera_width(box) == pytest.approx(w, abs=1e-9)
    assert measures.camera_height(box) == pytest.approx(h, abs=1e-9)
    assert measures.nearest_depth(box) == pytest.approx(4 - d / 2, abs=1e-9)
