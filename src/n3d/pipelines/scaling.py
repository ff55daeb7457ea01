"""A model that is loaded several times: the queue of `pipelines.serving` before replicas on Ray.

    fleet = Fleet(lambda: Asker(n3d.load("n3d-mini")), Size(1, 4, gpus=1))
    future = fleet.ask(Asked(view, "How far is the lamp from the chair?"))

It takes the place of a `serving.Service`. Ray Serve places the replicas, begins dead ones anew and
follows the work; each replica is a `Service`, which answers together what waits. A request asks
and changes nothing, so that one whose replica died is asked once more, of another.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from n3d.engine import clusters
from n3d.errors import ConfigError, N3DError
from n3d.pipelines import replicas, serving
from n3d.pipelines.predicting import Asked, Asker
from n3d.pipelines.replicas import Size
from n3d.pipelines.serving import Counts, Limits, Refused
from n3d.scene import Prediction

REPLICAS_COUNT = ("batches", "batched", "looked", "seconds")
"""The counts that replicas keep; the others are kept here."""


class Fleet:
    """Asks replicas of one model, each made by `make` in a process of its own."""

    def __init__(
        self, make: Callable[[], Asker], size: Size | None = None, limits: Limits | None = None
    ) -> None:
        self.limits, self.size = limits or Limits(), size or Size()
        self.fault: BaseException | None = None
        self._counts = Counts()
        self._of_replicas: dict[str, Counts] = {}
        self._sent: OrderedDict[int, tuple[Any, int]] = OrderedDict()
        self._numbers = 0
        self._pending = 0
        self._lock = threading.Lock()
        self._closing, self._mine = False, False
        self._ready = threading.Event()
        self._handle: Any = None
        self._name = f"n3d-{os.getpid()}-{id(self):x}"
        replicas.ready()  # what is missing is told before anything begins
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="fleet", daemon=True).start()
        self._starting = threading.Thread(target=self._start, args=(make,), daemon=True)
        self._starting.start()

    @property
    def counts(self) -> Counts:
        """What was done, here and in the replicas as far as they have told."""
        told = list(self._of_replicas.values())
        return replace(
            self._counts,
            **{k: sum(getattr(c, k) for c in told) for k in REPLICAS_COUNT},
        )

    @property
    def ready(self) -> bool:
        """Whether a replica is there and requests are taken."""
        return self._ready.is_set() and not self._closing and self.fault is None

    @property
    def waiting(self) -> int:
        """How many requests wait, each replica counted as having one batch under way."""
        return max(self._pending - self.limits.batch * self.size.most, 0)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the replicas are there or have failed to be; whether they are."""
        self._ready.wait(seconds)
        return self.ready

    def ask(
        self, asked: Asked, sampling: Any = None, told: Callable[[str], None] | None = None
    ) -> Future[Prediction]:
        """The prediction to come; raises Refused while replicas are loaded or ended, and Busy.

        Replicas tell whole predictions: `told` hears nothing.
        """
        self.check_open()
        with self._lock:
            self._pending += 1
            number = self._number(asked.view)
        going = self._asked(asked, sampling, number)
        future = asyncio.run_coroutine_threadsafe(going, self._loop)
        future.add_done_callback(self._left)
        return future

    def check_open(self) -> None:
        """Raise what `ask` would for any request."""
        if self._closing or self.fault is not None:
            raise Refused("is ending", code="server-ending")
        if not self._ready.is_set():
            raise Refused("is loading its model", code="server-loading", hint="Ask again soon")
        if self.waiting >= self.limits.queue:
            self._counts.refused += 1
            raise serving.busy(self.limits)

    def late(self) -> serving.Late:
        """The error for a request that took too long."""
        self._counts.late += 1
        return serving.overdue(self.limits)

    def close(self, seconds: float | None = None) -> None:
        """Take nothing more, answer what was begun, end the replicas."""
        self._closing = True
        end = time.monotonic() + (self.limits.seconds if seconds is None else seconds)
        while self._pending and time.monotonic() < end:
            time.sleep(0.02)
        self._starting.join(max(end - time.monotonic(), 0))
        replicas.end(self._name, self._mine)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _left(self, future: Future[Prediction]) -> None:
        with self._lock:
            self._pending -= 1
            if future.cancelled():
                self._counts.left += 1
            elif future.exception() is not None:
                self._counts.failed += 1
            else:
                self._counts.answered += 1

    def _number(self, view: Any) -> int:
        """The same for the same view, so that a replica knows one that it has seen."""
        known = self._sent.get(id(view))
        if known is None:
            self._numbers += 1
            known = self._sent[id(view)] = (view, self._numbers)
        self._sent.move_to_end(id(view))
        while len(self._sent) > self.limits.keep:
            self._sent.popitem(last=False)
        return known[1]

    def _start(self, make: Callable[[], Asker]) -> None:
        try:
            cores = max(self.size.cpus * self.size.most, os.cpu_count() or 1)
            self._mine = clusters.connect(int(cores + 0.999))
            self._handle = replicas.deploy(self._name, make, self.size, self.limits)
            fault = self._handle.fault.remote().result(timeout_s=self.limits.seconds)
            if fault is not None:
                raise fault
        except N3DError as e:
            self.fault = e
        except Exception as e:
            self.fault = ConfigError(
                f"cannot be begun: {serving.short(e)}", code="replicas-start", field="replicas"
            )
        self._ready.set()

    async def _asked(self, asked: Asked, sampling: Any, number: int) -> Prediction:
        found = await self._told(asked, sampling, number, again=True)
        if isinstance(found, BaseException):
            raise found
        return found

    async def _told(self, asked: Asked, sampling: Any, number: int, *, again: bool) -> Any:
        """What a replica says. One that dies leaves no answer; then another is asked."""
        from ray.exceptions import (  # pyright: ignore[reportMissingImports]
            RayError,
            RayTaskError,
        )

        response = self._handle.ask.remote(asked, sampling, number)
        try:
            found, name, counts = await response
        except asyncio.CancelledError:
            response.cancel()
            raise
        except RayTaskError as e:  # the replica lives: it would say the same once more
            return serving.failed(e)
        except RayError as e:
            if again:
                return await self._told(asked, sampling, number, again=False)
            return serving.failed(e)
        self._of_replicas[name] = counts
        return found
