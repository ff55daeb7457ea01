"""From views to predictions, with random networks of both families and with ones that ramble."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")
pytest.importorskip("llguidance", reason="needs the model extra: llguidance")

from model_samples import make_view, tiny_model  # noqa: E402
from model_scripted import Parrot, Whim, model_of  # noqa: E402

from n3d import reason  # noqa: E402
from n3d.errors import ConfigError, FormatError, QuestionError  # noqa: E402
from n3d.geometry import Box3D  # noqa: E402
from n3d.language import dialogues  # noqa: E402
from n3d.language.dialogues import Setting  # noqa: E402
from n3d.model import requests  # noqa: E402
from n3d.model.decoding import Sampling  # noqa: E402
from n3d.model.options import Options  # noqa: E402
from n3d.model.requests import Request  # noqa: E402
from n3d.scene import Object3D  # noqa: E402
from n3d.scene.records import to_json  # noqa: E402

UP = np.array([0.0, -1.0, 0.0])
SHORT = Sampling(max_tokens=100)
VIEWS = [
    replace(make_view(70, 50), up=UP),
    make_view(56, 112, seed=1),
    make_view(130, 90, seed=2, depth=False),
]


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def talker(request):
    """A random model with our own tokens that finds something and names it shortly."""
    loaded = tiny_model(request.param, own=True)
    texts = [loaded.tongue.decode([i]) for i in range(len(loaded.processor.tokenizer))]
    nothing = [i for i, t in enumerate(texts) if t in ("n", "no", "none")]
    closing = [i for i, t in enumerate(texts) if t.startswith(("<|c", ")", "]", '"'))]
    loaded.network.lm_head = Leaning(loaded.network.lm_head, nothing, closing)
    return loaded


class Leaning(torch.nn.Module):
    """A head that is not so sure, would rather find something, and comes to an end."""

    def __init__(self, head, nothing: list[int], closing: list[int]) -> None:
        super().__init__()
        self.head, self.nothing, self.closing = head, nothing, closing

    def forward(self, hidden):
        logits = 0.1 * self.head(hidden)
        logits[..., self.nothing] -= 50
        logits[..., self.closing] += 0.5
        return logits


def counted(loaded, monkeypatch) -> list[int]:
    """How many pictures each call of the vision tower encodes."""
    seen, plain = [], loaded.network.model.get_image_features

    def counting(pixel_values, image_grid_thw=None, *args, **more):
        seen.append(len(image_grid_thw))
        return plain(pixel_values, image_grid_thw, *args, **more)

    monkeypatch.setattr(loaded.network.model, "get_image_features", counting)
    return seen


def same(a, b) -> None:
    for x, y in zip(a, b, strict=True):
        assert x.label == y.label
        assert np.allclose(x.box.corners, y.box.corners)
        assert x.score == pytest.approx(y.score, rel=1e-3)


# -- random networks --------------------------------------------------------------------------


def test_a_view_is_searched_in_every_way(talker):
    for view in (VIEWS[0], VIEWS[2]):
        found = talker.detect(view, most=3, sampling=SHORT)
        named = talker.ground(view, "the mug", most=1, sampling=SHORT)
        several = talker.ground(view, ["the mug", "a lamp"], most=1, sampling=SHORT)
        at = talker.ground(view, point=(30, 20), most=1, sampling=SHORT)
        within = talker.ground(view, box=(10, 10, 40, 30), most=1, sampling=SHORT)
        assert 0 < len(found) <= 3
        for o in (*found, *named, *several, *at, *within):
            assert 0 <= o.score <= 1
            assert (o.spread.center > 0).all()
            assert (o.spread.size > 0).all()
            assert (o.spread.yaw > 0) == (view.up is not None)
            assert o.box.center[2] > 0


def test_questions_about_a_view_share_one_reading(talker, monkeypatch):
    seen = counted(talker, monkeypatch)
    questions = ["How tall is the mug?", "Where is the lamp?", "What is left of the bed?"]
    together = talker.answer(VIEWS[0], questions, most=2, sampling=SHORT)
    assert seen == [1]
    assert [p.question for p in together] == questions
    alone = [talker.answer(VIEWS[0], q, most=2, sampling=SHORT) for q in questions]
    assert seen == [1] * 4
    look = talker.look(VIEWS[0])
    again = [talker.answer(look, q, most=2, sampling=SHORT) for q in questions]
    assert seen == [1] * 5
    for p, q, r in zip(together, alone, again, strict=True):
        assert (p.fault, p.answer and p.answer.value) == (q.fault, q.answer and q.answer.value)
        assert (p.text, p.notes) == (r.text, r.notes) == (q.text, q.notes)
        same(p.objects, q.objects)
        same(p.objects, r.objects)


def test_views_of_several_sizes_in_one_batch_equal_single_runs(talker, monkeypatch):
    seen = counted(talker, monkeypatch)
    rows = [Request(v, dialogues.DETECT) for v in VIEWS]
    rows += [Request(v, dialogues.ask("How tall is it?"), "How tall is it?") for v in VIEWS]
    options = Options(most=2, sampling=SHORT)
    together = requests.run(talker, rows, options)
    assert seen == [3]  # each view once
    for row, found in zip(rows, together, strict=True):
        alone = requests.run(talker, [row], options)[0]
        assert (alone.text, alone.fault) == (found.text, found.fault)
        same(alone.objects, found.objects)
        assert found.provenance == row.view.provenance
    assert len({p.text for p in together}) > 3


def test_no_requests_are_no_predictions(talker):
    assert requests.run(talker, []) == []
    assert list(requests.stream(talker, iter([]))) == []


# -- whatever is said -------------------------------------------------------------------------

QUESTIONS = [
    "How tall is the mug in feet?",
    "Is the mug left of the lamp?",
    "At which o'clock is the lamp?",
    "How many chairs are there?",
    "How many times wider is the bed than the mug?",
    "Which is closer to me, the mug or the lamp?",
    "What is the volume of the mug in litres?",
    "List the objects from left to right.",
    "Why?",
]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("computed", [True, False])
def test_whatever_a_network_says_is_a_prediction(own, computed):
    """Answers of any kind to questions of any kind: never an exception, always a record."""
    answered, faults = 0, []
    for seed in range(3):
        network = Whim(own, seed)
        views = [VIEWS[0], VIEWS[2], replace(VIEWS[1], metric=False)]
        rows = [Request(views[seed], dialogues.ask(q), q) for q in QUESTIONS]
        options = Options(computed=computed, most=3, sampling=SHORT)
        for found in requests.run(model_of(network), rows, options):
            json.dumps(to_json(found), allow_nan=False)
            assert (found.fault is None) == (found.answer is not None)
            answered += found.answer is not None
            faults += [found.fault] if found.fault else []
            if computed and found.check is not None:
                assert found.check.agrees
    assert answered > 0
    assert len(set(faults)) > 1


# -- units and directions ---------------------------------------------------------------------

BED = Object3D("0", "bed", Box3D([0.2, 0.1, 2.9], [1.4, 0.6, 0.8]))
TALL = "How tall is the bed?"
LEFT = "Is the bed left of me?"


def scripted(question: str, view, own: bool = True):
    trace = reason.bind(reason.understand(question), [BED], view.up)
    said = dialogues.write([BED], trace, Setting.of(view, own=own), tilt="snap")
    return model_of(Parrot({question: said}, own))


def test_a_picture_without_depth_says_so_and_is_answered_by_the_network():
    found = scripted(TALL, VIEWS[2]).answer(VIEWS[2], TALL)
    assert found.fault is None
    assert found.provenance == VIEWS[2].provenance
    assert found.provenance.depth == "none"
    assert found.answer.number == pytest.approx(0.6, rel=1e-3)


def test_lengths_of_a_depth_without_unit_are_refused():
    view = replace(VIEWS[0], metric=False)
    found = scripted(TALL, view).answer(view, TALL)
    assert found.fault.startswith("not-metric")
    assert found.answer is None
    assert scripted(TALL, VIEWS[0]).answer(VIEWS[0], TALL).answer.unit == "m"


def test_without_up_the_axis_of_the_camera_stands_in():
    bare = replace(VIEWS[0], up=None)
    found = scripted(TALL, bare).answer(bare, TALL)
    assert found.up is None
    assert found.answer.number == pytest.approx(0.6, rel=1e-3)
    assert found.objects[0].spread.yaw == 0
    upright = scripted(TALL, VIEWS[0]).answer(VIEWS[0], TALL)
    assert upright.up == (0, -1, 0)
    assert upright.objects[0].spread.yaw > 0


def test_units_asked_for_are_those_of_the_answer():
    asked = "How tall is the bed in feet?"
    found = scripted(asked, VIEWS[0]).answer(VIEWS[0], asked)
    assert (found.answer.unit, found.fault) == ("ft", None)
    assert found.answer.number == pytest.approx(0.6 / 0.3048, rel=1e-3)
    low, high = found.answer.interval
    assert low <= found.answer.number <= high


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("level", 0), ("level", 1.0), ("level", float("nan")), ("level", "high"), ("most", 0),
        ("most", 101), ("most", 2.5), ("most", "all"), ("most", None), ("seed", -1),
        ("seed", 0.5), ("refine", "points"), ("refine", None), ("protocol", "ours"),
        ("computed", 1), ("sampling", {"seed": 1}), ("sampling", None),
    ],
)  # fmt: skip
def test_options_refuse_nonsense(field, value):
    with pytest.raises(ConfigError, match=field):
        Options(**{field: value})


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="computed"):
        Options(refine="depth", computed=False)


def test_options_with_another_name_are_refused():
    loaded = model_of(Parrot({}, own=True))
    for call in (
        lambda: loaded.detect(VIEWS[0], mots=3),
        lambda: loaded.ground(VIEWS[0], "mug", temperature=1.0),
        lambda: loaded.answer(VIEWS[0], "How tall is the mug?", protocols="n3d"),
    ):
        with pytest.raises(ConfigError, match="is no option"):
            call()


def test_requests_that_ask_nothing_are_refused():
    loaded = model_of(Parrot({}, own=True))
    for more in ({}, {"names": "mug", "point": (1, 2)}):
        with pytest.raises(ConfigError, match="exactly one"):
            loaded.ground(VIEWS[0], **more)
    for names in ([], ["mug", " "]):
        with pytest.raises((FormatError, QuestionError)):
            loaded.ground(VIEWS[0], names)
    with pytest.raises(FormatError):
        loaded.ground(VIEWS[0], point=(1e6, 0))
    with pytest.raises(QuestionError):
        loaded.answer(VIEWS[0], "?!")


def test_phrases_are_asked_for_one_by_one_and_told_together(talker, monkeypatch):
    seen = counted(talker, monkeypatch)
    names = ["the mug", "a lamp"]
    found = talker.ground(VIEWS[0], names, most=3, sampling=SHORT)
    assert seen == [1]
    alone = [talker.ground(VIEWS[0], n, most=3, sampling=SHORT) for n in names]
    assert [o.id for o in found] == [str(i) for i in range(len(found))]
    assert 0 < len(found) <= 3
    for o in found:
        of_phrase = alone[names.index(o.attributes["phrase"])]
        assert any(np.allclose(o.box.center, k.box.center, atol=1e-3) for k in of_phrase)
    together = talker.ground(VIEWS[0], names, most=3, sampling=SHORT, apart=False)
    assert all("phrase" not in o.attributes for o in together)


def test_what_was_asked_beside_several_phrases_is_told_as_before(talker):
    asked = [
        requests.Request(VIEWS[0], dialogues.DETECT),
        requests.Request(VIEWS[0], dialogues.locate(["the mug", "a lamp"])),
        requests.Request(VIEWS[0], dialogues.ask("How tall is the mug?"), "How tall is the mug?"),
    ]
    told = requests.run(talker, asked, Options(most=2, sampling=SHORT))
    assert len(told) == 3
    alone = talker.detect(VIEWS[0], most=2, sampling=SHORT)
    assert [o.label for o in told[0].objects] == [o.label for o in alone]
    assert told[2].question == "How tall is the mug?"
