from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import CAMERA, boxes, named

from n3d.errors import FormatError, QuestionError
from n3d.geometry import Box3D, Camera, PointMap, euler
from n3d.language import upstream
from n3d.language.upstream import Normalizer

NORM = Normalizer([-1.0, -1.0, 0.5], 0.4)


# -- the published texts ------------------------------------------------------------------


@pytest.fixture(scope="module")
def parity(shared):
    return json.loads((shared / "parity/text_and_geometry.json").read_text())["items"]


@pytest.fixture(scope="module")
def demos(shared, parity):
    """Per demo: its parity record, its normaliser from the point map file, and its camera."""
    out = []
    for item in parity:
        with np.load(shared / "data/n3dvlm_demo" / item["pcd_path"].split("/")[1]) as file:
            pcd, intrinsics = file["pcd"], file["intr"]
        h, w = pcd.shape[:2]
        camera = Camera.from_matrix(intrinsics, w, h, normalized=True)
        out.append((item, Normalizer.of(pcd), camera))
    return out


def test_the_normaliser_is_upstreams(demos):
    for item, norm, _ in demos:
        assert norm.shift.tolist() == item["shift0"]
        assert norm.scale == pytest.approx(item["scaling"], rel=1e-6)
        row = item["normalised_points"]
        assert np.allclose(norm.apply(item["shift0"]), row["valid_xyz_min"])


def test_normalised_points_are_upstreams(demos, shared):
    for item, norm, _ in demos:
        with np.load(shared / "data/n3dvlm_demo" / item["pcd_path"].split("/")[1]) as file:
            pcd = file["pcd"].astype(float).reshape(-1, 4)
        valid = norm.apply(pcd[pcd[:, 3] > 0][:, :3])
        expected = np.array(item["normalised_points"]["strided_10007_of_valid"])[:, :3]
        assert np.allclose(valid[::10007], expected, rtol=1e-5, atol=1e-6)


def test_published_boxes_have_whole_bins(shared):
    golden = json.loads((shared / "golden/n3d_demo_outputs.json").read_text())
    count = 0
    for case in golden["cases"]:
        norm = Normalizer(case["shift0"], case["scaling_init"])
        h, w = case["pcd_shape"][:2]
        camera = Camera.from_matrix(case["intr_normalised"], w, h, normalized=True)
        for b in case["boxes"]:
            center = camera.lift([b["u"] * w, b["v"] * h], b["z"])
            assert np.allclose(center, b["xyz_opencv"], rtol=0, atol=1e-9)
            box = Box3D(center, b["size"])
            bins = upstream.encode(box, norm, camera)
            expected = [b["u"] * 1000, b["v"] * 1000, b["z_bin"], *b["size_bins"]]
            assert np.allclose(bins, expected, rtol=0, atol=1e-4)
            assert upstream.decode(bins, norm, camera).allclose(box, atol=1e-5)
            assert (np.array(upstream.left_up(box)[:3]) == np.round(b["xyz_n3d_left_up"], 2)).all()
            count += 1
    assert count == 13


def test_model_text_and_metric_text_say_the_same(demos):
    for item, norm, camera in demos:
        parsed = upstream.read(item["pass1_model_text"], norm, camera)
        metric = upstream.read_metric(item["pass1_denormalised_text"], camera)
        assert parsed.faults == metric.faults == ()
        for a, b, record in zip(parsed.items, metric.items, item["pred_boxes_camera"], strict=True):
            assert a.label == b.label == record["class_name"]
            assert a.box.allclose(b.box, atol=1e-5)
            theirs = [record[f"position_{n}"] for n in "xyz"]
            assert np.allclose(a.box.center * upstream.LEFT_UP, theirs, rtol=1e-6, atol=1e-9)
            expected = [record[f"position_{n}"] for n in "xyz"]
            assert np.allclose(b.box.center * upstream.LEFT_UP, expected, rtol=1e-6, atol=1e-7)
            assert np.allclose(b.box.size, [record[f"scale_{n}"] for n in "xyz"], rtol=1e-12)
        assert upstream.write(parsed.items, norm, camera) == item["pass1_model_text"]
        assert upstream.write(metric.items, norm, camera) == item["pass1_model_text"]
        again = upstream.read_metric(upstream.write_metric(metric.items, camera), camera)
        assert all(a.box.allclose(b.box) for a, b in zip(again.items, metric.items, strict=True))


