"""Up from a floor, found only where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.geometry import Camera, euler
from n3d.lift import gravity
from n3d.synthetic import raycast
from n3d.synthetic.primitives import Primitives

CAMERA = Camera(525, 525, 320, 240, 640, 480)


def room(pitch: float, roll: float = 0.0, height: float = 1.4, noise: float = 0.003, seed: int = 0):
    """Points of a floor and a back wall, and the true up."""
    turn = euler(pitch=pitch, roll=roll)
    solids = [
        Primitives.plane(turn @ [0, height, 0], turn @ [0, -1, 0]),
        Primitives.plane(turn @ [0, 0, 5.0], turn @ [0, 0, -1]),
    ]
    depth = raycast.cast(Primitives.join(solids), CAMERA).depth
    depth = depth * (1 + noise * np.random.default_rng(seed).normal(size=depth.shape))
    return CAMERA.unproject(depth.astype(np.float32)), turn @ [0, -1.0, 0]


def angle_deg(a, b) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


@settings(max_examples=15)
@given(
    pitch=st.floats(0.1, 0.42), roll=st.floats(-0.05, 0.05), height=st.floats(0.6, 2.0),
    seed=st.integers(0, 100),
)  # fmt: skip
def test_a_floor_gives_up(pitch, roll, height, seed):
    points, up = room(pitch, roll, height, seed=seed)
    found = gravity.floor(points)
    assert found is not None
    assert angle_deg(found, up) < 0.5
    assert np.linalg.norm(found) == pytest.approx(1)


def test_a_camera_that_looks_far_down_needs_a_clear_floor():
    points, up = room(0.6)
    found = gravity.floor(points)
    assert found is not None
    assert angle_deg(found, up) < 0.5
    assert gravity.floor(room(1.0)[0]) is None


def test_the_search_is_seeded():
    points, _ = room(0.3)
    assert np.array_equal(gravity.floor(points, seed=1), gravity.floor(points, seed=1))


def test_a_wall_is_no_floor():
    depth = np.full((480, 640), 2.0, np.float32)
    assert gravity.floor(CAMERA.unproject(depth)) is None


def test_a_ceiling_is_no_floor():
    points, _ = room(0.3)
    assert gravity.floor(points.xyz[points.valid] * [1, -1, 1]) is None


def test_a_table_above_the_floor_is_not_taken_for_it():
    points, up = room(0.35, height=1.5)
    xyz = points.points().astype(float)
    rng = np.random.default_rng(0)
    top = rng.uniform([-0.5, 0.7, 1.5], [0.5, 0.7, 2.5], (len(xyz) // 3, 3))
    turn = euler(pitch=0.35)
    found = gravity.floor(np.concatenate([xyz, top @ turn.T]))
    assert found is not None
    assert angle_deg(found, up) < 0.5


def test_few_points_and_rubbish_give_none():
    rng = np.random.default_rng(0)
    assert gravity.floor(np.zeros((10, 3))) is None
    assert gravity.floor(np.full((1000, 3), np.nan)) is None
    assert gravity.floor(rng.normal(size=(5000, 3))) is None
    assert gravity.floor(np.ones((5000, 3))) is None


def test_the_share_is_a_limit():
    points, _ = room(0.12)
    assert gravity.floor(points, share=0.1) is not None
    assert gravity.floor(points, share=0.95) is None
