"""Making one output shard: records in, a data file, its drops and its marker out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.engine.inputs import InputShard
from n3d.errors import InputError, N3DError, printable
from n3d.scene import Drop, files, manifests, shards
from n3d.scene.manifests import ShardEntry

Stage = Callable[[Iterable[Any]], Iterable[Any]]
DETAIL_LENGTH = 1000
NOWHERE = -1
STOPS = ("output-full", "endpoint-lost")
"""Codes of ConfigErrors that end a run when a stage raises them."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


@dataclass(frozen=True)
class Each:
    """A stage made of a function of one record; see `each`."""

    function: Callable[[Any], Any]

    def __call__(self, records: Iterable[Any]) -> Iterator[Any]:
        for record in records:
            yield from _listed(self.function(record))


def each(function: Callable[[Any], Any]) -> Each:
    """A stage from a function of one record that gives one record or Drop, or several."""
    return Each(function)


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, Iterable) else [result]


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common."""

    stage: Stage
    out: Path
    kind: str


@dataclass
class Task:
    """One shard to make; `poison` says of records, by their place, why they are not tried."""

    name: str
    shard: InputShard
    careful: bool = False
    deaths: int = 0
    poison: dict[int, str] = field(default_factory=dict)


class StageFailed(Exception):
    """The stage raised while it worked on many records at once."""


def make(job: Job, task: Task, at: Callable[[int], None] = lambda place: None) -> ShardEntry:
    """Make one shard: its data, then its drops, then its marker, each whole or absent.

    A record that raises becomes a Drop. A stage that raises over many records is run again
    record by record, which finds the one; `at(place)` is called before each of them and with
    NOWHERE after the last.
    Raises what the input raises where it cannot be read, and ConfigError where the output
    cannot be written or the stage has lost what it depends on (`STOPS`).
    """
    if not task.careful and not isinstance(job.stage, Each):
        try:
            return _write(job, task, _together)
        except StageFailed:
            pass
    return _write(job, task, lambda stage, feed: _one_by_one(stage, feed, at))


def _write(job: Job, task: Task, results: Callable[[Stage, _Feed], Iterator[Any]]) -> ShardEntry:
    drops: list[Drop] = []
    feed = _Feed(task, drops)
    with files.replacing(manifests.data_file(job.out, task.name)) as f:
        writer = shards.Writer(f, job.kind)
        for result in results(job.stage, feed):
            if isinstance(result, Drop):
                drops.append(result)
                continue
            try:
                writer.add(result)
            except N3DError as e:
                drops.append(Drop(name_of(result, task.name, writer.records), e.code, detail(e)))
        writer.finish()
    # Sorted, so that they do not depend on how far a stage reads ahead.
    drops = sorted((clean(d) for d in drops), key=lambda d: (d.id, d.reason, d.detail))
    entry = ShardEntry(
        name=task.name,
        records=writer.records,
        size=f.size,
        sha256=f.sha256,
        drops_sha256=manifests.write_drops(job.out, task.name, drops),
        by_reason=dict(Counter(d.reason for d in drops)),
        labels=writer.labels,
    )
    manifests.write_marker(job.out, entry)
    return entry


def opened(task: Task) -> Iterator[Any]:
    """The records of a task, with the Drops of its input; raises what the input raises."""
    drops: list[Drop] = []
    feed = _Feed(task, drops)
    yield from feed
    yield from drops


class _Feed:
    """The records of an input shard; its Drops go to `drops`, the error of reading to `error`."""

    def __init__(self, task: Task, drops: list[Drop]) -> None:
        self.task, self.drops = task, drops
        self.error: Exception | None = None
        self.place = -1

    def __iter__(self) -> Iterator[Any]:
        try:
            for place, record in enumerate(self.task.shard.open()):
                self.place = place
                if isinstance(record, Drop):
                    self.drops.append(record)
                elif place in self.task.poison:
                    why = self.task.poison[place]
                    self.drops.append(Drop(self.name(record), "worker-died", why))
                else:
                    yield record
        except Exception as e:
            self.error = e if isinstance(e, N3DError) else unexpected(e)
            raise self.error from e

    def name(self, record: Any) -> str:
        return name_of(record, self.task.name, self.place)


def _together(stage: Stage, feed: _Feed) -> Iterator[Any]:
    """All results of the stage over all records."""
    try:
        yield from stage(feed)
    except (Exception, SystemExit) as e:
        if feed.error is None and not stops(e):
            raise StageFailed from e
        if feed.error is None:
            raise
    if feed.error is not None:  # also where the stage swallowed it
        raise feed.error


def _one_by_one(stage: Stage, feed: _Feed, at: Callable[[int], None]) -> Iterator[Any]:
    """The results of the stage over each record alone: whole, or one Drop that says why not."""
    for record in feed:
        at(feed.place)
        try:
            results = list(stage([record]))
        except (Exception, SystemExit) as e:
            if stops(e):
                raise
            yield Drop(feed.name(record), reason_of(e), detail(e))
        else:
            yield from results
    at(NOWHERE)


def unexpected(error: Exception) -> InputError:
    """An error that names no file or field, as one that names at least its kind."""
    return InputError(f"{type(error).__name__}: {detail(error)}", code=reason_of(error))


def stops(error: BaseException) -> bool:
    """Whether the machine ran out of something, or lost a server: no fault of a record."""
    if isinstance(error, N3DError):
        return error.code in STOPS
    return isinstance(error, OSError) and error.errno in files.EXHAUSTED


def name_of(record: Any, shard: str, place: int) -> str:
    """The id of a record, or its place in its shard where it has none."""
    if isinstance(record, str | int):
        return str(record)
    return str(getattr(record, "id", "") or f"{shard}:{place}")


def reason_of(error: BaseException) -> str:
    """The reason code under which a failure is counted."""
    return error.code if isinstance(error, N3DError) else f"error-{type(error).__name__}"


def detail(error: BaseException) -> str:
    """What an error says, without what differs from run to run."""
    return _ADDRESS.sub("0x...", str(error))


def clean(drop: Drop) -> Drop:
    """The drop with an id and a detail that any file can hold."""
    return Drop(printable(drop.id), printable(drop.reason), _cut(drop.detail))


def _cut(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= DETAIL_LENGTH else text[: DETAIL_LENGTH - 3] + "..."