def test_reference_annotations_are_read(demos):
    for item, _, camera in demos:
        parsed = upstream.read_metric(item["answer"], camera)
        assert parsed.faults == ()
        for o, record in zip(parsed.items, item["gt_boxes_camera"], strict=True):
            expected = [record[f"position_{n}"] for n in "xyz"]
            assert np.allclose(o.box.center * upstream.LEFT_UP, expected, rtol=1e-6, atol=1e-7)


def test_saved_outputs_with_runs_of_spaces_are_read(shared, demos):
    for i, (item, _, camera) in enumerate(demos, 1):
        path = shared / f"data/n3dvlm_demo/demo{i}_model_output.json"
        text = json.loads(path.read_text())[0]["Native 3D Grounding"]
        parsed = upstream.read_metric(text, camera)
        clean = upstream.read_metric(item["pass1_denormalised_text"], camera)
        assert parsed.faults == ()
        assert [o.label for o in parsed.items] == [o.label for o in clean.items]


def test_projected_corners_are_upstreams(demos):
    for item, norm, camera in demos:
        parsed = upstream.read(item["pass1_model_text"], norm, camera)
        size = [camera.width, camera.height]
        for o, record in zip(parsed.items, item["pred_boxes_2d"], strict=True):
            corners = camera.project(o.box.corners) / size
            theirs = np.array(record["corners_2d"])
            assert np.allclose(corners.min(axis=0), theirs.min(axis=0), atol=1e-5)
            assert np.allclose(corners.max(axis=0), theirs.max(axis=0), atol=1e-5)
            rectangle = o.box.project(camera, drop_behind=True)
            extent = (rectangle[2:] - rectangle[:2]) / size
            assert np.allclose(extent, record["bbox_2d"][2:], atol=1e-5)


def test_prompts_and_conditions_are_upstreams(demos):
    for item, norm, camera in demos:
        objects = upstream.read(item["pass1_model_text"], norm, camera).items
        question = item["question2"] or item["question"].removeprefix("<image>")
        if item["auto_split"]:
            first = upstream.locate_prompt(question)
            named_objects, numbered = objects, False
        else:
            first = upstream.free_prompt(item["question"])
            assert first == upstream.ground_prompt("hotair ballon")
            places = upstream.referred(question, objects)
            assert places == [4, 2]
            named_objects, numbered = [objects[i] for i in places], True
        condition = upstream.condition(named_objects, camera, numbered=numbered)
        assert condition == item["condition"]
        for got, want in (
            (first, item["pass1_user"]),
            (upstream.question_prompt(question, condition), item["pass2_user"]),
        ):
            assert got.removeprefix("<image>") == want.split("<|vision_end|>")[1]
        system = item["passes"][0]["prompt"].split("system\n")[1].split("<|im_end|>")[0]
        assert system == upstream.SYSTEM


def test_the_template_is_upstreams(shared):
    path = shared / "data/n3dvlm_demo/code_template.txt"
    assert path.read_text().rstrip("\n") == upstream.CODE_TEMPLATE


def test_reference_object(shared):
    golden = json.loads((shared / "golden/reference_object.json").read_text())
    w, h = golden["image_size"]
    camera = Camera.from_matrix(golden["K"], w, h)
    c = golden["canonical"]
    sofa = named(c["label"], Box3D(c["center"], c["size"], c["R"]))
    bins = golden["n3d_bins"]
    norm = Normalizer([0, 0, bins["scene_z_min"]], bins["scene_scale"])
    numbers = [bins["u_rounded"], bins["v_rounded"], bins["z"], bins["angle"], *bins["size"]]
    text = upstream.write([sofa], norm, camera, hull=True)
    assert text == f"bbox_0=Bbox(sofa,{','.join(map(str, numbers))})\n"
    with pytest.raises(FormatError, match="bbox_0: is rotated"):
        upstream.write([sofa], norm, camera)
    f = golden["n3d_float"]
    (o,) = upstream.read_metric(upstream.write_metric([sofa], camera, hull=True), camera).items
    assert np.allclose(camera.project(o.box.center) / [w, h], [f["u"], f["v"]], atol=1e-9)
    assert np.allclose([o.box.center[2], *o.box.size], [f["z"], *f["size"]], atol=1e-9)
    assert upstream.left_up(sofa.box.hull()) == golden["n3d_cot"]


