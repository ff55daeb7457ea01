"""Each form of 3D boxes alone: golden numbers, conventions, refusals. Traps 5-7, row 58."""

from __future__ import annotations

import json

import numpy as np
import pytest

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.geometry.pose import euler
from n3d.scene import BoxSpread, Drop, Object3D, Region, Scene
from n3d.sources import boxer, kitti, omni3d, plain, qwen, sunrgbd_boxes, wilddet3d
from n3d.sources.files import InputWarning
from n3d.sources.grounded import Grounded


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "golden/reference_object.json").read_text())


@pytest.fixture
def sofa(golden):
    """The reference object as a scene of a level camera."""
    canonical, (width, height) = golden["canonical"], golden["image_size"]
    box = Box3D(canonical["center"], canonical["size"], canonical["R"])
    scene = Scene("s", "p", (Object3D("o", "sofa", box),), up=np.array([0.0, -1, 0]))
    return Grounded(scene, Camera.from_matrix(golden["K"], width, height), "a.jpg")


def _close(a, b):
    assert np.allclose(np.array(a, float), np.array(b, float), rtol=0, atol=1e-9)


def test_trap_7_omni3d(golden, sofa, make):
    want = golden["omni3d"]
    record = omni3d.annotation(sofa, sofa.scene.objects[0])
    _close(record["center_cam"], want["center_cam"])
    _close(record["dimensions"], want["dimensions_whl"])
    _close(record["R_cam"], want["R_cam"])
    _close(record["bbox3D_cam"], want["bbox3D_cam"])
    _close(record["bbox2D_proj"], golden["canonical"]["projected_xyxy_px"])
    assert record["behind_camera"] is False


def test_wilddet3d(golden, sofa):
    _close(wilddet3d.vector(sofa.scene.objects[0].box), golden["wilddet3d_tensor"])
    box = wilddet3d.box(golden["wilddet3d_tensor"])
    assert box.allclose(sofa.scene.objects[0].box)


@pytest.mark.parametrize("yaw", [-3.0, -1.0, 0.0, 2.0, 3.1])
def test_wilddet3d_is_canonical(yaw):
    box = Box3D.from_euler([0.1, 0.2, 3.0], [0.4, 0.9, 1.2], yaw)
    v = wilddet3d.vector(box)
    assert v[3] <= v[4]
    back = wilddet3d.box(v)
    assert 0 <= float(back.yaw) < np.pi
    assert back.canonical().allclose(box.canonical(), 1e-9)


def test_boxer(golden, sofa, make):
    want = golden["boxer_world_x_z_minus_y"]
    boxer.write(make.folder / "b.csv", [sofa])
    header, row = (make.folder / "b.csv").read_text().splitlines()
    assert header.startswith("time_ns,tx_world_object,ty_world_object,tz_world_object,qw_")
    cells = row.split(",")
    _close(cells[1:4], want["translation"])
    _close(cells[4:8], want["quaternion_wxyz"])
    _close(cells[8:11], want["scale"])
    assert cells[11] == "sofa"


def test_trap_5_kitti(golden, sofa):
    want = golden["kitti"]
    line = kitti.write_line(sofa, sofa.scene.objects[0], kitti.Calibration.none()).split()
    assert line[0] == "sofa"
    _close(line[3], want["alpha"])
    _close(line[8:11], [want["h"], want["w"], want["l"]])
    _close(line[11:14], want["bottom_center"])
    _close(line[14], want["rotation_y"])
    thing = kitti.read_line(" ".join(line), "k", kitti.Calibration.none())
    assert thing.box.allclose(sofa.scene.objects[0].box)
    assert thing.front is not None
    assert np.allclose(thing.front, sofa.scene.objects[0].box.rotation[:, 0])


