"""Asking: sound, balanced, seeded, and read back by `understand`."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from n3d import reason
from n3d.errors import ConfigError
from n3d.language import traces
from n3d.reason import KINDS, asking, ops, replay, understand
from n3d.scene import Provenance, Quantity


@pytest.fixture(scope="module")
def many(make_scene):
    return [qa for s in range(25) for qa in reason.ask(make_scene(s), per_scene=16, seed=3)]


def test_questions_are_read_back_to_the_same_answer(make_scene, many):
    scenes = {f"scene{s}": make_scene(s) for s in range(25)}
    assert len(many) > 300
    for qa in many:
        scene = scenes[qa.scene_id]
        query = understand(qa.question)
        assert query.kind == qa.kind
        assert reason.bind(query, scene.objects, scene.up) == qa.trace
        trace, answer = reason.answer(query, scene.objects, up=scene.up)
        assert trace == qa.trace
        assert answer.text == qa.answer.text


def test_traces_replay_as_made_and_as_written(make_scene, many):
    scenes = {f"scene{s}": make_scene(s) for s in range(25)}
    for qa in many:
        scene = scenes[qa.scene_id]
        assert replay(qa.trace, scene.objects, up=scene.up)[0].agrees
        text = traces.write(qa.trace)
        read = traces.read(text, ops.SIGNATURES, n_objects=len(scene.objects))
        assert replay(read, scene.objects, up=scene.up)[0].agrees, text
        touched = set(qa.objects)
        assert touched <= set(range(len(scene.objects)))


def test_almost_nothing_is_proposed_in_vain(make_scene, monkeypatch):
    """A phrasing that does not lead back is dropped: count how many are."""
    made = Counter()
    original = asking.worded_question

    def counted(kind, *rest, **named):
        qa = original(kind, *rest, **named)
        made[kind.name, qa is not None] += 1
        return qa

    monkeypatch.setattr(asking, "worded_question", counted)
    for seed in range(25):
        reason.ask(make_scene(seed), per_scene=16, seed=8)
    lost = {k: n for (k, kept), n in made.items() if not kept}
    assert sum(lost.values()) <= 0.01 * sum(made.values()), lost


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_phrasing_of_every_kind_is_read_back(kind, make_scene):
    """Each asked pattern in turn, on scenes that allow the kind."""
    rng = np.random.default_rng(0)
    patterns = KINDS[kind].asking
    assert len(patterns) >= 6
    done = set()
    scenes = [make_scene(s, 9) for s in range(12)]
    if kind in ("on", "touching"):
        scenes = [stacked(s) for s in scenes]
    for scene in scenes:
        stage = asking.Stage(scene.objects, scene.up, 0.1)
        for i, template in enumerate(patterns):
            if i in done:
                continue
            for _ in range(6):
                proposal = KINDS[kind].propose(stage, rng)
                if proposal is None or not template.can_say(proposal.options):
                    continue
                qa = asking.worded_question(
                    KINDS[kind], template, proposal, stage, scene, rng, numbered=False
                )
                if qa is not None:
                    done.add(i)
                    break
    assert done == set(range(len(patterns)))


def stacked(scene):
    """The scene with its second object put on its first."""
    from dataclasses import replace

    from n3d.geometry import Box3D

    first, second, *rest = scene.objects
    up = np.array([0, -1.0, 0])
    base = Box3D(first.box.center, first.box.size)
    height = (base.size[1] + second.box.size[1]) / 2
    on_top = Box3D(base.center + up * height, second.box.size)
    objects = (replace(first, box=base), replace(second, box=on_top), *rest)
    return replace(scene, objects=objects, up=up)


def test_answers_are_balanced(make_scene):
    yes, place = Counter(), Counter()
    words = (
        "choice",
        "_right",
        "_behind",
        "_below",
        "_thin",
        "_short",
        "_small",
        "closer",
        "farther",
    )
    kinds = [k for k in KINDS if any(w in k for w in words)]
    for seed in range(40):
        for qa in reason.ask(make_scene(seed, 8), kinds=kinds, per_scene=24, seed=1):
            if isinstance(qa.trace.answer, bool):
                yes[qa.trace.answer] += 1
            elif "choice" in qa.kind and len(qa.query.names) == 2:
                chosen = qa.trace.steps[0].args[0] == qa.trace.answer
                place[chosen] += 1
    for counts in (yes, place):
        share = counts[True] / counts.total()
        assert counts.total() > 200
        assert 0.42 < share < 0.58


def test_kinds_come_alike_often(many):
    counts = Counter(qa.kind for qa in many)
    rare = {"on", "touching"}
    common = [counts[k] for k in KINDS if k not in rare]
    assert min(common) >= 1
    assert max(common) <= 4 * np.median(common)


def test_the_eleven_groups_of_the_benchmark_are_there():
    groups = {k.group for k in KINDS.values()}
    assert {
        "left/right", "front/behind", "wide/thin", "tall/short", "big/small", "relative distance",
        "depth", "width/height", "distance", "vertical/horizontal distance", "direction",
    } <= groups  # fmt: skip


def test_same_seed_same_questions(make_scene):
    scene = make_scene(4, 8)
    first = reason.ask(scene, seed=5)
    assert [q.question for q in first] == [q.question for q in reason.ask(scene, seed=5)]
    assert [q.question for q in first] != [q.question for q in reason.ask(scene, seed=6)]
    assert len({q.id for q in first}) == len(first) == 6
    assert len({q.question for q in first}) == 6


def test_kinds_can_be_chosen_by_name_or_group(make_scene):
    scene = make_scene(4, 8)
    found = reason.ask(scene, kinds=["count", "left/right"], per_scene=12)
    assert {q.kind for q in found} <= {
        "count", "left_right", "left_right_choice"
    }  # fmt: skip
    with pytest.raises(ConfigError, match="unknown kind"):
        reason.ask(scene, kinds="colour")


def test_compared_things_differ_by_the_margin(make_scene):
    for seed in range(20):
        for qa in reason.ask(make_scene(seed, 8), kinds=["tall/short"], per_scene=6, margin=0.2):
            values = sorted(s.out.value for s in qa.trace.steps if isinstance(s.out, Quantity))
            assert all(b >= a / 0.8 - 1e-9 for a, b in pairwise(values))


def test_numbered_names(make_scene):
    found = reason.ask(make_scene(4, 8), per_scene=8, numbered=1.0, kinds=["distance", "clock"])
    assert found
    for qa in found:
        assert "_" in qa.question
        assert qa.query.names[0].split("_")[0].isdigit()


def test_scenes_without_unit_gravity_or_objects(make_scene):
    scene = make_scene(4, 8, up=None, provenance=Provenance(metric=False))
    found = reason.ask(scene, per_scene=30)
    assert found
    for qa in found:
        answer = qa.trace.answer
        assert not (isinstance(answer, Quantity) and answer.unit in ("m", "m2", "m3"))
    assert reason.ask(make_scene(4, 0)) == []
    assert all(q.kind for q in reason.ask(make_scene(4, 1)))
