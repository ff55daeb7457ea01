from __future__ import annotations

import numpy as np
import pytest
from geometry_strategies import boxes, cameras, poses, rotations, seeds, unit
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import GeometryError
from n3d.geometry import CORNER_ORDER, CORNER_SIGNS, EDGES, FACES, Box3D, Camera, euler
from n3d.geometry.box import RELABELLINGS

CAMERA = Camera(500, 500, 320, 240, 640, 480)


def stack_of(rng, shape) -> Box3D:
    return Box3D(
        rng.normal(size=(*shape, 3)) + [0, 0, 4],
        rng.uniform(0.2, 2, (*shape, 3)),
        euler(*rng.uniform(-3, 3, (3, *shape))),
    )


def relabelled(box: Box3D, m) -> Box3D:
    return Box3D(box.center, box.size @ np.abs(m), box.rotation @ m)


# -- one solid, 24 names ----------------------------------------------------------------------


@given(boxes(), rotations())
def test_canonical_is_one_name_for_the_solid(box, rotation):
    box = Box3D(box.center, box.size, rotation)
    canonical = box.canonical()
    names = [relabelled(box, m) for m in RELABELLINGS]
    assert any(canonical.allclose(name) for name in names)
    assert all(canonical.allclose(name.canonical()) for name in names)
    assert canonical.canonical().allclose(canonical, atol=0)
    assert np.trace(canonical.rotation) >= max(np.trace(n.rotation) for n in names) - 1e-8


def test_canonical_of_ties():
    """By 45 degrees two names have the same trace, about the diagonal by 60 degrees more."""
    diagonal = np.array([[2, -1, 2], [2, 2, -1], [-1, 2, 2]]) / 3
    for rotation in (euler(np.pi / 4), euler(0, np.pi / 4), euler(0, 0, np.pi / 4), diagonal):
        box = Box3D([0, 0, 0], [1, 2, 3], rotation)
        names = [relabelled(box, m).canonical() for m in RELABELLINGS]
        assert all(names[0].allclose(name) for name in names)
    assert Box3D.from_euler([0, 0, 0], [1, 2, 3], np.pi / 4).canonical().yaw > 0
    assert Box3D.from_euler([0, 0, 0], [3, 2, 1], -np.pi / 4).canonical().yaw > 0


def test_identity_is_canonical():
    for m in RELABELLINGS:
        canonical = Box3D([0, 0, 0], [1, 2, 3], m).canonical()
        np.testing.assert_array_equal(canonical.rotation, np.eye(3))


@given(boxes(), boxes())
def test_all_names_are_the_same_points(box, other):
    points = np.concatenate([box.center + (other.corners - other.center), box.corners * 0.999])
    local = np.abs((points - box.center) @ box.rotation) - box.size / 2
    clear = (np.abs(local) > 1e-9).all(axis=-1)  # on a face, rounding decides
    for m in RELABELLINGS[::5]:
        same = relabelled(box, m).contains(points) == box.contains(points)
        assert same[clear].all()


# -- corners ----------------------------------------------------------------------------------


@given(boxes(1e-3, 1e2, reach=1e3))
def test_corners_and_back(box):
    back = Box3D.from_corners(box.corners)
    assert back.allclose(box, atol=1e-9)


@given(boxes(), unit)
def test_contains_agrees_with_the_corners(box, t):
    inside = box.center + (box.corners - box.center) * 0.999
    outside = box.center + (box.corners - box.center) * 1.001
    assert box.contains(inside).all()
    assert not box.contains(outside).any()
    assert box.contains(outside, margin=0.001 * box.size.max()).all()
    mixed = box.center + (box.corners - box.center) * t
    assert box.contains(mixed).all() or abs(t) > 0.9999


@given(boxes())
def test_hull_is_the_range_of_the_corners(box):
    low, high = box.corners.min(axis=0), box.corners.max(axis=0)
    assert box.hull().allclose(Box3D.from_bounds(low, high), atol=1e-12)
    np.testing.assert_allclose(
        [box.extent_along(axis) for axis in np.eye(3)], high - low, rtol=1e-12
    )


def test_faces_and_edges_are_those_of_the_corners():
    corners = Box3D([0, 0, 0], [2, 4, 6], euler(0.3, 0.2, 0.1)).corners
    assert CORNER_ORDER.count("v") == 8
    lengths = sorted(float(np.linalg.norm(corners[a] - corners[b])) for a, b in EDGES)
    assert lengths == pytest.approx([2] * 4 + [4] * 4 + [6] * 4)
    for face in FACES:
        a, b, c, d = corners[list(face)]
        normal = np.cross(b - a, c - a)
        assert normal @ (d - a) == pytest.approx(0, abs=1e-12)
        assert normal @ a > 0  # outwards, the centre being the origin


