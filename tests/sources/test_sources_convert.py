"""Every form into every other: the reference object and boxes of any pose survive."""

from __future__ import annotations

import itertools
import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D, Camera, Pose
from n3d.geometry.pose import axis_rotation
from n3d.scene import Object3D, Scene
from n3d.sources import InputWarning, cameras, convert, frames, plain, solids
from n3d.sources.convert import FORMS
from n3d.sources.grounded import Grounded

angles = st.floats(-3.1, 3.1)
lengths = st.floats(0.05, 5)


@pytest.fixture
def reference(shared, make):
    """The reference object as a plain file, its camera file, and its box."""
    golden = json.loads((shared / "golden/reference_object.json").read_text())
    canonical, (width, height) = golden["canonical"], golden["image_size"]
    box = Box3D(canonical["center"], canonical["size"], canonical["R"])
    camera = Camera.from_matrix(golden["K"], width, height)
    scene = Scene("s", "p", (Object3D("o", "sofa", box),), up=np.array([0.0, -1, 0]))
    plain.write(make.folder / "ref.json", [Grounded(scene, camera)])
    cameras.write(make.folder / "camera.json", camera)
    return make.folder / "ref.json", make.folder / "camera.json", box


def _one(path, name, **options) -> Grounded:
    (item,) = FORMS[name].read(path, **options)
    assert isinstance(item, Grounded)
    return item


