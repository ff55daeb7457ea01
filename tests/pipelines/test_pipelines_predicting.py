"""Model answers in Python: the same notes and provenance as any answer, faults as errors."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")
pytest.importorskip("llguidance", reason="needs the model extra: llguidance")

import n3d
from n3d import synthetic
from n3d.errors import ConfigError, N3DError, QuestionError
from n3d.geometry import Box3D, Camera
from n3d.model.decoding import Sampling
from n3d.pipelines import loading, predicting
from n3d.pipelines.predicting import Asked, Asker
from n3d.scene import RGBD, Grounder, Object3D

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
from tiny_models import samples, write_model

QUESTION = "How far is the stool from the lamp?"
SHORT = {"most": 2, "sampling": Sampling(max_tokens=260)}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return loading.load(str(write_model(tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture(scope="module")
def view():
    return samples().make_view(64, 48)


class Speaker:
    """A grounder that knows its objects."""

    def __init__(self, *found: Object3D) -> None:
        self.found = list(found)

    def ground(self, view, names):
        return [o for o in self.found if any(o.label in n for n in names)]

    def detect(self, view):
        return self.found


def test_a_model_answers_with_the_notes_of_any_answer(model, view):
    found = n3d.answer(view, QUESTION, model=model, **SHORT)
    assert found.answer is not None
    assert found.check.agrees
    assert found.provenance.depth == view.depth_source
    assert ("gravity is unknown" in " ".join(found.notes)) == (found.up is None)
    picture = n3d.draw(found, view=view)
    assert picture.width >= view.width


def test_a_camera_that_was_assumed_and_missing_depth_are_told(model, view):
    camera = replace(view.camera, source="assumed:fov-60")
    bare = RGBD(view.image, camera)
    found = Asker(model, **SHORT)([Asked(bare, QUESTION)])[0]
    said = " ".join(found.notes)
    assert "no depth: sizes and distances are the model's estimate" in said
    assert "field of view was assumed" in said
    assert found.provenance.metric
    assert found.fault is None or not found.fault.startswith("not-metric")


def test_gravity_is_found_before_a_model_is_asked(model):
    rendered = synthetic.make(11, synthetic.SceneConfig(width=160, height=120))
    level = replace(rendered.rgbd, up=None, up_source="unknown")
    found = predicting.upright(level)
    assert found.up_source == "floor"
    assert float(np.dot(found.up, rendered.rgbd.up)) > 0.99
    told = Asker(model, **SHORT)([Asked(found)])[0]
    assert told.provenance.up == "floor"
    assert not any("gravity is unknown" in n for n in told.notes)
    given = replace(rendered.rgbd, up=np.array([0.0, -1, 0]), up_source="given")
    assert predicting.upright(given).up_source == "given"


def test_a_model_is_a_grounder(model, view):
    assert isinstance(model, Grounder)
    # Random labels name nothing that was asked for.
    with pytest.raises(QuestionError, match="mug"):
        n3d.answer(view, "How tall is the mug?", grounder=model)


def test_lengths_of_a_grounder_without_depth_are_its_own():
    camera = Camera.from_fov(60, 64, 48)
    bare = RGBD(np.zeros((48, 64, 3), np.uint8), camera)
    mug = Object3D("0", "mug", Box3D([0.0, 0.0, 2.0], [0.1, 0.2, 0.1]))
    found = n3d.answer(bare, "How tall is the mug?", grounder=Speaker(mug))
    assert found.answer.number == pytest.approx(0.2)
    assert found.provenance.depth == "none"
    assert "no depth: sizes and distances are the model's estimate" in found.notes
    known = n3d.answer(bare, "How tall is the mug?", objects=[mug])
    assert not any("no depth" in n for n in known.notes)


def test_a_fault_is_a_question_error_with_a_hint(model, view):
    short = {"sampling": Sampling(max_tokens=3)}
    with pytest.raises(QuestionError, match="did not come to its end") as caught:
        n3d.answer(view, QUESTION, model=model, **short)
    assert caught.value.code == "truncated"
    assert "--max-tokens" in caught.value.hint
    assert model.answer(view, QUESTION, **short).fault.startswith("truncated")


def test_ways_and_options_are_checked(model, view):
    with pytest.raises(ConfigError, match="exactly one"):
        n3d.answer(view, QUESTION, model=model, objects=[])
    with pytest.raises(ConfigError, match="models only"):
        n3d.answer(view, QUESTION, objects=[], refine="depth")
    with pytest.raises(QuestionError):
        n3d.answer(view, " ", model=model)


def test_together_is_as_one_by_one_and_what_cannot_be_asked_harms_nobody(model, view):
    other = samples().make_view(80, 40, seed=1)
    asked = [
        Asked(view, QUESTION),
        Asked(other),
        Asked(view, names=("mug", "lamp")),
        Asked(view, place=(1e9, 0.0)),
        Asked(other, place=(5.0, 5.0, 30.0, 30.0)),
    ]
    asker = Asker(model, **SHORT)
    together = asker(asked)
    assert isinstance(together[3], N3DError)
    assert [isinstance(p, N3DError) for p in together].count(True) == 1
    for a, p in zip(asked, together):
        alone = Asker(model, **SHORT)([a])[0]
        if isinstance(p, N3DError):
            assert str(alone) == str(p)
        else:
            assert (p.text, p.fault, p.notes, p.question) == (
                alone.text, alone.fault, alone.notes, alone.question,
            )  # fmt: skip
            assert [o.label for o in p.objects] == [o.label for o in alone.objects]


def test_a_model_is_known_by_its_numbers(model, tmp_path):
    import torch

    known = loading.known_as(model)
    assert known == loading.known_as(loading.load(str(write_model(tmp_path / "m")), device="cpu"))
    name, weight = next(iter(model.network.named_parameters()))
    with torch.no_grad():
        before = weight.flatten()[0].item()
        weight.view(-1)[0] += 1
        assert loading.known_as(model)["sha256"] != known["sha256"], name
        weight.view(-1)[0] = before
    assert loading.known_as(model) == known


def test_a_device_that_is_not_there_is_named(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("has CUDA")
    with pytest.raises(ConfigError, match="no cuda") as caught:
        loading.load(str(tmp_path), device="cuda")
    assert "cpu" in caught.value.limit