@given(boxes(), poses())
def test_transform_moves_the_corners(box, pose):
    np.testing.assert_allclose(
        box.transform(pose).corners, pose.apply(box.corners), rtol=0, atol=1e-12
    )


@given(boxes(), st.floats(0.1, 10))
def test_scaled_scales_the_corners(box, factor):
    np.testing.assert_allclose(box.scaled(factor).corners, box.corners * factor, atol=1e-12)


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1))
def test_yaw_is_the_angle_it_was_made_with(yaw, pitch, roll):
    assert Box3D.from_euler([0, 0, 0], [1, 1, 1], yaw, pitch, roll).yaw == pytest.approx(yaw)


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("center", [0, 0, np.nan], "box-not-finite"),
        ("center", [0, 0], "box-shape"),
        ("center", ["0", "0", "1"], "box-type"),
        ("center", [[0, 0, 0], [0, 0]], "box-shape"),
        ("size", [1, 1, np.inf], "box-not-finite"),
        ("size", [1, -1, 1], "box-size"),
        ("size", [1, 0, 1], "box-size"),
        ("rotation", np.eye(3) * 1.01, "rotation-orthonormal"),
        ("rotation", np.diag([1, 1, -1]), "rotation-mirror"),
        ("rotation", np.full((3, 3), np.nan), "rotation-not-finite"),
        ("rotation", np.eye(4), "rotation-shape"),
        ("rotation", np.zeros((3, 3)), "rotation-orthonormal"),
    ],
)
def test_what_is_not_a_box_is_refused(field, value, code):
    given_fields = {"center": [0, 0, 1], "size": [1, 1, 1], field: value}
    with pytest.raises(GeometryError) as caught:
        Box3D(**given_fields)
    assert caught.value.code == code
    assert caught.value.field == field


def test_leading_axes_that_differ_are_refused():
    with pytest.raises(GeometryError, match="leading axes differ"):
        Box3D(np.zeros((2, 3)), np.ones((3, 3)))


