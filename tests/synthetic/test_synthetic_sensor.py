"""Faults of depth and masks: they do what they name, and nothing when they are off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from n3d.errors import ConfigError
from n3d.synthetic import sensor
from n3d.synthetic.sensor import SensorConfig


def step_edge() -> np.ndarray:
    depth = np.full((40, 60), 2.0, np.float32)
    depth[:, 30:] = 4.0
    return depth


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_no_fault_changes_nothing():
    depth = step_edge()
    np.testing.assert_array_equal(sensor.measure(depth, rng(), SensorConfig()), depth)


def test_blur_makes_flying_pixels_only_near_the_edge():
    out = sensor.degrade(step_edge(), rng(), blur_sigma=1.2, noise=0)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out[:, :28], 2, atol=1e-6)
    np.testing.assert_allclose(out[:, 32:], 4, atol=1e-6)
    assert ((out[:, 28:32] > 2.01) & (out[:, 28:32] < 3.99)).all()
    # Slow twin: the 5x5 kernel written out.
    k = np.exp(-0.5 * (np.arange(-2, 3) / 1.2) ** 2)
    kernel = np.outer(k, k) / k.sum() ** 2
    np.testing.assert_allclose(
        out, ndimage.convolve(step_edge().astype(float), kernel, mode="nearest"), atol=1e-5
    )


def test_blur_neither_fills_nor_spreads_holes():
    depth = np.full((20, 20), 3.0, np.float32)
    depth[8:12, 8:12] = 0
    out = sensor.degrade(depth, rng(), noise=0)
    np.testing.assert_array_equal(out == 0, depth == 0)
    np.testing.assert_allclose(out[out > 0], 3, atol=1e-5)


def test_noise_is_relative():
    depth = np.full((200, 200), 5.0, np.float32)
    out = sensor.degrade(depth, rng(), blur_sigma=0, noise=0.01)
    assert out.std() == pytest.approx(0.05, rel=0.05)
    assert out.mean() == pytest.approx(5, rel=1e-3)


def test_quantisation_grows_with_the_square_of_depth():
    depth = np.linspace(1, 6, 20_000, dtype=np.float32).reshape(100, 200)
    out = sensor.measure(depth, rng(), SensorConfig(step=0.01))
    assert len(np.unique(out)) < 100
    error = np.abs(out - depth)
    assert (error <= 0.51 * 0.01 * depth**2 * 1.1).all()
    assert error[depth > 5].max() > 9 * error[depth < 1.5].max()


def test_scale_is_one_factor():
    depth = step_edge()
    ratio = sensor.measure(depth, rng(), SensorConfig(scale_sigma=0.2)) / depth
    assert np.ptp(ratio) < 1e-6
    assert abs(ratio[0, 0] - 1) > 1e-3


def test_holes_fall_where_they_belong():
    depth = step_edge()
    incidence = np.ones_like(depth)
    incidence[:10] = 0.01
    config = SensorConfig(grazing_deg=10, hole_rate=1)
    out = sensor.measure(depth, rng(), config, incidence=incidence)
    np.testing.assert_array_equal(out == 0, incidence < 0.1)
    luminance = np.ones_like(depth)
    luminance[:, :5] = 0
    out = sensor.measure(depth, rng(), SensorConfig(dark=0.1, hole_rate=1), luminance=luminance)
    np.testing.assert_array_equal(out == 0, luminance == 0)
    out = sensor.measure(depth, rng(), SensorConfig(edges=True, hole_rate=1))
    assert (out[:, 29:31] == 0).all()
    assert (out[:, :29] > 0).all()
    assert 0 < (sensor.measure(depth, rng(), SensorConfig(blobs=2)) == 0).sum() < depth.size / 4
    out = sensor.measure(depth, rng(), SensorConfig(reach=(0.5, 3)))
    np.testing.assert_array_equal(out == 0, depth > 3)


def test_masks_grow_and_shrink_by_whole_pixels():
    mask = np.zeros((20, 20), bool)
    mask[5:10, 6:12] = True
    grown = sensor.dilate(mask, 2)
    expected = np.zeros_like(mask)
    expected[3:12, 4:14] = True
    np.testing.assert_array_equal(grown, expected)
    np.testing.assert_array_equal(sensor.erode(grown, 2), mask)
    np.testing.assert_array_equal(sensor.dilate(mask, 0), mask)
    mask[:] = True
    assert sensor.erode(mask, 3).all()


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError):
        SensorConfig(noise=-1)
    with pytest.raises(ConfigError):
        SensorConfig(hole_rate=2)
