"""What a run would take: a few records are done for real, and the rest is reckoned from them."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from n3d.engine import making
from n3d.engine.inputs import Chunk, Source
from n3d.engine.making import Job, Stage, Task
from n3d.errors import ConfigError
from n3d.scene import Drop, manifests

SAMPLE = 50
WARM = 2
"""Records before the sample whose time does not count: they load and compile what all use."""


@dataclass(frozen=True)
class Forecast:
    """What all `records` of an input would take, from the `sampled` ones.

    `seconds` on `workers` workers, `bytes` on the disk, `cost` where an hour of a worker has a
    price; `kept` and `dropped` records of the output.
    """

    records: int
    sampled: int
    workers: int
    seconds_each: float
    seconds: float
    bytes: int
    kept: int
    dropped: int
    cost: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def forecast(
    stage: Stage,
    source: Source,
    *,
    kind: str,
    workers: int = 1,
    sample: int = SAMPLE,
    price: float | None = None,
) -> Forecast:
    """Run a stage over the first records of a source in this process, and reckon the whole.

    Nothing is left behind. All records are read, to be counted, but no more than the sample is
    worked on; time of reading is not reckoned. `price` is that of an hour of one worker. Raises
    ConfigError for a sample below 1 and a price below 0.
    """
    if sample < 1:
        raise ConfigError(f"is {sample}", code="config-range", field="sample", limit="at least 1")
    if price is not None and not 0 <= price < math.inf:
        raise ConfigError(f"is {price:g}", code="config-range", field="price", limit="at least 0")
    records = _records(source)
    first = list(islice(records, sample + WARM))
    count = len(first) + sum(1 for _ in records)
    warm, rest = (first[:WARM], first[WARM:]) if len(first) > WARM else ([], first)
    with tempfile.TemporaryDirectory(prefix="n3d-") as folder:
        job = Job(stage, Path(folder), kind)
        for part in ("shards", "drops", "done"):
            (job.out / part).mkdir()
        kept, dropped, size, _ = _make(job, "warm", warm) if warm else (0, 0, 0, 0.0)
        more, lost, bytes_, seconds = _make(job, "sample", rest)
    done, timed = len(first), max(len(rest), 1)
    each = seconds / timed
    whole = each * count / workers
    share = count / max(done, 1)
    return Forecast(
        count, len(rest), workers, each, whole, round((size + bytes_) * share),
        round((kept + more) * share), round((dropped + lost) * share),
        None if price is None else price * whole * workers / 3600,
    )  # fmt: skip


def _records(source: Source) -> Iterator[Any]:
    """The records of all shards, without those that could not be read."""
    for shard in source.shards():
        yield from (r for r in shard.open() if not isinstance(r, Drop))


def _make(job: Job, name: str, records: Iterable[Any]) -> tuple[int, int, int, float]:
    start = time.perf_counter()
    entry = making.make(job, Task(name, Chunk(tuple(records))))
    seconds = time.perf_counter() - start
    size = entry.size + manifests.drops_file(job.out, name).stat().st_size
    return entry.records, entry.dropped, size, seconds
