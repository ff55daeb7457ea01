"""The baseline that does not look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from n3d.evaluate import blind
from n3d.evaluate.reporting import Tally
from n3d.scene import Ref
from n3d.synthetic import SceneConfig
from n3d.synthetic.categories import NAMES


@pytest.fixture(scope="module")
def baseline():
    return blind.learn(scenes=8, config=SceneConfig(width=64, height=48))


def test_it_knows_the_training_scenes(baseline):
    assert set(baseline.boxes) <= set(NAMES)
    assert len(baseline.boxes) > 10
    assert baseline.count >= 2
    scores = [o.score for o in baseline.boxes.values()]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < s <= 1 for s in scores)
    assert all(o.box.center[2] > 0 for o in baseline.boxes.values())


def test_it_says_the_same_whatever_there_is_to_see(baseline, sittings):
    for sitting in sittings[:2]:
        dark = replace(sitting.view, image=np.zeros_like(sitting.view.image))
        for a, b in zip(baseline(sitting), baseline(replace(sitting, view=dark))):
            assert (a.answer, a.objects) == (b.answer, b.objects)


def test_it_answers_with_the_usual(baseline):
    label, other, *_ = baseline.boxes
    found = baseline.answer(f"Which is taller, the {label} or the red {other}?")
    assert [o.label for o in found.objects] == [label, other]
    if "tall_short_choice" in baseline.usual:
        assert found.answer is not None
        assert isinstance(found.answer.value, Ref)
    assert baseline.answer("What colour is love?").fault.startswith("question-not-understood")


def test_it_grounds_nothing_and_refuses_nothing(baseline, sittings):
    tally = Tally()
    for sitting in sittings:
        for item, found in zip(sitting.items, baseline(sitting), strict=True):
            tally.add(item, found, sitting.view.camera, sitting.view.up)
    found = tally.report()
    assert found["acc50"]["overall"] < 0.1
    assert found["absent_refused"]["overall"] == 0
    assert found["program_right"]["overall"] == found["joint"]["overall"] == 0
    assert 0.1 < found["answer_right"]["overall"] < 0.7
