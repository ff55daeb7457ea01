from __future__ import annotations

import numpy as np
import pytest
from geometry_strategies import cameras, seeds
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import GeometryError
from n3d.geometry import Camera

K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])


def depth_of(camera, rng):
    depth = rng.uniform(0.5, 5, (camera.height, camera.width)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = 0
    return depth


def close(a, b, atol=1e-5):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


# -- projection -------------------------------------------------------------------------------


@given(cameras(), seeds)
def test_project_undoes_lift(camera, rng):
    uv = rng.uniform(-10, 40, (3, 5, 2))
    z = rng.uniform(0.01, 100, (3, 5))
    points = camera.lift(uv, z)
    close(camera.project(points), uv, 1e-9)
    close(points[..., 2], z, 0)
    close(camera.lift(camera.project(points), z), points, 1e-9)
    close(points[1, 2], camera.lift(uv[1, 2], z[1, 2]), 0)
    homogeneous = points @ camera.matrix.T
    close(homogeneous[..., :2] / homogeneous[..., 2:], uv, 1e-9)


def test_points_behind_have_no_pixel():
    camera = Camera.from_matrix(K, 640, 480)
    uv = camera.project([[0, 0, 1], [0, 0, 0], [1, 1, -1]])
    assert np.isnan(uv).tolist() == [[False] * 2, [True] * 2, [True] * 2]


@given(cameras(), seeds)
def test_unproject_lifts_the_pixel_centres(camera, rng):
    depth = depth_of(camera, rng)
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    expected = camera.lift(np.stack([u, v], axis=-1), depth)
    found = camera.unproject(depth)
    close(found.xyz, expected)
    np.testing.assert_array_equal(found.valid, depth > 0)
    np.testing.assert_array_equal(found.depth, depth)
    close(camera.project(found.points()), np.stack([u, v], axis=-1)[depth > 0], 1e-4)


def test_points_of_a_mask():
    camera = Camera(10, 10, 1.5, 1, 3, 2)
    found = camera.unproject(np.array([[1.0, 0, 2], [3, 4, np.nan]]))
    assert found.points()[:, 2].tolist() == [1, 2, 3, 4]
    mask = np.array([[True, True, False], [False, True, True]])
    assert found.points(mask)[:, 2].tolist() == [1, 4]
    assert found.planes.shape == (3, 2, 3)
    assert found.planes.flags.c_contiguous


# -- the camera of a changed image ------------------------------------------------------------


@given(cameras(), seeds, st.data())
def test_crop_is_the_camera_of_the_crop(camera, rng, data):
    left, top = (
        data.draw(st.integers(0, camera.width - 1)),
        data.draw(st.integers(0, camera.height - 1)),
    )
    width = data.draw(st.integers(1, camera.width - left))
    height = data.draw(st.integers(1, camera.height - top))
    depth = depth_of(camera, rng)
    window = np.s_[top : top + height, left : left + width]
    cropped = camera.crop(left, top, width, height)
    close(cropped.unproject(depth[window]).xyz, camera.unproject(depth).xyz[window])


@given(cameras(), seeds, st.integers(-1, 5))
def test_rotate90_is_the_camera_of_the_turned_image(camera, rng, turns):
    depth = depth_of(camera, rng)
    # A quarter turn counter-clockwise takes the image's right to its top: x' = y, y' = -x.
    quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    motion = np.linalg.matrix_power(quarter, turns % 4)
    found = camera.rotate90(turns).unproject(np.ascontiguousarray(np.rot90(depth, turns)))
    close(found.xyz, np.rot90(camera.unproject(depth).xyz @ motion.T, turns))


@given(cameras(), seeds)
def test_flip_is_the_camera_of_the_mirrored_image(camera, rng):
    depth = depth_of(camera, rng)
    found = camera.flip().unproject(np.ascontiguousarray(depth[:, ::-1]))
    close(found.xyz, camera.unproject(depth).xyz[:, ::-1] * [-1, 1, 1])
    assert camera.flip().flip().cx == pytest.approx(camera.cx)


@given(cameras(), seeds, st.integers(1, 4), st.integers(1, 4))
def test_resize_is_the_camera_of_the_resized_image(camera, rng, kx, ky):
    large = camera.resize(camera.width * kx, camera.height * ky)
    # Pixels kept: of an odd number of small pixels in a large one, the middle has its centre.
    depth = depth_of(large, rng)
    points = large.unproject(depth).xyz.astype(float)
    if kx % 2 and ky % 2:
        middle = np.s_[ky // 2 :: ky, kx // 2 :: kx]
        small = camera.unproject(np.ascontiguousarray(depth[middle]))
        close(small.xyz, points[middle])
    uv, z = rng.uniform(0, 20, (6, 2)), rng.uniform(1, 5, 6)
    close(large.project(camera.lift(uv, z)), uv * [kx, ky], 1e-9)
    close(large.fov_deg, camera.fov_deg, 1e-9)
    back = large.resize(camera.width, camera.height)
    close(back.matrix, camera.matrix, 1e-9)


# -- makers -----------------------------------------------------------------------------------


def test_from_matrix_keeps_the_matrix():
    camera = Camera.from_matrix(K, 640, 480, source="exif")
    np.testing.assert_array_equal(camera.matrix, K)
    assert (camera.width, camera.height, camera.source) == (640, 480, "exif")
    assert Camera.from_matrix(K.astype(int).tolist(), 640, 480) == Camera.from_matrix(K, 640, 480)


@pytest.mark.parametrize("first", [0, 0.5, 1])
def test_pixel_center_says_where_the_first_pixel_lies(first):
    """The ray of a pixel is ((index + first) - c) / f in the calibration's own convention."""
    camera = Camera.from_matrix(K, 640, 480, pixel_center=first)
    x = camera.unproject(np.ones((480, 640), np.float32)).xyz[..., 0]
    close(x[0], (np.arange(640) + first - 320) / 500, 1e-6)


def test_normalized_matrices_are_scaled_by_the_image():
    normalized = K / [[640], [480], [1]]
    found = Camera.from_matrix(normalized, 640, 480, normalized=True)
    close(found.matrix, K, 1e-12)


def test_y_up_declares_the_sign_of_fy():
    flipped = K * [[1, 1, 1], [1, -1, 1], [1, 1, 1]]
    assert Camera.from_matrix(flipped, 640, 480, y_up=True) == Camera.from_matrix(K, 640, 480)
    with pytest.raises(GeometryError, match="y_up is declared"):
        Camera.from_matrix(K, 640, 480, y_up=True)
    with pytest.raises(GeometryError, match="declare it with y_up=True"):
        Camera.from_matrix(flipped, 640, 480)


@given(st.floats(0.1, 179.9), st.integers(1, 5000), st.integers(1, 5000))
def test_from_fov_has_that_field_of_view(degrees, width, height):
    camera = Camera.from_fov(degrees, width, height)
    assert camera.fov_deg[0] == pytest.approx(degrees)
    assert camera.fx == camera.fy
    vertical = 2 * np.degrees(np.arctan(np.tan(np.radians(degrees / 2)) * height / width))
    assert camera.fov_deg[1] == pytest.approx(vertical)


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fx": 0}, "camera-focal"),
        ({"fx": -500}, "camera-focal"),
        ({"fy": -500}, "camera-focal"),
        ({"fx": float("nan")}, "camera-not-finite"),
        ({"cy": float("inf")}, "camera-not-finite"),
        ({"fx": "525"}, "camera-type"),
        ({"cx": None}, "camera-type"),
        ({"cx": True}, "camera-type"),
        ({"cx": np.complex128(1)}, "camera-type"),
        ({"width": 0}, "camera-size"),
        ({"width": -640}, "camera-size"),
        ({"width": 640.5}, "camera-size"),
        ({"width": float("nan")}, "camera-size"),
        ({"height": float("inf")}, "camera-size"),
        ({"height": "480"}, "camera-size"),
        ({"height": None}, "camera-size"),
        ({"height": 10**9}, "camera-size"),
    ],
)
def test_values_that_no_camera_has_are_refused(change, code):
    fields = {"fx": 500, "fy": 500, "cx": 320, "cy": 240, "width": 640, "height": 480}
    with pytest.raises(GeometryError) as caught:
        Camera(**{**fields, **change})
    assert caught.value.code == code
    assert caught.value.field in change