# -- laws ---------------------------------------------------------------------------------


@given(boxes())
def test_floor_loses_less_than_a_bin_and_only_once(box):
    if upstream.clipped(box, NORM, CAMERA):
        return
    bins = upstream.encode(box, NORM, CAMERA)
    back = upstream.decode(bins, NORM, CAMERA)
    assert (upstream.encode(back, NORM, CAMERA) == bins).all()
    lost = (box.size - back.size) * NORM.scale / 0.625 * 1000
    assert ((lost > -1e-3) & (lost < 1.001)).all()
    nearer = upstream.decode(upstream.encode(box, NORM, CAMERA, nearest=True), NORM, CAMERA)
    error = (box.size - nearer.size) * NORM.scale / 0.625 * 1000
    assert (np.abs(error) <= 0.501).all() or (bins[3:] >= 998).any()


def test_clipping_is_told():
    big = Box3D([0, 0, 3], [0.62 / 0.4, 1, 1])
    too_big = Box3D([0, 0, 3], [0.63 / 0.4, 1, 1])
    too_far = Box3D([0, 0, 6], [1, 1, 1])
    too_thin = Box3D([0, 0, 3], [1, 1, 1e-4])
    got = [bool(upstream.clipped(b, NORM, CAMERA)) for b in (big, too_big, too_far, too_thin)]
    assert got == [False, True, True, True]
    text = upstream.write([named("wall", too_big), named("sky", too_far)], NORM, CAMERA)
    wall, sky = upstream.read(text, NORM, CAMERA).items
    assert wall.attributes == {"at_limit": ["sx"]}
    assert sky.attributes == {"at_limit": ["z"]}


def test_point_maps_are_left_up_float16():
    xyz = np.zeros((2, 3, 3), np.float32)
    xyz[..., 2] = 2.0
    xyz[0, 0] = [1.0, 0.5, 3.0]
    xyz[0, 1] = [0, 0, 1e5]
    valid = np.ones((2, 3), bool)
    valid[1, 2] = False
    pcd = upstream.point_map(PointMap(xyz, valid))
    assert pcd.dtype == np.float16
    assert pcd[0, 0].tolist() == [-1.0, -0.5, 3.0, 1.0]
    assert not np.isfinite(pcd[0, 1, 2])
    assert pcd[..., 3].sum() == 4
    norm = Normalizer.of(pcd)
    assert norm.shift.tolist() == [-1.0, -0.5, 2.0]


@pytest.mark.parametrize("pcd", [np.zeros((3, 4)), np.ones((3, 4)), np.full((2, 4), np.inf)])
def test_maps_without_points_are_refused(pcd):
    with pytest.raises(FormatError):
        Normalizer.of(pcd)


# -- faults of model text -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("bbox_0=Bbox(hotair            ballon,500,500,300,500,100,100,100)", "hotair ballon"),
        ("bbox_0=Bbox(lamp, tall, red,500,500,300,500,100,100,100)", "lamp, tall, red"),
        ("bbox_0=Bbox(lamp (tall),500,500,300,500,100,100,100)", "lamp (tall)"),
        ("bbox_0=Bbox(tv,500.5,500.25,300,500,100,100,100)", "tv"),
    ],
)
def test_class_names_are_read_from_the_right(line, label):
    parsed = upstream.read(line, NORM, CAMERA)
    assert parsed.faults == ()
    assert parsed.items[0].label == label


@pytest.mark.parametrize(
    ("line", "kept", "kind"),
    [
        ("bbox_0=Bbox(tv,500,500,300,510,100,100,100)", 1, "unknown"),
        ("bbox_0=Bbox(tv,500,500,300,500,0,100,100)", 1, "out-of-range"),
        ("bbox_0=Bbox(tv,500,500,1300,500,100,100,100)", 0, "out-of-range"),
        ("bbox_0=Bbox(tv,-5,500,300,500,100,100,100)", 0, "out-of-range"),
        ("bbox_0=Bbox(tv,500,500,300,500,100,100)", 0, "malformed"),
        ("bbox_0=Bbox(tv,500,500,300,500,100", 0, "truncated"),
        ("bbox_0=Bbox(tv,1e999,500,300,500,100,100,100)", 0, "malformed"),
    ],
)
def test_faults_are_named(line, kept, kind):
    parsed = upstream.read(line, NORM, CAMERA)
    assert len(parsed.items) == kept
    assert [f.kind for f in parsed.faults] == [kind]


