"""Files of predictions: what is written is read, a run that was stopped goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from n3d.errors import ConfigError, InputError, QuestionError
from n3d.evaluate import taking
from n3d.evaluate.oracles import Oracle
from n3d.evaluate.reporting import Tally
from n3d.evaluate.taking import Answers, Taken
from n3d.scene import Prediction

HEADER = {"benchmark": "synthetic", "scenes": 3, "commit": "a"}


def run(predictor, sittings, answers):
    tally = Tally()
    for sitting, item, taken in taking.take(predictor, sittings, answers):
        tally.add(item, taken.prediction, sitting.view.camera, sitting.view.up)
    return tally.report()


class Stopped(Exception):
    pass


def stopping(after):
    """An oracle that breaks off, and the views it was asked about."""
    seen = []

    def predict(sitting):
        if len(seen) == after:
            raise Stopped
        seen.append(sitting.id)
        return Oracle()(sitting)

    return predict, seen


def test_a_run_that_was_stopped_goes_on_where_it_was(sittings, tmp_path):
    path = tmp_path / "predictions.jsonl"
    predict, _ = stopping(2)
    with pytest.raises(Stopped):
        run(predict, sittings[:4], Answers.open(path, HEADER))
    with open(path, "ab") as f:
        f.write(b'{"id": "test/2/detect", "predic')  # killed while it wrote
    predict, seen = stopping(99)
    resumed = run(predict, sittings[:4], Answers.open(path, HEADER))
    assert seen == [s.id for s in sittings[2:4]]
    whole = run(Oracle(), sittings[:4], Answers.open(None, HEADER))
    assert resumed == whole
    predict, seen = stopping(99)
    assert run(predict, sittings[:4], Answers.read(path)) == whole
    assert seen == []
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_view_is_asked_only_what_is_missing(sittings, tmp_path):
    path = tmp_path / "predictions.jsonl"
    part = replace(sittings[0], items=sittings[0].items[:2])
    run(Oracle(), [part], Answers.open(path, HEADER))
    asked = []

    def predict(sitting):
        asked.extend(i.id for i in sitting.items)
        return Oracle()(sitting)

    run(predict, sittings[:1], Answers.open(path, HEADER))
    assert asked == [i.id for i in sittings[0].items[2:]]


def test_predictions_survive_the_file(sittings, tmp_path):
    answers = Answers.open(tmp_path / "p.jsonl", HEADER)
    run(Oracle(), sittings[:1], answers)
    again = Answers.read(tmp_path / "p.jsonl")
    assert len(again) == len(sittings[0].items)
    for item, wanted in zip(sittings[0].items, Oracle()(sittings[0])):
        got = again[item.id].prediction
        assert (got.trace, got.answer, got.fault) == (wanted.trace, wanted.answer, wanted.fault)
        assert [o.box.center.tolist() for o in got.objects] == [
            o.box.center.tolist() for o in wanted.objects
        ]
    assert again.get("nothing", Taken(Prediction("?"))).prediction.question == "?"


def test_what_json_cannot_hold_is_a_fault_of_the_prediction(sittings, tmp_path):
    def mad(sitting):
        found = Oracle()(sitting)
        return [replace(p, objects=tuple(replace(o, score=float("nan")) for o in p.objects))
                for p in found]  # fmt: skip

    answers = Answers.open(tmp_path / "p.jsonl", HEADER)
    found = run(mad, sittings[:1], answers)
    assert found["faults"]["overall"] > 0
    assert found["f1_25"]["overall"] == 0


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    Answers.open(path, HEADER)
    assert Answers.open(path, {**HEADER, "scenes": 9, "commit": "b"}).header == HEADER
    with pytest.raises(ConfigError, match="benchmark 'synthetic', not 'other'"):
        Answers.open(path, {**HEADER, "benchmark": "other"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header"),
        ('{"id": "a"}\n', "no header"),
        ('{"header": 3}\n', "line 1"),
        ('{"header": {"a": 1}}\n{"id": NaN}\n', "line 2"),
        ('{"header": {"a": 1}}\n[]\n', "line 2"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "p.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Answers.read(path)


def test_a_record_that_is_no_prediction_names_the_item(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"header": {"a": 1}}\n{"id": "x", "prediction": {"question": 3}}\n')
    with pytest.raises(InputError, match="x"):
        Answers.read(path)["x"]
    with pytest.raises(InputError):
        Answers.read(tmp_path / "none.jsonl")


# -- models ---------------------------------------------------------------------------------


class Model:
    """Of the shape of a SpatialModel; says what it was asked, and cannot ask about plants."""

    def __init__(self):
        self.calls = []

    def look(self, view):
        self.calls.append("look")
        return ("seen", view)

    def detect(self, view):
        assert view[0] == "seen"
        return []

    def ground(self, view, names):
        self.calls.append(names)
        if "plant" in names[0]:
            raise QuestionError("is a plant", code="no-plants")
        return []

    def answer(self, view, question, *, computed=True):
        self.calls.append((len(question), computed))
        if any("plant" in q for q in question):
            raise QuestionError("is a plant", code="no-plants")
        return [Prediction(q) for q in question]


def test_a_model_sees_a_view_once_and_all_its_questions_together(sittings):
    model = Model()
    sitting = sittings[0]
    found = taking.of_model(model, computed=False)(sitting)
    assert model.calls.count("look") == 1
    asked = [i for i in sitting.items if i.request == "ask"]
    assert (len(asked), False) in model.calls
    assert [p.question for p in found if p.question in [i.question for i in asked]] == [
        i.question for i in asked
    ]
    assert [c for c in model.calls if isinstance(c, tuple) and isinstance(c[0], str)] == [
        i.phrases for i in sitting.items if i.request == "locate"
    ]


def test_released_weights_read_views_themselves(sittings):
    class Released(Model):
        layout = "upstream"

        def detect(self, view):
            assert view is sittings[0].view
            return []

    model = Released()
    taking.of_model(model)(sittings[0])
    assert "look" not in model.calls


def test_one_bad_question_does_not_spoil_the_others(sittings):
    sitting = sittings[0]
    asked = next(i for i in sitting.items if i.request == "ask")
    bad = replace(asked, id="bad", question="Is the plant tall?")
    located = replace(sitting.items[1], id="worse", phrases=("plant",))
    both = replace(sitting, items=(asked, bad, located))
    found = taking.of_model(Model())(both)
    assert [p.fault for p in found] == [None, "no-plants: is a plant", "no-plants: is a plant"]


def test_other_errors_are_raised(sittings):
    class Broken(Model):
        def detect(self, view):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        taking.of_model(Broken())(sittings[0])
