"""Runs: slices add up, checkpoints are whole or not there, recipes are checked, exports load."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import train_samples as tiny
from safetensors.torch import load_file

from n3d import model
from n3d.errors import ConfigError, InputError
from n3d.train import building, checkpoints, logs, optimizing, plots, recipes, running, validating
from n3d.train.recipes import Backbone, Recipe, Stage
from n3d.train.running import Slice, Trainer

RUNS = Path(__file__).parents[2] / "runs"


@pytest.fixture
def data(tmp_path) -> Path:
    return tiny.prepare(tmp_path / "data")


def trainer(recipe: Recipe, run: Path, data: Path) -> Trainer:
    home = run / building.TOKENIZER
    if not home.exists():
        tiny.tokenizer().save_pretrained(home)
    return Trainer(recipe, run, data)


def weights(run: Path) -> dict[str, torch.Tensor]:
    home = checkpoints.latest(run)
    assert home is not None
    return load_file(home / "weights.safetensors")


def test_slices_add_up_to_the_same_run(tmp_path, data):
    recipe = tiny.recipe(more=2)
    trainer(recipe, tmp_path / "one", data).train(Slice())
    for steps in (1, 2, 1, 5):  # within a stage, across its end, to the end
        trainer(recipe, tmp_path / "many", data).train(Slice(steps=steps))
    one, many = weights(tmp_path / "one"), weights(tmp_path / "many")
    assert one.keys() == many.keys()
    assert all(torch.equal(one[k], many[k]) for k in one)
    last = checkpoints.latest(tmp_path / "many")
    assert last is not None
    assert checkpoints.state(last)["step"] == 6


def test_a_rate_that_the_recipe_changes_holds_from_then_on(tmp_path, data):
    recipe = tiny.recipe()
    trainer(recipe, tmp_path / "run", data).train(Slice(steps=1))
    stage = recipe.stages[0]
    still = replace(stage, rate=0.0, weight_decay=0.0)
    before = weights(tmp_path / "run")
    changed = replace(recipe, stages=(still, *recipe.stages[1:]))
    trainer(changed, tmp_path / "run", data).train(Slice(steps=1))
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_a_run_that_is_over_stays_as_it_is(tmp_path, data):
    recipe = tiny.recipe()
    trainer(recipe, tmp_path / "run", data).train(Slice())
    before = weights(tmp_path / "run")
    trainer(recipe, tmp_path / "run", data).train(Slice())
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_accumulated_batches_and_half_precision_train(tmp_path, data):
    recipe = tiny.recipe(accumulate=2, steps=2)
    recipe = replace(recipe, backbone=replace(recipe.backbone, precision="bfloat16"))
    before = building.build(recipe, _with_tokenizer(tmp_path / "run"))[0].state_dict()
    trainer(recipe, tmp_path / "run", data).train(Slice())
    after = weights(tmp_path / "run")
    assert any(not torch.equal(before[k.removeprefix("network.")], after[k])
               for k in after if k.startswith("network."))  # fmt: skip
    lines = list(logs.read(tmp_path / "run"))
    assert [x["views"] for x in lines] == [6, 14]
    assert {"structure", "uv", "z", "size"} <= lines[-1].keys()
    assert "filled" not in lines[0]  # no text yet
    assert 0.5 < lines[-1]["filled"] <= 1


def _with_tokenizer(run: Path) -> Path:
    tiny.tokenizer().save_pretrained(run / building.TOKENIZER)
    return run


def test_gradient_checkpointing_changes_no_gradient(tmp_path):
    plain = tiny.recipe()
    saving = replace(plain, backbone=replace(plain.backbone, checkpointing=True))
    import numpy as np

    from n3d.train import batches
    from n3d.train.encoding import Coder
    from n3d.train.numbers import Smoothing

    grads = []
    samples = list(tiny.samples()[:2])
    for recipe in (plain, saving):
        network, processor = building.build(recipe, _with_tokenizer(tmp_path))
        made = building.student(recipe, network, processor, recipe.stages[1].weights).train()
        coder = Coder(processor.tokenizer)
        own = [[coder.branch(e) for e in s.exercises[:2]] for s in samples]
        text = batches.texts(samples, own, coder, 1, np.random.default_rng(0), Smoothing())
        made(batches.pictures(samples, tiny.EYES), text)[0].backward()
        grads.append({n: p.grad for n, p in made.named_parameters()})
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name])


def test_the_rate_rises_stays_and_falls():
    stage = Stage("s", 100, (), warmup=10, decay=20)
    found = [optimizing.rate(stage, k) for k in range(100)]
    assert found[0] == pytest.approx(0.1)
    assert found[9:80] == [1.0] * 71
    assert all(a > b for a, b in pairwise(found[80:]))
    assert 0 < found[-1] < 0.1


def test_a_checkpoint_that_is_cut_is_not_taken(tmp_path, data):
    run = tmp_path / "run"
    recipe = tiny.recipe()
    trainer(recipe, run, data).train(Slice(steps=1))
    home = checkpoints.latest(run)
    part = run / ".step-0000009.1"
    part.mkdir()
    (part / "weights.safetensors").write_bytes(b"cut")
    assert checkpoints.latest(run) == home
    (home / "state.json").unlink()
    with pytest.raises(InputError, match="is not there"):
        checkpoints.latest(run)


def test_a_checkpoint_of_another_network_is_refused(tmp_path, data):
    run = tmp_path / "run"
    recipe = tiny.recipe()
    trainer(recipe, run, data).train(Slice(steps=1))
    size = replace(tiny.SIZE, layers=3)
    other = replace(recipe, backbone=replace(recipe.backbone, size=size))
    with pytest.raises(InputError, match="another network"):
        trainer(other, run, data)


def test_validation_counts_and_the_plot_is_drawn(tmp_path, data):
    run = tmp_path / "run"
    recipe = replace(
        tiny.recipe(),
        data=(tiny.PART, replace(tiny.PART, name="validation", split="validation")),
        validation=recipes.Validation(every=6, views=4, decoded=1, part="validation"),
    )
    (data / "validation").symlink_to(data / "tiny")
    trainer(recipe, run, data).train(Slice())
    found = [x for x in logs.read(run) if "val/loss" in x]
    assert {"val/acc25", "val/mean_iou", "val/f1_25", "val/dense_z"} <= found[-1].keys()
    assert (run / "log.png").read_bytes().startswith(b"\x89PNG")
    assert model.load(run / "best").network.dtype == torch.float32


def test_scores_match_boxes_one_to_one():
    known = tiny.known(0)
    scores = validating._Scores()
    every = tuple(range(known.count))
    from n3d.train.exercises import Exercise

    scores.add(known, Exercise("detect", "", (), every), known.targets)
    scores.add(known, Exercise("locate", "", (), (0,)), known.targets[:1])
    scores.add(known, Exercise("locate", "", (), (0,)), ())
    scores.add(known, Exercise("absent", "", (), ()), ())
    scores.add(known, Exercise("absent", "", (), ()), known.targets[:1])
    found = scores.means()
    assert found["f1_25"] == 1
    assert found["acc50"] == 0.5
    assert found["absent_refused"] == 0.5


def test_an_export_loads_and_says_the_same(tmp_path):
    recipe = tiny.recipe()
    network, processor = building.build(recipe, _with_tokenizer(tmp_path))
    for _ in range(2):  # over an old one
        building.export(network, processor, tmp_path / "export")
    loaded = model.load(tmp_path / "export")
    for (name, a), b in zip(network.state_dict().items(), loaded.network.state_dict().values()):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=1e-3, msg=name)
    view = tiny.known(0).view
    assert isinstance(loaded.detect(view, most=2), list)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".export")]


def test_a_flat_convolution_is_the_convolution():
    network = tiny.network()
    conv = network.model.visual.patch_embed.proj
    x = torch.randn(5, *conv.weight.shape[1:])
    expected = conv(x)
    building.flatten(network)
    torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-4)


def test_a_network_that_was_trained_before_gets_tokens_and_adapters(tmp_path, data):
    network, processor = building.build(tiny.recipe(), _with_tokenizer(tmp_path / "first"))
    building.export(network, processor, tmp_path / "base")
    backbone = Backbone(str(tmp_path / "base"), eyes=tiny.EYES, lora_rank=2)
    recipe = replace(tiny.recipe(), backbone=backbone)
    made = Trainer(recipe, tmp_path / "run", data)
    trained = checkpoints.trained(made.student)
    assert any("lora_A" in n for n in trained)
    assert any("model.points." in n for n in trained)
    assert not any(n.endswith("q_proj.base_layer.weight") for n in trained)
    made.train(Slice(steps=3))
    again = Trainer(recipe, tmp_path / "run", data)
    assert again.step == 3
    building.export(again.network, again.processor, tmp_path / "merged")
    assert model.load(tmp_path / "merged").network


# -- recipes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.json")), ids=lambda p: p.stem)
def test_the_recipes_of_the_project_are_sound(path):
    recipe = recipes.read(path)
    running.check(recipe)
    assert recipes.build(Recipe, json.loads(recipes.write(recipe))) == recipe


def test_a_recipe_is_read_back_as_it_was():
    recipe = tiny.recipe(kinds={"detect": 2.0})
    assert recipes.build(Recipe, json.loads(recipes.write(recipe))) == recipe
    assert asdict(recipe)["stages"][1]["kinds"] == {"detect": 2.0}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sed": 1}, "sed"),
        ({"seed": "1"}, "seed"),
        ({"stages": [{"name": "a", "steps": 1, "parts": ["b"]}]}, "stages.a"),
        ({"data": [{"name": "a", "first": 0}]}, "data"),
        ({"backbone": {"precision": "int3"}}, "precision"),
        ({"stages": [{"name": "a", "steps": 1.5, "parts": []}]}, "steps"),
    ],
)
def test_a_wrong_recipe_names_its_field(tmp_path, change, field):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"name": "r", "data": [], "stages": []} | change))
    with pytest.raises(ConfigError, match=field):
        recipes.read(path)


def test_a_file_that_is_no_recipe_is_refused(tmp_path):
    path = tmp_path / "r.json"
    with pytest.raises(InputError, match="does not exist"):
        recipes.read(path)
    path.write_text("{")
    with pytest.raises(InputError, match="JSON"):
        recipes.read(path)


def test_a_plot_of_nothing_is_a_plot(tmp_path):
    plots.draw([], tmp_path / "p.png")
    plots.draw([{"views": 1, "loss": 2.0}, {"views": 2, "loss": 1.0}], tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 1000


def test_memory_by_formula():
    from n3d.train import budgets

    def of(shape, name, **options):
        recipe = recipes.read(RUNS / f"{name}.json")
        return budgets.memory(shape, recipe, recipe.stages[1], picture_tokens=400, **options)

    assert budgets.QWEN25_3B.parameters == pytest.approx(3.75e9, rel=0.02)
    assert budgets.QWEN25_7B.parameters == pytest.approx(8.29e9, rel=0.02)
    assert of(budgets.QWEN25_3B, "qwen2.5-vl-3b-lora").total < 24
    assert of(budgets.QWEN25_7B, "qwen2.5-vl-7b-lora").total < 48
    whole = of(budgets.QWEN25_3B, "qwen2.5-vl-3b")
    assert whole.total < 80
    assert of(budgets.QWEN25_7B, "qwen2.5-vl-7b").total > 80
    assert of(budgets.QWEN25_7B, "qwen2.5-vl-7b", devices=8).total < 40
    shared = of(budgets.QWEN25_3B, "qwen2.5-vl-3b", devices=8)
    assert shared.weights == pytest.approx(whole.weights / 8)
