"""Stages one after another, some of which hold something dear: an expert on a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from n3d.engine import making, overlapping
from n3d.engine.making import Stage
from n3d.errors import ConfigError
from n3d.scene import Drop


@dataclass(frozen=True)
class Link:
    """A stage of a chain; records go to it `batch` at a time.

    A link with `gpus` above 0, or with `kept`, holds something dear, which is not to wait: the
    links around it work beside it, in threads of its process. On a cluster it lives in actors that
    load what the stage needs once (a stage should load it at its first record).
    """

    stage: Stage
    batch: int = 1
    gpus: float = 0.0
    kept: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.gpus < 0:
            raise ConfigError(
                f"batch {self.batch}, gpus {self.gpus:g}", code="config-range", field="link",
                limit="batch from 1, gpus from 0",
            )  # fmt: skip

    @property
    def apart(self) -> bool:
        """Whether it needs actors of its own."""
        return self.kept or self.gpus > 0

    def __call__(self, records: Iterable[Any]) -> Iterator[Any]:
        """The results of all records in their order; Drops pass through.

        A record that raises becomes a Drop, alone: a batch that raises is done again record by
        record. Batches are cut from the records themselves, so that they do not depend on where
        the link runs.
        """
        waiting = iter(records)
        while batch := list(islice(waiting, self.batch)):
            todo = [r for r in batch if not isinstance(r, Drop)]
            yield from (r for r in batch if isinstance(r, Drop))
            try:
                results = list(self.stage(todo)) if todo else []
            except (Exception, SystemExit) as e:
                if making.stops(e):
                    raise
                results = self._alone(todo)
            yield from results

    def _alone(self, records: list[Any]) -> Iterator[Any]:
        for record in records:
            try:
                results = list(self.stage([record]))
            except (Exception, SystemExit) as e:
                if making.stops(e):
                    raise
                name = making.name_of(record, "", 0)
                yield Drop(name, making.reason_of(e), making.detail(e))
            else:
                yield from results


@dataclass(frozen=True)
class Chain:
    """A stage made of links, each of which sets aside what it cannot use; see `chain`."""

    links: tuple[Link, ...]

    def __call__(self, records: Iterable[Any]) -> Iterator[Any]:
        for number, link in enumerate(self.links):
            if link.apart and number > 0:
                records = overlapping.ahead(records, 2 * link.batch)
            records = link(records)
            if link.apart and number < len(self.links) - 1:
                records = overlapping.ahead(records, 2 * link.batch)
        return iter(records)


def chain(*stages: Stage | Link) -> Chain:
    """One stage out of several, which run one after another on each record."""
    return Chain(tuple(s if isinstance(s, Link) else Link(s) for s in stages))


def parts(stage: Stage) -> list[tuple[Link, ...]]:
    """The links of a stage in runs that may be together: a link that is `apart` stands alone."""
    links = stage.links if isinstance(stage, Chain) else (Link(stage),)
    found: list[tuple[Link, ...]] = []
    for link in links:
        if found and not link.apart and not found[-1][-1].apart:
            found[-1] = (*found[-1], link)
        else:
            found.append((link,))
    return found
