"""Depth as colour: monotonic, honest about what is invalid, legends with round values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import InputError
from n3d.view import depth, palette


def test_lightness_falls_from_near_to_far():
    ramp = depth.ramp_colours()
    light = np.array([palette.luminance(tuple(c)) for c in ramp.tolist()])
    assert light[0] > 0.8
    assert light[-1] < 0.02
    assert (np.diff(light) < 0.004).all()
    assert np.abs(np.diff(ramp.astype(int), axis=0)).max() <= 6


def test_colours_follow_depth_and_holes_are_grey():
    image = np.linspace(1, 5, 60, dtype=np.float32).reshape(6, 10)
    image[0, 0] = 0
    image[5, 9] = np.inf
    colours = depth.colorize(image)
    assert tuple(colours[0, 0]) == depth.INVALID
    assert tuple(colours[5, 9]) == depth.INVALID
    light = [palette.luminance(tuple(c)) for c in colours.reshape(-1, 3)[1:-1].tolist()]
    assert all(a >= b - 0.004 for a, b in itertools.pairwise(light))


def test_given_ends_clamp():
    colours = depth.colorize(np.array([[0.5, 1.0, 2.0, 9.0]]), near=1, far=2)
    ramp = depth.ramp_colours()
    assert (colours[0, :2] == ramp[0]).all()
    assert (colours[0, 2:] == ramp[-1]).all()


def test_a_flat_wall_does_not_show_its_noise():
    wall = 3 + np.random.default_rng(0).normal(0, 1e-4, (20, 20)).astype(np.float32)
    assert np.ptp(depth.colorize(wall)[..., 0].astype(int)) < 12


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.ones(4)])
def test_depth_without_a_valid_value_is_refused(bad):
    with pytest.raises(InputError):
        depth.colorize(bad)


def test_ends_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="more than near"):
        depth.colorize(np.ones((2, 2)), near=3, far=2)


@given(st.floats(1e-3, 50), st.floats(1e-3, 50), st.integers(2, 9))
def test_ticks_are_round_few_and_inside(low, span, most):
    high = low + span
    values = depth.ticks(low, high, most)
    assert len(values) <= most + 1
    assert all(low - 1e-6 * span <= v <= high + 1e-6 * span for v in values)
    steps = np.diff(values)
    if len(steps):
        assert np.allclose(steps, steps[0], rtol=1e-6, atol=1e-9)
        assert f"{steps[0]:.0e}"[0] in "125"


def test_the_legend_stands_beside_and_is_as_high_as_the_image():
    image = np.linspace(1, 5, 100 * 80, dtype=np.float32).reshape(100, 80)
    panel = depth.panel(image, scale=0.7)
    assert panel.shape[0] == 100
    assert (panel[:, :80] == depth.colorize(image)).all()
    bar = panel[50, 80 + 7 + 2]
    middle = depth.ramp_colours()[128]
    assert np.abs(bar.astype(int) - middle).max() < 12


def test_splats_grow_points_and_keep_the_nearest():
    sparse = np.zeros((9, 9), np.float32)
    sparse[4, 4], sparse[4, 6] = 2.0, 1.0
    grown = depth.splat(sparse, 1)
    assert grown[4, 5] == 1.0
    assert (grown[3:6, 3:5] == 2.0).all()
    assert np.count_nonzero(grown) == 3 * 5
