"""Running a stage over all shards of an input: resumable, the same for any number of workers."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.engine import folders, making
from n3d.engine.clusters import Cluster
from n3d.engine.inputs import Source
from n3d.engine.making import Job, Stage, Task
from n3d.engine.pool import Outcome, Pool
from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import fields, manifests, shards
from n3d.scene.manifests import Manifest, ShardEntry

MAX_WORKERS = 1024
PLACES = ("here", "processes", "ray")


@dataclass(frozen=True)
class Report:
    """What a finished run holds and did: `made` shards now, `skipped` finished ones."""

    out: Path
    kept: int
    dropped: int
    by_reason: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    shards: int = 0
    made: int = 0
    skipped: int = 0
    seconds: float = 0.0


def run(
    stage: Stage,
    source: Source,
    out: str | Path,
    *,
    kind: str,
    config: dict[str, Any] | None = None,
    workers: int = 1,
    where: str | None = None,
    isolate: bool = False,
    progress: bool = True,
) -> Report:
    """Run a stage over every shard of a source and write a data-set folder of `kind`.

    `stage` takes an iterable of records and yields records of `kind` and Drops, each made of
    one input record; `each(function)` makes one of a function, `chain` one of several stages.
    `where` it runs is "here", in this process; in "processes" of their own (the default with
    more than one worker, or with `isolate`), where it must be importable and a record that kills
    its process is set aside; or on a "ray" cluster, of which all machines see `out`.

    Running again resumes: finished shards are skipped. `config` is what the stage was made
    with; a folder that holds another configuration, stage or input is refused. The data set
    does not depend on `workers` and `where`, nor on when and how often the run was stopped.

    Raises ConfigError before any work where `out` cannot serve, ConfigError where the disk is
    full, InputError naming the shards whose input could not be read (all others are finished).
    """
    shards.check_kind(kind)
    workers = _checked_workers(workers)
    where = _checked_place(where, workers, isolate)
    config = _checked_config(config or {})
    out = Path(out)
    identity = folders.identity(stage, source, kind, config)
    folders.prepare(out, source, identity)
    start = time.monotonic()
    with folders.locked(out) as log:
        work = _Work(source, out, log, _total(source))
        job = Job(stage, out, kind)
        pool: Any = None
        if where != "here":
            pool = Pool(job, workers) if where == "processes" else Cluster(job, workers)
        made: Callable[[Iterable[Task]], Iterator[Outcome]]
        made = pool.run if pool else functools.partial(_here, job)
        try:
            with pool or contextlib.nullcontext(), _bar(progress, work):
                for task, result in made(work.tasks()):
                    work.take(task, result)
        except KeyboardInterrupt:
            work.interrupted()
            raise
        entries = work.entries()
        manifest = Manifest(kind, entries, config, folders.digest(identity), identity["version"])
        manifests.write(out, manifest)
        seconds = time.monotonic() - start
        log.say(f"finished: {manifest.kept} kept, {manifest.dropped} dropped, {seconds:.1f} s")
    return Report(
        out,
        manifest.kept,
        manifest.dropped,
        manifest.by_reason,
        manifest.labels,
        len(entries),
        work.made,
        work.skipped,
        seconds,
    )


def _here(job: Job, tasks: Iterable[Task]) -> Iterator[Outcome]:
    """The outcomes of the tasks, made in this process."""
    for task in tasks:
        try:
            yield task, making.make(job, task)
        except N3DError as e:
            yield task, e
        except Exception as e:
            yield task, making.unexpected(e)


class _Work:
    """What is finished, made and failed so far."""

    def __init__(self, source: Source, out: Path, log: folders.Log, total: int | None) -> None:
        self.source, self.out, self.log, self.total = source, out, log, total
        self.made = self.skipped = self.records = 0
        self.start = time.monotonic()
        self.failed: list[tuple[str, N3DError]] = []
        self.names: list[str] = []
        self.advance: Callable[[], None] = lambda: None

    def tasks(self) -> Iterator[Task]:
        """The shards that are not finished yet."""
        for index, shard in enumerate(self.source.shards()):
            name = f"{index:05d}"
            self.names.append(name)
            if manifests.read_marker(self.out, name) is not None:
                self.skipped += 1
                self.advance()
                continue
            # From here on the folder differs from its manifest, if it has one.
            (self.out / manifests.FILE).unlink(missing_ok=True)
            yield Task(name, shard)

    def take(self, task: Task, result: ShardEntry | N3DError) -> None:
        """Note the outcome of a task; errors of the output end the run."""
        if isinstance(result, ConfigError):
            self.log.say(f"stopped: {result}")
            raise result
        if isinstance(result, N3DError):
            self.failed.append((task.name, result))
            self.log.say(f"{task.name} failed: {result}")
        else:
            self.made += 1
            self.records += result.records + result.dropped
            told = f"{task.name}: {result.records} kept, {result.dropped} dropped"
            self.log.say(f"{told}{f', {self.rate}' if self.rate else ''}{self._left()}")
        self.advance()

    @property
    def rate(self) -> str:
        """How fast this run makes records, in words; "" before the first is made."""
        seconds = time.monotonic() - self.start
        return f"{self.records / seconds:.3g} records/s" if self.records and seconds > 0 else ""

    def _left(self) -> str:
        """How long the rest will take at the pace so far, in words; "" where nobody knows."""
        if self.total is None or not self.made:
            return ""
        rest = self.total - self.made - self.skipped - len(self.failed)
        return f", about {rest * (time.monotonic() - self.start) / self.made:.0f} s to go"

    def interrupted(self) -> None:
        of = "" if self.total is None else f" of {self.total}"
        text = (
            f"stopped: {self.made + self.skipped}{of} shards in {self.out} are finished; "
            "run the same command again to resume"
        )
        self.log.say(text)
        sys.stderr.write(f"n3d: {text}\n")

    def entries(self) -> tuple[ShardEntry, ...]:
        """The entries of all shards as they are on the disk; InputError where some failed."""
        if self.failed:
            name, error = min(self.failed, key=lambda f: f[0])
            raise InputError(
                f"{len(self.failed)} of {len(self.names)} shards failed, first {name}: {error}",
                code="shards-failed",
                file=self.out,
                hint="The others are finished. Mend the input and run again",
            )
        extra = folders.stale(self.out, set(self.names))
        if extra:
            raise ConfigError(
                f"holds shards that the input does not have: {', '.join(extra[:3])}",
                code="output-config",
                file=self.out,
                hint="The input has changed: choose another folder",
            )
        found = {name: manifests.read_marker(self.out, name) for name in self.names}
        lost = [name for name, entry in found.items() if entry is None]
        if lost:
            raise InputError(
                f"lost finished shards while it ran: {', '.join(lost[:3])}",
                code="shards-lost",
                file=self.out,
                hint="Run again",
            )
        return tuple(entry for entry in found.values() if entry is not None)


@contextlib.contextmanager
def _bar(progress: bool, work: _Work) -> Iterator[None]:
    """A progress bar on stderr where that is a terminal."""
    if not (progress and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    told = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("shards"), BarColumn(), MofNCompleteColumn(), told, Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("shards", total=work.total, rate="")

        def advance() -> None:
            bar.update(task, advance=1, rate=work.rate)

        work.advance = advance
        yield


def _total(source: Source) -> int | None:
    count = getattr(source, "__len__", None)
    return None if count is None else count()


def _checked_workers(workers: Any) -> int:
    if type(workers) is not int or not 1 <= workers <= MAX_WORKERS:
        raise ConfigError(
            f"must be a whole number, got {workers!r}",
            code="config-range",
            field="workers",
            limit=f"1 to {MAX_WORKERS}",
        )
    return workers


def _checked_place(where: str | None, workers: int, isolate: bool) -> str:
    if where is None:
        return "processes" if workers > 1 or isolate else "here"
    if where not in PLACES:
        raise ConfigError(
            f"is {str(where)[:40]!r}", code="config-value", field="where", limit=", ".join(PLACES)
        )
    if where == "here" and (workers > 1 or isolate):
        raise ConfigError(
            "needs processes of their own for more than one worker", code="config-value",
            field="where",
        )  # fmt: skip
    return where


def _checked_config(config: Any) -> dict[str, Any]:
    try:
        return fields.mapping(config, "config")
    except InputError as e:
        raise ConfigError(e.message, code="config-type", field=e.field) from None
