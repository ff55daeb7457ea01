"""Rewards: the truth earns all, and each fault costs what it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from n3d.errors import InputError
from n3d.evaluate import programs
from n3d.evaluate.oracles import Oracle
from n3d.evaluate.synthetic import Benchmark
from n3d.geometry import Box3D
from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.scene import Object3D
from n3d.train import rewards
from n3d.train.rewards import Case, Reward

SITTINGS = list(Benchmark("validation", 3))


def cases(own: bool = False):
    """Every item with the reply that an oracle writes."""
    for sitting in SITTINGS:
        setting = Setting.of(sitting.view, own=own)
        for item, told in zip(sitting.items, Oracle()(sitting), strict=True):
            boxes = [dialogues.as_written(o.box, setting) for o in told.objects]
            objects = [replace(o, box=b) for o, b in zip(told.objects, boxes)]
            # Results belong to the boxes as they are written.
            trace = told.trace and programs.rerun(told.trace, objects, setting.up)
            yield Case(item, setting), dialogues.write(objects, trace, setting)


@pytest.mark.parametrize("own", [False, True])
def test_the_truth_earns_all(own):
    seen = set()
    for case, text in cases(own):
        found = case.reward(text)
        seen.add((case.item.request, case.item.absent))
        assert found.form == 1, (case.item.id, text)
        assert found.boxes > 0.9, case.item.id
        assert found.total > 0.95, (case.item.id, found)
    assert len(seen) == 5


def test_cases_come_back_from_json():
    for case, text in cases():
        again = Case.from_json(case.to_json())
        assert again.to_json() == case.to_json()
        assert again.reward(text) == case.reward(text)
        assert again.request == case.request


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"item": {}, "setting": {}}', "null"])
def test_what_is_no_case_is_told(text):
    with pytest.raises(InputError, match="truth"):
        Case.from_json(text)


def asked(request: str, absent: bool = False):
    return next((c, t) for c, t in cases() if c.item.request == request and c.item.absent == absent)


def test_words_earn_nothing():
    for case, _ in cases():
        if not case.item.absent:
            assert case.reward("I see a nice room.").total < 0.05
            assert case.reward(dialogues.NOTHING).total < 0.2


def test_a_box_too_many_costs():
    case, _ = asked("locate")
    more = Object3D("x", case.item.true[0].label, Box3D([0, 0, 3], [0.2, 0.2, 0.2]))
    setting = replace(case.setting, up=None)
    case = Case(case.item, setting)
    alone = case.reward(dialogues.write(case.item.true, None, setting, tilt="hull"))
    wrong = dialogues.write((*case.item.true, more), None, setting, tilt="hull")
    assert case.reward(wrong).boxes < 0.8 * alone.boxes


def test_naming_what_is_not_there_costs():
    for request in ("locate", "ask"):
        case, text = asked(request, absent=True)
        assert case.reward(text).total == 1
        _, other = asked("locate")
        assert case.reward(other).total < 0.3


def test_a_wrong_result_costs_the_replay_and_a_wrong_program_more():
    for case, text in cases():
        if case.item.request != "ask" or case.item.absent or " m\n" not in text:
            continue
        lines = text.splitlines()
        last = next(i for i in reversed(range(len(lines))) if lines[i].endswith(" m"))
        lines[last] = "97.35 m"
        found = case.reward("\n".join(lines) + "\n")
        assert found.replay == 0
        assert found.program == 1
        assert found.total < 0.95
        return
    pytest.fail("no question with a length")


def test_trl_calls_it_with_texts_or_messages():
    pairs = list(cases())[:3]
    truth = [c.to_json() for c, _ in pairs]
    texts = [t for _, t in pairs]
    messages = [[{"role": "assistant", "content": t}] for t in texts]
    parts = [[{"role": "assistant", "content": [{"type": "text", "text": t}]}] for t in texts]
    expected = rewards.replay(texts, truth)
    assert rewards.replay(messages, truth=truth, prompts=["?"] * 3) == expected
    assert rewards.replay(completions=parts, truth=truth) == expected
    assert min(expected) > 0.95


def test_a_right_program_is_worth_more_than_a_lucky_answer():
    assert Reward(1, 0.8, 1, 1, 0).total > Reward(1, 0.8, 0, 1, 1).total
    assert Reward(1, 1, 1, 1, 1).total == Reward(1, 1).total == 1
