"""Requests to locate: phrases mean what they are said to mean, absent things nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from n3d import reason
from n3d.errors import ConfigError, QuestionError
from n3d.reason import LOCATE_KINDS, balance, finding, gating, refer
from n3d.reason.labels import same_label
from n3d.scene import Ref, Region

NAMES = ("mug", "chair", "zebra", "kite", "tuba")
COLORS = ("red", "blue", "green")


def seen(scene, **changes):
    """The scene with a region for each object, as a lifted one has."""
    things = tuple(
        replace(o, region=Region(o.label, (10.0 * i, 5, 10.0 * i + 8, 20)))
        for i, o in enumerate(scene.objects)
    )
    return replace(scene, objects=things, **changes)


@pytest.fixture(scope="module")
def many(make_scene):
    scenes = {f"scene{s}": seen(make_scene(s, 4 + s % 9)) for s in range(40)}
    found = [
        qa
        for scene in scenes.values()
        for qa in reason.locate(scene, 12, names=NAMES, colors=COLORS, seed=2)
    ]
    return scenes, found


def test_every_kind_comes_and_says_what_it_wants(many):
    scenes, found = many
    assert {qa.kind for qa in found} == set(LOCATE_KINDS)
    for qa in found:
        scene = scenes[qa.scene_id]
        assert qa.trace is None
        assert qa.answer.value == tuple(Ref(i) for i in qa.objects)
        assert all(name in qa.question for name in qa.query.names)
        meant = [
            i
            for phrase in qa.query.names
            if qa.kind != "locate_absent"
            for i in refer.every(phrase, scene.objects, scene.up)
        ]
        if qa.query.names:
            assert tuple(meant) == qa.objects
        labels = [scene.objects[i].label for i in qa.objects]
        if qa.kind == "detect":
            assert sorted(qa.objects) == list(range(len(scene.objects)))
        elif qa.kind in ("locate_one", "locate_every"):
            assert (len(labels) == 1) == (qa.kind == "locate_one")
            assert all(same_label(x, labels[0]) for x in labels)
        elif qa.kind == "locate_place":
            (i,) = qa.objects
            assert tuple(qa.query.options["place"]) == scene.objects[i].region.rectangle
        elif qa.kind == "locate_absent":
            with pytest.raises(QuestionError) as e:
                refer.every(qa.query.names[0], scene.objects, scene.up)
            assert e.value.code == "object-absent"
            assert qa.answer.text == "none"


def test_requests_are_the_same_for_the_same_seed(make_scene):
    scene = seen(make_scene(4, 8))
    asked = [[q.question for q in reason.locate(scene, 6, seed=s)] for s in (1, 1, 2)]
    assert asked[0] == asked[1] != asked[2]
    assert len({q.id for q in reason.locate(scene, 6)}) == 6


def test_what_has_no_box_is_neither_asked_for_nor_denied(make_scene):
    for seed in range(12):
        scene = seen(make_scene(seed, 8))
        lost = scene.objects[0].label
        scene = replace(scene, boxless=(lost, "zebra"))
        asked = reason.locate(scene, 20, names=(lost, "zebra", "kite"), gate=reason.Gate())
        asked += reason.ask(scene, per_scene=20, gate=reason.Gate())
        assert asked
        for qa in asked:
            assert not any(same_label(scene.objects[i].label, lost) for i in qa.objects)
            assert qa.query.names not in (("zebra",), (lost,))
            assert "all" not in qa.query.options or qa.kind != "count"


def test_a_gate_keeps_objects_out_of_every_answer(make_scene):
    for seed in range(12):
        scene = seen(make_scene(seed, 8))
        dim = replace(scene.objects[2], quality={"score": 0.2})
        hidden = replace(scene.objects[5], visibility=0.1)
        things = list(scene.objects)
        things[2], things[5] = dim, hidden
        scene = replace(scene, objects=tuple(things))
        gate = reason.Gate(0.5, 0.3)
        assert gate.fit(scene) == (0, 1, 3, 4, 6, 7)
        for qa in reason.ask(scene, per_scene=20, gate=gate) + reason.locate(scene, 20, gate=gate):
            assert not {2, 5} & set(qa.objects), qa.question
            if qa.trace is not None:  # what is asked means the same among all that is there
                assert reason.bind(qa.query, scene.objects, scene.up) == qa.trace


def test_a_gate_has_limits():
    with pytest.raises(ConfigError, match="visibility"):
        reason.Gate(0.5, 1.5)


def test_rare_classes_and_lonely_distances_are_drawn_more_often(make_object, make_scene):
    things = (
        *(make_object("chair", (x, 0, 2.2)) for x in (-1, 0, 1)),
        make_object("tuba", (0, 0, 2.5)),
        make_object("chair", (0, 0, 6.0)),
    )
    scene = replace(make_scene(0, 0), objects=things)
    drawn = gating.weights(scene, {"chair": 100, "tuba": 1})
    assert drawn[3] == pytest.approx(10 * drawn[0])
    assert drawn[4] == pytest.approx(4 * drawn[0])
    counts = Counter(
        qa.objects[0]
        for seed in range(60)
        for qa in reason.ask(
            scene, kinds=["camera_distance"], per_scene=1, seed=seed,
            frequency={"chair": 100, "tuba": 1},
        )
    )  # fmt: skip
    assert counts[3] > 2 * max(counts[i] for i in (0, 1, 2))


def test_a_tally_counts_what_was_asked(many, make_scene):
    scenes, found = many
    tally = balance.Tally()
    for scene in scenes.values():
        found = [*found, *reason.ask(scene, per_scene=8)]
    for qa in found:
        tally.add(balance.noted(qa, scenes[qa.scene_id]))
    told = tally.to_json()
    for name in ("by_kind", "by_group", "by_objects", "by_view"):
        assert sum(told[name].values()) == len(found), name
    assert told["by_group"]["locate"] == sum(told["by_kind"][k] for k in LOCATE_KINDS)
    assert sum(told["by_distance"].values()) == sum(len(qa.objects) for qa in found)
    assert told["by_view"]["opposite"] > 0
    assert {"1", "2", "3", "4 and more"} <= set(told["by_objects"])
    yes_or_no = Counter()
    for counts in told["answers"].values():
        if set(counts) == {"yes", "no"}:
            yes_or_no.update(counts)
    assert 0.4 < yes_or_no["yes"] / yes_or_no.total() < 0.6


def test_every_wording_takes_the_phrases():
    for kind in LOCATE_KINDS.values():
        assert len(set(kind.wordings)) >= 6
        assert {w.count("{}") for w in kind.wordings} <= {0, 1}
    assert np.all([w.count("{}") == 1 for w in finding.ONE + finding.EVERY + finding.QUOTED])


def test_answers_that_come_too_often_are_thinned_in_a_data_set(make_scene):
    counts: dict[bool, Counter] = {False: Counter(), True: Counter()}
    for seed in range(60):
        scene = make_scene(seed, 10)
        for known, found in counts.items():
            frequency = {"chair": 1} if known else None
            for qa in reason.ask(scene, kinds=["count", "between"], per_scene=4, seed=seed,
                                 frequency=frequency):  # fmt: skip
                value = qa.answer.value
                found[qa.kind, value if qa.kind == "between" else value.value > 1] += 1
    for kind, least in (("count", 0.3), ("between", 0.35)):
        plain, thinned = (c[kind, True] / (c[kind, True] + c[kind, False]) for c in counts.values())
        assert thinned > max(plain, least)
