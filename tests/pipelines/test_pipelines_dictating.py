"""Steps that a language model writes for a question that n3d cannot read."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "experts"))
from chat_samples import Scripted
from n3d import reason, synthetic
from n3d.errors import QuestionError
from n3d.experts.rewording import Reader
from n3d.pipelines import dictating
from n3d.pipelines.grounding import RegionGrounder
from n3d.pipelines.photographs import Chosen, Experts
from n3d.scene.traces import Ref
from n3d.synthetic import SceneConfig

ROOM = synthetic.make(7, SceneConfig(width=320, height=240))
GROUNDER = RegionGrounder(ROOM.picture.regions)
OBJECTS = GROUNDER.detect(ROOM.rgbd)
ODD = "By how much does one of them outgrow the other?"
STEPS = (
    ">>> a = height(bbox_0)\n9.00 m\n>>> b = height(bbox_1)\n1.00 m\n>>> difference(a, b)\n8.00 m\n"
)


def ask(*replies: str, question: str = ODD):
    chat = Scripted(*replies)
    return dictating.answer(ROOM.rgbd, question, GROUNDER, Reader(chat, [])), chat


def test_results_are_those_of_the_boxes_whatever_the_model_wrote():
    found, chat = ask(f"```\n{STEPS}```")
    a, b = (reason.run("height", (Ref(i),), OBJECTS, up=ROOM.rgbd.up).value for i in (0, 1))
    assert found.answer.value.value == pytest.approx(a - b)
    assert found.check.agrees
    assert "written by a language model" in found.notes[0]
    asked = chat.asked[0][1]
    assert f"bbox_1: {OBJECTS[1].label}" in asked
    assert "difference(" in asked


def test_a_program_that_cannot_run_is_told_and_mended():
    found, chat = ask(">>> height(bbox_99)\n1.00 m\n", STEPS)
    assert found.answer is not None
    assert "bbox_99" in chat.asked[1][1]


def test_what_is_no_program_twice_is_not_understood():
    with pytest.raises(QuestionError, match="could not be read") as e:
        ask("It is two metres.", ">>> explode(bbox_0)\n1 m\n")
    assert e.value.code == "question-not-understood"


def test_lengths_without_a_unit_are_refused_here_too():
    view = replace(ROOM.rgbd, metric=False)
    with pytest.raises(QuestionError) as e:
        dictating.answer(view, ODD, GROUNDER, Reader(Scripted(STEPS), []))
    assert e.value.code == "not-metric"


def test_experts_have_steps_written_only_for_what_nobody_reads():
    chat = Scripted(STEPS)
    experts = Experts(Chosen(None, None, None), chat=chat)
    label = OBJECTS[0].label
    plain = experts.answer(ROOM.rgbd, f"How many {label}s are there?", GROUNDER)
    assert plain.answer is not None
    assert not chat.asked
    assert experts.answer(ROOM.rgbd, ODD, GROUNDER).answer is not None
    assert len(chat.asked) == 1
