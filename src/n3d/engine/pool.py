"""Shards on several processes, each of which may die.

A worker that dies takes one shard with it. The shard is tried once more as it is; then record
by record, with the worker telling where it stands, so that the record it dies on is known and
set aside.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from n3d.engine import making
from n3d.engine.making import Job, Task
from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene.manifests import ShardEntry

MAX_POISON = 16
# One thread each: as many processes as cores are the parallelism.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

Outcome = tuple[Task, ShardEntry | N3DError]


# -- the worker's side --------------------------------------------------------------------


def serve(link: Connection) -> None:
    """Make shards as they come, until told to stop or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides about Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    link.send(("ready", None))
    try:
        job: Job = link.recv()
        while (task := link.recv()) is not None:
            link.send(_made(job, task, link))
    except EOFError:
        return
    except Exception as e:  # what was sent cannot be rebuilt here
        link.send(("broken", f"{type(e).__name__}: {e}"))


def _made(job: Job, task: Task, link: Connection) -> tuple[str, Any]:
    def tell(place: int) -> None:
        if task.careful:
            link.send(("at", place))

    try:
        return "made", making.make(job, task, tell)
    except N3DError as e:
        return "failed", e
    except Exception as e:
        return "failed", making.unexpected(e)


def _end_with_parent() -> None:
    """End at once when the parent is killed: a worker left alone would work against its rerun."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


# -- the parent's side --------------------------------------------------------------------


class _Worker:
    """A process with one task at a time; `place` is the record that it last said to be at."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        with _single_threaded():
            self.process.start()
        theirs.close()
        self.task, self.place = task, making.NOWHERE
        self.ready = False

    def begin(self, job: Job) -> None:
        """Send the job and the first task to a worker that has said it is ready."""
        self.ready = True
        try:
            self.link.send(job)
            self.link.send(self.task)
        except OSError:  # it died; the next recv says so
            return
        except Exception as e:
            raise ConfigError(
                f"the stage or a record cannot be sent to another process: {e}",
                code="stage-unsendable",
                field="stage",
                hint="Use a function or class at the top of a module, or one worker",
            ) from None

    def give(self, task: Task) -> None:
        self.task, self.place = task, making.NOWHERE
        with contextlib.suppress(OSError):
            self.link.send(task)

    def end(self) -> str:
        """End the process if it lives, and say how it ended."""
        self.process.join(timeout=1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.link.close()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"exit status {code}"
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    added = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


class _Queue:
    """Tasks in their order, those to be tried again first; the error of the input is kept."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self.again: deque[Task] = deque()
        self.error: Exception | None = None

    def next(self) -> Task | None:
        if self.again:
            return self.again.popleft()
        if self.error is None:
            try:
                return next(self._tasks, None)
            except Exception as e:
                self.error = e
        return None


class Pool:
    """Worker processes for one job; use it in a `with` statement, which ends them."""

    def __init__(self, job: Job, workers: int) -> None:
        self.job, self.workers = job, workers
        self._idle: list[_Worker] = []
        self._busy: dict[Any, _Worker] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: Any) -> None:
        for worker in (*self._idle, *self._busy.values()):
            worker.process.kill()
            worker.end()

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Each task with its entry, or with the error that it failed with, as they finish.

        An error of `tasks` itself is raised once the shards that were begun are done.
        """
        queue = _Queue(tasks)
        while True:
            while len(self._busy) < self.workers and (task := queue.next()) is not None:
                self._start(task)
            if not self._busy:
                break
            for link in wait(list(self._busy)):
                yield from self._hear(self._busy[link], queue)
        if queue.error is not None:
            raise queue.error

    def _start(self, task: Task) -> None:
        if self._idle:
            worker = self._idle.pop()
            worker.give(task)
        else:
            worker = _Worker(task)
        self._busy[worker.link] = worker

    def _hear(self, worker: _Worker, queue: _Queue) -> Iterator[Outcome]:
        try:
            message, value = worker.link.recv()
        except (EOFError, OSError):
            del self._busy[worker.link]
            yield from self._bury(worker, queue)
            return
        if message == "ready":
            worker.begin(self.job)
        elif message == "at":
            worker.place = value
        elif message == "broken":
            raise ConfigError(
                f"the stage or a record cannot be rebuilt in a worker: {value}",
                code="stage-unsendable",
                field="stage",
            )
        else:
            self._idle.append(self._busy.pop(worker.link))
            yield worker.task, value

    def _bury(self, worker: _Worker, queue: _Queue) -> Iterator[Outcome]:
        """What becomes of the task of a worker that died."""
        how, task = worker.end(), worker.task
        if not worker.ready:
            raise ConfigError(
                f"a worker process could not start ({how})",
                code="worker-start",
                field="workers",
                hint="Its own message stands above. In a script, call this under "
                "`if __name__ == '__main__':`, or use one worker",
            )
        task.deaths += 1
        if not task.careful:
            task.careful = task.deaths > 1
        elif worker.place != making.NOWHERE and len(task.poison) < MAX_POISON:
            task.poison[worker.place] = f"the process that worked on it died ({how})"
        else:
            where = "without a record to blame" if worker.place == making.NOWHERE else "repeatedly"
            message = f"the process that made it died {where} ({how})"
            yield task, InputError(message, code="worker-died")
            return
        queue.again.append(task)
