"""The weights that ship: they load, they are small, and they have learned what they are for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from safetensors import safe_open  # noqa: E402

import n3d  # noqa: E402
from n3d.evaluate import following  # noqa: E402
from n3d.model import calibration, loading  # noqa: E402
from n3d.pipelines import evaluating  # noqa: E402

HOME = Path(loading.__file__).parent / "mini"


@pytest.fixture(scope="module")
def mini():
    return n3d.load("n3d-mini")


def test_the_directory_is_small_whole_and_safe():
    files = {p.name: p.stat().st_size for p in HOME.iterdir()}
    assert sum(files.values()) <= 25e6
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= files.keys()
    assert {p.suffix for p in HOME.iterdir()} <= {".json", ".safetensors", ".md", ".jinja"}
    with safe_open(HOME / "model.safetensors", "pt") as f:
        kinds = {f.get_tensor(name).dtype for name in f.keys()}  # noqa: SIM118
    assert kinds == {torch.float16}


def test_it_is_as_large_as_its_card_says(mini):
    count = sum(p.numel() for p in mini.network.parameters())
    assert f"{count / 1e6:.1f} M parameters" in (HOME / "README.md").read_text()
    assert mini.network.dtype == torch.float32
    assert mini.layout == "rays"
    assert mini.calibration.refine == "depth"


def test_it_finds_refuses_and_answers_in_rooms_it_has_not_seen(mini):
    """Floors far below what it reaches on 500 rooms (docs/results.md), so that six suffice."""
    report = evaluating.run("n3d-mini", evaluating.benchmark("synthetic", limit=6))
    for key, floor in (("acc25", 0.6), ("f1_25", 0.5), ("answered", 0.6), ("program_right", 0.4)):
        assert report[key]["overall"] >= floor, key
    assert report["faults"]["overall"] <= 0.3 * report["items"]["overall"]
    assert report["refine"] == "auto"


def test_its_answers_follow_the_boxes_that_it_is_given(mini):
    bench = replace(evaluating.benchmark("synthetic", split="validation", limit=2), questions=6)
    told = [right for _, right in following.follow(mini, bench)]
    assert len(told) >= 6
    assert sum(told) >= 0.6 * len(told)


def test_the_same_request_has_the_same_reply(mini):
    view = next(iter(evaluating.benchmark("synthetic", limit=1))).view
    first, second = mini.detect(view), mini.detect(view)
    assert [o.box.center.tolist() for o in first] == [o.box.center.tolist() for o in second]
    assert all(o.spread is not None and 0 <= o.score <= 1 for o in first)


def test_it_can_be_calibrated_again_on_the_split_that_is_not_tested_on(tmp_path):
    folder = tmp_path / "mini"
    shutil.copytree(HOME, folder)
    bench = replace(evaluating.benchmark("synthetic", split="validation", limit=10), questions=0)
    path = evaluating.calibrate(folder, bench, refine="none")
    assert json.loads(path.read_text())["refine"] == "none"
    made = n3d.load(folder).calibration
    assert made == calibration.Calibration.read(folder)
    assert made.refine == "none"
    with pytest.raises(n3d.errors.ConfigError, match="tested on"):
        evaluating.calibrate(folder, replace(bench, split="test"))


def test_a_question_about_what_was_hardly_found_is_refused(mini):
    view = next(iter(evaluating.benchmark("synthetic", limit=1))).view
    label = max(mini.detect(view), key=lambda o: o.score).label
    asked = f"How wide is the {label}?"
    told = mini.answer(view, asked, unsure=0.0)
    assert told.answer is not None
    refused = mini.answer(view, asked, unsure=1.0)
    assert refused.answer is None
    assert not refused.objects
    assert refused.fault.startswith(f"object-absent: no {label} was found with a score")
    given = mini.answer(view, asked, objects=told.objects, unsure=1.0)
    assert given.answer is not None
