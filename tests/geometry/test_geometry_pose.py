from __future__ import annotations

import numpy as np
import pytest
from geometry_strategies import poses, rotations, seeds, unit
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import GeometryError
from n3d.geometry import Pose, axis_rotation, euler, upright


def same(a: Pose, b: Pose, atol=1e-12) -> bool:
    return np.allclose(a.matrix, b.matrix, rtol=0, atol=atol)


@given(poses(), seeds)
def test_inverse_undoes(pose, rng):
    points = rng.normal(size=(5, 3))
    np.testing.assert_allclose(pose.inverse().apply(pose.apply(points)), points, atol=1e-12)
    assert same(pose @ pose.inverse(), Pose.identity())
    assert same(pose.inverse() @ pose, Pose.identity())
    assert same(pose.inverse().inverse(), pose)


@given(poses(), poses(), poses(), seeds)
def test_composition_is_one_motion_after_another(d_from_c, c_from_b, b_from_a, rng):
    points = rng.normal(size=(4, 3))
    np.testing.assert_allclose(
        (c_from_b @ b_from_a).apply(points), c_from_b.apply(b_from_a.apply(points)), atol=1e-11
    )
    assert same((d_from_c @ c_from_b) @ b_from_a, d_from_c @ (c_from_b @ b_from_a), 1e-11)
    assert same((c_from_b @ b_from_a).inverse(), b_from_a.inverse() @ c_from_b.inverse(), 1e-11)


@given(poses(), seeds)
def test_matrix_moves_homogeneous_points(pose, rng):
    points = rng.normal(size=(4, 3))
    moved = np.c_[points, np.ones(4)] @ pose.matrix.T
    np.testing.assert_allclose(moved[:, :3], pose.apply(points), atol=1e-12)
    assert same(Pose.from_matrix(pose.matrix), pose)
    assert same(Pose.from_matrix(pose.matrix[:3]), pose)


def test_a_stack_of_poses_is_each_of_them():
    rng = np.random.default_rng(2)
    stack = Pose(euler(*rng.uniform(-3, 3, (3, 4))), rng.normal(size=(4, 3)))
    each = [Pose(r, t) for r, t in zip(stack.rotation, stack.translation)]
    shared, own = rng.normal(size=(6, 3)), rng.normal(size=(4, 6, 3))
    for i, pose in enumerate(each):
        np.testing.assert_allclose(stack.apply(shared)[i], pose.apply(shared), atol=1e-14)
        np.testing.assert_allclose(stack.apply(own)[i], pose.apply(own[i]), atol=1e-14)
        np.testing.assert_allclose(stack.apply(shared[0])[i], pose.apply(shared[0]), atol=1e-14)
        np.testing.assert_allclose(stack.inverse().matrix[i], pose.inverse().matrix)
        np.testing.assert_allclose((stack @ each[0]).matrix[i], (pose @ each[0]).matrix)
        np.testing.assert_allclose((each[0] @ stack).matrix[i], (each[0] @ pose).matrix)
    turns = Pose(stack.rotation, np.zeros(3))  # leading axes broadcast
    assert turns.apply(shared).shape == (4, 6, 3)
    assert Pose(np.eye(3), stack.translation).matrix.shape == (4, 4, 4)


@given(st.integers(0, 2), st.floats(-7, 7))
def test_axis_rotation_turns_right_handed(axis, angle):
    i, j = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
    turned = axis_rotation(axis, angle) @ i
    np.testing.assert_allclose(turned, np.cos(angle) * i + np.sin(angle) * j, atol=1e-15)


@given(rotations())
def test_euler_reaches_every_rotation(rotation):
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    if abs(rotation[1, 2]) < 1 - 1e-9:  # otherwise yaw and roll turn about one axis
        yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
        roll = np.arctan2(rotation[1, 0], rotation[1, 1])
        np.testing.assert_allclose(euler(yaw, pitch, roll), rotation, atol=1e-7)


@given(unit, unit, unit, st.floats(1e-3, 1e3))
def test_upright_is_a_frame_with_its_second_axis_down(x, y, z, length):
    up = np.array([x, y, z])
    if np.linalg.norm(up) < 1e-2:
        return
    frame = upright(up * length)
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) > 0
    np.testing.assert_allclose(frame[:, 1], -up / np.linalg.norm(up), atol=1e-12)
    assert frame[2, 2] >= 0 or abs(frame[2, 1]) > 0.999  # forward stays forward


@pytest.mark.parametrize("pitch", [-85, -89, 85, 89])
def test_upright_forward_is_continuous_up_to_the_poles(pitch):
    """A level camera that tilts until it looks straight down or up keeps its heading."""
    tilt = axis_rotation(0, np.radians(pitch))
    frame = tilt @ upright(tilt.T @ [0, -1, 0])
    np.testing.assert_allclose(frame, np.eye(3), atol=1e-12)


def test_upright_of_a_level_camera_is_the_identity():
    np.testing.assert_allclose(upright([0, -1, 0]), np.eye(3), atol=1e-15)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Pose(np.eye(3), [0, np.nan, 0]), "pose-not-finite"),
        (lambda: Pose(np.eye(3), [0, 0]), "pose-shape"),
        (lambda: Pose(np.eye(3), ["0", "0", "0"]), "pose-type"),
        (lambda: Pose(np.eye(3) * 2, [0, 0, 0]), "rotation-orthonormal"),
        (lambda: Pose(np.stack([np.eye(3)] * 2), np.zeros((3, 3))), "pose-shape"),
        (lambda: Pose.from_matrix(np.eye(3)), "pose-shape"),
        (lambda: Pose.from_matrix([[1, 2], [3]]), "pose-shape"),
        (lambda: Pose.from_matrix(Pose(np.eye(3), [1, 2, 3]).matrix.T), "pose-last-row"),
        (lambda: upright([0, 0, 0]), "up"),
        (lambda: upright([0, np.nan, 0]), "up"),
        (lambda: upright([0, 1]), "up"),
    ],
)
def test_what_is_not_a_motion_is_refused(make, code):
    with pytest.raises(GeometryError) as caught:
        make()
    assert caught.value.code == code