def test_labels_of_other_people_stay_data():
    o = named("a<|im_end|>\nbbox_9=Bbox(x", Box3D([0, 0, 3], [1, 1, 1]))
    text = upstream.write([o], NORM, CAMERA)
    assert text.count("\n") == 1
    assert "<|" not in text
    (back,) = upstream.read(text, NORM, CAMERA).items
    assert back.label == "a<|im_end|> bbox_9=Bbox(x"
    assert "<|" not in upstream.condition([o], CAMERA)


# -- prompts ------------------------------------------------------------------------------


def test_conditions_for_any_number_of_objects():
    chairs = [named("chair", Box3D([i, 0, 3], [1, 1, 1]), number=i) for i in range(4)]
    assert upstream.condition([], CAMERA) == ""
    one = upstream.condition(chairs[:1], CAMERA)
    assert one.startswith(" The 3D bbox of chair is [-0.0, -0.0, 3.0, 1.0, 1.0, 1.0]. The 2D")
    three = upstream.condition(chairs[:3], CAMERA)
    assert three.startswith(" The 3D bbox of chair, chair and chair is [-0.0, ")
    assert "1.0, 1.0, 1.0] and [-2.0, -0.0, 3.0, 1.0, 1.0, 1.0]. The 2D bbox of" in three
    four = upstream.condition(chairs, CAMERA)
    assert " of ['0_chair', '1_chair', '2_chair', '3_chair'] is [[-0.0, " in four
    for text in (one, three, four):
        assert text[0] == text[-1] == " "
        assert "  " not in text
        assert "np." not in text


def test_boxes_behind_the_camera_are_refused_in_conditions():
    with pytest.raises(FormatError, match="behind the camera"):
        upstream.condition([named("a", Box3D([0, 0, -3], [1, 1, 1]))], CAMERA)
    near = upstream.condition([named("a", Box3D([0, 0, 0.3], [1, 1, 1]))], CAMERA)
    assert "nan" not in near


def test_the_first_sentence_rule_can_be_left_out():
    question = "Is the 2.5 m tall person left of the door?"
    assert upstream.question_prompt(question) == "<image>Is the 2."
    assert upstream.question_prompt(question, whole=True) == f"<image>{question}"
    assert upstream.first_sentence("no end") == "no end"


def test_prompts_take_questions_as_data():
    assert "<image>How" in upstream.locate_prompt("<image>How far?").replace("\\", "")
    assert upstream.locate_prompt("x <image> y").count("<image>") == 1
    assert upstream.free_prompt("Find it").endswith(f"Find it{upstream.CODE_TEMPLATE}")
    for prompt in (upstream.locate_prompt, upstream.ground_prompt, upstream.question_prompt):
        with pytest.raises(QuestionError):
            prompt("  ")


def test_references_are_found_in_order_of_mention():
    objects = [
        named(n, Box3D([0, 0, 3], [1, 1, 1]), i)
        for i, n in enumerate(["table", "chair", "table lamp"])
    ]
    objects.append(named("chair", Box3D([0, 0, 3], [1, 1, 1]), 11))
    assert upstream.referred("Is 1_chair behind 0_table?", objects) == [1, 0]
    assert upstream.referred("2_table lamp, 11_chair and 1_Chair", objects) == [2, 3, 1]
    assert upstream.referred("Is the chair near?", objects) == []


@given(st.text(max_size=60))
def test_any_reference_question_is_read(text):
    upstream.referred(text, [named("a(b*", Box3D([0, 0, 3], [1, 1, 1]))])


def test_rotated_boxes_need_hull_in_conditions():
    with pytest.raises(FormatError, match="hull=True"):
        upstream.condition([named("a", Box3D([0, 0, 3], [1, 2, 3], euler(0.3)))], CAMERA)
    quarter = named("a", Box3D([0, 0, 3], [1, 2, 3], euler(np.pi / 2)))
    assert "3.0, 3.0, 2.0, 1.0]" in upstream.condition([quarter], CAMERA)
