"""One command from a recipe to a model directory, in one process or several."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import train_samples as tiny
from safetensors.torch import load_file

from n3d.apps import cli
from n3d.errors import ConfigError
from n3d.train import building, checkpoints, launching, recipes, shards
from n3d.train.running import Slice


def written(folder: Path, **stage) -> Path:
    """A recipe file, and the tokenizer its run begins with."""
    path = folder / "recipe.json"
    path.write_text(recipes.write(tiny.recipe(**stage)))
    return path


def begun(run: Path) -> Path:
    tiny.tokenizer().save_pretrained(run / building.TOKENIZER)
    return run


def test_the_command_makes_data_trains_and_goes_on(tmp_path, capsys):
    recipe, run = written(tmp_path), begun(tmp_path / "run")
    for steps in ("1", "9"):
        with pytest.raises(SystemExit) as stop:
            cli.main(["train", str(recipe), "--run", str(run), "--steps", steps])
        assert not stop.value.code
    assert "tiny/000001" in capsys.readouterr().out
    home = checkpoints.latest(run)
    assert home is not None
    assert checkpoints.state(home)["step"] == 6
    assert len(shards.names(run / "data" / "tiny")) == 2


def test_data_alone_can_be_made(tmp_path):
    plan = launching.Plan(tmp_path / "run", tmp_path / "data", data_only=True)
    launching.launch(tiny.recipe(), plan)
    assert len(shards.names(tmp_path / "data" / "tiny")) == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--minutes", "--steps", "--workers"])
def test_a_wrong_option_is_a_sentence(tmp_path, option, capsys):
    recipe = written(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", str(recipe), "--run", str(tmp_path / "run"), option, "-1"])
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert option.removeprefix("--") in err
    assert "Traceback" not in err


def test_a_recipe_that_is_not_there_is_a_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", str(tmp_path / "none.json"), "--run", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "none.json" in capsys.readouterr().err


def test_a_slice_of_no_time_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="minutes"):
        launching.Plan(tmp_path, tmp_path, Slice(minutes=0))


def two_processes(recipe: Path, run: Path, data: Path, *more: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--",
               "n3d.apps.cli", "train", str(recipe), "--run", str(run), "--data", str(data),
               "--workers", "0", *more]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def last(run: Path):
    home = checkpoints.latest(run)
    assert home is not None
    return checkpoints.state(home), load_file(home / "weights.safetensors")


@pytest.mark.slow
def test_two_processes_train_as_one_that_accumulates(tmp_path):
    data = tiny.prepare(tmp_path / "data")
    dense = tiny.recipe().stages[0]
    for name, accumulate in (("one", 2), ("two", 1)):
        stage = replace(dense, steps=3, views=2, accumulate=accumulate)
        recipe = replace(tiny.recipe(), stages=(stage,))
        (tmp_path / f"{name}.json").write_text(recipes.write(recipe))
        begun(tmp_path / name)
    one = recipes.read(tmp_path / "one.json")
    launching.launch(one, launching.Plan(tmp_path / "one", data, workers=0))
    two_processes(tmp_path / "two.json", tmp_path / "two", data)
    (first, one_weights), (second, two_weights) = last(tmp_path / "one"), last(tmp_path / "two")
    assert first["views"] == second["views"] == 12
    for name, tensor in one_weights.items():
        torch.testing.assert_close(two_weights[name], tensor, atol=2e-4, rtol=1e-3, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [1, 2])
def test_two_processes_train_text_and_go_on(tmp_path, apart):
    """With further views beside the text, and with processes that meet every second step."""
    data = tiny.prepare(tmp_path / "data")
    recipe = tiny.recipe(more=2, apart=apart, steps=4)
    path = tmp_path / "recipe.json"
    path.write_text(recipes.write(recipe))
    for name in ("whole", "slices"):
        begun(tmp_path / name)
    two_processes(path, tmp_path / "whole", data)
    for _ in range(2):
        two_processes(path, tmp_path / "slices", data, "--steps", "3")
    (state, whole), (_, slices) = last(tmp_path / "whole"), last(tmp_path / "slices")
    assert state["step"] == 6
    assert all(torch.isfinite(t).all() for t in whole.values())
    if apart == 1:  # alone, each has moments of its own, of which one's are kept
        for name, tensor in whole.items():
            torch.testing.assert_close(slices[name], tensor, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.slow
def test_two_processes_share_a_network_and_one_goes_on_alone(tmp_path):
    """Sharded training equals copies; its checkpoint is whole, and so is what it exports."""
    import n3d

    data = tiny.prepare(tmp_path / "data")
    recipe = replace(
        tiny.recipe(more=2, steps=4),
        validation=recipes.Validation(every=3, views=4, decoded=1, part="tiny"),
    )
    for name, sharded in (("copies", False), ("shared", True)):
        backbone = replace(recipe.backbone, sharded=sharded)
        path = tmp_path / f"{name}.json"
        path.write_text(recipes.write(replace(recipe, backbone=backbone)))
        begun(tmp_path / name)
        two_processes(path, tmp_path / name, data, "--steps", "3")
        two_processes(path, tmp_path / name, data, "--steps", "1")
    (state, copies), (_, shared) = last(tmp_path / "copies"), last(tmp_path / "shared")
    assert state["step"] == 4
    for name, tensor in copies.items():
        torch.testing.assert_close(shared[name], tensor, atol=1e-4, rtol=1e-3, msg=name)
    log = (tmp_path / "shared" / "log.jsonl").read_text()
    assert "val/acc25" in log
    assert "decoding_failed" not in log
    alone = recipes.read(tmp_path / "shared.json")
    launching.launch(alone, launching.Plan(tmp_path / "shared", data, workers=0))
    state, _ = last(tmp_path / "shared")
    assert state["step"] == 6
    n3d.load(tmp_path / "shared" / "export")


def test_a_shared_network_does_not_go_apart(tmp_path):
    recipe = tiny.recipe(apart=3)
    recipe = replace(recipe, backbone=replace(recipe.backbone, sharded=True))
    with pytest.raises(ConfigError, match="apart"):
        launching.launch(recipe, launching.Plan(tmp_path / "run", tmp_path / "data"))
