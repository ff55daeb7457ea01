"""From a recipe to a run: data, processes, training."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from n3d.errors import ConfigError
from n3d.train import making, recipes, running, shards
from n3d.train.recipes import Recipe
from n3d.train.running import Slice, Trainer

FIRST = 4
"""Shards of each part that a run waits for when data is made alongside."""


@dataclass(frozen=True)
class Plan:
    """How a recipe is carried out.

    `workers` processes make data that is missing: all of it before training, or `alongside`
    it. A run whose data is made alongside depends on the clock; else it depends on the recipe.
    """

    run: Path
    data: Path
    slice: Slice = field(default_factory=Slice)
    workers: int = 1
    alongside: bool = False
    data_only: bool = False

    def __post_init__(self) -> None:
        for name, value in (("minutes", self.slice.minutes), ("steps", self.slice.steps)):
            if value is not None and value <= 0:
                raise ConfigError(f"is {value}", code="config-value", field=name, limit="above 0")
        if self.workers < 0:
            raise ConfigError(
                f"is {self.workers}", code="config-value", field="workers", limit="0 or more"
            )


def launch(recipe: Recipe, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
    """Make the data that is missing and train for a slice.

    Under `accelerate launch` or `torchrun` every process trains on its share of the batches.
    """
    running.check(recipe)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    first = int(os.environ.get("RANK", "0")) == 0
    if first and plan.workers and not plan.alongside:
        make(recipe, plan, say)
    if plan.data_only:
        return
    maker = None
    if first and plan.workers and plan.alongside:
        context = multiprocessing.get_context("spawn")
        # Not a daemon: it has workers of its own.
        maker = context.Process(target=make, args=(recipe, plan))
        maker.start()
    try:
        _wait(recipe, plan.data, processes > 1 or maker is not None)
        Trainer(recipe, plan.run, plan.data, _accelerator(processes)).train(plan.slice)
    finally:
        if maker is not None:
            maker.terminate()
            maker.join()


def make(recipe: Recipe, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
    """Make the missing data of a recipe; that of its validation comes first."""
    parts = sorted(recipe.data, key=lambda p: p.name != recipe.validation.part)
    for part in parts:
        for name in making.make(plan.data, part, recipe.backbone.eyes, plan.workers):
            say(name)


def _wait(recipe: Recipe, data: Path, wait: bool) -> None:
    """Until there is a little of every part that is trained on."""
    needed = {name for stage in recipe.stages[:1] for name in stage.parts}
    while wait and any(
        len(shards.names(data / name)) < min(FIRST, recipe.part(name).shards) for name in needed
    ):
        time.sleep(2)


def _accelerator(processes: int):
    if processes == 1:
        return None
    import torch
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[unused])


def read(path: Path) -> Recipe:
    """The recipe of a file (`recipes.read`)."""
    return recipes.read(path)
