"""The whole way on a real photograph: sensor depth as the depth expert, published 2D boxes as the
detector, boxes drawn by people as the truth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from n3d.geometry import Box3D, Camera, overlap
from n3d.pipelines import answering, photographs
from n3d.pipelines.grounding import DetectorGrounder, Fitted, RegionGrounder
from n3d.pipelines.parts import Parts
from n3d.scene import RGBD, DepthEstimate, Region


@pytest.fixture(scope="module")
def room(shared):
    folder = shared / "data" / "sunrgbd_000017"
    told = json.loads((folder / "gt_camera.json").read_text())
    image = np.array(Image.open(folder / "000017.jpg").convert("RGB"))
    depth = np.array(Image.open(folder / "depth_sparse_mm.png")).astype(np.float32) / 1000
    camera = Camera.from_matrix(told["K"], told["width"], told["height"], pixel_center=1)
    view = RGBD(image, camera, depth, up=told["gravity_up_cam"])
    regions = [Region(b["label"].replace("_", ""), b["bbox2d_gt_xyxy"]) for b in told["boxes"]]
    true = {
        r.label: Box3D(b["center_cam"], b["size_local_xyz"], b["R_cam"])
        for r, b in zip(regions, told["boxes"])
    }
    return view, regions, true


class Published:
    """Published regions as a detector finds them."""

    def __init__(self, regions):
        self.regions = regions

    def find(self, image, phrases):
        named = {p.replace(" ", ""): p for p in phrases}
        return [replace(r, label=named[r.label]) for r in self.regions if r.label in named]


class Sensor:
    """A sensor's depth as an expert estimates it."""

    def __init__(self, view):
        self.view = view

    def estimate(self, image, camera=None):
        return DepthEstimate(self.view.depth, self.view.camera, True, "sensor")


def test_boxes_of_all_routes_overlap_with_those_that_people_drew(room):
    view, regions, true = room
    detector = DetectorGrounder(Published(regions), vocabulary=list(true))
    for grounder in (RegionGrounder(regions), detector, Fitted(detector)):
        found = Parts(grounder).detect(view)
        assert {o.label for o in found} == set(true)
        for o in found:
            assert overlap.iou(o.box, true[o.label])[0, 0] > 0.5


def test_a_photograph_with_experts_answers_questions(room):
    view, regions, true = room
    assumed = replace(view.camera, source="assumed 60 degrees")
    photo = photographs.with_depth(replace(view, depth=None, camera=assumed), Sensor(view))
    assert photo.camera == view.camera
    grounder = DetectorGrounder(Published(regions), vocabulary=photographs.VOCABULARY)

    def ask(question):
        return answering.answer(photo, question, grounder=grounder)

    far = ask("How far is the night stand from the bed?")
    apart = float(np.linalg.norm(true["nightstand"].center - true["bed"].center))
    assert far.answer.number == pytest.approx(apart, rel=0.1)
    assert far.check.agrees
    tall = ask("How tall is the bed?").answer
    assert tall.interval[0] < true["bed"].size[2] < tall.interval[1]
    assert ask("Is the night stand to the left of the bed?").answer.text.startswith("Yes")
    assert "bed" in ask("Which is closer to me, the bed or the night stand?").answer.text.lower()


def test_a_network_that_has_only_seen_rendered_rooms_finds_the_bed(room):
    pytest.importorskip("transformers", reason="needs the model extra: transformers")
    import n3d

    view, _, true = room
    found = [o for o in n3d.load("n3d-mini").detect(view) if o.label == "bed"]
    assert max((overlap.iou(o.box, true["bed"])[0, 0] for o in found), default=0) > 0.25
