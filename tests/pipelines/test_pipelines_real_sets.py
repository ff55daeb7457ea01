"""From annotations of real photographs to scenes, questions, exports and pages.

Rectangles were drawn by eye; sizes are held to what such things measure, and one kitchen that was
photographed twice to agree with itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import real_samples
from n3d import reason
from n3d.geometry import Box3D, overlap
from n3d.pipelines import asking, exporting, inspecting, leafing, lifting
from n3d.scene import asked, manifests, shards
from n3d.sources import omni3d

LONGEST = {
    "armchair": (0.5, 1.1), "microwave": (0.45, 0.9), "black cabinet": (0.5, 1.2),
    "grey cabinet": (0.5, 1.2), "fire extinguisher": (0.3, 0.7), "soap bottle": (0.15, 0.4),
    "door": (1.6, 2.3), "bed": (1.7, 2.4), "night stand": (0.5, 1.0), "painting": (0.6, 1.2),
    "kettle": (0.15, 0.35), "paper towel dispenser": (0.25, 0.5), "potted plant": (0.6, 1.4),
}  # fmt: skip
"""Metres. What the picture cuts off, and a curtain, may have any length."""


@pytest.fixture(scope="module")
def made(shared, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("real")
    paths = real_samples.write(shared / "data", folder / "set")
    paths |= {name: folder / name for name in ("scenes", "questions")}
    lifting.lift(
        "coco", paths["annotations.json"], paths["images"], depth=f"sensor:{paths['depth']}",
        out=paths["scenes"], progress=False,
    )  # fmt: skip
    asking.ask(paths["scenes"], paths["questions"], per_scene=8, progress=False)
    return paths


def things(folder: Path) -> dict[str, dict]:
    return {Path(s.image).stem: {o.label: o for o in s.objects} for s in shards.read(folder)}


def test_every_thing_is_lifted_to_a_size_such_things_have(made):
    found = things(made["scenes"])
    assert set(found) == set(real_samples.SEEN)
    assert sum(map(len, found.values())) == 19
    assert manifests.read(made["scenes"]).dropped == 0
    for name, own in found.items():
        for label, o in own.items():
            low, high = LONGEST.get(label, (0, np.inf))
            assert low < o.box.size.max() < high, (name, label, o.box)


def test_one_kitchen_from_two_sides_is_of_one_size(made):
    found = things(made["scenes"])
    first, second = (found[n]["microwave"].box for n in ("nyu_0", "nyu_1"))
    assert first.size[1] == pytest.approx(second.size[1], rel=0.1)  # its height
    assert first.size.max() == pytest.approx(second.size.max(), rel=0.35)


def test_boxes_lie_where_people_drew_them(made, shared):
    told = json.loads((shared / "data/sunrgbd_000017/gt_camera.json").read_text())
    found = things(made["scenes"])["bedroom"]
    for b in told["boxes"]:
        true = Box3D(b["center_cam"], b["size_local_xyz"], b["R_cam"])
        assert overlap.iou(found[b["label"].replace("_", " ")].box, true)[0, 0] > 0.5


def test_answers_are_those_of_the_steps_run_again(made):
    count = 0
    for scene, questions in asked.together(made["questions"], made["scenes"]):
        for qa in questions:
            if qa.trace is not None:
                count += 1
                assert reason.replay(qa.trace, scene.objects, up=scene.up)[0].agrees
    assert count > 20


def test_exports_hold_all_of_it(made, tmp_path):
    views = exporting.Views(made["images"], f"sensor:{made['depth']}")
    exporting.export(made["scenes"], tmp_path / "omni3d.json", "omni3d", views)
    boxes = sum(len(item.scene.objects) for item in omni3d.read(tmp_path / "omni3d.json"))
    assert boxes == 19
    for to in ("parquet", "llama-factory"):
        report = exporting.export(
            made["questions"], tmp_path / to, to, views, scenes=made["scenes"]
        )
        assert (report.kept, report.dropped) == (manifests.read(made["questions"]).kept, 0)


def test_a_page_shows_every_class(made, tmp_path):
    places = leafing.Places(made["images"], annotations=made["annotations.json"], samples=1)
    facts = inspecting.facts(made["scenes"])
    leafing.write(made["scenes"], facts, places, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count("<img") == len(facts["labels"]) == 16


def test_photographs_without_depth_get_a_stand_in_and_say_what_was_not_annotated(shared, tmp_path):
    data = shared / "data/tinycoco"
    depth = tmp_path / "depth"
    real_samples.write_stand_in_depth(data / "images", data / "instances.json", depth)
    report = lifting.lift(
        "coco", data / "instances.json", data / "images", depth=f"sensor:{depth}", fov=60.0,
        out=tmp_path / "scenes", progress=False,
    )  # fmt: skip
    assert (report.kept, report.by_reason) == (10, {"no-regions": 2})
    assert sum(report.labels.values()) > 80
    for scene in shards.read(tmp_path / "scenes"):
        assert all(o.box.center[2] < 9.5 for o in scene.objects)
