"""SUN RGB-D frame 000017: points, camera, boxes of both versions. Traps 1-4 and 12."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.scene import Drop
from n3d.sources import frames, read_rgbd, sunrgbd, sunrgbd_boxes

VERSIONS = ["infos_v0.x.json", "infos_v1.1.json"]


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "data/sunrgbd_000017"


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "gt_camera.json").read_text())


def _info(folder, version) -> sunrgbd.Info:
    (info,) = sunrgbd.read_infos(folder / version)
    assert isinstance(info, sunrgbd.Info)
    return info


@pytest.mark.parametrize("version", VERSIONS)
def test_boxes_and_gravity(folder, truth, version):
    item = _info(folder, version).grounded()
    assert item.scene.labels == ["night_stand", "bed"]
    assert item.scene.id == "sunrgbd:17"
    assert item.scene.up is not None
    assert np.allclose(item.scene.up, truth["gravity_up_cam"], atol=2e-6)
    for thing, want in zip(item.scene.objects, truth["boxes"], strict=True):
        assert np.allclose(thing.box.center, want["center_cam"], atol=1e-5)
        # The golden keeps local z up; here local y is down: (x, y, z) = (x, -z, y).
        assert np.allclose(thing.box.size[[0, 2, 1]], want["size_local_xyz"], atol=1e-9)
        rotation = np.array(want["R_cam"]) @ frames.ZUP_FROM_LEVEL
        assert np.allclose(thing.box.rotation, rotation, atol=1e-5)
        assert thing.region is not None
        assert np.allclose(thing.region.rectangle, np.array(want["bbox2d_gt_xyxy"]) - 0.5)


@pytest.mark.parametrize("version", VERSIONS)
def test_trap_2_points_in_the_boxes(folder, truth, version):
    """The heading turns clockwise in v0.x, counter-clockwise in v1.x."""
    info = _info(folder, version)
    points = sunrgbd.read_points(folder / "000017.bin")[:, :3]
    inside = [int(box.contains(points).sum()) for _, box, _ in info.boxes]
    assert inside == [951, 18117]


def test_trap_2_the_wrong_sign(folder):
    info = _info(folder, "infos_v0.x.json")
    raw = json.loads((folder / "infos_v0.x.json").read_text())
    v = np.array(raw["annos"]["gt_boxes_upright_depth"][1])
    wrong = sunrgbd._upright_box(v, clockwise=False)
    points = sunrgbd.read_points(folder / "000017.bin")[:, :3]
    assert int(wrong.contains(points).sum()) == 9106
    assert int(info.boxes[1][1].contains(points).sum()) == 18117


@pytest.mark.parametrize("version", VERSIONS)
def test_trap_1_every_point_has_its_pixel(folder, version):
    """With 1-based pixels read right, 50 000 points hit 50 000 pixels of their own colour."""
    info = _info(folder, version)
    view, scene = sunrgbd.load(info, folder)
    assert view.depth is not None
    assert (view.depth > 0).sum() == 50_000
    assert view.depth_source == "sensor"
    assert view.provenance.up == "sensor"
    cloud = sunrgbd.read_points(folder / "000017.bin")
    uv = info.camera.project(info.upright_from_camera.inverse().apply(cloud[:, :3]))
    columns, rows = np.floor(uv).astype(int).T
    assert np.abs(view.image[rows, columns] / 255 - cloud[:, 3:]).max() < 1e-6
    assert np.abs(uv - np.floor(uv) - 0.5).max() < 0.05
    inside = [int(o.box.contains(view.points.points()).sum()) for o in scene.objects]
    assert np.abs(np.array(inside) - [951, 18117]).max() <= 2  # float32 at the faces


def test_depth_png_of_the_same_frame(folder, truth):
    view = read_rgbd(
        folder / "000017.jpg", folder / "depth_sparse_mm.png",
        {"K": truth["K"], "width": 730, "height": 530, "pixel_center": 1},
        up=truth["gravity_up_cam"], depth_source="sensor",
    )  # fmt: skip
    assert (view.camera.cx, view.camera.cy) == (364.5, 264.5)
    assert view.density == pytest.approx(50_000 / (730 * 530))
    by_points, _ = sunrgbd.load(_info(folder, VERSIONS[0]), folder)
    assert by_points.depth is not None
    assert view.depth is not None
    assert np.abs(view.depth - by_points.depth).max() <= 0.00051


def test_boxes_are_tight_in_the_image(folder, truth):
    """Projected box against 2D box: IoU 0.854 and 0.928."""
    item = _info(folder, VERSIONS[1]).grounded()
    assert item.camera is not None
    for thing, want in zip(item.scene.objects, (0.854, 0.928), strict=True):
        assert thing.region is not None
        a = thing.box.project(item.camera)
        b = np.array(thing.region.rectangle)
        cut = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        areas = [np.prod(r[2:] - r[:2]) for r in (a, b)]
        overlap = np.prod(cut)
        assert overlap / (sum(areas) - overlap) == pytest.approx(want, abs=0.015)


def test_trap_4_raw_labels_hold_half_sizes(folder):
    """Rebuilt from the bed: halves, of which the second lies along the orientation vector."""
    bed = _info(folder, VERSIONS[0]).boxes[1][1]
    assert bed.rotation is not None
    x, y, z = bed.size / 2
    ox, oy = bed.rotation[:2, 0]
    center = " ".join(map(repr, bed.center.tolist()))
    label, box = sunrgbd.read_label(f"bed 1 2 3 4 {center} {y} {x} {z} {ox} {oy}")
    assert label == "bed"
    assert box.allclose(bed, 1e-9)
    with pytest.raises(InputError):
        sunrgbd.read_label("bed 1 2 3")
    with pytest.raises(InputError):
        sunrgbd.read_label("bed " + "x " * 12)


def test_trap_12_transposed_k_is_dropped(folder, make):
    raw = json.loads((folder / "infos_v1.1.json").read_text())
    k = np.array([[529.5, 0, 365], [0, 529.5, 265], [0, 0, 1]])
    good = np.array(raw["images"]["CAM0"]["depth2img"])
    raw["images"]["CAM0"]["depth2img"] = (k.T @ np.linalg.inv(k) @ good).tolist()
    (drop,) = sunrgbd.read_infos(make.json(raw))
    assert isinstance(drop, Drop)
    assert drop.reason == "sunrgbd-projection"
    assert "transposed" in drop.detail


@pytest.mark.parametrize("value", [[], {}, 5, {"data_list": [{}]}, {"annos": {}}])
def test_other_forms(make, value):
    assert all(isinstance(i, Drop) for i in sunrgbd.read_infos(make.json(value)))


def test_missing_and_broken_files(folder, make):
    info = _info(folder, VERSIONS[0])
    with pytest.raises(InputError, match="does not exist"):
        sunrgbd.load(info, make.folder)
    Image.fromarray(make.colours()).save(make.folder / "000017.jpg")
    with pytest.raises(InputError) as caught:
        sunrgbd.load(info, make.folder)
    assert caught.value.code == "image-size"
    (make.folder / "p.bin").write_bytes(b"x" * 25)
    with pytest.raises(InputError) as caught:
        sunrgbd.read_points(make.folder / "p.bin")
    assert caught.value.code == "points-shape"


def test_written_infos_are_read_back(folder, make):
    item = _info(folder, VERSIONS[1]).grounded()
    sunrgbd_boxes.write(make.folder / "out.json", [item])
    (back,) = sunrgbd_boxes.read(make.folder / "out.json")
    assert not isinstance(back, Drop)
    assert back.scene.up is not None
    assert np.allclose(back.scene.up, item.scene.up, atol=1e-9)
    assert back.camera is not None
    assert item.camera is not None
    assert np.allclose(back.camera.matrix, item.camera.matrix, atol=1e-6)
    for a, b in zip(item.scene.objects, back.scene.objects, strict=True):
        assert a.label == b.label
        assert a.box.canonical().allclose(b.box.canonical(), 1e-6)
        assert a.region is not None
        assert b.region is not None
        assert np.allclose(a.region.rectangle, b.region.rectangle)


@pytest.mark.parametrize("seed", range(5))
def test_factor_camera_inverts(seed):
    rng = np.random.default_rng(seed)
    rotation = frames.rotation_from_xyz(*rng.uniform(-3, 3, 3))
    camera = Camera(500, 520, 310, 250, 640, 480)
    k, r = frames.factor_camera(camera.matrix @ rotation * 1.7)
    assert np.allclose(k, camera.matrix, atol=1e-9)
    assert np.allclose(r, rotation, atol=1e-12)
    with pytest.raises(N3DError):
        frames.factor_camera(np.zeros((3, 3)))
    with pytest.raises(N3DError):
        frames.factor_camera(camera.matrix @ rotation @ np.diag([1, 1, -1]))
