"""Calibrations: fitted to what happened, kept beside the weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from model_samples import tiny_model  # noqa: E402

import n3d  # noqa: E402
from n3d.errors import ConfigError, InputError  # noqa: E402
from n3d.model import calibration  # noqa: E402
from n3d.model.calibration import Calibration  # noqa: E402

MADE = Calibration(
    (0.1, 0.5, 0.9),
    (0.05, 0.3, 0.6),
    (1.0, 2.0, 3.0, 0.5),
    "depth",
    detect_from=0.3,
    ground_from=0.1,
)


def boxes(count: int, seed: int):
    """Scores that promise too much, and whether their boxes are right."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(4, 1.5, count)
    return scores, rng.random(count) < 0.85 * scores**3


def ece(scores, right) -> float:
    """Expected calibration error over ten equal bins."""
    bins = np.minimum((np.asarray(scores) * 10).astype(int), 9)
    return sum(
        abs(np.mean(scores[bins == b]) - np.mean(right[bins == b])) * np.mean(bins == b)
        for b in np.unique(bins)
    )


def test_scores_that_promise_too_much_become_what_happens():
    fitted = calibration.fit(*boxes(1500, 0), {})
    scores, right = boxes(6000, 1)
    mapped = np.array([fitted.score(s) for s in scores])
    assert ece(scores, right) > 0.2
    assert ece(mapped, right) < 0.05
    order = np.argsort(scores)
    assert (np.diff(mapped[order]) >= 0).all()
    assert fitted.factors == (1, 1, 1, 1)


def test_the_share_of_errors_within_a_spread_becomes_that_of_a_normal_one():
    rng = np.random.default_rng(2)
    factors = {"uv": 3.0, "z": 0.4, "size": 2.0, "yaw": 1.0}

    def draw(count):
        given = {k: rng.uniform(0.01, 0.1, count) for k in factors}
        return {k: (np.abs(rng.normal(size=count)) * s * factors[k], s) for k, s in given.items()}

    fitted = calibration.fit(*boxes(100, 0), draw(2000))
    assert fitted.factors == pytest.approx(list(factors.values()), rel=0.1)
    for (off, given), factor in zip(draw(5000).values(), fitted.factors):
        assert np.mean(off <= given * factor) == pytest.approx(0.68, abs=0.03)
    assert fitted.widths(6) == pytest.approx([fitted.factors[i] for i in (0, 0, 1, 2, 2, 2)])
    assert fitted.widths(7)[6] == fitted.factors[3]


def test_a_few_boxes_or_errors_are_no_evidence():
    with pytest.raises(ConfigError, match="19 boxes"):
        calibration.fit(*boxes(19, 0), {})
    with pytest.raises(ConfigError, match="scores"):
        calibration.fit(boxes(30, 0)[0], boxes(29, 0)[1], {})
    assert calibration.fit(*boxes(30, 0), {"z": ([9.0] * 5, [1.0] * 5)}).factors[1] == 1
    same = calibration.fit([0.9] * 40, [True] * 10 + [False] * 30, {})
    assert same.score(0.9) == pytest.approx(0.25)


def test_it_comes_back_from_its_file(tmp_path):
    fitted = calibration.fit(*boxes(500, 0), {"z": ([0.2] * 30, [0.1] * 30)})
    for made in (MADE, fitted):
        made.write(tmp_path)
        assert Calibration.read(tmp_path) == made
    assert Calibration.read(tmp_path / "nothing") == Calibration()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("raw", [0.5, 0.5, 0.9]), ("raw", [0.1, 0.9]), ("raw", []), ("raw", ["a", "b", "c"]),
        ("raw", 0.5), ("right", [0.5, 0.3, 0.6]), ("right", [0.1, 0.2, 1.5]), ("right", None),
        ("right", [-0.1, 0.2, 0.3]), ("factors", [1, 1, 1]), ("factors", [1, 1, 1, -1]),
        ("detect_from", 1.5), ("ground_from", "a"), ("detect_from", None), ("refine", "no"),
        ("factors", "1111"), ("factors", [[1], 1, 1, 1]), ("factors", [1, 1, 1, 1e999]),
    ],
)  # fmt: skip
def test_files_that_are_wrong_name_the_field(tmp_path, field, value):
    MADE.write(tmp_path)
    path = tmp_path / calibration.NAME
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {field: value}).replace("Infinity", "1e999"))
    with pytest.raises(ConfigError) as caught:
        Calibration.read(tmp_path)
    assert caught.value.field == field
    assert str(path) in str(caught.value)
    del data[field]
    path.write_text(json.dumps(data))
    if field in ("raw", "right", "factors"):  # the others came later
        with pytest.raises(ConfigError, match=field):
            Calibration.read(tmp_path)
    else:
        assert getattr(Calibration.read(tmp_path), field) in (0, "none")


@pytest.mark.parametrize("text", ["[]", "3", '"raw"', "{"])
def test_files_that_hold_something_else_are_named(tmp_path, text):
    (tmp_path / calibration.NAME).write_text(text)
    with pytest.raises((ConfigError, InputError), match=calibration.NAME):
        Calibration.read(tmp_path)


def test_it_is_saved_and_loaded_with_the_model(tmp_path):
    loaded = tiny_model("qwen3_vl", own=True)
    made = type(loaded)(loaded.network, loaded.processor, MADE)
    made.save(tmp_path)
    assert n3d.load(tmp_path).calibration == MADE
    loaded.save(tmp_path)  # a model without one leaves none of another behind
    assert n3d.load(tmp_path).calibration == Calibration()


def test_detections_are_kept_while_they_help_f1():
    scores, right = [0.9, 0.8, 0.7, 0.6, 0.2, 0.2, 0.1], [1, 1, 0, 1, 0, 0, 0]
    level = calibration.best_f1(scores, right, missing=1)
    assert 0.2 < level < 0.6
    counts = {}
    for least in (0.0, level, 0.75):
        kept = [r for s, r in zip(scores, right) if s >= least]
        counts[least] = 2 * sum(kept) / (len(kept) + sum(right) + 1)
    assert max(counts, key=lambda k: counts[k]) == level
    assert calibration.best_f1([0.9, 0.8], [True, True]) == 0
    assert calibration.best_f1([0.9, 0.8], [False, False], 3) == 0
    assert calibration.best_f1([], [], 3) == 0
    assert calibration.best_f1([0.5] * 9, [True] * 5 + [False] * 4) == 0  # all or none


def test_what_is_not_there_is_refused_where_that_costs_little():
    present, absent = list(np.linspace(0.4, 0.9, 100)), list(np.linspace(0.05, 0.45, 15))
    level = calibration.careful_refusal(present, absent)
    assert np.mean(np.array(present) < level) <= calibration.LOST
    assert np.mean(np.array(absent) < level) > 0.8
    assert calibration.careful_refusal(present[:9], absent) == 0
    assert calibration.careful_refusal(present, absent[:9]) == 0
    # Where scores say nothing, no right box is lost to them.
    assert calibration.careful_refusal([0.3] * 100, [0.3] * 12) == 0
    assert calibration.careful_refusal(present, [0.95] * 12) == 0
