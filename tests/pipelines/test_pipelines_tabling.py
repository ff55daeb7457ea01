"""Benchmarks of one's own, four depths, and rows beside each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

import room_samples as rooms
from chat_samples import Scripted
from n3d.errors import ConfigError
from n3d.evaluate import depths
from n3d.pipelines import benchmarking, evaluating, replying, tabling, writing_rows
from n3d.scene import shards

SMALL = {"split": "test", "width": 96, "height": 72}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A benchmark of lifted rooms, as it is asked."""
    made = rooms.lifted()
    out = tmp_path_factory.mktemp("own") / "bench"
    benchmarking.build(made["scenes"], out, questions=22, progress=False)
    return tabling.Asked(
        str(out), scenes=made["scenes"], images=made["images"], depths=made["depth"]
    )


@pytest.fixture(scope="module")
def questions(own):
    return list(shards.read(own.benchmark))


def test_true_boxes_answer_all_of_a_benchmark(own, questions, tmp_path):
    told = tabling.one("true-boxes", own, "true", tmp_path / "p.jsonl")
    assert told["items"]["overall"] == len(questions) > 10
    assert told["answer_right"]["overall"] == told["joint"]["overall"] == 1
    assert told["replies"]["overall"]["all"] == 1
    again = tabling.one("true-boxes", own, "true", tmp_path / "p.jsonl")
    assert again == told
    with pytest.raises(ConfigError, match="depth 'true', not 'none'"):
        tabling.one("true-boxes", own, "none", tmp_path / "p.jsonl")


def test_answers_of_anybody_are_marked(own, questions, tmp_path):
    told = [{"id": qa.id, "response": qa.answer.text} for qa in questions[1:]]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(t) + "\n" for t in told))
    report = tabling.one(str(file), own, "true")
    assert report["faults"]["by_kind"] == {"missing": 1}
    share = (len(questions) - 1) / len(questions)
    assert report["replies"]["overall"]["all"] == pytest.approx(share)
    assert report["model"].startswith("answers.jsonl sha256:")


def test_a_chat_answers_in_words(own, questions):
    bench = own.seen("true")
    report = evaluating.run("chat", bench, words=replying.of_chat(Scripted("Yes.")))
    assert report["replies"]["overall"]["questions"] == len(questions)
    assert report["replies"]["overall"]["all"] < 1


def test_folders_that_are_missing_are_named(own, tmp_path):
    with pytest.raises(ConfigError, match="needed"):
        tabling.Asked(own.benchmark).seen("true")
    with pytest.raises(ConfigError, match="neither"):
        tabling.Asked(str(tmp_path), scenes=own.scenes, images=own.images).seen("true")
    with pytest.raises(ConfigError, match="estimated"):
        own.seen("guessed")


def test_depth_is_seen_in_four_ways():
    view = next(iter(evaluating.benchmark("synthetic", limit=1, width=96, height=72))).view
    seen = {mode: depths.see(view, mode, "a") for mode in depths.MODES}
    assert seen["true"] is view
    assert seen["none"].depth is None
    assert (seen["sensor"].depth == 0).any()
    assert (seen["estimated"].depth > 0).all()
    assert seen["estimated"].depth_source == "predicted:scripted"
    again = depths.see(view, "estimated", "a")
    np.testing.assert_array_equal(again.depth, seen["estimated"].depth)
    ratio = [
        float(np.median(depths.see(view, "estimated", str(i)).depth / view.depth))
        for i in range(60)
    ]
    assert 0.07 < np.std(np.log(ratio)) < 0.14


def test_four_rows_and_their_report(tmp_path):
    asked = tabling.Asked("synthetic", limit=2, synthetic=SMALL)
    told = tabling.by_depth("lifted-boxes", asked, tmp_path / "p")
    assert list(told["rows"]) == list(depths.MODES)
    right = {mode: row["mean_iou"]["overall"] for mode, row in told["rows"].items()}
    assert right["true"] > right["estimated"] > right["none"] == 0
    low, high = told["rows"]["true"]["intervals_95"]["mean_iou"]["overall"]
    assert low <= right["true"] <= high
    assert told["rows"]["none"]["faults"]["by_kind"].keys() == {"depth-missing"}
    writing_rows.write(told, tmp_path / "r")
    page = (tmp_path / "r/report.html").read_text()
    for word in ("estimated", "blame", told["commit"], "seeds"):
        assert word in page
    assert json.loads((tmp_path / "r/report.json").read_text())["rows"] == told["rows"]


def test_a_model_stands_between_the_ends(tmp_path):
    asked = tabling.Asked("synthetic", limit=1, synthetic=SMALL)
    told = tabling.beside("oracle:0.1", asked, "true", tmp_path)
    assert list(told["rows"]) == ["blind", "oracle:0.1", "lifted-boxes", "true-boxes"]
    assert told["rows"]["true-boxes"]["answer_right"]["overall"] == 1
    assert told["figures"] or told["rows"]["oracle:0.1"]["answer_right"]["overall"] == 1
    assert (tmp_path / "model.jsonl").exists()
