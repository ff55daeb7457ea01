"""Training on annotated pictures: 2D annotations with depth become exercises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import train_samples as tiny
from PIL import Image

from n3d import reason
from n3d.errors import ConfigError
from n3d.language import dialogues
from n3d.pipelines import rooms
from n3d.reason import labels, ops
from n3d.scene import Trace
from n3d.synthetic import SceneConfig, make, split_seed
from n3d.train import annotated, launching, making, recipes, shards
from n3d.train.annotated import Annotated
from n3d.train.making import Part

SEEDS = [split_seed("train", i) for i in range(3)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Annotated:
    paths = rooms.write(SEEDS, tmp_path_factory.mktemp("rooms"))
    return Annotated(
        str(paths["annotations"]), str(paths["images"]), f"sensor:{paths['depth']}", least=0.3
    )


def test_boxes_are_lifted_and_told_from_left_to_right(data):
    found = list(annotated.knowns(data, 0, 9))
    assert [i for i, _ in found] == [0, 1, 2]
    near = []
    for (_, known), seed in zip(found, SEEDS):
        truth = make(seed, SceneConfig(width=rooms.SIZE[0], height=rooms.SIZE[1]))
        assert known.count >= 2
        u = [float(known.setting.camera.project(o.box.center)[0]) for o in known.targets]
        assert u == sorted(u)
        for o, text in zip(known.targets, known.bodies):
            assert text.startswith(o.label)
            same = [t for t in truth.scene.objects if t.label == o.label]
            near.append(min(np.linalg.norm(t.box.center - o.box.center) for t in same))
        for i, o in enumerate(known.objects):
            if o.region is not None and o.region.mask is not None and (known.ids == i).any():
                assert o.region.mask[known.ids == i].all()
    assert np.median(near) < 0.15
    assert found[0][1].names == annotated.vocabulary(data)


def test_shards_that_follow_one_another_read_the_file_once(data, monkeypatch):
    read, opened = annotated.sources.coco.read, []

    def counted(*args, **options):
        opened.append(args[0])
        return read(*args, **options)

    annotated.vocabulary(data)
    annotated._open.clear()
    monkeypatch.setattr(annotated.sources.coco, "read", counted)
    parts = [[i for i, _ in annotated.knowns(data, a, b)] for a, b in ((0, 1), (1, 2), (2, 3))]
    assert parts == [[0], [1], [2]]
    assert len(opened) == 1
    assert [i for i, _ in annotated.knowns(data, 1, 2)] == [1]  # back: from the beginning
    assert len(opened) == 2


def test_exercises_are_about_what_is_there(data):
    part = Part("mine", 0, 3, annotated=data, exercises=tiny.MIX)
    samples = list(making.samples(part, tiny.EYES, range(3)))
    assert len(samples) == 3
    kinds = set()
    for sample, (_, known) in zip(samples, annotated.knowns(data, 0, 3)):
        assert sample.opening == dialogues.opening(known.setting)
        for e in sample.exercises:
            kinds.add(e.kind)
            read = dialogues.read(e.text, ops.SIGNATURES, known.setting)
            assert not read.objects.faults
            for i, o in zip(e.objects, read.objects.items):
                assert o.label == known.objects[i].label
            if e.kind == "absent":
                assert not any(labels.match(o.label, e.request) for o in known.objects)
            if read.steps.items:
                trace = Trace(read.steps.items)
                check, _ = reason.replay(trace, read.objects.items, up=known.setting.up)
                assert check.agrees
    assert {"detect", "locate", "absent"} <= kinds
    assert len(kinds) > 4


def test_what_has_no_box_is_neither_asked_for_nor_denied(data, tmp_path):
    """A label whose region holds no depth."""
    told = json.loads(Path(data.annotations).read_text())
    first = [a for a in told["annotations"] if a["image_id"] == 1]
    names = {c["id"]: c["name"] for c in told["categories"]}
    lost = names[first[0]["category_id"]]
    depth = tmp_path / "depth"
    depth.mkdir()
    for file in Path(data.depth.removeprefix("sensor:")).iterdir():
        pixels = np.array(Image.open(file))
        if file.stem == "room_1":
            x, y, w, h = (int(v) for v in first[0]["bbox"])
            pixels[max(y - 2, 0) : y + h + 2, max(x - 2, 0) : x + w + 2] = 0
        Image.fromarray(pixels).save(depth / file.name)
    known = next(k for _, k in annotated.knowns(replace(data, depth=f"sensor:{depth}"), 0, 1))
    assert lost in known.boxless
    assert lost not in [o.label for o in known.targets]
    known = replace(known, names=(lost,))
    rng = np.random.default_rng(0)
    done = [e for _ in range(20) for e in making.exercises.draw(known, rng, tiny.MIX)]
    assert not [e for e in done if e.kind in ("locate", "several", "absent") and lost in e.request]


def test_a_recipe_names_the_data_and_trains(data, tmp_path):
    part = Part("mine", 0, 3, per_shard=2, annotated=data, exercises=tiny.MIX)
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
    assert shards.names(tmp_path / "data" / "mine") == ["000000", "000001"]


def test_unknown_labels_teach_no_category(data):
    known = next(k for _, k in annotated.knowns(data, 0, 1))
    odd = replace(known, objects=tuple(replace(o, label="gizmo") for o in known.objects))
    found = making.targets.of(odd, 6, 8)
    assert (found.kinds == -1).all()
    assert (making.targets.of(known, 6, 8).kinds[:, 0] >= 0).all()


def test_pictures_that_are_not_there_are_told(data, tmp_path):
    part = Part("mine", 50, 3, annotated=data)
    with pytest.raises(ConfigError, match="50 to 52"):
        list(making.make(tmp_path, part, tiny.EYES))
    for wrong in ({"source": "lvis"}, {"least": 2}):
        with pytest.raises(ConfigError):
            replace(data, **wrong)
