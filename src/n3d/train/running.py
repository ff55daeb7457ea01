"""The training loop: slices of any length add up to the same run."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from n3d.errors import ConfigError
from n3d.train import (
    batches,
    building,
    checkpoints,
    logs,
    objectives,
    optimizing,
    plots,
    recipes,
    sharding,
    validating,
)
from n3d.train.encoding import Coder
from n3d.train.feeding import Feeder, Place
from n3d.train.logs import Tally
from n3d.train.recipes import Recipe, Stage


@dataclass(frozen=True)
class Slice:
    """How far to go now: until a time is over, a number of steps is done, or the end."""

    minutes: float | None = None
    steps: int | None = None
    threads: int = 1


class Trainer:
    """A run in its folder: `data` holds the shards, `run` everything else."""

    def __init__(self, recipe: Recipe, run: Path, data: Path, accelerator: Any = None) -> None:
        self.recipe, self.run, self.data = recipe, run, data
        self.accelerator = accelerator
        self.rank = 0 if accelerator is None else accelerator.process_index
        self.ranks = 1 if accelerator is None else accelerator.num_processes
        run.mkdir(parents=True, exist_ok=True)
        self.network, self.processor = building.build(recipe, run)
        self.coder = Coder(self.processor.tokenizer)
        weights = recipe.stages[0].weights
        self.student = building.student(recipe, self.network, self.processor, weights)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.sharded = recipe.backbone.sharded and accelerator is not None
        if self.sharded:
            sharding.shard(self.student, device)
        else:
            self.student.to(device)
        self.step, self.stage, self.within = 0, 0, 0
        self.views, self.best = 0, -1.0
        home = checkpoints.latest(run)
        self.state = None if home is None else checkpoints.state(home)
        if self.state is not None:
            self.step, self.stage = self.state["step"], self.state["stage"]
            self.within, self.views = self.state["within"], self.state["views"]
            self.best = self.state["best"]
            checkpoints.restore(home, self.student, None)  # pyright: ignore
        self._stop = False

    @property
    def merge(self) -> int:
        """Patches to a token, each way."""
        return self.processor.image_processor.merge_size

    def train(self, slice_: Slice) -> None:
        """Train until the slice or the recipe is over; the state is saved at the end of it."""
        torch.set_num_threads(slice_.threads)
        end = None if slice_.minutes is None else time.monotonic() + 60 * slice_.minutes
        last = None if slice_.steps is None else self.step + slice_.steps
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        while self.stage < len(self.recipe.stages):
            if not self._stage(self.recipe.stages[self.stage], end, last):
                return
            self.stage, self.within, self.state = self.stage + 1, 0, None

    def _ask_to_stop(self, *_: Any) -> None:
        self._stop = True

    def _stage(self, stage: Stage, end: float | None, last: int | None) -> bool:
        """Train a stage; whether it came to its end."""
        self.student.reweigh(stage.weights)
        opt = optimizing.optimizer(self.student, stage)
        places = self._resume(opt)
        model = self.student
        if self.accelerator is not None and not self.sharded:
            model, opt = self.accelerator.prepare(self.student, opt)
        feeders = [self._feeder(s, k, places[k]) for k, s in enumerate((stage, _dense(stage)))]
        tally = Tally()
        while self.within < stage.steps:
            self._take_step(model, opt, stage, feeders, tally)
            every = self.recipe.validation.every
            done = self.within == stage.steps
            over = self._is_over(end, last)
            if self.within % 20 == 0 or done or over:
                self._log(stage, tally)
                tally = Tally()
            if self.step % self.recipe.keep == 0 or done or over:
                if stage.apart > 1:
                    self._average()  # what is kept is what all of them go on from
                self._save(opt, feeders, done)
            if every and (self.step % every == 0 or done):
                self._validate(stage)
            if over and not done:
                return False
            if over:
                self._stop = True
        return not self._stop

    def _resume(self, opt: torch.optim.Optimizer) -> list[Place]:
        """Where the stage is in its data; its optimiser as it was left."""
        if self.state is None or not self.within:
            return [Place(), Place()]
        home = checkpoints.latest(self.run)
        assert home is not None
        said = [{k: g[k] for k in ("base", "weight_decay")} for g in opt.param_groups]
        checkpoints.restore(home, self.student, opt)
        for group, mine in zip(opt.param_groups, said):
            group.update(mine)  # what the recipe says now holds from now on
        return [
            Place(p["round"], tuple(p["names"]), p["pool"], p["batch"])
            for p in self.state["places"]
        ]

    def _is_over(self, end: float | None, last: int | None) -> bool:
        """Whether the slice ends here: what one process finds holds for all."""
        over = self._stop or (end is not None and time.monotonic() >= end)
        over = over or (last is not None and self.step >= last)
        if self.accelerator is None:
            return over
        found = torch.tensor(float(over), device=self.accelerator.device)
        return bool(self.accelerator.reduce(found, "sum") > 0)

    def _feeder(self, stage: Stage, k: int, place: Place) -> Feeder:
        seed = self.recipe.seed + 1000 * k + self.stage
        coder = self.coder if stage.text else None
        eyes = self.recipe.backbone.eyes
        return Feeder(self.data, stage, coder, seed, place, self.rank, self.ranks, eyes)

    def _take_step(
        self, model: Any, opt: Any, stage: Stage, feeders: list[Feeder], tally: Tally
    ) -> None:
        factor = optimizing.rate(stage, self.within)
        for group in opt.param_groups:
            group["lr"] = group["base"] * factor
        model.train()
        for part in range(stage.accumulate):
            chosen = feeders[0].next()
            rng = np.random.default_rng([self.recipe.seed, self.step, part, self.rank])
            if stage.more:
                with self._alone(model):
                    loss, parts, _ = self._loss(model, _dense(stage), feeders[1].next(), rng)
                    self._backward(loss * stage.weights.dense / stage.accumulate)
                objectives.add(tally.parts, {f"more/{k}": v for k, v in parts.items()})
            # Processes meet once a step, in a pass that uses every parameter.
            meets = part == stage.accumulate - 1 and stage.apart <= 1
            with contextlib.nullcontext() if meets else self._alone(model):
                loss, parts, told = self._loss(model, stage, chosen, rng)
                self._backward(loss / stage.accumulate)
            objectives.add(tally.parts, parts)
            tally.count(len(chosen), told)
            self.views += len(chosen) * self.ranks
        norm = nn.utils.clip_grad_norm_(model.parameters(), stage.clip)
        objectives.add(tally.parts, {"norm": (float(sharding.whole(norm)), 1.0)})
        opt.step()
        opt.zero_grad(set_to_none=True)
        self.step, self.within = self.step + 1, self.within + 1
        if stage.apart > 1 and self.within % stage.apart == 0:
            self._average()

    @torch.no_grad()
    def _average(self) -> None:
        """Give all processes the mean of their weights; each keeps its moments."""
        if self.accelerator is None:
            return
        trained = [p for p in self.student.parameters() if p.requires_grad]
        flat = torch.cat([p.flatten() for p in trained])
        flat = self.accelerator.reduce(flat, "mean")
        for p, mean in zip(trained, flat.split([p.numel() for p in trained])):
            p.copy_(mean.view_as(p))

    def _alone(self, model: Any):
        """Gradients stay with this process, to be shared with those of a later pass."""
        if self.accelerator is None or self.sharded:  # whole gradients would not fit
            return contextlib.nullcontext()
        return self.accelerator.no_sync(model)

    def _backward(self, loss: torch.Tensor) -> None:
        if self.accelerator is None:
            loss.backward()
        else:
            self.accelerator.backward(loss)

    def _loss(self, model: Any, stage: Stage, chosen, rng: np.random.Generator):
        samples = [s for s, _ in chosen]
        device = next(self.student.parameters()).device
        pictures = batches.pictures(samples, self.recipe.backbone.eyes).to(device)
        texts = None
        if stage.text:
            texts = batches.texts(
                samples, [b for _, b in chosen], self.coder, self.merge, rng, stage.smoothing
            ).to(device)
        with self._precision(device):
            loss, parts = model(pictures, texts)
        return loss, parts, texts

    def _precision(self, device: torch.device):
        half = self.recipe.backbone.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16, enabled=half)

    def _log(self, stage: Stage, tally: Tally) -> None:
        if self.rank:
            return
        seconds = time.monotonic() - tally.began
        line = {"step": self.step, "stage": stage.name, "views": self.views,
                "rate": optimizing.rate(stage, self.within - 1) * stage.rate,
                "views_per_s": tally.views * self.ranks / seconds,
                "tokens_per_s": tally.tokens * self.ranks / seconds, **tally.filled(),
                **objectives.mean(tally.parts)}  # fmt: skip
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}
        with (self.run / "log.jsonl").open("a") as f:
            f.write(json.dumps(rounded) + "\n")

    def _validate(self, stage: Stage) -> None:
        if self.rank and not self.sharded:
            return
        with sharding.gathered(self.student):
            found = validating.judge(
                self.student, self.processor, self.recipe, stage, self.coder, self.data
            )
        score = found.get("mean_iou", -found.get("loss", 0.0))
        best = stage.text and score > self.best
        state = building.merged(self.network)
        if self.rank:
            return
        self._write({"step": self.step, "stage": stage.name, "views": self.views,
                     **{f"val/{k}": v for k, v in found.items()}})  # fmt: skip
        plots.draw(logs.read(self.run), self.run / "log.png")
        for name in ("export", "best") if best else ("export",):
            building.export(self.network, self.processor, self.run / name, state)
        if best:
            self.best = score

    def _save(self, opt: Any, feeders: list[Feeder], done: bool) -> None:
        inner = getattr(opt, "optimizer", opt)
        if self.rank == 0 or self.sharded:
            snapshot = checkpoints.Snapshot.of(self.student, inner)
        if self.rank == 0:
            stage, within = (self.stage + 1, 0) if done else (self.stage, self.within)
            state = {"step": self.step, "stage": stage, "within": within, "views": self.views,
                     "best": self.best, "places": [asdict(f.place) for f in feeders],
                     "recipe": json.loads(recipes.write(self.recipe))}  # fmt: skip
            checkpoints.save(self.run, snapshot, state)
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()


def _dense(stage: Stage) -> Stage:
    """The stage of the further views that the vision tower sees alone."""
    return replace(stage, text=False, views=max(stage.more, 1))


def check(recipe: Recipe) -> None:
    """ConfigError for what no step could be made of."""
    for stage in recipe.stages:
        if min(stage.steps, stage.views, stage.accumulate) < 1:
            raise ConfigError(
                "needs at least one step of one view", code="config-value",
                field=f"stages.{stage.name}",
            )  # fmt: skip
        if recipe.backbone.sharded and stage.apart > 1:
            raise ConfigError(
                "is for processes that have a whole network each", code="config-conflict",
                field=f"stages.{stage.name}.apart", hint="Leave out backbone.sharded, or apart",
            )  # fmt: skip