def changed(row, column, value):
    k = K.copy()
    k[row, column] = value
    return k


@pytest.mark.parametrize(
    ("k", "code"),
    [
        (changed(0, 0, 0), "camera-focal"),
        (changed(0, 0, -500), "camera-focal"),
        (changed(1, 1, 0), "camera-focal"),
        (changed(0, 2, np.nan), "camera-not-finite"),
        (changed(1, 1, np.inf), "camera-not-finite"),
        (np.zeros((3, 3)), "camera-last-row"),
        (np.ones((3, 3)), "camera-last-row"),
        (K.T, "camera-last-row"),
        (changed(0, 1, 3), "camera-skew"),
        (changed(1, 0, 3), "camera-skew"),
        (np.eye(4), "camera-shape"),
        (K.ravel(), "camera-shape"),
        (K[:2].ravel().tolist(), "camera-shape"),
        (K[:2], "camera-shape"),
        ([[1, 2], [3]], "camera-shape"),
        ([["500", "0", "320"], ["0", "500", "240"], ["0", "0", "1"]], "camera-type"),
        ([[None] * 3] * 3, "camera-type"),
        ("525", "camera-type"),
    ],
)
def test_matrices_that_are_no_calibration_are_refused(k, code):
    with pytest.raises(GeometryError) as caught:
        Camera.from_matrix(k, 640, 480)
    assert caught.value.code == code
    assert caught.value.field in ("K", "fx", "fy")


@pytest.mark.parametrize("degrees", [0, -60, 180, 200, float("nan"), float("inf"), "60", None])
def test_fields_of_view_that_no_pinhole_has_are_refused(degrees):
    with pytest.raises(GeometryError) as caught:
        Camera.from_fov(degrees, 640, 480)
    assert caught.value.field == "fov"
    if isinstance(degrees, int):
        assert "less than 180" in str(caught.value)


@pytest.mark.parametrize("size", [(0, 480), (640, -1), ("640", 480), (640.5, 480)])
def test_sizes_are_checked_by_every_maker(size):
    for make in (
        lambda: Camera.from_matrix(K, *size, normalized=True),
        lambda: Camera.from_fov(60, *size),
        lambda: Camera.from_matrix(K, 640, 480).resize(*size),
        lambda: Camera.from_matrix(K, 640, 480).crop(0, 0, *size),
    ):
        with pytest.raises(GeometryError) as caught:
            make()
        assert caught.value.code == "camera-size"


def test_depth_of_another_kind_is_refused():
    camera = Camera.from_matrix(K, 640, 480)
    for depth, code in (
        (np.ones((640, 480)), "depth-shape"),
        (np.ones((240, 320)), "depth-shape"),
        (np.ones((480, 640, 1)), "depth-shape"),
        (np.full((480, 640), "1"), "depth-type"),
        (np.full((480, 640), None), "depth-type"),
        (np.ones((480, 640), complex), "depth-type"),
    ):
        with pytest.raises(GeometryError) as caught:
            camera.unproject(depth)
        assert caught.value.code == code
        assert caught.value.field == "depth"
