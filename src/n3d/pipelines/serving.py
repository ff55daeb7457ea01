"""A model that many clients ask at once: a bounded queue, and one thread that owns the model.

    service = Service(lambda: Asker(n3d.load("n3d-mini")), Limits())
    future = service.ask(Asked(view, "How far is the lamp from the chair?"))

Requests that wait together are answered together. It knows no web: `apps.server` is one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, fields
from typing import Any

from n3d.errors import ConfigError, N3DError, short
from n3d.pipelines.predicting import Asked, Asker
from n3d.scene import Prediction
from n3d.sources.files import MIB


class Refused(N3DError):
    """A request that cannot be served now: `status` is that of HTTP, `wait` when to try again."""

    status = 503
    wait = 2


class Busy(Refused):
    """The queue is full."""

    status = 429
    wait = 1


class Late(Refused):
    """The request took longer than it may."""

    status = 504
    wait = 1


class Failed(Refused):
    """A fault of the server, told without its innards."""

    status = 500


@dataclass(frozen=True)
class Limits:
    """What a service takes: `queue` requests wait at most, `batch` are answered together, `keep`
    pictures stay read; a request may take `seconds`, its body `body` bytes and its picture
    `pixels`."""

    queue: int = 64
    batch: int = 16
    keep: int = 16
    seconds: float = 120.0
    body: int = 64 * MIB
    pixels: int = 24_000_000

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not 0 < value < 1 << 40:
                raise ConfigError(
                    f"is {value!r}", code="config-range", field=f.name, limit="more than 0"
                )


@dataclass
class Counts:
    """What a service has done, for those who watch it."""

    answered: int = 0
    failed: int = 0
    refused: int = 0
    left: int = 0
    late: int = 0
    batches: int = 0
    batched: int = 0
    looked: int = 0
    seconds: float = 0.0


@dataclass(eq=False)
class _Waiting:
    asked: Asked
    sampling: Any
    deadline: float
    told: Callable[[str], None] | None = None
    future: Future[Prediction] = field(default_factory=Future)

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done() or time.monotonic() > self.deadline

    def settle(self, found: Prediction | BaseException) -> None:
        """Tell what was found, unless whoever asked has left meanwhile."""
        try:
            if isinstance(found, BaseException):
                self.future.set_exception(found)
            else:
                self.future.set_result(found)
        except InvalidStateError:
            pass


class Service:
    """Asks one model, made by `make` on the thread that owns it, whatever clients ask.

    A future that is cancelled leaves the queue, or, while its reply is written, the batch.
    """

    def __init__(self, make: Callable[[], Asker], limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.counts = Counts()
        self.fault: BaseException | None = None
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make,), name="model", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the model is there and takes requests."""
        return self._ready.is_set() and not self._closing

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the model is there or has failed to be; whether it is."""
        self._ready.wait(seconds)
        return self.ready and self.fault is None

    def ask(
        self, asked: Asked, sampling: Any = None, told: Callable[[str], None] | None = None
    ) -> Future[Prediction]:
        """The prediction to come; raises Refused while the model is loaded or ended, and Busy.

        `told` is handed a line for each box and step when it is written, on the model's thread.
        """
        with self._changed:
            self.check_open()
            deadline = time.monotonic() + self.limits.seconds
            self._queue.append(_Waiting(asked, sampling, deadline, told))
            self._changed.notify()
            return self._queue[-1].future

    def check_open(self) -> None:
        """Raise what `ask` would for any request; before a picture is read, say."""
        if self._closing or self.fault is not None:
            raise Refused("is ending", code="server-ending")
        if not self._ready.is_set():
            raise Refused("is loading its model", code="server-loading", hint="Ask again soon")
        if self.waiting >= self.limits.queue:
            self._forget_gone()
        if self.waiting >= self.limits.queue:
            self.counts.refused += 1
            raise busy(self.limits)

    def late(self) -> Late:
        """The error for a request that took too long."""
        self.counts.late += 1
        return overdue(self.limits)

    def close(self, seconds: float | None = None) -> None:
        """Take nothing more, answer what waits, end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _forget_gone(self) -> None:
        with self._changed:
            kept = [w for w in self._queue if not w.future.cancelled()]
            self.counts.left += len(self._queue) - len(kept)
            self._queue = deque(kept)

    def _run(self, make: Callable[[], Asker]) -> None:
        try:
            asker = make()
        except BaseException as e:
            self.fault = e
            self._ready.set()
            return
        self._ready.set()
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                batch = self._batch()
            if batch:
                self._answer(asker, batch)
            elif self._closing and not self._queue:
                return

    def _batch(self) -> list[_Waiting]:
        """The next requests that can be answered together: all that choose tokens alike. Draws
        know their place in a batch, so those stay alone."""
        found: list[_Waiting] = []
        rest: list[_Waiting] = []
        while self._queue and len(found) < self.limits.batch:
            w = self._queue.popleft()
            if w.future.cancelled():
                self.counts.left += 1
            elif w.gone:
                w.settle(self.late())
            elif found and (w.sampling != found[0].sampling or _draws(w.sampling)):
                rest.append(w)
            else:
                found.append(w)
        self._queue.extendleft(reversed(rest))
        return found

    def _answer(self, asker: Asker, batch: Sequence[_Waiting]) -> None:
        begun = time.monotonic()
        sampling = batch[0].sampling
        asker = asker if sampling is None else asker.sampled(sampling)
        before = getattr(asker, "looked", 0)
        for w, found in zip(batch, _told(asker, batch)):
            if w.future.cancelled():
                self.counts.left += 1
            elif w.gone:
                w.settle(self.late())
            else:
                failed = isinstance(found, BaseException)
                self.counts.failed += failed
                self.counts.answered += not failed
                w.settle(found)
        self.counts.batches += 1
        self.counts.batched += len(batch)
        self.counts.looked += getattr(asker, "looked", 0) - before
        self.counts.seconds += time.monotonic() - begun


