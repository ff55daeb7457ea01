"""3D boxes that a vision-language model writes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "experts"))
from chat_samples import Scripted
from n3d import synthetic
from n3d.geometry import overlap
from n3d.pipelines import answering, photographs, vlm_grounding
from n3d.pipelines.vlm_grounding import VLMGrounder
from n3d.scene import Scene
from n3d.sources import qwen
from n3d.sources.grounded import Grounded
from n3d.synthetic import SceneConfig

ROOM = synthetic.make(7, SceneConfig(width=320, height=240))
TARGETS = ROOM.targets
PHOTO = replace(ROOM.rgbd, depth=None)
LABEL = next(o.label for o in TARGETS if sum(p.label == o.label for p in TARGETS) == 1)
TRUTH = next(o for o in TARGETS if o.label == LABEL)


def told(*objects, tmp_path) -> str:
    path = tmp_path / "told.json"
    qwen.write(path, [Grounded(Scene("s", "s", tuple(objects)), ROOM.rgbd.camera)])
    return path.read_text()


def test_boxes_in_a_fence_become_objects(tmp_path):
    text = f"Here:\n```json\n{told(TRUTH, tmp_path=tmp_path)}\n```\nAnything else?"
    grounder = VLMGrounder(Scripted(text))
    (found,) = grounder.ground(PHOTO, [f"the {LABEL} near the door"])
    assert found.label == LABEL
    assert overlap.iou(found.box, TRUTH.box).max() > 0.99
    assert found.spread is not None
    asked = grounder.chat.asked[0][1]
    assert f"- {LABEL}" in asked
    assert "- door" in asked


def test_a_box_a_little_off_is_fitted_to_the_depth(tmp_path):
    away = replace(TRUTH, box=replace(TRUTH.box, center=TRUTH.box.center * 1.06))
    text = told(away, tmp_path=tmp_path)
    before = VLMGrounder(Scripted(text), refined=False).ground(ROOM.rgbd, [LABEL])
    after = VLMGrounder(Scripted(text)).ground(ROOM.rgbd, [LABEL])
    gained = [overlap.iou(o[0].box, TRUTH.box).max() for o in (before, after)]
    assert gained[1] > gained[0]


def test_lengths_from_a_model_carry_an_interval(tmp_path):
    grounder = VLMGrounder(Scripted(told(TRUTH, tmp_path=tmp_path)))
    found = answering.answer(PHOTO, f"How tall is the {LABEL}?", grounder=grounder)
    assert found.answer is not None
    assert found.answer.number == pytest.approx(float(TRUTH.box.size[1]), rel=0.25)
    assert found.answer.interval is not None
    assert found.answer.interval[1] / found.answer.interval[0] > 1.2
    assert any("estimate" in n for n in found.notes)


@pytest.mark.parametrize(
    ("text", "kept", "reasons"),
    [
        ('{"bbox_3d": [0, 0, 3, 1, 1, 1, 0, 0.5], "label": "mug"}', 0, ["box-numbers"]),
        ('[{"bbox3d": [0, 0, 3, 1, 1, 1, 0.5], "class": "mug"}]', 1, []),
        ('[{"bbox_3d": [0, 0, 3, -1, 1, 1, 0, 0, 0], "label": "mug"}]', 0, None),
        ('[{"bbox_3d": [0,0,3,1,1,1,0,0,0], "label": "cat"}]', 0, ["unknown-label"]),
        ('[{"bbox_3d": [0,0,3,1,1,1,0,0,0], "label": "mug"}, {"bbox_3d": [0,0,3,1,1,1,0,0,0], '
         '"label": "mug"}, {"bbox_3d": [0,0,4,1', 1, ["repeated"]),
        ("[]", 0, []), ("I cannot see", 0, []), ("", 0, []), ('{"bbox_3d": "none"}', 0, None),
        ('{"bbox_3d": [1e999, 0, 3, 1, 1, 1, 0, 0, 0], "label": "mug"}', 0, None),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(text, kept, reasons):
    found, drops = vlm_grounding.read(text, ["mug", "lamp"])
    assert len(found) == kept
    if reasons is not None:
        assert [d.reason for d in drops] == reasons


def test_such_a_model_needs_no_depth(monkeypatch):
    monkeypatch.setattr(photographs, "is_here", lambda name: False)
    wanted = photographs.Wanted(vlm="http://127.0.0.1:9", vlm_model="q", vlm_boxes="3d")
    experts = photographs.gather(PHOTO, wanted)
    assert isinstance(experts.grounder(), VLMGrounder)
    assert experts.see(PHOTO) is PHOTO
    assert json.dumps(np.asarray(PHOTO.camera.matrix).tolist())
