"""Boxes by the protocols of the field: numbers computed elsewhere, hand-made cases, laws."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import ConfigError, InputError
from n3d.evaluate import calibration
from n3d.evaluate.boxes import (
    corner_distances,
    distances,
    ignoring,
    indoor,
    omni3d,
    pairing,
    paper,
    precision,
    projecting,
    protocols,
    queries,
    reading,
    scaling,
    tables,
)
from n3d.evaluate.boxes.tables import Truth
from n3d.geometry import Box3D, Camera, overlap
from n3d.geometry.pose import euler


def golden(shared, name: str) -> dict:
    return json.loads((shared / "golden" / f"{name}.json").read_text())


def written(folder, name: str, value):
    path = folder / name
    path.write_text(json.dumps(value))
    return path


# -- goldens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("proximity", ["off", "on"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_average_precision_is_that_of_omni3d(shared, tmp_path, number, proximity):
    case = golden(shared, "omni3d_ap3d")["cases"][number]
    true, lost = reading.truth(written(tmp_path, "gt.json", case["gt"]))
    found, more = reading.predictions(written(tmp_path, "dt.json", case["detections"]), true)
    assert (lost, more) == ([], [])
    report = protocols.evaluate("omni3d", found, true, protocols.Options(proximity))
    assert [report[name] for name in protocols.PRINTED] == report["ap3d"]["stats"][:7]
    for key, got in (
        (f"3D_exact_iou_prox={proximity == 'on'}", report["ap3d"]),
        ("2D_prox=False", report["ap2d"]),
    ):
        wanted = case["expected"][key]
        assert got["stats"] == pytest.approx(wanted["stats"], abs=1e-9)
        assert list(got["ap_by_threshold"].values()) == pytest.approx(wanted["AP_per_iou_thr"])
        by_kind = [v for v in wanted["AP_per_category"] if v >= 0]
        assert list(got["ap_by_category"].values()) == pytest.approx(by_kind, abs=1e-9)


def test_the_indoor_protocol_is_that_of_mmdetection3d(shared):
    cases = golden(shared, "indoor_ap")["cases"]
    case = cases[0]

    def table(part: dict, bottom: bool):
        b = np.array(part["boxes"])
        center = b[:, :3] + [0, 0, 0.5] * b[:, 3:6] * bottom
        box = Box3D(center, b[:, 3:6])
        return tables.make(np.zeros(len(b), int), part["labels"], box, score=part.get("scores"))

    got = indoor.evaluate(table(case["det"], True), table(case["gt"], False))
    expected = case["expected"]
    names = case["label2cat"]
    by_kind = {f"{names[str(k)]}_AP_0.25": v for k, v in got["ap25_by_category"].items()}
    for key, value in by_kind.items():
        if key in expected:
            assert value == pytest.approx(expected[key], abs=1e-5)
    assert got["ap25"] == pytest.approx(expected["mAP_0.25"], abs=1e-5)
    assert got["ar25"] == pytest.approx(expected["mAR_0.25"], abs=1e-5)


def test_corner_distances_are_those_of_ovmono3d(shared):
    for case in golden(shared, "nhd_ovmono3d")["cases"]:
        got = corner_distances.upstream(np.array([case["pred"]]), np.array([case["gt"]]))
        assert got[0] == pytest.approx(case["nhd"], abs=1e-4)


def test_projected_overlap_by_both_rules(shared):
    for case in golden(shared, "projected_box_iou")["cases"]:
        camera = Camera.from_matrix(case["K"], case["W"], case["H"])
        box = Box3D(np.array([case["center"]]), np.array([case["size"]]), euler(case["yaw"], 0, 0))
        table = tables.make([0], [0], box)
        true = Truth(table, ("a",), ("x",), (camera,))
        wanted = np.array([case["gt_xyxy"]], float)
        for rule, key in (("n3d_rule", "iou_n3d_rule"), ("clipped", "iou_clipped")):
            shown = projecting.rectangles(table, true, rule)
            assert projecting.ious(shown, wanted)[0] == pytest.approx(case[key], abs=1e-6)
        if case["projected_center_px"]:
            center = projecting.centers(table, true)[0]
            assert center == pytest.approx(case["projected_center_px"], abs=1e-6)


# -- scenes made by hand --------------------------------------------------------------------------

CAMERA = Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)


def scene(seed: int, images: int = 4, kinds: int = 3, most: int = 5) -> Truth:
    rng = np.random.default_rng(seed)
    n = rng.integers(1, most + 1, images)
    image = np.repeat(np.arange(images), n)
    total = len(image)
    center = np.c_[rng.uniform(-2, 2, (total, 2)), rng.uniform(3, 40, total)]
    box = Box3D(center, rng.uniform(0.3, 2, (total, 3)), euler(rng.uniform(-3, 3, total), 0, 0))
    table = tables.make(image, rng.integers(0, kinds, total), box)
    table = replace(table, rectangle=box.project(CAMERA))
    names = tuple(f"image {i}" for i in range(images))
    return Truth(
        table, names, tuple(f"kind {k}" for k in range(kinds)), (CAMERA,) * images,
        subsets=tuple("unique" if i % 2 else "multiple" for i in range(images)),
    )  # fmt: skip


def noisy(true: Truth, seed: int, noise: float = 0.1, copies: int = 2):
    rng = np.random.default_rng(seed)
    t = true.boxes
    rows = np.repeat(np.arange(len(t)), copies)
    rows = rows[rng.random(len(rows)) < 0.8]
    box = t.box[rows]
    center = box.center + rng.normal(0, noise, box.center.shape)
    center[:, 2] = np.maximum(center[:, 2], 0.5)
    size = box.size * np.exp(rng.normal(0, noise, box.size.shape))
    moved = Box3D(center, size, box.rotation)
    return tables.make(
        t.image[rows], t.category[rows], moved, score=rng.random(len(rows)),
        rectangle=moved.project(CAMERA),
    )  # fmt: skip


def perfect(true: Truth):
    n = len(true.boxes)
    return replace(true.boxes, score=np.linspace(0.9, 1, n), scored=n > 1)


EVERY = tuple(protocols.PROTOCOLS)


def main_numbers(report: dict) -> list[float]:
    """The numbers of a report that the order of rows must not change."""
    out = []
    for value in report.values():
        if isinstance(value, dict):
            out += main_numbers(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            out.append(float(value))
    return out


@pytest.mark.parametrize("name", EVERY)
def test_the_order_of_rows_does_not_matter(name):
    true = scene(1)
    found = noisy(true, 2)
    rng = np.random.default_rng(3)
    mixed = found.take(rng.permutation(len(found)))
    again = replace(true, boxes=true.boxes.take(rng.permutation(len(true.boxes))))
    a, b = protocols.evaluate(name, found, true), protocols.evaluate(name, mixed, again)
    assert main_numbers(a) == pytest.approx(main_numbers(b), abs=1e-9)


def test_a_perfect_prediction_is_perfect():
    true = scene(4)
    found = perfect(true)
    r = {name: protocols.evaluate(name, found, true) for name in EVERY}
    assert r["omni3d"]["ap3d"]["ap"] == pytest.approx(1)
    assert r["omni3d"]["ap_rel_3d"] == pytest.approx(1)
    assert r["omni3d"]["nhd"]["mean_over_diagonal"] == pytest.approx(0, abs=1e-9)
    assert r["target-aware"]["ap3d"]["ap"] == pytest.approx(1)
    assert r["centre-distance"]["ods"] == pytest.approx(1)
    assert r["sunrgbd-ap15"]["ap50"] == pytest.approx(1)
    assert r["n3d-paper"]["metric"]["iou_3d"]["mean"] == pytest.approx(1)
    assert r["n3d-paper"]["projected"]["iou"]["n3d_rule"]["mean"] == pytest.approx(1)
    assert r["n3d-paper"]["detection"]["0.50"]["hungarian"]["macro"]["f1"] == 1
    assert r["n3d-paper"]["metric"]["offset_3d_m"]["mean"] == pytest.approx(0)


def test_nothing_predicted_is_nothing_right():
    true = scene(5)
    found = true.boxes.take(np.zeros(len(true.boxes), bool))
    r = {name: protocols.evaluate(name, found, true) for name in EVERY}
    assert r["omni3d"]["ap3d"]["ap"] == 0
    assert r["omni3d"]["ap3d"]["ar100"] == 0
    assert r["centre-distance"]["ods"] == 0
    assert r["sunrgbd-ap15"]["ap15"] == 0
    assert r["scanrefer"]["overall"]["acc25"] == 0
    assert r["n3d-paper"]["metric"]["iou_3d"]["mean"] == 0
    assert r["n3d-paper"]["metric"]["offset_3d_m"]["mean"] is None
    assert r["n3d-paper"]["detection"]["0.25"]["greedy"]["micro"]["recall"] == 0


@given(st.floats(0.1, 10), st.integers(0, 50))
@settings(max_examples=10)
def test_a_scale_of_the_world_changes_no_overlap(scale, seed):
    true = scene(seed)
    found = noisy(true, seed + 1)
    g = tables.groups(found, true.boxes)
    a = omni3d.box_ious(found, true.boxes, g)
    b = omni3d.box_ious(
        found.moved(found.box.scaled(scale)), true.boxes.moved(true.boxes.box.scaled(scale)), g
    )
    assert b == pytest.approx(a, abs=1e-9)
    # APRel3D finds the scale where it is one of its steps.
    moved = found.moved(Box3D(true.boxes.box.center, true.boxes.box.size, true.boxes.box.rotation)
                        if len(found) == len(true.boxes) else found.box)  # fmt: skip
    assert len(scaling.scales(moved, true.boxes, len(true.images))) == len(true.images)


def test_a_wrong_scale_is_found_and_undone():
    true = scene(6)
    found = perfect(true)
    small = found.moved(found.box.scaled(0.5))
    assert scaling.scales(small, true.boxes, 4) == pytest.approx(np.full(4, 2.0))
    assert omni3d.evaluate(scaling.rescaled(small, true.boxes, 4), true.boxes)["ap"] == 1
    aligned = paper.depth_aligned(small.box, true.boxes.box)
    assert overlap.iou_pairs(aligned, true.boxes.box) == pytest.approx(1)


def test_boxes_of_absent_classes_count_unless_they_were_not_asked_for():
    true = scene(7, images=3, kinds=6, most=2)
    found = perfect(true)
    lost = found.take(np.ones(len(found), bool))
    other = replace(lost, image=(lost.image + 1) % 3, score=lost.score + 1)
    both = tables.make(
        np.r_[found.image, other.image], np.r_[found.category, other.category],
        Box3D.stack([*found.box, *other.box]), score=np.r_[found.score, other.score] / 3,
        rectangle=np.r_[found.rectangle, other.rectangle],
    )  # fmt: skip
    plain = protocols.evaluate("omni3d", both, true)
    aware = protocols.evaluate("target-aware", both, true)
    assert plain["ap3d"]["ap"] < 1
    assert aware["not_asked_for"] > 0
    assert aware["ap3d"]["ap"] >= plain["ap3d"]["ap"]


def test_without_scores_nothing_is_ranked():
    true = scene(8)
    found = replace(noisy(true, 9), score=np.ones(len(noisy(true, 9))), scored=False)
    r = protocols.evaluate("sunrgbd-ap15", found, true)
    assert r["mode"] == "score-free"
    assert "ap15" not in r
    assert 0 <= r["score_free_ap15"] <= 1
    mixed = found.take(np.random.default_rng(0).permutation(len(found)))
    again = protocols.evaluate("sunrgbd-ap15", mixed, true)
    assert again["score_free_ap15"] == pytest.approx(r["score_free_ap15"])
    assert protocols.evaluate("omni3d", found, true)["ap3d"] is None
    assert set(protocols.evaluate("n3d-paper", found, true)["confidence"]) == {"mode"}


def test_precision_without_a_ranking_is_one_point():
    assert precision.score_free(2, 4, 4) == pytest.approx(0.5 * 51 / 101)
    assert precision.score_free(0, 0, 3) == 0
    assert precision.score_free(0, 2, 0) is None


def test_ties_are_taken_in_the_order_of_the_file_as_coco_does():
    true = scene(10, images=1, kinds=1, most=1)
    right, wrong = true.boxes.box[0], Box3D(true.boxes.box.center[0] + 9, true.boxes.box.size[0])
    for order, wanted in (((right, wrong), 1.0), ((wrong, right), 0.5)):
        found = tables.make([0, 0], [0, 0], Box3D.stack(order), score=[0.5, 0.5])
        got = omni3d.evaluate(found, true.boxes)["ap"]
        assert got == pytest.approx(wanted)
        assert not found.scored


def test_queries_take_the_surest_box():
    true = scene(11, most=1)
    good, bad = perfect(true), true.boxes.moved(true.boxes.box.scaled(3))
    both = tables.make(
        np.r_[good.image, bad.image], np.r_[good.category, bad.category],
        Box3D.stack([*good.box, *bad.box]), score=np.r_[np.full(4, 0.9), [0.95, 0.1, 0.1, 0.1]],
    )  # fmt: skip
    got = queries.evaluate(both, true)
    assert got["overall"]["acc50"] == 0.75
    assert got["multiple"]["acc50"] == 0.5
    assert got["unique"]["acc50"] == 1


def test_centre_distance_ends_at_the_radius():
    true = scene(12, images=1, kinds=1, most=1)
    t = true.boxes.box
    radius = float(np.linalg.norm(t.size)) / 2
    found = true.boxes.moved(Box3D(t.center + [[0.7 * radius, 0, 0]], t.size, t.rotation))
    got = distances.evaluate(found, true.boxes)
    assert got["ap"] == pytest.approx(0.6)  # 0.70 to 0.95 of 0.50 to 0.95
    assert got["ase"] == pytest.approx(0.4)  # exact where it matches, 1 where nothing does


def test_a_turn_of_the_labels_of_a_box_is_no_turn():
    t = Box3D(np.zeros((1, 3)), np.array([[1.0, 2, 3]]), euler(0.2, 0, 0))
    p = Box3D(np.zeros((1, 3)), np.array([[3.0, 2, 1]]), euler(0.2 + np.pi / 2, 0, 0))
    size, angle = distances.aligned(p, t)
    assert size[0] == pytest.approx([1, 2, 3])
    assert angle[0] == pytest.approx(0, abs=1e-6)


def slow_counts(found, true, threshold):
    """Pairs by trying every prediction in turn, one true box at a time."""
    hits = 0
    for image in np.unique(true.image):
        free = list(np.flatnonzero(true.image == image))
        for i in sorted(np.flatnonzero(found.image == image), key=lambda i: -found.score[i]):
            worth = [
                overlap.iou(found.box[int(i)], true.box[int(j)])[0, 0]
                if found.category[i] == true.category[j] else -1.0 for j in free
            ]  # fmt: skip
            if worth and max(worth) >= threshold:
                free.pop(int(np.argmax(worth)))
                hits += 1
    return hits


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_columns_count_as_loops_do(seed):
    true = scene(seed, kinds=2)
    found = noisy(true, seed + 1)
    g = tables.groups(found, true.boxes, most=None)
    worth = omni3d.box_ious(found, true.boxes, g)
    got = pairing.detection(found, true.boxes, g, worth, 0.3)
    hits = slow_counts(found, true.boxes, 0.3)
    greedy, hungarian = got["greedy"]["micro"], got["hungarian"]["micro"]
    assert greedy["recall"] == pytest.approx(hits / len(true.boxes))
    assert greedy["precision"] == pytest.approx(hits / len(found))
    assert hungarian["recall"] >= greedy["recall"] - 1e-12


def test_risk_and_coverage_know_no_order_of_ties():
    assert calibration.aurc([0.9, 0.8, 0.1], [True, True, False]) == pytest.approx(1 / 9)
    assert calibration.aurc([], []) is None
    a = calibration.aurc([0.5, 0.5, 0.5], [True, False, True])
    assert a == calibration.aurc([0.5, 0.5, 0.5], [False, True, True]) == pytest.approx(1 / 3)


# -- files ----------------------------------------------------------------------------------------


def record(key, label="chair", z=3.0, **more):
    return {
        "scene": key, "label": label, "center": [0, 0, z], "size": [1, 1, 1],
        "R": np.eye(3).tolist(), **more,
    }  # fmt: skip


def test_forms_of_files_mean_the_same(tmp_path):
    camera = {"K": CAMERA.matrix.tolist(), "image_size": [640, 480]}
    plain = [record("a", **camera), record("b", "table", **camera)]
    omni = {
        "images": [{"id": i, "file_path": f"x/{k}.jpg", "width": 640, "height": 480,
                    "K": camera["K"]} for i, k in enumerate("ab")],
        "categories": [{"id": 7, "name": "chair"}, {"id": 9, "name": "table"}],
        "annotations": [
            {"id": i + 1, "image_id": i, "category_id": c, "center_cam": [0, 0, 3],
             "dimensions": [1, 1, 1], "R_cam": np.eye(3).tolist(), "valid3D": True}
            for i, c in enumerate((7, 9))
        ],
    }  # fmt: skip
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "".join(
            json.dumps({"id": k, "objects": [record(k, name, z, score=s)]}) + "\n"
            for k, name, z, s in (("a", "Chairs", 3.1, 0.9), ("b", "table", 3.0, 0.8))
        )
    )
    got = []
    for name, content in (("plain.json", plain), ("omni.json", omni)):
        true, lost = reading.truth(written(tmp_path, name, content))
        assert not lost
        found, more = reading.predictions(lines, true)
        assert not more
        assert found.scored
        got.append(protocols.evaluate("n3d-paper", found, true)["metric"]["iou_3d"]["mean"])
    assert got[0] == got[1] == pytest.approx((0.9 / 1.1 + 1) / 2)


def test_rows_that_cannot_be_used_are_set_aside(tmp_path):
    true, _ = reading.truth(written(tmp_path, "t.json", [record("a")]))
    rows = [
        record("a", score=0.9), record("nowhere"), record("a", center=[0, 0]),
        record("a", size=[1, 1, -1]), "text", record("a", "lamp", score=0.1),
    ]  # fmt: skip
    rows[2]["center"] = [0, 0]
    found, drops = reading.predictions(written(tmp_path, "p.json", rows), true)
    assert len(found) == 2
    reasons = sorted(d.reason for d in drops)
    assert reasons == ["box-size", "box-type", "box-type", "image-unknown"]
    got = protocols.evaluate("n3d-paper", found, true)
    assert got["detection"]["0.25"]["greedy"]["micro"]["precision"] == 0.5
    assert got["extra"] == 1


def test_wrong_files_and_options_are_told(tmp_path):
    with pytest.raises(InputError, match="no file of boxes"):
        reading.truth(written(tmp_path, "t.json", {"a": 1}))
    with pytest.raises(InputError, match="no true boxes"):
        reading.truth(written(tmp_path, "t.json", []))
    with pytest.raises(ConfigError, match="scanrefer"):
        protocols.find("other")
    true = scene(1)
    with pytest.raises(ConfigError, match="auto, on, off"):
        protocols.evaluate("omni3d", perfect(true), true, protocols.Options("maybe"))
    flat = replace(true, boxes=replace(true.boxes, known=np.zeros(len(true.boxes), bool)))
    with pytest.raises(ConfigError, match="needs a 3D box"):
        protocols.evaluate("omni3d", perfect(true), flat)
    assert protocols.evaluate("n3d-paper", perfect(true), flat)["projected"] is not None


def test_what_omni3d_ignores():
    base = {"valid3D": True, "behind_camera": False, "visibility": -1, "truncation": 0.0,
            "bbox": [0, 0, 50, 50]}  # fmt: skip
    assert not ignoring.is_ignored(base, 480, "chair")
    for change in ({"valid3D": False}, {"behind_camera": True}, {"lidar_pts": 0},
                   {"segmentation_pts": 0}, {"depth_error": 0.6}, {"visibility": 0.3},
                   {"truncation": 0.4}, {"bbox": [0, 0, 50, 30]}, {"bbox": [0, 0, 9, 721]},
                   {"ignore3D": 1}):  # fmt: skip
        assert ignoring.is_ignored({**base, **change}, 480, "chair"), change
    assert ignoring.is_ignored(base, 480, "dontcare")