def busy(limits: Limits) -> Busy:
    """The error for one request too many."""
    return Busy(
        "has as many requests as it takes", code="server-busy", limit=f"{limits.queue} waiting",
        hint="Ask again after a moment",
    )  # fmt: skip


def overdue(limits: Limits) -> Late:
    """The error for a request that took too long."""
    limit = f"{limits.seconds:g} s"
    return Late("took longer than a request may", code="server-time", limit=limit)


def warm(asker: Asker) -> None:
    """Ask about a rendered room, so that what is compiled or loaded late is there before clients
    are."""
    from n3d import synthetic
    from n3d.pipelines import predicting

    view = synthetic.make(0, synthetic.SceneConfig(width=320, height=240)).rgbd
    asker([Asked(predicting.upright(view)), Asked(view, "How far is the lamp from the chair?")])


def _draws(sampling: Any) -> bool:
    return sampling is not None and sampling.temperature > 0


def _told(asker: Asker, batch: Sequence[_Waiting]) -> Sequence[Prediction | BaseException]:
    """What the model says to each; where all together fail, each alone, so that one request
    cannot spoil the answers of others."""

    def tell(i: int, line: str) -> None:
        told = batch[i].told
        if told is not None:
            told(line)

    more = {"told": tell} if any(w.told is not None for w in batch) else {}
    try:
        return asker([w.asked for w in batch], left=lambda i: batch[i].gone, **more)
    except Exception as e:
        if len(batch) > 1:
            return [found for w in batch for found in _told(asker, [w])]
        return [e if isinstance(e, N3DError) else failed(e)]


def failed(error: BaseException) -> Failed:
    """An unforeseen error as one that clients may see; the other goes to stderr."""
    import sys

    sys.stderr.write(f"n3d: {short(error)}\n")
    if type(error).__name__ == "OutOfMemoryError":
        hint = "Serve with a smaller --batch or --keep"
        return Failed("the device has no memory left", code="device-full", hint=hint)
    return Failed("failed inside", code="server-fault", hint="The server's log says where")
