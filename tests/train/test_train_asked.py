"""Lifted, asked, trained: a data set of questions becomes exercises and a run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import train_samples as tiny

from n3d import reason
from n3d.errors import ConfigError
from n3d.language import dialogues
from n3d.pipelines import asking, lifting, rooms
from n3d.reason import ops
from n3d.scene import Quantity, Trace, shards
from n3d.synthetic import split_seed
from n3d.train import asked, launching, making, recipes
from n3d.train.asked import Asked
from n3d.train.making import Part

SEEDS = [split_seed("train", i) for i in range(3)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Asked:
    folder = tmp_path_factory.mktemp("asked")
    paths = rooms.write(SEEDS, folder / "rooms")
    scenes, questions = folder / "scenes", folder / "questions"
    lifting.lift(
        "coco", paths["annotations"], paths["images"], depth=f"sensor:{paths['depth']}",
        out=scenes, progress=False,
    )  # fmt: skip
    asking.ask(scenes, questions, per_scene=12, progress=False)
    return Asked(str(questions), str(scenes), str(paths["images"]), f"sensor:{paths['depth']}")


def test_every_question_becomes_an_exercise_that_is_right(data):
    asked_for = {}
    for qa in shards.read(data.questions):
        asked_for.setdefault(qa.scene_id, []).append(qa)
    views = list(asked.views(data, 0, 9, 0.0))
    assert [i for i, *_ in views] == list(range(len(asked_for)))
    kinds = Counter()
    for (_, known, done), questions in zip(views, asked_for.values(), strict=True):
        assert len(done) == len(questions)
        assert known.view.depth is not None
        for e, qa in zip(done, questions, strict=True):
            kinds[e.kind] += 1
            read = dialogues.read(e.text, ops.SIGNATURES, known.setting)
            assert not read.objects.faults
            labels = [o.label for o in read.objects.items]
            assert labels == [known.objects[i].label for i in e.objects]
            assert sorted(labels) == sorted(qa.attributes["labels"])
            if qa.trace is None:
                assert not read.steps.items
                continue
            trace = Trace(read.steps.items)
            check, _ = reason.replay(trace, read.objects.items, up=known.setting.up)
            assert check.agrees
            assert e.request == dialogues.ask(qa.question)
            written, true = trace.answer, qa.answer.value
            if isinstance(written, Quantity) and written.unit == "m":
                assert abs(written.value - true.value) < 0.1 + 0.05 * abs(true.value)
            elif isinstance(written, bool | str):
                assert written == true
    assert {"detect", "locate", "several", "place", "absent"} <= set(kinds)


def test_without_depth_the_views_have_none(data):
    _, known, done = next(asked.views(replace(data, depth=""), 0, 1, 0.0))
    assert known.view.depth is None
    assert known.setting.scale is None
    assert done


def test_erring_boxes_are_in_the_context_alone(data):
    _, _, done = next(asked.views(data, 0, 1, 1.0))
    erring = [e for e in done if e.kind in reason.KINDS]
    assert erring
    assert not any(e.reply[0][1] for e in erring)


def test_a_recipe_names_the_questions_and_trains(data, tmp_path):
    part = Part("mine", 0, 3, per_shard=2, asked=data)
    plain = tiny.recipe(steps=1)
    stages = tuple(replace(s, parts=("mine",), views=1, steps=1) for s in plain.stages)
    validation = replace(plain.validation, part="mine")
    recipe = replace(plain, data=(part,), stages=stages, validation=validation)
    path = tmp_path / "recipe.json"
    path.write_text(recipes.write(recipe))
    assert recipes.read(path) == recipe
    run = tmp_path / "run"
    tiny.tokenizer().save_pretrained(run / "tokenizer")
    launching.launch(recipes.read(path), launching.Plan(run, tmp_path / "data"))
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all(np.isfinite(line["loss"]) for line in log)


def test_what_cannot_be_trained_on_is_told(data, tmp_path):
    with pytest.raises(ConfigError, match="50 to 52"):
        list(making.make(tmp_path, Part("mine", 50, 3, asked=data), tiny.EYES))
    with pytest.raises(ConfigError, match="images"):
        replace(data, images="")
