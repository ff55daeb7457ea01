"""A benchmark out of scenes: chosen, counted, and not to be answered from the words alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import room_samples as rooms
from n3d import engine, reason, synthetic
from n3d.errors import ConfigError
from n3d.pipelines import benchmarking
from n3d.scene import Provenance, asked, manifests, shards
from n3d.synthetic import SceneConfig, split_seed

CONFIG = SceneConfig(width=64, height=48)


def render(index: int):
    made = synthetic.make(split_seed("test", index), CONFIG)
    return replace(made.scene, objects=tuple(replace(o, region=None) for o in made.targets))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "scenes"
    engine.run(engine.each(render), engine.Items(range(60), 20), out, kind="scene", progress=False)
    return out


def test_a_benchmark_is_chosen_and_told(scenes, tmp_path):
    told = benchmarking.build(scenes, tmp_path / "b", questions=88, progress=False)
    found = list(asked.together(tmp_path / "b", scenes))
    questions = [qa for _, some in found for qa in some]
    assert told["questions"] == len(questions) == 88
    assert told == json.loads((tmp_path / "b/benchmark.json").read_text())
    assert told["truth"] == {"annotated": 88}
    assert max(len(some) for _, some in found) <= 4
    for group in told["groups"].values():
        assert group["kept"] == group["wanted"]
    open_ones = [g for g in told["groups"].values() if not g["numeric"]]
    for key in ("blind_usual", "blind_classes"):
        mean = sum(g[key] * g["kept"] for g in open_ones) / sum(g["kept"] for g in open_ones)
        chance = sum(g["chance"] * g["kept"] for g in open_ones) / sum(g["kept"] for g in open_ones)
        assert mean < chance + 0.12, key
    balance = told["balance"]
    assert balance["by_view"]["opposite"] > 0
    assert {"1", "2", "3"} <= set(balance["by_objects"])
    for scene, some in found:
        for qa in some:
            assert reason.replay(qa.program, scene.objects, up=scene.up)[0].agrees
            assert qa.attributes["truth"] == "annotated"
    assert shards.verify(tmp_path / "b").kept == 88


def test_a_benchmark_is_the_same_again_and_by_any_workers(scenes, tmp_path):
    for name, workers in (("a", 1), ("b", 2)):
        benchmarking.build(scenes, tmp_path / name, questions=33, workers=workers, progress=False)
    assert rooms.tree(tmp_path / "a") == rooms.tree(tmp_path / "b")


def test_predicted_truth_is_refused_unless_it_is_asked_for(tmp_path):
    lifted = rooms.lifted()["scenes"]
    told = benchmarking.build(lifted, tmp_path / "sensor", questions=11, progress=False)
    assert set(told["truth"]) == {"sensor"}

    def predicted(scene):
        return replace(scene, provenance=Provenance("given", "predicted:m"))

    scenes = tmp_path / "predicted"
    engine.run(engine.each(predicted), engine.Folder(lifted), scenes, kind="scene", progress=False)
    none = benchmarking.build(scenes, tmp_path / "none", questions=11, progress=False)
    assert none["questions"] == 0
    assert manifests.read(tmp_path / "none.pool").by_reason == {"truth-predicted": 4}
    some = benchmarking.build(scenes, tmp_path / "any", questions=11, truth="any", progress=False)
    assert set(some["truth"]) == {"self-agreement"}


@pytest.mark.parametrize("options", [{"truth": "lies"}, {"questions": 3}, {"per_scene": 0}])
def test_options_have_limits(scenes, tmp_path, options):
    with pytest.raises(ConfigError) as e:
        benchmarking.build(scenes, tmp_path / "b", progress=False, **options)
    assert e.value.field in options
    assert not list(tmp_path.iterdir())