HULLS = ["upstream", "upstream-chats"]  # which hold camera-aligned boxes only
EXACT = [name for name in FORMS if name not in HULLS]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(EXACT, EXACT)))
def test_reference_object_through_every_pair(make, reference, a, b):
    """plain -> a -> b -> plain gives the same numbers within 1e-9 (trap: each form's order)."""
    source, camera, box = reference
    first, second, last = (make.folder / f"{n}.file" for n in "abc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        assert convert.convert(source, first, from_="plain", to=a, camera=camera) == 1
        assert convert.convert(first, second, from_=a, to=b, camera=camera) == 1
        assert convert.convert(second, last, from_=b, to="plain", camera=camera) == 1
    thing = _one(last, "plain").scene.objects[0]
    assert thing.label == "sofa"
    assert thing.box.allclose(box, 1e-9), thing.box


@pytest.mark.parametrize(("a", "b"), list(itertools.product(FORMS, FORMS)))
def test_a_level_box_through_every_pair(make, a, b):
    """A camera-aligned box is the same in all forms, those of the released weights too."""
    box = Box3D([0.5, 0.2, 4.0], [1.8, 0.9, 0.8])
    camera = Camera(1000, 1000, 640, 360, 1280, 720)
    cameras.write(make.folder / "camera.json", camera)
    item = Grounded(Scene("s", "p", (Object3D("o", "sofa", box),)), camera)
    plain.write(make.folder / "ref.json", [item])
    names = [make.folder / f"{n}.file" for n in ("ref", "a", "b", "c")]
    (make.folder / "ref.json").rename(names[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        for src, dst, form, to in zip(names, names[1:], ("plain", a, b), (a, b, "plain")):
            convert.convert(src, dst, from_=form, to=to, camera=make.folder / "camera.json")
    back = _one(names[3], "plain").scene.objects[0]
    assert back.label == "sofa"
    assert back.box.canonical().allclose(box, 1e-9)


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(EXACT), min_size=2, max_size=4), angles,
    st.tuples(lengths, lengths, lengths), st.tuples(lengths, lengths),
)  # fmt: skip
def test_upright_boxes_through_any_chain_of_forms(tmp_path_factory, chain, yaw, size, place):
    """However many forms lie between, the solid that comes out is the one that went in."""
    folder = tmp_path_factory.mktemp("c")
    camera = Camera(500, 510, 320, 240, 640, 480)
    cameras.write(folder / "camera.json", camera)
    box = Box3D.from_euler([place[0] - 2, place[1] - 2, 6], size, yaw)
    item = Grounded(Scene("s", "p", (Object3D("o", "mug", box),), up=[0, -1, 0]), camera)
    plain.write(folder / "0", [item])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        for step, (a, b) in enumerate(itertools.pairwise(["plain", *chain, "plain"])):
            convert.convert(folder / f"{step}", folder / f"{step + 1}", from_=a, to=b,
                            camera=folder / "camera.json")  # fmt: skip
    back = _one(folder / f"{len(chain) + 1}", "plain").scene.objects[0].box
    assert solids.same(Box3D.stack([back]), Box3D.stack([box]))
    assert np.allclose(back.canonical().center, box.center, atol=1e-8)


def test_licences_and_sources_travel_with_omni3d(make):
    """WildDet3D-Data and others: a licence by number or as text stays with its picture."""
    box = Box3D([0, 0, 3.0], [1, 1, 2.0])
    camera = Camera(500, 500, 320, 240, 640, 480)
    items = [
        Grounded(Scene(f"s{n}", f"p{n}", (Object3D("o", "x", box),), licence=licence), camera)
        for n, licence in enumerate(["CC-BY-4.0", "", "CC-BY-NC-4.0", "CC-BY-4.0"])
    ]
    FORMS["omni3d"].write(make.folder / "o.json", items)
    found = [i.scene.licence for i in FORMS["omni3d"].read(make.folder / "o.json")]
    assert found == ["CC-BY-4.0", "", "CC-BY-NC-4.0", "CC-BY-4.0"]
    raw = json.loads((make.folder / "o.json").read_text())
    raw["images"][1]["license"] = "personal use"
    found = [i.scene.licence for i in FORMS["omni3d"].read(make.json(raw, "o.json"))]
    assert found[1] == "personal use"
    convert.convert(make.folder / "o.json", make.folder / "p.json", from_="omni3d", to="plain")
    licences = [
        r["provenance"]["license"] for r in json.loads((make.folder / "p.json").read_text())
    ]
    assert licences == [["CC-BY-4.0"], ["personal use"], ["CC-BY-NC-4.0"], ["CC-BY-4.0"]]


def test_released_annotations_are_read_with_their_points(shared):
    """The file that the released code is shown with: ten boxes of the camera of its point map."""
    path = shared / "data/n3dvlm_demo/config_demo.json"
    items = [i for i in FORMS["upstream-chats"].read(path) if isinstance(i, Grounded)]
    first = items[0]
    assert len(first.scene.objects) == 10
    assert first.camera is not None
    assert first.scene.objects[0].label == "Hotair ballon"
    z = [round(float(o.box.center[2]), 3) for o in first.scene.objects[:2]]
    assert z == [20.328, 31.844]
    uv = first.camera.project(first.scene.objects[0].box.center)
    size = [first.camera.width, first.camera.height]
    assert np.allclose(uv / size, [0.13203125, 0.42488262910798125])


def test_spatiallm_passes_over_walls(make):
    text = "wall_0=Wall(0,0,0,1,0,0,2.5,0.1)\nbbox_0=Bbox(sofa,0.5,4.0,-0.2,-0.5,1.8,0.8,0.9)\n"
    item = _one(make.text(text), "spatiallm")
    want = Box3D.from_euler([0.5, 0.2, 4.0], [1.8, 0.9, 0.8], 0.5)
    assert item.scene.objects[0].box.allclose(want, 1e-9)


@settings(max_examples=40)
@given(
    st.sampled_from(["plain", "omni3d", "qwen", "gemini", "wilddet3d"]),
    st.tuples(angles, angles, angles), st.tuples(lengths, lengths, lengths),
)  # fmt: skip
def test_forms_with_full_rotations_keep_any_pose(tmp_path_factory, form, abc, size):
    box = Box3D([0.3, -0.2, 3.0], size, frames.rotation_from_xyz(*abc))
    camera = Camera(500, 500, 320, 240, 640, 480)
    item = Grounded(Scene("s", "p", (Object3D("o", "x", box),)), camera)
    path = tmp_path_factory.mktemp("c") / "f"
    FORMS[form].write(path, [item])
    back = _one(path, form).scene.objects[0].box
    assert np.allclose(np.sort(back.size), np.sort(box.size))
    corners = [b.corners[np.lexsort(b.corners.round(6).T)] for b in (back, box)]
    assert np.allclose(*corners, atol=1e-7)


@settings(max_examples=40)
@given(st.sampled_from(["sunrgbd", "boxer", "spatiallm"]), angles, angles, st.floats(-0.7, 0.7))
def test_z_up_forms_keep_boxes_that_stand_on_any_floor(tmp_path_factory, form, yaw, roll, pitch):
    """Gravity leans in the camera frame; a box upright in the world comes back exactly."""
    up = axis_rotation(0, pitch) @ axis_rotation(2, roll / 8) @ [0.0, -1, 0]
    world = Box3D([0.4, 3.0, -0.3], [1.8, 0.8, 0.9], axis_rotation(2, yaw))
    box = frames.from_zup(world, frames.zup_from_camera(up))
    item = Grounded(
        Scene("s", "p", (Object3D("o", "x", box),), up=up), Camera(500, 500, 320, 240, 640, 480)
    )
    path = tmp_path_factory.mktemp("c") / "f"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FORMS[form].write(path, [item])
    back = _one(path, form, up=up)
    assert back.scene.objects[0].box.canonical().allclose(box.canonical(), 1e-8)
    assert back.scene.up is not None
    assert np.allclose(back.scene.up, up, atol=1e-9)


@given(angles, angles, angles)
def test_quaternions_and_angles_invert(a, b, g):
    rotation = frames.rotation_from_xyz(a, b, g)
    assert np.allclose(frames.rotation_from_xyz(*frames.xyz_from_rotation(rotation)), rotation)
    quaternion = frames.quaternion_from_rotation(rotation)
    assert quaternion[0] >= 0
    assert np.allclose(frames.rotation_from_quaternion(quaternion), rotation, atol=1e-12)


@pytest.mark.parametrize("b", [np.pi / 2, -np.pi / 2])
def test_angles_at_the_pole(b):
    rotation = frames.rotation_from_xyz(0.4, b, 0.9)
    assert np.allclose(frames.rotation_from_xyz(*frames.xyz_from_rotation(rotation)), rotation)


@given(angles, angles, angles, st.tuples(lengths, lengths, lengths))
def test_relabelling_keeps_the_solid(a, b, g, size):
    box = Box3D([0, 0, 3.0], size, frames.rotation_from_xyz(a, b, g))
    turned = frames.with_vertical(box, 1, [0, 1, 0])
    assert turned.rotation is not None
    assert turned.canonical().allclose(box.canonical(), 1e-9)
    assert turned.rotation[1, 1] >= np.abs(turned.rotation[1]).max() - 1e-9
    assert frames.with_vertical(turned, 1, [0, 1, 0]).allclose(turned)


@given(angles, angles)
def test_z_up_is_inverted(yaw, pitch):
    box = Box3D.from_euler([0.1, 0.2, 2.0], [1, 2, 3.0], yaw, pitch)
    zup = frames.zup_from_camera([0.1, -1, 0.2])
    assert frames.from_zup(frames.to_zup(box, zup), zup).allclose(box, 1e-12)
    up = frames.zup_from_camera([0.1, -1, 0.2]).apply(np.array([0.1, -1, 0.2]))
    assert np.allclose(up / np.linalg.norm(up), [0, 0, 1])
    assert isinstance(zup, Pose)


def test_upstream_holds_the_hull(make, reference, shared):
    source, camera, box = reference
    text = make.folder / "boxes.txt"
    with pytest.warns(InputWarning, match="rotation of 1 boxes"):
        convert.convert(source, text, from_="plain", to="upstream")
    want = json.loads((shared / "golden/reference_object.json").read_text())["n3d_float"]
    numbers = text.read_text().strip().removeprefix("bbox_0=Bbox(sofa,").rstrip(")").split(",")
    expected = [want["u"], want["v"], want["z"], want["angle"], *want["size"]]
    assert np.allclose([float(n) for n in numbers], expected, rtol=0, atol=1e-9)
    convert.convert(text, make.folder / "b.json", from_="upstream", to="plain", camera=camera)
    assert _one(make.folder / "b.json", "plain").scene.objects[0].box.allclose(box.hull(), 1e-9)
    with pytest.raises(InputError, match="camera"):
        convert.convert(text, make.folder / "b.json", from_="upstream", to="plain")
    text.write_text(text.read_text() + "bbox_1=Bbox(x,1)\n")
    with pytest.warns(InputWarning, match="1 records dropped"):
        convert.convert(text, make.folder / "b.json", from_="upstream", to="plain", camera=camera)


# -- the command --------------------------------------------------------------------------


def test_forms_are_guessed_from_suffixes(make, reference):
    source, _, _ = reference
    assert convert.convert(source, make.folder / "k.txt", from_="plain") == 1
    assert convert.convert(make.folder / "k.txt", make.folder / "b.csv", up=[0, -1, 0]) == 1
    with pytest.raises(ConfigError) as caught:
        convert.convert(source, make.folder / "b.csv")
    assert "omni3d" in str(caught.value)
    with pytest.raises(ConfigError, match="omni3d"):
        convert.convert(source, make.folder / "x", from_="omnid3", to="kitti")


def test_what_is_lost_is_said(make, reference):
    source, _, _ = reference
    raw = json.loads(source.read_text())
    raw[0] |= {"gravity_camera": None, "score": 0.5}
    with pytest.warns(InputWarning, match="level camera"):
        convert.convert(make.json(raw, "r.json"), make.folder / "b.csv", from_="plain")
    with pytest.warns(InputWarning, match="scores"):
        convert.convert(make.json(raw, "r.json"), make.folder / "q.json", from_="plain", to="qwen")
    raw.append(raw[0] | {"size": [0, 0, 0]})
    with pytest.warns(InputWarning, match="1 records dropped"):
        convert.convert(make.json(raw, "r.json"), make.folder / "k.txt", from_="plain")


def test_a_missing_camera_is_said(make, reference):
    source, camera, _ = reference
    convert.convert(source, make.folder / "q.json", from_="plain", to="qwen")
    for to in ("omni3d", "sunrgbd"):
        with pytest.raises(InputError, match="--camera"):
            convert.convert(make.folder / "q.json", make.folder / "o", from_="qwen", to=to)
    k = make.text("1000 1000 640 360", "k.txt")
    with pytest.raises(InputError, match="no image size"):
        convert.convert(
            make.folder / "q.json", make.folder / "o", from_="qwen", to="plain", camera=k
        )
    convert.convert(
        make.folder / "q.json", make.folder / "o", from_="qwen", to="omni3d", camera=camera
    )
    assert _one(make.folder / "o", "omni3d").camera == Camera(1000, 1000, 640, 360, 1280, 720)


def test_kitti_calibration_is_a_camera_option(make, reference):
    source, _, box = reference
    p2 = make.text("P2: 700 0 600 45.5 0 700 180 0.2 0 0 1 0.003\n", "calib.txt")
    convert.convert(source, make.folder / "k.txt", from_="plain", camera=p2)
    convert.convert(make.folder / "k.txt", make.folder / "r.json", to="plain", camera=p2)
    assert _one(make.folder / "r.json", "plain").scene.objects[0].box.allclose(box, 1e-9)
    convert.convert(make.folder / "k.txt", make.folder / "r.json", to="plain")
    moved = _one(make.folder / "r.json", "plain").scene.objects[0].box.center
    assert 0.05 < box.center[0] - moved[0] < 0.07


def test_nothing_to_write(make):
    with pytest.raises(InputError) as caught:
        convert.convert(make.json([]), make.folder / "k.txt", from_="plain")
    assert caught.value.code == "convert-empty"
    assert not (make.folder / "k.txt").exists()


def test_a_failed_write_leaves_the_old_file(make, reference):
    source, _, _ = reference
    target = make.text("old", "k.txt")
    raw = json.loads(source.read_text())
    two = [raw[0], raw[0] | {"scene": "other"}]
    with pytest.raises(InputError, match="one picture"):
        convert.convert(make.json(two), target, from_="plain")
    assert target.read_text() == "old"
    assert sorted(p.name for p in make.folder.iterdir() if p.name.startswith(".n3d")) == []
    with pytest.raises(InputError, match="cannot be written"):
        convert.convert(source, target / "below.txt", from_="plain")
