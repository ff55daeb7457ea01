"""What Ray runs for `pipelines.scaling`: replicas with their queues, and where they are placed."""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from n3d.errors import ConfigError, N3DError
from n3d.pipelines import serving
from n3d.pipelines.predicting import Asked, Asker
from n3d.pipelines.serving import Counts, Limits

LARGEST = 1024
HELD = 2
"""Batches that a replica holds: one that is answered and one that waits."""


@dataclass(frozen=True)
class Size:
    """How many replicas there are, by the work there is, and the cores and GPUs of each."""

    least: int = 1
    most: int = 1
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most <= LARGEST:
            raise ConfigError(
                f"are {self.least} to {self.most}", code="config-range", field="replicas",
                limit=f"1 to {LARGEST}, the smaller first",
            )  # fmt: skip
        for name in ("cpus", "gpus"):
            if not 0 <= getattr(self, name) <= LARGEST:
                raise ConfigError(
                    f"is {getattr(self, name)}", code="config-range", field=name,
                    limit=f"0 to {LARGEST}",
                )  # fmt: skip


def read(text: str, cpus: float = 1.0, gpus: float = 0.0) -> Size:
    """The size that a number of replicas ("2") or a range ("1-4") says; ConfigError for others."""
    least, _, most = text.partition("-")
    try:
        return Size(int(least), int(most or least), cpus, gpus)
    except ValueError as e:
        if isinstance(e, N3DError):
            raise
        raise ConfigError(
            f"is {text[:40]!r}", code="config-value", field="replicas",
            limit="a number, or two such as 1-4",
        ) from None  # fmt: skip


class Replica:
    """One model with its queue, in a process of Ray's."""

    def __init__(self, make: Callable[[], Asker], limits: Limits) -> None:
        self.service = serving.Service(make, replace(limits, queue=HELD * HELD * limits.batch))
        self.service.wait()
        self.name = f"{os.uname().nodename}-{os.getpid()}"
        self._seen: OrderedDict[int, Any] = OrderedDict()
        self._checks = 0

    async def fault(self) -> BaseException | None:
        """Why the model is not there."""
        fault = self.service.fault
        return fault if fault is None or isinstance(fault, N3DError) else serving.failed(fault)

    def check_health(self) -> None:
        """Ray begins a replica anew where this raises; the first time the fault is to be told."""
        self._checks += 1
        if self.service.fault is not None and self._checks > 1:
            raise self.service.fault

    async def ask(self, asked: Asked, sampling: Any, number: int) -> tuple[Any, str, Counts]:
        """What the model says or the error, who said it, and what it has done so far."""
        # Views are known by identity, which a copy on its way has lost.
        view = self._seen.setdefault(number, asked.view)
        self._seen.move_to_end(number)
        while len(self._seen) > self.service.limits.keep:
            self._seen.popitem(last=False)
        try:
            future = self.service.ask(replace(asked, view=view), sampling)
            found: Any = await asyncio.wrap_future(future)
        except N3DError as e:
            found = e
        return found, self.name, replace(self.service.counts)


def deploy(name: str, make: Callable[[], Asker], size: Size, limits: Limits) -> Any:
    """The handle of the replicas, once they are there. They listen to nobody but this process."""
    serve = ready()
    held = HELD * limits.batch
    many: dict[str, Any] = {"num_replicas": size.most}
    if size.least < size.most:
        many = {"autoscaling_config": {
            "min_replicas": size.least, "max_replicas": size.most,
            "target_ongoing_requests": limits.batch}}  # fmt: skip
    serve.start(
        proxy_location="Disabled", logging_config={"log_level": "ERROR", "enable_access_log": False}
    )
    deployment = serve.deployment(
        name="n3d", max_ongoing_requests=held, health_check_period_s=5,
        graceful_shutdown_timeout_s=limits.seconds,
        ray_actor_options={"num_cpus": size.cpus, "num_gpus": size.gpus},
        **many,
    )(Replica)  # fmt: skip
    return serve.run(deployment.bind(make, limits), name=name, route_prefix=None)


def end(name: str, mine: bool) -> None:
    import ray  # pyright: ignore[reportMissingImports]

    if not ray.is_initialized():
        return
    if mine:
        ready().shutdown()
        ray.shutdown()
    else:
        ready().delete(name)


def ready() -> Any:
    """Ray Serve, which says nothing but errors; ConfigError where it is not installed."""
    warnings.filterwarnings("ignore", module="ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
    try:
        from ray import serve  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "need Ray Serve", code="extra-missing", field="replicas",
            hint="pip install 'n3d[ray]'",
        ) from None  # fmt: skip
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return serve
