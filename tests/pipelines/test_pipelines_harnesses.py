"""The task of lmms-eval, called as lmms-eval calls it."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

import room_samples as rooms
from n3d.pipelines import exporting_questions as exporting
from n3d.scene import shards


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> Path:
    paths = rooms.lifted()
    out = tmp_path_factory.mktemp("task") / "out"
    order = exporting.Order(paths["questions"], paths["scenes"], paths["images"])
    report = exporting.export(order, out, "lmms-eval")
    asked = [qa for qa in shards.read(paths["questions"]) if qa.trace is not None]
    assert report.kept == len(asked) > 10
    assert set(report.by_reason) == {"question-locates"}
    return out


@pytest.fixture(scope="module")
def utils(task):
    """utils.py, loaded from its file as lmms-eval loads it."""
    spec = importlib.util.spec_from_file_location("task_utils", task / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def docs(task) -> list[dict]:
    text = (task / "n3d_questions.yaml").read_text()
    (place,) = re.findall(r"test: (\".*\")", text)
    return [json.loads(line) for line in Path(json.loads(place)).read_text().splitlines()]


def test_the_yaml_names_what_there_is(task, utils, docs):
    text = (task / "n3d_questions.yaml").read_text()
    named = re.findall(r"!function utils\.(\w+)", text)
    assert {"doc_to_visual", "doc_to_text", "process_results", "accuracy_macro"} == set(named)
    assert all(callable(getattr(utils, name)) for name in named)
    metrics = re.findall(r"- metric: (\w+)", text)
    assert set(metrics) == utils.process_results(docs[0], [""]).keys()
    target = re.search(r"doc_to_target: (\w+)", text)[1]
    assert all(doc[target] for doc in docs)


def test_every_picture_and_question_is_there(utils, docs):
    for doc in docs:
        (image,) = utils.doc_to_visual(doc)
        assert (image.size, image.mode) == ((320, 240), "RGB")
        assert utils.doc_to_text(doc, {}) == doc["question"]


def test_right_replies_are_right_and_nonsense_is_unreadable(utils, docs):
    right = [utils.process_results(doc, [doc["reference"]]) for doc in docs]
    assert all(r["accuracy"] == 1 and r["unreadable"] == 0 for r in right)
    assert utils.accuracy_macro([r["accuracy_macro"] for r in right]) == 1
    for doc in docs:
        for replies in (["I would rather not say."], [""], []):
            found = utils.process_results(doc, replies)
            assert found["accuracy"] == 0
            assert found["unreadable"] == 1


def test_categories_count_alike(utils):
    told = [{"category": "a", "right": r} for r in (1.0, 1.0, 0.0, 0.0)]
    told.append({"category": "b", "right": 1.0})
    assert utils.accuracy_macro(told) == 0.75
    assert utils.accuracy_macro([]) == 0
