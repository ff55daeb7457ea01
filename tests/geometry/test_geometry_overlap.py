"""Laws of the overlap of boxes, and its compiled form against slow twins."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_exact import exact_intersection, exact_iou
from geometry_strategies import boxes, poses, rotations, seeds, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.spatial.transform import Rotation

from n3d.errors import GeometryError
from n3d.geometry import Box3D, Pose, euler, overlap, overlap_kernels

PERTURBATIONS = [0.0, *(10.0**-k for k in range(16, 0, -1))]


def random_boxes(rng, n, *, spread=0.9, upright=False) -> Box3D:
    angles = rng.uniform(-np.pi, np.pi, (3, n))
    if upright:
        angles[1:] = 0
    return Box3D(rng.uniform(-spread, spread, (n, 3)), rng.uniform(0.2, 2, (n, 3)), euler(*angles))


def perturbed(box: Box3D, rng, sigma: float) -> Box3D:
    """The box moved, turned and resized by about `sigma` of its thinnest side."""
    thin = box.size.min()
    turn = Rotation.from_rotvec(rng.normal(size=3) * sigma * thin / box.size.max()).as_matrix()
    return Box3D(
        box.center + rng.normal(size=3) * sigma * thin,
        box.size * (1 + sigma * rng.uniform(-1, 1, 3)),
        turn @ box.rotation,
    )


def halfspace_intersection(a: Box3D, b: Box3D) -> float:
    """Shared volume with scipy, for pairs whose deepest common point is easily found."""
    from scipy.optimize import linprog

    planes = []
    for box in (a, b):
        for axis, half in zip(box.rotation.T, box.size / 2):
            planes.append([*axis, -(axis @ box.center) - half])
            planes.append([*-axis, axis @ box.center - half])
    planes = np.array(planes)
    found = linprog(
        [0, 0, 0, -1], np.c_[planes[:, :3], np.ones(12)], -planes[:, 3], bounds=(None, None)
    )
    if found.status != 0 or found.x[3] < 1e-9:
        return 0.0
    return ConvexHull(HalfspaceIntersection(planes, found.x[:3]).intersections).volume


# -- twins ------------------------------------------------------------------------------------


@pytest.mark.parametrize("upright", [False, True])
def test_overlap_equals_half_space_intersection(upright):
    rng = np.random.default_rng(3)
    a, b = random_boxes(rng, 6, upright=upright), random_boxes(rng, 6, upright=upright)
    got = overlap.intersection(a, b)
    expected = [[halfspace_intersection(x, y) for y in b] for x in a]
    assert (got > 0).mean() > 0.4
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


@settings(max_examples=25)
@given(boxes(), boxes(reach=1.0))
def test_overlap_equals_exact_arithmetic(a, b):
    assert overlap.iou(a, b)[0, 0] == pytest.approx(exact_iou(a, b), rel=0, abs=1e-11)
    shared = float(exact_intersection(a, b))
    assert overlap.intersection(a, b)[0, 0] == pytest.approx(shared, rel=0, abs=1e-11 * b.volume)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("decades", [0.5, 3.0])
def test_overlap_of_nearly_equal_boxes_equals_exact_arithmetic(upright, decades):
    rng = np.random.default_rng(11)
    for sigma in PERTURBATIONS:
        a = random_boxes(rng, 1, upright=upright)[0]
        a = Box3D(a.center, 10 ** rng.uniform(-decades, decades, 3), a.rotation)
        b = perturbed(a, rng, sigma)
        expected = exact_iou(a, b)
        assert overlap.iou(a, b)[0, 0] == pytest.approx(expected, rel=0, abs=1e-10), sigma
        assert expected > 1 - 20 * sigma - 1e-12


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3, 25e3])
def test_overlap_of_nearly_equal_boxes_far_from_the_origin(offset):
    rng = np.random.default_rng(12)
    direction = np.array([0.6, -0.2, 0.77])
    for sigma in PERTURBATIONS[::2]:
        a = random_boxes(rng, 1)[0]
        a = Box3D(a.center + direction * offset, a.size, a.rotation)
        b = perturbed(a, rng, sigma)
        assert overlap.iou(a, b)[0, 0] == pytest.approx(exact_iou(a, b), rel=0, abs=1e-10), sigma


@settings(max_examples=25)
@given(boxes(1e-3, 1e3, reach=0.0), boxes(1e-3, 1e3, reach=0.0), unit)
def test_overlap_of_extreme_shapes_equals_exact_arithmetic(a, b, shift):
    """Sizes from a millimetre to a kilometre in one box, so aspect ratios up to a million."""
    b = Box3D(shift * b.rotation[:, 0] * b.size[0], b.size, b.rotation)
    assert overlap.iou(a, b)[0, 0] == pytest.approx(exact_iou(a, b), rel=0, abs=1e-10)


@settings(max_examples=100)
@given(seeds)
def test_both_paths_agree_where_an_axis_is_shared(rng):
    frame = rng.normal(size=(4, 3)) * 10 ** rng.uniform(-3, 1)
    k, e = rng.integers(0, 3, 2)
    keep = frame[e, k]
    frame[e, :] = frame[:3, k] = 0
    frame[e, k] = keep
    if np.linalg.det(frame[:3]) < 0:  # the loops of the faces need a right-handed frame
        frame[e, k] = -keep
    assert overlap_kernels._shared_axis(frame) == (k, e)
    scratch = np.empty((8, 3)), np.empty(8, np.int64), *np.empty((3, 32, 3))
    assert overlap_kernels._prism(frame, k, e, *scratch[2:4]) == pytest.approx(
        overlap_kernels._solid(frame, *scratch), rel=1e-9, abs=1e-12
    )


@settings(max_examples=60)
@given(boxes(reach=0.5), seeds, st.sampled_from([0.0, 1e-17, 1e-15, 1e-13, 1e-12, 1e-11, 1e-9]))
def test_a_small_tilt_changes_little(box, rng, tilt):
    """The step from the path for a shared axis to the general one cannot be seen."""
    other = Box3D(
        box.center + rng.uniform(-0.2, 0.2, 3),
        rng.uniform(0.3, 2, 3),
        box.rotation @ euler(rng.uniform(-3, 3)),
    )
    tilted = Box3D(other.center, other.size, other.rotation @ euler(0, tilt, -tilt))
    assert overlap.iou(box, tilted) == pytest.approx(
        overlap.iou(box, other), rel=0, abs=1e-10 + 200 * tilt
    )


# -- laws -------------------------------------------------------------------------------------


@given(boxes(), boxes(reach=1.0))
def test_iou_is_a_symmetric_share(a, b):
    forward, backward = overlap.iou(a, b), overlap.iou(b, a)
    assert 0 <= forward[0, 0] <= 1
    assert forward == pytest.approx(backward, rel=0, abs=1e-12)
    shared = overlap.intersection(a, b)[0, 0]
    assert 0 <= shared <= min(a.volume, b.volume) * (1 + 1e-12)
    assert forward[0, 0] == pytest.approx(shared / (a.volume + b.volume - shared), rel=1e-9)


@given(boxes(1e-3, 1e3, reach=25e3))
def test_a_box_overlaps_itself_fully(box):
    # Rounding of the rotation, 1e-16, times the aspect ratio.
    tolerance = 1e-15 * (1 + box.size.max() / box.size.min())
    assert tolerance < 1.1e-9
    assert overlap.iou(box, box)[0, 0] == pytest.approx(1, rel=0, abs=tolerance)
    assert overlap.iou(box, box.canonical())[0, 0] == pytest.approx(1, rel=0, abs=tolerance)


@settings(max_examples=100)
@given(boxes(0.3), seeds, st.sampled_from(PERTURBATIONS), poses(25e3), st.floats(1e-3, 1e3))
def test_iou_does_not_depend_on_the_frame_or_the_unit(a, rng, sigma, pose, factor):
    b = perturbed(a, rng, sigma)
    expected = overlap.iou(a, b)
    # Moving 25 km away rounds the centres themselves.
    rounding = 16 * np.spacing(25e3) / min(a.size.min(), b.size.min())
    moved = overlap.iou(a.transform(pose), b.transform(pose))
    assert moved == pytest.approx(expected, rel=0, abs=1e-9 + rounding)
    turned = Pose(pose.rotation, np.zeros(3))
    moved = overlap.iou(a.transform(turned), b.transform(turned))
    assert moved == pytest.approx(expected, rel=0, abs=1e-9)
    assert overlap.iou(a.scaled(factor), b.scaled(factor)) == pytest.approx(
        expected, rel=0, abs=1e-9
    )


@given(boxes(1e-3, 1e3, reach=0.0), boxes(1e-3, 1e3, reach=1.0), rotations())
def test_iou_of_extreme_shapes_does_not_depend_on_the_frame(a, b, rotation):
    turned = Pose(rotation, np.zeros(3))
    expected = overlap.iou(a, b)
    moved = overlap.iou(a.transform(turned), b.transform(turned))
    assert moved == pytest.approx(expected, rel=0, abs=1e-9)


@given(boxes(), boxes(reach=1.0), st.integers(0, 2), st.floats(0.05, 0.95))
def test_the_parts_of_a_box_share_what_the_whole_shares(a, b, axis, cut):
    def part(low, high):
        size = b.size.copy()
        size[axis] *= high - low
        shift = b.rotation[:, axis] * b.size[axis] * ((low + high) / 2 - 0.5)
        return Box3D(b.center + shift, size, b.rotation)

    parts = Box3D.stack([part(0, cut), part(cut, 1)])
    assert overlap.intersection(a, parts).sum() == pytest.approx(
        overlap.intersection(a, b)[0, 0], rel=1e-9, abs=1e-12
    )


@given(boxes(), seeds)
def test_a_box_inside_another_is_shared_fully(box, rng):
    inner = rng.uniform(1e-3, 0.5, 3).min() * box.size.min() / np.sqrt(3)
    center = box.center + box.rotation @ (rng.uniform(-0.2, 0.2, 3) * box.size)
    small = Box3D(center, np.full(3, inner), euler(*rng.uniform(-3, 3, 3)))
    assert overlap.intersection(box, small)[0, 0] == pytest.approx(float(small.volume), rel=1e-9)


def test_touching_boxes_share_nothing():
    a = Box3D([0, 0, 0], [1, 1, 1])
    touching = Box3D([[1, 0, 0], [1, 1, 0], [1, 1, 1]], [1, 1, 1])
    assert overlap.iou(a, touching).tolist() == [[0, 0, 0]]


def test_known_overlap_of_turned_cubes():
    """A unit cube turned by 45 degrees about one axis covers an octagon of the other."""
    for turn in ((np.pi / 4, 0, 0), (0, np.pi / 4, 0), (0, 0, np.pi / 4)):
        a, b = Box3D([0, 0, 5], [1, 1, 1]), Box3D([0, 0, 5], [1, 1, 1], euler(*turn))
        expected = 2 * np.sqrt(2) - 2
        assert overlap.intersection(a, b)[0, 0] == pytest.approx(expected, abs=1e-14)
    # About the space diagonal by 60 degrees: two cones over a hexagon, 3/4 of the cube.
    turn = Rotation.from_rotvec(np.full(3, np.pi / 3 / np.sqrt(3))).as_matrix()
    a, b = Box3D([0, 0, 0], [1, 1, 1]), Box3D([0, 0, 0], [1, 1, 1], turn)
    assert overlap.intersection(a, b)[0, 0] == pytest.approx(0.75, abs=1e-14)


# -- stacks -----------------------------------------------------------------------------------


def test_a_stack_is_each_of_its_boxes():
    rng = np.random.default_rng(5)
    a, b = random_boxes(rng, 4), random_boxes(rng, 3)
    for function in (overlap.iou, overlap.intersection, overlap.giou):
        whole = function(a, b)
        assert whole.shape == (4, 3)
        assert whole.dtype == np.float64
        each = np.array([[function(x, y)[0, 0] for y in b] for x in a])
        np.testing.assert_array_equal(whole, each)
    np.testing.assert_array_equal(overlap.iou_pairs(a[:3], b), np.diag(overlap.iou(a, b)))
    np.testing.assert_array_equal(overlap.iou_pairs(a[0], b), overlap.iou(a, b)[0])
    np.testing.assert_array_equal(overlap.iou_pairs(a, b[0]), overlap.iou(a, b)[:, 0])
    assert overlap.iou_pairs(a[0], b[0]).shape == (1,)


def test_empty_stacks():
    none, some = Box3D.stack([]), random_boxes(np.random.default_rng(0), 2)
    for function in (overlap.iou, overlap.intersection, overlap.giou):
        assert function(none, some).shape == (0, 2)
        assert function(some, none).shape == (2, 0)
    assert overlap.iou_pairs(none, none).shape == (0,)
    assert overlap.iou_pairs(some[0], none).shape == (0,)


def test_other_shapes_are_refused():
    grid = Box3D(np.zeros((2, 2, 3)), [1, 1, 1])
    with pytest.raises(GeometryError, match=r"stack of shape \(n,\)"):
        overlap.iou(grid, grid)
    with pytest.raises(GeometryError, match="one length"):
        overlap.iou_pairs(grid, grid)
    with pytest.raises(GeometryError, match="one length"):
        overlap.iou_pairs(grid[0], Box3D(np.zeros((3, 3)), [1, 1, 1]))


# -- generalised IoU --------------------------------------------------------------------------


@settings(max_examples=25)
@given(boxes(), boxes(), poses())
def test_giou_lies_between_minus_one_and_iou(a, b, pose):
    value = overlap.giou(a, b)[0, 0]
    assert -1 < value <= overlap.iou(a, b)[0, 0]
    assert value == pytest.approx(overlap.giou(b, a)[0, 0], abs=1e-9)
    moved = overlap.giou(a.transform(pose), b.transform(pose))
    assert moved[0, 0] == pytest.approx(value, abs=1e-9)
    union = a.volume + b.volume - overlap.intersection(a, b)[0, 0]
    hull = ConvexHull(np.concatenate([a.corners, b.corners])).volume
    assert value == pytest.approx(overlap.iou(a, b)[0, 0] - 1 + union / hull, abs=1e-9)


def test_giou_of_boxes_that_fill_their_hull():
    a = Box3D([0, 0, 0], [1, 2, 3])
    assert overlap.giou(a, a)[0, 0] == pytest.approx(1, abs=1e-12)
    beside = Box3D([1, 0, 0], [1, 2, 3])
    assert overlap.giou(a, beside)[0, 0] == pytest.approx(0, abs=1e-12)
    apart = Box3D([9, 0, 0], [1, 2, 3])  # the hull is ten boxes long, two are filled
    assert overlap.giou(a, apart)[0, 0] == pytest.approx(-0.8, abs=1e-12)
    plate = Box3D([0, 0, 0], [1e3, 1e3, 1e-3], euler(0.3, 0.2, 0.1))
    assert overlap.giou(plate, plate)[0, 0] == pytest.approx(1, abs=1e-6)
