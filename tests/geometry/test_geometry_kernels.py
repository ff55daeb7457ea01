from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from geometry_strategies import cameras, seeds
from hypothesis import given

from n3d.errors import GeometryError
from n3d.geometry import Camera, PointMap

ODD_DEPTHS = [np.nan, np.inf, -np.inf, -1.0, 0.0, -0.0, 1e-45, 1e-30, 3.4e38, 1.0, 2.5]


def unproject_twin(camera, depth):
    """The kernel in plain NumPy, float32 as there."""
    with np.errstate(over="ignore"):
        z = np.asarray(depth).astype(np.float32)
    valid = np.isfinite(z) & (z > 0)
    z = np.where(valid, z, np.float32(0))
    x = ((np.arange(camera.width) + 0.5 - camera.cx) / camera.fx).astype(np.float32)
    y = ((np.arange(camera.height) + 0.5 - camera.cy) / camera.fy).astype(np.float32)
    with np.errstate(over="ignore"):
        return np.stack([x * z, y[:, None] * z, z], axis=-1), valid


@given(cameras(), seeds)
def test_unproject_equals_its_twin(camera, rng):
    shape = camera.height, camera.width
    depth = rng.uniform(-1, 5, shape)
    odd = rng.random(shape) < 0.3
    depth[odd] = rng.choice(ODD_DEPTHS, odd.sum())
    millimetres = rng.integers(0, 65536, shape)
    for given_depth in (
        depth,
        depth.astype(np.float32),
        np.asfortranarray(depth),
        depth[::-1, ::-1],
        rng.uniform(0, 5, shape).astype(np.float16),
        millimetres.astype(np.uint16),
    ):
        found = camera.unproject(given_depth)
        xyz, valid = unproject_twin(camera, given_depth)
        np.testing.assert_array_equal(found.xyz, xyz)
        np.testing.assert_array_equal(found.valid, valid)
        assert found.xyz.dtype == np.float32


def test_depth_that_float32_cannot_hold_is_invalid():
    found = Camera(1, 1, 1, 0.5, 2, 1).unproject(np.array([[1e300, 1.0]]))
    assert found.valid.tolist() == [[False, True]]
    assert (found.xyz[0, 0] == 0).all()


def test_unproject_leaves_the_depth_alone():
    depth = np.array([[np.nan, -1, 2]], np.float32)
    depth.flags.writeable = False
    before = depth.tobytes()
    Camera(1, 1, 1, 0.5, 3, 1).unproject(depth)
    assert depth.tobytes() == before


def test_point_maps_have_one_point_per_pixel():
    with pytest.raises(GeometryError, match=r"\(h, w, 3\)"):
        PointMap(np.zeros((2, 3, 3)), np.ones((3, 2), bool))
    with pytest.raises(GeometryError, match=r"\(h, w, 3\)"):
        PointMap(np.zeros((3, 2, 3, 1)), np.ones((2, 3), bool))


def test_importing_geometry_stays_light():
    """numba and scipy are loaded when the first kernel or hull needs them."""
    code = "import sys, n3d.geometry; print(*{'numba', 'scipy', 'shapely'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
