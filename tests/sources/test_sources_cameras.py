"""Cameras: every form, every size, EXIF and assumptions. Rows 31-41, trap 9's negative fy."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from n3d.errors import ConfigError, N3DError
from n3d.geometry import Camera
from n3d.sources import InputWarning, camera_files, cameras, exif, read_rgbd

K = [[50.0, 0, 20], [0, 50, 15], [0, 0, 1]]


def _read(make, camera, **options):
    return read_rgbd(make.image(), camera=camera, **options).camera


def _refused(make, camera, code, **options):
    with pytest.raises(N3DError) as caught:
        _read(make, camera, **options)
    assert caught.value.code == code, caught.value
    return caught.value


EXPECTED = Camera(50, 50, 20, 15, 40, 30)


def test_documented_forms(make):
    forms = [
        {"K": K},
        {"K": K, "width": 40, "height": 30},
        {"fx": 50, "fy": 50, "cx": 20, "cy": 15, "width": 40, "height": 30},
        {"fx": 50.0, "fy": 50, "cx": 20, "cy": 15},
        {"K": [[1.25, 0, 0.5], [0, 50 / 30, 0.5], [0, 0, 1]], "normalized": True},
        {"K": [[50, 0, 19.5], [0, 50, 14.5], [0, 0, 1]], "pixel_center": 0},
        {"K": [[50, 0, 20.5], [0, 50, 15.5], [0, 0, 1]], "pixel_center": 1},
        {"K": [[50, 0, 20], [0, -50, 15], [0, 0, 1]], "y_up": True},
        {"fov": math.degrees(2 * math.atan(20 / 50))},
    ]
    for form in forms:
        for camera in (form, make.json(form)):
            seen = _read(make, camera)
            assert np.allclose(seen.matrix, EXPECTED.matrix), form
            assert seen.source == "given"
    for camera in (
        EXPECTED,
        np.array(K),
        K,
        make.text("50 0 20\n0 50 15\n0 0 1\n"),
        make.text("# a comment\n50 50 20 15\n"),
        make.text("5e1  5.0e+1\t20. 15"),
    ):
        assert np.allclose(_read(make, camera).matrix, EXPECTED.matrix)


def test_write_is_read(make):
    path = make.folder / "c.json"
    cameras.write(path, Camera(51.25, 50.5, 20.125, 15, 40, 30, "predicted:x"))
    seen = _read(make, path)
    assert seen == Camera(51.25, 50.5, 20.125, 15, 40, 30, "predicted:x")


def test_options_say_what_a_file_does_not(make):
    k = [[50, 0, 19.5], [0, -50, 14.5], [0, 0, 1]]
    assert np.allclose(_read(make, k, pixel_center=0, y_up=True).matrix, EXPECTED.matrix)
    k = [[1.25, 0, 0.5], [0, 50 / 30, 0.5], [0, 0, 1]]
    assert np.allclose(_read(make, k, normalized=True).matrix, EXPECTED.matrix)
    _refused(make, {"K": K, "pixel_center": 1}, "camera-conflict", pixel_center=0)
    _refused(make, EXPECTED, "camera-conflict", pixel_center=0)


def test_row_31_missing_is_assumed_and_flagged(make):
    view = read_rgbd(make.image())
    assert view.camera.source == "assumed:fov-60"
    assert view.camera.fx == pytest.approx(20 / math.tan(math.radians(30)))
    assert view.scale_sigma > 0
    assert view.provenance.camera == "assumed:fov-60"
    tall = read_rgbd(make.image(width=30, height=40)).camera
    assert tall.fov_deg[1] == pytest.approx(60)


def test_fov_that_is_given(make):
    view = read_rgbd(make.image(), fov=90)
    assert view.camera.fx == pytest.approx(20)
    assert view.camera.source == "given"
    assert view.scale_sigma == 0


BAD = {
    "32 fx zero": ([[0, 0, 20], [0, 50, 15], [0, 0, 1]], "camera-focal"),
    "32 fx negative": ([[-50, 0, 20], [0, 50, 15], [0, 0, 1]], "camera-focal"),
    "32 fy negative": ([[50, 0, 20], [0, -50, 15], [0, 0, 1]], "camera-focal"),
    "33 NaN": ([[math.nan, 0, 20], [0, 50, 15], [0, 0, 1]], "camera-not-finite"),
    "33 inf": ({"fx": math.inf, "fy": 50, "cx": 20, "cy": 15}, "camera-not-finite"),
    "34 singular": ([[50, 0, 20], [50, 0, 20], [0, 0, 1]], "camera-skew"),
    "34 zeros": (np.zeros((3, 3)).tolist(), "camera-last-row"),
    "34 last row": ([[50, 0, 20], [0, 50, 15], [0, 0, 2]], "camera-last-row"),
    "34 skew": ([[50, 3, 20], [0, 50, 15], [0, 0, 1]], "camera-skew"),
    "36 other resolution": ([[500, 0, 320], [0, 500, 240], [0, 0, 1]], "camera-resolution"),
    "36 half resolution": ([[25, 0, 10], [0, 25, 7.5], [0, 0, 1]], "camera-resolution"),
    "36 stated": ({"K": K, "width": 40, "height": 40}, "camera-size"),
    "36 transposed": ({"K": K, "width": 30, "height": 40}, "camera-size"),
    "38 4x4": (np.eye(4).tolist(), "camera-shape"),
    "38 3x4": (np.eye(4)[:3].tolist(), "camera-shape"),
    "38 flat 9": ({"K": [50, 0, 20, 0, 50, 15, 0, 0, 1]}, "camera-shape"),
    "38 flat 6": ({"K": [50, 0, 20, 0, 50, 15]}, "camera-shape"),
    "38 ragged": ({"K": [[50, 0, 20], [0, 50], [0, 0, 1]]}, "camera-type"),
    "38 Open3D's keys": ({"width": 40, "height": 30, "intrinsic_matrix": [1] * 9}, "camera-key"),
    "38 two forms": ({"K": K, "fov": 60}, "camera-form"),
    "38 K and cx": ({"K": K, "cx": 20}, "camera-form"),
    "38 no form": ({"width": 40, "height": 30}, "camera-form"),
    "39 strings": ({"fx": "525", "fy": "525", "cx": 20, "cy": 15}, "camera-type"),
    "39 strings in K": ({"K": [["50", 0, 20], [0, 50, 15], [0, 0, 1]]}, "camera-type"),
    "39 bool": ({"fx": True, "fy": 50, "cx": 20, "cy": 15}, "camera-type"),
    "39 null": ({"fx": None, "fy": 50, "cx": 20, "cy": 15}, "camera-type"),
    "41 fov 0": ({"fov": 0}, "camera-fov"),
    "41 fov 180": ({"fov": 180}, "camera-fov"),
    "41 fov 200": ({"fov": 200}, "camera-fov"),
    "size fraction": ({"K": K, "width": 40.5, "height": 30}, "camera-size"),
    "size half": ({"K": K, "width": 40}, "camera-type"),
    "size zero": ({"K": K, "width": 0, "height": 30}, "camera-size"),
    "flag text": ({"K": K, "y_up": "yes"}, "camera-type"),
    "y_up without it": ({"K": K, "y_up": True}, "camera-focal"),
    "normalised undeclared": ([[1.2, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]], "camera-resolution"),
}


@pytest.mark.parametrize("row", BAD)
def test_refused_forms(make, row):
    camera, code = BAD[row]
    error = _refused(make, camera, code)
    assert error.field
    finite = "33" not in row
    if isinstance(camera, dict) and finite:
        path = make.json(camera)
        assert _refused(make, path, code).file == str(path)


@pytest.mark.parametrize("fov", [0, 180, -10, 200, float("nan")])
def test_row_41_field_of_view(make, fov):
    with pytest.raises(N3DError) as caught:
        read_rgbd(make.image(), fov=fov)
    assert caught.value.field == "fov"


def test_row_36_names_both_sizes(make):
    error = _refused(make, [[500, 0, 320], [0, 500, 240], [0, 0, 1]], "camera-resolution")
    assert "640x480" in str(error)
    assert "40x30" in str(error)
    error = _refused(make, {"K": K, "width": 300, "height": 300}, "camera-size")
    assert "300x300" in str(error)
    assert "40x30" in str(error)


def test_stated_size_of_the_same_shape_is_resized(make):
    k = [[500, 0, 200], [0, 500, 150], [0, 0, 1]]
    assert np.allclose(_read(make, {"K": k, "width": 400, "height": 300}).matrix, EXPECTED.matrix)
    assert np.allclose(_read(make, Camera(500, 500, 200, 150, 400, 300)).matrix, EXPECTED.matrix)


TEXT = {
    "nine in a row": "50 0 20 0 50 15 0 0 1",
    "six": "50 0 20\n0 50 15",
    "4x4": "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1",
    "words": "fx 50 fy 50",
    "nan": "nan 50 20 15",
    "underscore": "5_0 50 20 15",
    "arabic digits": "٥٠ 50 20 15",
    "1e999": "1e999 50 20 15",
    "commas": "50,50,20,15",
    "bare list": "[[50, 0, 20], [0, 50, 15], [0, 0, 1]]",
    "not json": "{'fx': 50}",
    "NaN token": '{"K": [[NaN, 0, 20], [0, 50, 15], [0, 0, 1]]}',
    "duplicate": '{"fx": 50, "fx": 60, "fy": 50, "cx": 20, "cy": 15}',
}


@pytest.mark.parametrize("name", TEXT)
def test_refused_texts(make, name):
    path = make.text(TEXT[name])
    with pytest.raises(N3DError) as caught:
        _read(make, path)
    assert caught.value.file == str(path)


def test_unknown_key_names_the_nearest(make):
    error = _refused(make, {"fx": 50, "fy": 50, "cx": 20, "cy": 15, "widht": 40}, "camera-key")
    assert "width" in str(error)


def test_contradictions_are_refused(make):
    with pytest.raises(ConfigError):
        read_rgbd(make.image(), camera=K, fov=60)
    with pytest.raises(ConfigError):
        read_rgbd(make.image(), y_up=True)


# -- EXIF ---------------------------------------------------------------------------------


def _photo(make, tags, name="e.jpg", width=400, height=300, orientation=None):
    data = Image.Exif()
    if orientation:
        data[exif.ORIENTATION] = orientation
    data.get_ifd(0x8769).update(tags)
    return make.image(name, width, height, exif=data)


def test_exif_equivalent_focal_length_compares_diagonals(make):
    view = read_rgbd(_photo(make, {exif.FOCAL_LENGTH_35MM: 26}))
    assert view.camera.source == "exif"
    assert view.camera.fx == pytest.approx(26 / math.hypot(36, 24) * 500)
    assert view.camera.fy == view.camera.fx
    assert (view.camera.cx, view.camera.cy) == (200, 150)
    assert 0 < view.scale_sigma < 0.02


def test_exif_focal_plane_resolution(make):
    """A 22.3 mm wide sensor of 4000 pixels and a 22.3 mm lens: f is 4000 px, 400 in this size."""
    per_inch = IFDRational(int(4000 / 22.3 * 25.4 * 1000), 1000)
    tags = {
        exif.FOCAL_LENGTH: IFDRational(223, 10), exif.PLANE_X: per_inch, exif.PLANE_Y: per_inch,
        exif.PLANE_UNIT: 2, exif.PIXEL_X: 4000, exif.PIXEL_Y: 3000,
    }  # fmt: skip
    camera = read_rgbd(_photo(make, tags)).camera
    assert camera.source == "exif"
    assert camera.fx == pytest.approx(400, rel=1e-4)
    tags |= {exif.PLANE_UNIT: 3}
    assert read_rgbd(_photo(make, tags)).camera.fx == pytest.approx(
        400 * 10 / 25.4 * 2.54**2, rel=1
    )


@pytest.mark.parametrize("unit", [2, 3])
def test_exif_units(unit):
    mm = exif.UNIT_MM[unit]
    tags = {exif.FOCAL_LENGTH: 10.0, exif.PLANE_X: 100.0 * mm, exif.PLANE_UNIT: unit}
    found = exif.focal(tags, 1000, 800)
    assert found is not None
    assert found.fx == pytest.approx(1000)


def test_exif_of_a_cropped_picture_is_refused(make):
    path = _photo(make, {exif.FOCAL_LENGTH_35MM: 26, exif.PIXEL_X: 4000, exif.PIXEL_Y: 2000})
    with pytest.warns(InputWarning, match="cropped"):
        view = read_rgbd(path)
    assert view.camera.source == "assumed:fov-60"


@pytest.mark.parametrize(
    "tags",
    [
        {exif.FOCAL_LENGTH_35MM: 0},
        {exif.FOCAL_LENGTH: IFDRational(0, 0), exif.PLANE_X: 100.0},
        {exif.FOCAL_LENGTH: IFDRational(5, 1)},
        {exif.FOCAL_LENGTH: float("nan"), exif.PLANE_X: 1.0},
        {exif.FOCAL_LENGTH_35MM: b"xx"},
    ],
)
def test_exif_without_a_usable_length(tags):
    assert exif.focal(tags, 400, 300) is None


def test_exif_absurd_length():
    found = exif.focal({exif.FOCAL_LENGTH_35MM: 60000}, 400, 300)
    assert found is not None
    assert "field of view" in found.refused


@pytest.mark.parametrize("orientation", [6, 8, 3])
def test_exif_focal_turns_with_the_picture(make, orientation):
    tags = {exif.FOCAL_LENGTH: 10.0, exif.PLANE_X: 400.0, exif.PLANE_Y: 300.0, exif.PLANE_UNIT: 4}
    camera = read_rgbd(_photo(make, tags, orientation=orientation)).camera
    swapped = orientation != 3
    assert camera.width == (300 if swapped else 400)
    assert camera.fx == pytest.approx(3000 if swapped else 4000)


# -- real files ---------------------------------------------------------------------------


def test_real_camera_files(shared):
    data = shared / "data"
    frame = data / "tsdf_fusion_7scenes/data/frame-000000"
    view = read_rgbd(
        f"{frame}.color.jpg", f"{frame}.depth.png",
        data / "tsdf_fusion_7scenes/data/camera-intrinsics.txt", pixel_center=0,
    )  # fmt: skip
    assert (view.camera.fx, view.camera.cx) == (585, 320.5)
    nyu = json.loads((data / "metric3d_demo/nyu_demo/test_annotations.json").read_text())
    record = nyu["files"][0]
    camera = dict(zip(("fx", "fy", "cx", "cy"), record["cam_in"], strict=True))
    folder = data / "metric3d_demo/nyu_demo"
    view = read_rgbd(
        folder / "rgb/rgb_00000.jpg", folder / "depth/sync_depth_00000.png", camera,
        depth_scale=record["depth_scale"],
    )  # fmt: skip
    assert 0.6 < view.density < 0.8
    with pytest.raises(N3DError, match="intrinsic_matrix"):
        camera_files.read(data / "open3d_testdata_rgbd/camera_primesense.json")


def test_trap_9_gradslam_negative_fy(shared):
    """Back-projection of a y-up calibration with integer pixel centres, exact to 2e-6."""
    folder = shared / "data/gradslam_msrd"
    k = np.load(folder / "intrinsics.npy")[0, 0][:3, :3]
    depth = np.load(folder / "depths.npy")[0, 0, ..., 0]
    golden = np.load(folder / "vertex_map.npy")[0, 0].astype(float)
    image = np.zeros((*depth.shape, 3), np.uint8)
    view = read_rgbd(image, depth, k, y_up=True, pixel_center=0, depth_unit="unknown")
    xyz = view.points.xyz.astype(float) * [1, -1, 1]
    assert np.abs(xyz - golden).max() < 2e-6
    with pytest.raises(N3DError, match="y_up"):
        read_rgbd(image, depth, k, pixel_center=0)
    shifted = read_rgbd(image, depth, k, y_up=True, depth_unit="unknown").points.xyz * [1, -1, 1]
    assert np.abs(shifted - golden).max() > 1e-3
