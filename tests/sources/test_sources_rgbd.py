"""Picture, depth and camera together: turning, upstream's point maps, gravity."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.sources import InputWarning, exif, numpy_files, read_rgbd, upstream
from n3d.sources import depth as depths


def _turned(make, orientation, width=40, height=30):
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    return make.image(f"o{orientation}.png", width, height, exif=tags)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_depth_and_camera_of_the_stored_size_turn_too(make, orientation):
    """A stored pixel keeps its colour, its depth and its ray."""
    depth = np.linspace(1, 3, 1200).reshape(30, 40)
    camera = Camera(50, 60, 18, 13, 40, 30)
    view = read_rgbd(_turned(make, orientation), depth, camera)
    assert (view.width, view.height) == (30, 40)
    assert np.allclose(view.depth, exif.turn_array(depth, orientation).astype(np.float32))
    plain = read_rgbd(make.colours(), depth, camera)
    ours, theirs = view.points.xyz.reshape(-1, 3), plain.points.xyz.reshape(-1, 3)
    order, other = np.argsort(ours[:, 2]), np.argsort(theirs[:, 2])
    lengths = np.linalg.norm(ours[order], axis=1), np.linalg.norm(theirs[other], axis=1)
    assert np.allclose(*lengths, atol=1e-5)
    colours = view.image.reshape(-1, 3)[order], plain.image.reshape(-1, 3)[other]
    assert (colours[0] == colours[1]).all()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_depth_and_camera_of_the_upright_size_stay(make, orientation):
    depth = np.linspace(1, 3, 1200).reshape(40, 30)
    camera = Camera(50, 60, 13, 18, 30, 40)
    view = read_rgbd(_turned(make, orientation), depth, camera)
    assert np.allclose(view.depth, depth)
    assert view.camera == camera


def test_k_without_size_turns_where_it_only_fits_the_stored_image(make):
    path = _turned(make, 6, 60, 30)
    lying = read_rgbd(path, camera=[[70, 0, 31], [0, 70, 15], [0, 0, 1]]).camera
    assert (lying.width, lying.cx, lying.cy) == (30, 15, 31)
    upright = read_rgbd(path, camera=[[70, 0, 15], [0, 70, 31], [0, 0, 1]]).camera
    assert (upright.cx, upright.cy) == (15, 31)


@pytest.mark.parametrize(("orientation", "side"), [(3, 30), (2, 30), (6, 40)])
def test_ambiguous_turn_is_told(make, orientation, side):
    """Half turns, mirrors and squares: the depth fits either way and counts as upright."""
    depth = np.linspace(1, 3, 40 * side).reshape(side, 40)
    with pytest.warns(InputWarning, match="upright already"):
        view = read_rgbd(_turned(make, orientation, 40, side), depth)
    assert np.allclose(view.depth, depth)


def test_depth_that_fits_neither_way(make):
    with pytest.raises(InputError) as caught:
        read_rgbd(_turned(make, 6), np.full((40, 40), 2.0))
    assert caught.value.code == "depth-shape"


def test_up(make):
    view = read_rgbd(make.image(), up=[0, -2, 0])
    assert view.up is not None
    assert view.up.tolist() == [0, -1, 0]
    assert view.up_source == "given"
    assert read_rgbd(make.image()).up_source == "unknown"
    for bad in ([0, 0, 0], [0, 1], "up", [float("nan"), 0, 0]):
        with pytest.raises(N3DError):
            read_rgbd(make.image(), up=bad)


def test_errors_name_the_file_that_is_wrong(make):
    image, depth = make.image(), make.depth(width=30, height=40)
    with pytest.raises(InputError) as caught:
        read_rgbd(image, depth)
    assert caught.value.file == str(depth)
    with pytest.raises(N3DError) as caught:
        read_rgbd(image, make.depth(), camera=make.json({"fx": 1}))
    assert caught.value.file.endswith("f.json")


def test_scale_sigma_can_be_said(make):
    assert read_rgbd(make.image(), fov=60, scale_sigma=0.1).scale_sigma == 0.1


# -- upstream's point maps ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo1", "demo2", "demo3"])
def test_trap_8_upstream_point_maps(shared, name):
    """x left, y up, centres at +0.5, K normalised, inf where invalid: at most 0.28 px off."""
    folder = shared / "data/n3dvlm_demo"
    with numpy_files.Archive(folder / f"{name}.npz") as archive:
        points, k = archive["pcd"].astype(float), archive["intr"]
    height, width = points.shape[:2]
    valid = points[..., 3] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = read_rgbd(folder / f"{name}.jpg", folder / f"{name}.npz")
    assert view.camera.source == "given"
    assert view.camera.fx == pytest.approx(k[0, 0] * view.width)
    assert view.density == pytest.approx(valid.mean(), abs=0.01)
    camera = Camera.from_matrix(k, width, height, normalized=True)
    depth = depths.read(folder / f"{name}.npz").depth
    xyz = camera.unproject(depth).xyz
    expected = points[..., :3] * [-1, -1, 1]
    z = expected[..., 2][valid]
    off = (xyz[valid] - expected[valid])[:, :2] / z[:, None] * [camera.fx, camera.fy]
    assert np.abs(off).max() <= 0.281
    assert np.abs(np.median(off, axis=0)).max() < 0.02
    assert (depth[~valid] == 0).all()


def test_trap_8_integer_centres_are_half_a_pixel_off(shared):
    path = shared / "data/n3dvlm_demo/demo2.npz"
    with numpy_files.Archive(path) as archive:
        points, k = archive["pcd"].astype(float), archive["intr"]
    camera = Camera.from_matrix(k, 640, 427, normalized=True, pixel_center=0)
    xyz = camera.unproject(points[..., 2]).xyz
    off = (xyz[..., 0] + points[..., 0]) / points[..., 2] * camera.fx
    assert abs(np.median(off)) == pytest.approx(0.5, abs=0.02)


def test_upstream_points_round_trip(make):
    depth = np.linspace(0.5, 4, 1200).reshape(30, 40)
    depth[:2] = 0
    view = read_rgbd(make.image(), depth, Camera(52.5, 51.25, 19, 16, 40, 30))
    upstream.write_points(make.folder / "p.npz", view)
    back = read_rgbd(make.image(), make.folder / "p.npz")
    assert view.depth is not None
    assert back.depth is not None
    assert np.allclose(back.depth, view.depth, rtol=1e-3)
    assert (back.depth[:2] == 0).all()
    assert np.allclose(back.camera.matrix, view.camera.matrix, rtol=1e-6)
    with numpy_files.Archive(make.folder / "p.npz") as archive:
        points = archive["pcd"]
    assert np.isinf(points[0, 0, :3]).all()
    assert points[0, 0, 3] == 0
    assert points[240, 0, 0] > 0  # x left: positive on the left side
    assert points[100, 300, 1] > 0  # y up: positive above the middle


@pytest.mark.parametrize(
    ("size", "points"),
    [((1000, 700), (448, 640, 4)), ((40, 30), (480, 640, 4)), ((997, 1000), (640, 638, 4))],
)
def test_upstream_points_have_a_long_side_of_640(make, size, points):
    width, height = size
    view = read_rgbd(make.image(width=width, height=height), np.full((height, width), 2.0), fov=60)
    upstream.write_points(make.folder / "p.npz", view)
    with numpy_files.Archive(make.folder / "p.npz") as archive:
        assert archive["pcd"].shape == points


def test_upstream_points_need_depth(make):
    with pytest.raises(InputError, match="no depth"):
        upstream.write_points(make.folder / "q.npz", read_rgbd(make.image()))


@pytest.mark.parametrize("shape", [(30, 40, 3), (30, 40), (30, 160)])
def test_point_maps_of_other_shapes(make, shape):
    np.savez(make.folder / "p.npz", pcd=np.ones(shape, np.float32))
    with pytest.raises(InputError) as caught:
        read_rgbd(make.image(), make.folder / "p.npz")
    assert caught.value.code == "points-shape"