def test_trap_6_p2_is_folded_in(make, sofa):
    """P2 = K [I | t]: a box read for camera 2 is t away from where the label puts it."""
    k, t = np.array([[721.5, 0, 609.6], [0, 721.5, 172.9], [0, 0, 1]]), [0.06, -0.0003, 0.0027]
    p2 = np.concatenate([k, (k @ t)[:, None]], axis=1)
    text = "P0: 1 0 0 0 0 1 0 0 0 0 1 0\nP2: " + " ".join(f"{v:.12e}" for v in p2.ravel())
    calibration = kitti.read_calibration(make.text(text))
    assert np.allclose(calibration.offset, t, atol=1e-9)
    assert np.allclose(calibration.matrix, k)
    thing = sofa.scene.objects[0]
    line = kitti.write_line(sofa, thing, calibration)
    moved = kitti.read_line(line, "k", kitti.Calibration.none()).box
    assert np.allclose(moved.center, thing.box.center - t)
    assert kitti.read_line(line, "k", calibration).box.allclose(thing.box)


def test_sunrgbd(golden, sofa, make):
    want = golden["sunrgbd_upright_depth"]
    sunrgbd_boxes.write(make.folder / "s.json", [sofa])
    (entry,) = json.loads((make.folder / "s.json").read_text())["data_list"]
    _close(entry["instances"][0]["bbox_3d"][:3], want["center"])
    _close(entry["instances"][0]["bbox_3d"][3:6], want["size_xyz"])
    _close(entry["instances"][0]["bbox_3d"][6], want["yaw_v1_ccw"])


def test_qwen(golden, sofa, make):
    qwen.write(make.folder / "q.json", [sofa])
    (entry,) = json.loads((make.folder / "q.json").read_text())
    _close(entry["bbox_3d"], golden["qwen3vl_bbox_3d_units_of_pi"])
    assert entry["label"] == "sofa"


def test_plain(golden, sofa):
    record = plain.record(sofa, sofa.scene.objects[0])
    _close(record["R"], golden["canonical"]["R"])
    _close(record["gravity_camera"], [0, 1, 0])
    assert record["frame"] == "camera_opencv"
    thing, _ = plain.parse(record)
    assert thing.box.allclose(sofa.scene.objects[0].box)


def test_plain_keeps_everything(make, sofa):
    mask = np.zeros((720, 1280), bool)
    mask[300:400, 500:700] = True
    region = Region("sofa", (500, 300, 700, 400), mask)
    thing = Object3D(
        "o:1", "sofa, grey", sofa.scene.objects[0].box, region, 0.5, {"colour": "grey"}, 0.7,
        {"reproj_iou": 0.9}, "whole", Box3D([0.4, 0.2, 3.9], [1, 0.9, 0.7]), True,
        BoxSpread(np.array([0.01, 0.02, 0.03]), np.array([0.1, 0.1, 0.2]), 0.05),
        np.array([1.0, 0, 0]),
    )  # fmt: skip
    scenes = [
        Grounded(
            Scene(f"s{n}", f"p{n}", (thing, thing), sofa.scene.up, "src", "CC-BY"), sofa.camera
        )
        for n in range(2)
    ]
    for name in ("a.json", "a.jsonl"):
        plain.write(make.folder / name, scenes)
        back = list(plain.read(make.folder / name))
        assert len(back) == 2
        for item, n in zip(back, range(2), strict=True):
            assert isinstance(item, Grounded)
            assert (item.scene.id, item.scene.picture_id) == (f"s{n}", f"p{n}")
            assert (item.scene.source, item.scene.licence) == ("src", "CC-BY")
            assert item.camera == sofa.camera
            assert item.scene.up is not None
            assert np.allclose(item.scene.up, [0, -1, 0])
            again = plain.record(item, item.scene.objects[1])
            assert again == plain.record(scenes[n], thing)


BAD_PLAIN = {
    "frame": {"frame": "camera_opengl"},
    "unit": {"unit": "cm"},
    "half sizes": {"size_axes": "object_xyz_half"},
    "inverse rotation": {"R_maps": "frame_to_object"},
    "negative size": {"size": [1, -1, 1]},
    "two sizes": {"size": [1, 1]},
    "text": {"center": ["0", 0, 1]},
    "left-handed": {"R": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]},
    "sheared": {"R": [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]},
    "flat R": {"R": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "no label": {"label": None},
    "unknown key": {"centre": [0, 0, 1]},
    "bad mask": {"bbox2d_xyxy": [0, 0, 1, 1], "mask_rle": {"size": [720, 1280], "counts": [5]}},
    "infinite": {"center": [1e999, 0, 1]},
}