def test_almost_orthonormal_rotations_are_projected():
    rotation = euler(0.4) + 3e-4
    box = Box3D([0, 0, 0], [1, 1, 1], rotation)
    np.testing.assert_allclose(box.rotation.T @ box.rotation, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(box.rotation, rotation, atol=1e-3)


def test_a_box_cannot_be_changed():
    box = Box3D([0, 0, 0], [1, 1, 1])
    with pytest.raises(ValueError, match="read-only"):
        box.center[0] = 1
    size = np.ones(3)
    box = Box3D([0, 0, 0], size)
    size[0] = 5
    assert box.size[0] == 1


# -- stacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (2, 3), (0,)])
def test_a_function_of_a_stack_is_the_function_of_each(shape):
    rng = np.random.default_rng(4)
    stack = stack_of(rng, shape)
    points = rng.normal(size=(7, 3)) + [0, 0, 4]
    functions = {
        "corners": lambda b: b.corners,
        "volume": lambda b: b.volume,
        "yaw": lambda b: b.yaw,
        "contains": lambda b: b.contains(points),
        "extent": lambda b: b.extent_along([0.6, 0, 0.8]),
        "canonical": lambda b: b.canonical().rotation,
        "canonical size": lambda b: b.canonical().size,
        "hull": lambda b: b.hull().size,
        "scaled": lambda b: b.scaled(2).center,
        "project": lambda b: b.project(CAMERA),
        "drop": lambda b: b.project(CAMERA, drop_behind=True),
        "from_corners": lambda b: Box3D.from_corners(b.corners).size,
    }
    for name, function in functions.items():
        whole = function(stack)
        assert whole.shape[: len(shape)] == shape, name
        for index in np.ndindex(shape):
            np.testing.assert_allclose(
                whole[index], function(stack[index]), rtol=1e-12, atol=1e-12, err_msg=name
            )


def test_stacking_and_indexing():
    boxes_ = [Box3D([i, 0, 0], [1, 2, 3]) for i in range(3)]
    stack = Box3D.stack(boxes_)
    assert len(stack) == 3
    assert all(a.allclose(b) for a, b in zip(stack, boxes_))
    assert stack[1:].center[:, 0].tolist() == [1, 2]
    assert Box3D.stack([]).shape == (0,)
    assert boxes_[0]
    assert stack
    assert not Box3D.stack([])
    with pytest.raises(TypeError, match="no length"):
        len(boxes_[0])
    with pytest.raises(TypeError, match="indexed"):
        boxes_[0][0]
    assert "yaw=0.0 deg" in repr(boxes_[0])
    assert repr(stack) == "Box3D(shape=(3,))"


def test_parts_of_a_stack_are_boxes_that_nobody_can_change():
    turns = euler(yaw=np.linspace(0, 1, 12)).reshape(3, 4, 3, 3)
    stack = Box3D(np.arange(36.0).reshape(3, 4, 3), np.ones(3), turns)
    for index in (1, -1, (2, 3), slice(1, None, 2), (0, slice(None)), [0, 2], np.arange(3) > 0):
        part = stack[index]
        again = Box3D(stack.center[index], stack.size[index], stack.rotation[index])
        assert part.shape == again.shape
        assert part.allclose(again, atol=0)
        for array in (part.center, part.size, part.rotation):
            assert array.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    for index in ((0, 0, 0), (..., 0)):  # these cut into the boxes
        with pytest.raises(GeometryError):
            stack[index]
    with pytest.raises(IndexError):
        stack[3]


# -- projection -------------------------------------------------------------------------------


@given(boxes(reach=3.0), cameras(), seeds)
def test_projection_bounds_what_is_in_front(box, camera, rng):
    """Any point of the solid beyond the near plane falls into the rectangle."""
    near = 0.01
    local = rng.uniform(-0.5, 0.5, (200, 3)) * box.size
    points = local @ box.rotation.T + box.center
    uv = camera.project(points[points[:, 2] >= near])
    low, high = np.split(box.project(camera, near=near), 2)
    if len(uv):
        slack = 1e-9 * (1 + np.abs(uv).max())
        assert (uv >= low - slack).all()
        assert (uv <= high + slack).all()


@given(boxes(reach=0.5))
def test_projection_of_a_box_in_front_is_that_of_its_corners(box):
    box = Box3D(box.center + [0, 0, 9], box.size, box.rotation)
    uv = CAMERA.project(box.corners)
    expected = [*uv.min(axis=0), *uv.max(axis=0)]
    np.testing.assert_allclose(box.project(CAMERA), expected, rtol=1e-12)
    np.testing.assert_allclose(box.project(CAMERA, drop_behind=True), expected, rtol=1e-12)


def test_a_box_behind_the_camera_has_no_rectangle():
    box = Box3D([0, 0, -3], [1, 1, 1])
    assert np.isnan(box.project(CAMERA)).all()
    assert np.isnan(box.project(CAMERA, drop_behind=True)).all()


@given(st.permutations(range(8)), boxes())
def test_corners_in_another_order_are_refused_or_name_the_same_solid(order, box):
    """Of the 40 320 orders 24 are corner loops of the same box, with its axes renamed."""
    loops = CORNER_SIGNS[list(order)]
    m = (CORNER_SIGNS.T @ loops / 8).T
    if np.array_equal(CORNER_SIGNS @ m.T, loops) and np.linalg.det(m) > 0.5:
        found = Box3D.from_corners(box.corners[list(order)])
        assert found.canonical().allclose(box.canonical(), atol=1e-9)
    else:
        with pytest.raises(GeometryError) as caught:
            Box3D.from_corners(box.corners[list(order)])
        assert caught.value.field == "corners"
        assert caught.value.code == "corners-order"


@pytest.mark.parametrize("m", RELABELLINGS[[1, 7, 23]])
def test_corner_orders_of_the_same_box_are_accepted(m):
    box = Box3D([1, 2, 3], [0.5, 0.6, 0.7], euler(0.3, 0.2))
    order = [int(np.abs(CORNER_SIGNS - s).sum(axis=1).argmin()) for s in CORNER_SIGNS @ m.T]
    assert Box3D.from_corners(box.corners[order]).canonical().allclose(box.canonical())


OBJECTRON = [0, 4, 3, 7, 1, 5, 2, 6]


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        (lambda c: c[OBJECTRON], "Expected order: v0"),
        (lambda c: c[[1, 0, 3, 2, 5, 4, 7, 6]], "Expected order: v0"),
        (lambda c: c * [1, 1, -1], "Expected order: v0"),  # a left-handed frame
        (lambda c: c + np.eye(8, 3) * 0.3, "Expected order: v0"),  # faces that are not flat
        (lambda c: c * [1, 1, 0], "no volume"),  # no volume
        (lambda c: np.zeros((8, 3)), "no volume"),
        (lambda c: c[:7], "(..., 8, 3)"),
        (lambda c: np.where(c == c.max(), np.nan, c), "finite"),
        (lambda c: c.astype(str), "numbers only"),
    ],
)
def test_corners_that_are_no_box_are_refused(corners, says):
    box = Box3D([1, 2, 3], [0.5, 0.6, 0.7], euler(0.3, 0.2))
    with pytest.raises(GeometryError) as caught:
        Box3D.from_corners(corners(box.corners))
    assert says in str(caught.value)
    assert caught.value.field == "corners"


def test_one_wrong_box_refuses_the_stack():
    corners = np.stack([Box3D([0, 0, 3], [1, 2, 3]).corners] * 3)
    assert Box3D.from_corners(corners).shape == (3,)
    corners[1] = corners[1][OBJECTRON]
    with pytest.raises(GeometryError, match="Expected order"):
        Box3D.from_corners(corners)
