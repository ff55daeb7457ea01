"""Shards on a Ray cluster, by Ray Data: links that hold an expert in actors, others as tasks.

Shards are written where they are finished, so that the output folder must be one that all
machines share. Ray is imported when a run asks for it.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from n3d.engine import chaining, making
from n3d.engine.making import Job, Task
from n3d.engine.pool import THREADS, Outcome, Pool
from n3d.errors import ConfigError, N3DError

PER_WAVE = 32
"""Shards for each worker that are handed to Ray at once: what bounds the memory."""
COLUMN = "item"


class Cluster:
    """Ray for one job, used in a `with` statement; `workers` is how many run beside each other.

    Where the environment names a cluster (RAY_ADDRESS) that is it, else one on this machine.
    """

    def __init__(self, job: Job, workers: int) -> None:
        self.job, self.workers = job, workers
        self._mine = False

    def __enter__(self) -> Cluster:
        _ray()
        self._mine = connect(max(self.workers, 2), dict.fromkeys(THREADS, "1"))
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._mine:
            _ray().shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Each task with its entry, or with the error that it failed with, as they finish.

        What a machine died on is done again here in a process of its own, which finds the
        record that is to blame.
        """
        waiting = iter(tasks)
        while wave := list(islice(waiting, PER_WAVE * self.workers)):
            done: set[str] = set()
            for name, result in self._wave(wave):
                done.add(name)
                yield next(t for t in wave if t.name == name), result
            lost = [t for t in wave if t.name not in done]
            if lost:
                with Pool(self.job, 1) as pool:
                    yield from pool.run(lost)

    def _wave(self, wave: list[Task]) -> Iterator[tuple[str, Any]]:
        ray = _ray()
        data = ray.data.from_items(
            [{COLUMN: ("task", t)} for t in wave], override_num_blocks=len(wave)
        )
        stages = chaining.parts(self.job.stage)
        for number, links in enumerate(stages):
            first, last = number == 0, number == len(stages) - 1
            own = _Opening(self.job, links, last) if first else _Going(self.job, links, last)
            if links[0].apart:
                gpus = links[0].gpus
                data = data.map_batches(
                    _Actor, fn_constructor_args=(own,), batch_size=1,
                    num_gpus=gpus or None, num_cpus=0 if gpus else 0.5,
                    compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self.workers),
                    max_restarts=0, max_task_retries=0,
                )  # fmt: skip
            else:
                data = data.map_batches(own, batch_size=1, num_cpus=0.5, max_retries=0)
        try:
            for row in data.iter_rows():
                yield row[COLUMN]
        except ray.exceptions.RayError:
            return  # a machine died: what is missing is done again


def connect(cpus: int, variables: dict[str, str] | None = None) -> bool:
    """Join the cluster that the environment names, or begin one of `cpus` on this machine, whose
    workers see `variables`; whether there was none before. Needs Ray."""
    import ray  # pyright: ignore[reportMissingImports]

    if ray.is_initialized():
        return False
    # Numbers of the machine go to nobody, and workers find what this process can import.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    paths = os.pathsep.join(p for p in sys.path if p)
    here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": cpus, "include_dashboard": False}
    ray.init(
        runtime_env={"env_vars": {**(variables or {}), "PYTHONPATH": paths}},
        log_to_driver=False, logging_level=logging.ERROR, **here,
    )  # fmt: skip
    return True


def _ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "is not installed", code="ray-missing", field="where", hint="pip install 'n3d[ray]'"
        ) from None
    warnings.filterwarnings("ignore", module="ray")
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # what is lost is done again, not a reason to end
    return ray


# -- what runs on the machines of the cluster ---------------------------------------------------


class _Opening:
    """Opens a shard and begins with it, as a function of a batch of one."""

    def __init__(self, job: Job, links: tuple[chaining.Link, ...], last: bool) -> None:
        self.job, self.stage, self.last = job, chaining.Chain(links), last

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        (found,) = batch[COLUMN]
        return {COLUMN: [self.take(found)]}

    def take(self, found: Any) -> Any:
        task: Task = found[1]
        if self.last:
            return _made(self.job, task)
        try:
            return "records", task, list(self.stage(making.opened(task)))
        except N3DError as e:
            return task.name, e
        except Exception as e:
            return task.name, making.unexpected(e)


class _Going(_Opening):
    """Goes on with the records of a shard, and writes it where it is the last."""

    def take(self, found: Any) -> Any:
        if found[0] != "records":
            return found  # it failed before
        _, task, records = found
        if self.last:
            whole = replace(task, shard=_Held(tuple(records)), poison={})
            return _made(replace(self.job, stage=self.stage), whole)
        try:
            return "records", task, list(self.stage(records))
        except N3DError as e:
            return task.name, e


class _Held:
    """An input shard that carries its records."""

    def __init__(self, records: tuple[Any, ...]) -> None:
        self.records = records

    def open(self) -> tuple[Any, ...]:
        return self.records


class _Actor:
    """The same in an actor, where what the stage has loaded stays."""

    def __init__(self, own: _Opening) -> None:
        self.own = own

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return self.own(batch)


def _made(job: Job, task: Task) -> tuple[str, Any]:
    try:
        return task.name, making.make(job, task)
    except N3DError as e:
        return task.name, e
    except Exception as e:
        return task.name, making.unexpected(e)