@pytest.mark.parametrize("name", BAD_PLAIN)
def test_plain_refuses(make, sofa, name):
    record = plain.record(sofa, sofa.scene.objects[0])
    path = make.text(json.dumps([record, record | BAD_PLAIN[name]]).replace("Infinity", "1e999"))
    drops = [i for i in plain.read(path) if isinstance(i, Drop)]
    assert [d.id for d in drops] == ["record 1"]
    with pytest.raises(N3DError):
        plain.parse(record | BAD_PLAIN[name])


def test_plain_other_files(make):
    for text in ('{"a": []}', "5", ""):
        with pytest.raises(InputError):
            list(plain.read(make.text(text)))
    with pytest.raises(InputError, match="line 2"):
        list(plain.read(make.text("{}\n{NaN}\n", "a.jsonl")))


# -- Omni3D -------------------------------------------------------------------------------


def _omni(make, sofa, **change):
    path = make.folder / "o.json"
    omni3d.write(path, [sofa])
    raw = json.loads(path.read_text())
    raw["annotations"][0] |= change
    return make.json(raw, "o.json")


def _drop(path) -> Drop:
    (drop,) = [i for i in omni3d.read(path) if isinstance(i, Drop)]
    return drop


def test_row_58_corners_in_another_order(make, sofa):
    corners = np.array(omni3d.annotation(sofa, sofa.scene.objects[0])["bbox3D_cam"])
    objectron = corners[[0, 4, 3, 7, 1, 5, 2, 6]]
    drop = _drop(_omni(make, sofa, bbox3D_cam=objectron.tolist()))
    assert drop.reason == "corners-order"
    assert "v0(-,-,-)" in drop.detail
    bent = corners.copy()
    bent[6] += 0.4
    drop = _drop(_omni(make, sofa, bbox3D_cam=bent.tolist()))
    assert drop.reason == "corners-order"
    assert "v0(-,-,-)" in drop.detail


def test_row_58_rounded_corners_are_taken(make, sofa):
    corners = np.array(omni3d.annotation(sofa, sofa.scene.objects[0])["bbox3D_cam"]).round(3)
    (item,) = omni3d.read(_omni(make, sofa, bbox3D_cam=corners.tolist()))
    assert isinstance(item, Grounded)


def test_trap_7_dimensions_in_the_wrong_order(make, sofa):
    drop = _drop(_omni(make, sofa, dimensions=[1.8, 0.9, 0.8]))
    assert drop.reason == "corners-order"
    assert "[width, height, length]" in drop.detail


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"behind_camera": True}, "box-ignored"),
        ({"valid3D": False}, "box-ignored"),
        ({"dimensions": [-1, -1, -1], "bbox3D_cam": None}, "box-size"),
        ({"category_name": None, "category_id": 99}, "category-unknown"),
        ({"image_id": 99}, "image-unknown"),
        ({"R_cam": [[1, 0, 0]] * 3, "bbox3D_cam": None}, "rotation-orthonormal"),
        ({"center_cam": [0, 0, "4"]}, "box-type"),
    ],
)
def test_omni3d_drops(make, sofa, change, reason):
    assert _drop(_omni(make, sofa, **change)).reason == reason


def test_omni3d_from_corners_alone(make, sofa):
    path = _omni(make, sofa)
    raw = json.loads(path.read_text())
    for field in ("center_cam", "dimensions", "R_cam"):
        del raw["annotations"][0][field]
    (item,) = omni3d.read(make.json(raw, "o.json"))
    assert isinstance(item, Grounded)
    assert item.scene.objects[0].box.allclose(sofa.scene.objects[0].box, 1e-9)


def test_omni3d_needs_a_camera(make, sofa):
    with pytest.raises(InputError, match="camera"):
        omni3d.write(make.folder / "o.json", [Grounded(sofa.scene)])


