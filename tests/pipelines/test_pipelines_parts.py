"""Grounders as models: what regions and detectors find is picked by its boxes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from n3d import synthetic
from n3d.errors import QuestionError
from n3d.evaluate import requests, taking
from n3d.evaluate.reporting import Tally
from n3d.pipelines.grounding import Fitted, RegionGrounder, without_doubles
from n3d.pipelines.parts import Parts
from n3d.scene import Region
from n3d.synthetic import SceneConfig

ROOM = synthetic.make(7, SceneConfig(width=320, height=240))
REGIONS = [
    replace(o.region, label=f"{o.attributes['color']} {o.label}")
    for o in ROOM.targets
    if o.region is not None
]
PARTS = Parts(RegionGrounder(REGIONS))


def test_annotated_rooms_are_graded_as_a_model_is():
    sitting = requests.sitting(ROOM, "test/0")
    tally = Tally()

    for item, p in zip(sitting.items, taking.of_model(PARTS)(sitting), strict=True):
        tally.add(item, p, sitting.view.camera, sitting.view.up)
    report = tally.report()
    assert report["acc25"]["overall"] > 0.8
    assert report["absent_refused"]["overall"] == 1.0
    assert report["f1_25"]["overall"] > 0.6


def test_each_object_is_given_once_however_many_phrases_name_it():
    label = REGIONS[0].label
    once = PARTS.ground(ROOM.rgbd, label)
    assert [o.label for o in PARTS.ground(ROOM.rgbd, [label, label])] == [o.label for o in once]


def test_what_is_absent_gives_nothing_and_what_is_no_phrase_an_error():
    assert PARTS.ground(ROOM.rgbd, ["giraffe"]) == []
    with pytest.raises(QuestionError):
        PARTS.ground(ROOM.rgbd, ["?!"])


def test_a_question_without_an_answer_is_a_fault_of_its_own():
    good, bad = PARTS.answer(ROOM.rgbd, [f"How tall is the {REGIONS[0].label}?", "Why?"])
    assert good.answer is not None
    assert bad.fault is not None


def test_fitted_boxes_say_that_they_were():
    fitted = Parts(Fitted(RegionGrounder(REGIONS))).detect(ROOM.rgbd)
    assert fitted
    assert all("refined" in o.attributes for o in fitted)


def test_a_red_mug_found_as_mug_and_as_red_mug_is_one():
    camera = ROOM.rgbd.camera
    place, near, far = (10, 10, 60, 70), (11, 10, 60, 70), (100, 10, 160, 70)
    regions = [
        Region("mug", place, score=0.9),
        Region("red mug", near, score=0.6),
        Region("lamp", place, score=0.5),
        Region("mug", far, score=0.4),
    ]
    found = without_doubles(regions, camera)
    assert [(r.label, r.score) for r in found] == [("red mug", 0.9), ("lamp", 0.5), ("mug", 0.4)]
