"""The metrics themselves: the truth scores 1, known perturbations give known numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from n3d.evaluate import items
from n3d.evaluate.oracles import Noise, Oracle
from n3d.evaluate.reporting import MEASURES, Tally
from n3d.geometry import Box3D
from n3d.scene import Prediction

SHARES = (
    *("acc25", "acc50", "mean_iou", "f1_25", "precision_25", "recall_25", "f1_50"),
    *("f1_25_locate", "f1_50_locate", "absent_refused", "answered", "answer_right"),
    *("answer_right_10pct", "answer_right_within_1", "program_right", "chain_right"),
    *("boxes_right", "joint", "coverage_90"),
)
ERRORS = (
    *("z_rel_median", "size_rel_median", "center_px_median", "yaw_deg_median", "ece", "ece_50"),
    *("ece_adaptive", "brier", "relative_error_median", "present_refused", "blame_format"),
    *("blame_grounding", "blame_program", "blame_arithmetic"),
)
ASKED_FOR = (
    *("acc25", "acc50", "mean_iou", "f1_25", "absent_refused", "z_rel_median"),
    *("size_rel_median", "answer_right", "answer_right_10pct", "program_right", "chain_right"),
    *("joint", "ece", "coverage_90", "clock_exact", "clock_within_1", "blame_grounding"),
)


def report(sittings, predictor, **about):
    tally = Tally()
    for sitting in sittings:
        for item, found in zip(sitting.items, predictor(sitting), strict=True):
            tally.add(item, found, sitting.view.camera, sitting.view.up)
    return tally.report(**about)


def changed(predictor, change):
    """The predictor with every object changed."""

    def predict(sitting):
        return [replace(p, objects=tuple(change(o) for o in p.objects)) for p in predictor(sitting)]

    return predict


def test_the_oracle_scores_one_on_everything(sittings):
    found = report(sittings, Oracle(), commit="abc", seeds=[1, 2])
    assert (found["commit"], found["seeds"]) == ("abc", [1, 2])
    for key in SHARES:
        by_kind = (v for v in found[key]["by_kind"].values() if v is not None)
        values = [found[key]["overall"], *by_kind]
        assert values == pytest.approx([1.0] * len(values)), key
        assert len(values) > 1
    for key in ERRORS:
        values = [found[key]["overall"], *(v for v in found[key]["by_kind"].values() if v)]
        assert values == pytest.approx([0.0] * len(values), abs=1e-5), key
    assert found["items"]["overall"] == sum(len(s.items) for s in sittings)
    assert found["faults"] == {"overall": 0, "by_kind": {}}


def test_a_report_has_its_keys_and_is_json(sittings):
    found = report(sittings[:1], Oracle())
    assert set(ASKED_FOR) <= set(MEASURES) <= set(found)
    for value in found.values():
        assert set(value) == {"overall", "by_kind"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    empty = Tally().report()
    assert empty["acc25"] == {"overall": None, "by_kind": {}}
    assert empty["items"]["overall"] == 0


def test_sizes_off_by_a_fifth_give_the_numbers_of_a_fifth(sittings):
    found = report(sittings, changed(Oracle(), _larger))
    assert found["size_rel_median"]["overall"] == pytest.approx(0.2)
    assert found["mean_iou"]["overall"] == pytest.approx(1 / 1.2**3)
    assert found["acc50"]["overall"] == 1
    assert found["z_rel_median"]["overall"] == 0


def _larger(o):
    return replace(o, box=Box3D(o.box.center, o.box.size * 1.2, o.box.rotation))


def test_a_scene_seen_a_tenth_too_large(sittings):
    found = report(sittings, changed(Oracle(), lambda o: replace(o, box=o.box.scaled(1.1))))
    assert found["z_rel_median"]["overall"] == pytest.approx(0.1)
    assert found["size_rel_median"]["overall"] == pytest.approx(0.1)
    assert found["center_px_median"]["overall"] == pytest.approx(0, abs=1e-6)
    assert found["program_right"]["overall"] == 1
    assert found["answer_right"]["overall"] == 1  # what was written is still the truth
    assert found["chain_right"]["overall"] < 1  # but it does not follow from the boxes


def test_finding_nothing(sittings):
    def blank(sitting):
        return [Prediction(i.text, fault=f"{items.ABSENT}: nothing") for i in sitting.items]

    found = report(sittings, blank)
    zero = ("acc25", "mean_iou", "f1_25", "recall_25", "answer_right", "joint", "answered")
    assert {found[k]["overall"] for k in zero} == {0}
    assert found["absent_refused"]["overall"] == found["present_refused"]["overall"] == 1
    assert found["blame_grounding"]["overall"] == 1
    assert found["precision_25"]["overall"] is found["ece"]["overall"] is None
    assert found["faults"]["overall"] == 0  # a refusal is an answer


def test_crashing_is_not_refusing(sittings):
    def broken(sitting):
        return [Prediction(i.text, fault="truncated: no end") for i in sitting.items]

    found = report(sittings, broken)
    assert found["absent_refused"]["overall"] == 0
    assert found["blame_format"]["overall"] == 1
    total = sum(len(s.items) for s in sittings)
    assert found["faults"] == {"overall": total, "by_kind": {"truncated": total}}


def test_a_superfluous_box_costs_precision_and_confidence(sittings):
    def generous(sitting):
        far = replace(sitting.items[0].true[0], box=Box3D([50.0, 0, 90], [1, 1, 1]), score=0.4)
        return [
            replace(p, objects=(*p.objects, far)) if i.request == "detect" else p
            for i, p in zip(sitting.items, Oracle()(sitting))
        ]

    found = report(sittings, generous)
    count = sum(len(s.items[0].true) for s in sittings)
    wanted = count / (count + len(sittings))
    assert found["precision_25"]["overall"] == pytest.approx(wanted)
    assert found["recall_25"]["overall"] == 1
    assert found["f1_25"]["overall"] == pytest.approx(2 * wanted / (1 + wanted))
    share = len(sittings) / (count + len(sittings))
    assert found["ece"]["by_kind"]["detect"] == pytest.approx(0.4 * share)


def test_intervals_cover_what_they_say_when_boxes_are_as_noisy_as_they_say(sittings):
    asked = [replace(s, items=tuple(i for i in s.items if i.qa is not None)) for s in sittings]
    tally = Tally()
    for seed in range(8):
        oracle = Oracle(Noise(center=0.02, size=0.1, yaw=0.05), seed)
        for sitting in asked:
            for item, found in zip(sitting.items, oracle(sitting), strict=True):
                tally.add(item, found, sitting.view.camera, sitting.view.up)
    found = tally.report()
    assert found["program_right"]["overall"] > 0.97
    assert 0.8 <= found["coverage_90"]["overall"] <= 1.0
    assert 0 < found["answer_right"]["overall"] < 1
    assert found["blame_program"]["overall"] + found["blame_format"]["overall"] < 0.03
    assert found["ece_answers"]["overall"] < 0.3