# -- text forms ---------------------------------------------------------------------------

LINE = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"


def test_kitti_file(make):
    path = make.text(
        f"{LINE}\nDontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n\n{LINE} 0.9\n"
    )
    *drops, item = kitti.read(path)
    assert [d.reason for d in drops if isinstance(d, Drop)] == ["box-ignored"]
    assert isinstance(item, Grounded)
    car, second = item.scene.objects
    assert np.allclose(car.box.size, [3.64, 1.65, 1.67])
    assert np.allclose(car.box.center, [-0.65, 1.71 - 1.65 / 2, 46.70])
    assert (second.score, car.attributes["occluded"]) == (0.9, 0)


@pytest.mark.parametrize(
    "line",
    [
        "Car 1 2 3",
        LINE.replace("46.70", "nan"),
        LINE.replace("46.70", "1e999"),
        LINE.replace("46.70", "4_6"),
        LINE.replace("1.65 1.67", "0 1.67"),
    ],
)
def test_kitti_bad_lines_are_dropped(make, line):
    drop, item = kitti.read(make.text(f"{line}\n{LINE}\n"))
    assert isinstance(drop, Drop)
    assert "line 1" in drop.detail
    assert isinstance(item, Grounded)
    assert len(item.scene.objects) == 1


@pytest.mark.parametrize("text", ["", "P2: 1 2 3", "P0: 1", "P2: " + "0 " * 12, "P2: " + "x " * 12])
def test_kitti_bad_calibration(make, text):
    with pytest.raises(N3DError):
        kitti.read_calibration(make.text(text))


def test_kitti_says_what_is_lost(make, sofa):
    box = Box3D([0, 0, 3.0], [1, 1, 2.0], euler(0.3, 0.2))
    leaning = Grounded(Scene("s", "p", (Object3D("o", "a sofa", box),)))
    with pytest.warns(InputWarning) as told:
        kitti.write(make.folder / "k.txt", [leaning])
    texts = [str(w.message) for w in told]
    assert any("degrees of pitch and roll" in t for t in texts)
    assert any("blanks" in t for t in texts)
    with pytest.raises(InputError, match="one picture"):
        kitti.write(make.folder / "k.txt", [sofa, sofa])


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (qwen, '[{"bbox_3d": [1, 2, 3], "label": "a"}]'),
        (qwen, '[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, "0"], "label": "a"}]'),
        (qwen, '[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0]}]'),
        (qwen, '[{"label": "a"}]'),
        (qwen, "[5]"),
        (wilddet3d, '{"boxes3d": [[1, 2]], "labels": ["a"]}'),
        (wilddet3d, '{"boxes3d": [[0, 0, 2, 1, 1, 1, 0, 0, 0, 0]]}'),
        (wilddet3d, '{"boxes3d": [[0, 0, 2, 1, 1, 1, 1, 0, 0, 0]], "labels": [5]}'),
        (boxer, ",".join(boxer.COLUMNS) + "\n0,0,0,2,1,0,0,0,1,1,x,sofa,-1,-1,1"),
        (boxer, ",".join(boxer.COLUMNS) + "\n0,0,0,2"),
        (boxer, ",".join(boxer.COLUMNS) + "\n0,0,0,2,1,0,0,0,1,1,1,sofa,-1,-1,1,7"),
    ],
)
def test_bad_records_are_dropped(make, module, text):
    drops = [i for i in module.read(make.text(text)) if isinstance(i, Drop)]
    assert len(drops) == 1
    assert "f.txt" in drops[0].detail


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (qwen, '{"bbox_3d": []}'),
        (wilddet3d, "[]"),
        (wilddet3d, '{"boxes3d": [], "label": []}'),
        (wilddet3d, '{"boxes3d": [[1]], "labels": ["a", "b"]}'),
        (boxer, "x,y\n1,2"),
        (omni3d, "5"),
    ],
)
def test_other_files_are_refused(make, module, text):
    with pytest.raises(InputError) as caught:
        list(module.read(make.text(text)))
    assert caught.value.file
