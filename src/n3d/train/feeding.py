"""In which order samples are trained on: a pure function of seed and place, so that a run can
stop anywhere and go on.

Shards are shuffled once for each round; a few of them at a time make a pool, whose samples are
shuffled and cut into batches of rows of about one length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from n3d.errors import InputError
from n3d.train import mirroring, shards
from n3d.train.encoding import Branch, Coder
from n3d.train.mini import Eyes
from n3d.train.recipes import Stage
from n3d.train.shards import Sample

POOL = 4
"""Shards in a pool."""
BUCKETS = 8
"""Batches whose rows are sorted by length together."""
PLAIN = ("detect", "locate", "several", "place", "absent", "absent-question")


@dataclass(frozen=True)
class Place:
    """Where a run is in its data: the round, its shards in order, the pool, the batch."""

    round: int = 0
    names: tuple[str, ...] = ()
    pool: int = 0
    batch: int = 0


class Feeder:
    """Batches of a stage from `place` on; `rank` of `ranks` processes takes every `ranks`-th."""

    def __init__(
        self,
        data: Path,
        stage: Stage,
        coder: Coder | None,
        seed: int,
        place: Place | None = None,
        rank: int = 0,
        ranks: int = 1,
        eyes: Eyes | None = None,
    ) -> None:
        self.data, self.stage, self.coder, self.seed = data, stage, coder, seed
        self.rank, self.ranks, self.eyes = rank, ranks, eyes or Eyes()
        self.place = place or Place()
        self._held: tuple[tuple, list[list[tuple[Sample, list[Branch]]]]] | None = None

    def next(self) -> list[tuple[Sample, list[Branch]]]:
        """The next batch: samples with the exercises to do."""
        while True:
            if not self.place.names:
                self.place = Place(self.place.round, self._names(self.place.round))
            batches = self._pool()
            at = self.place.batch + self.rank
            if self.place.batch + self.ranks <= len(batches):
                p = self.place
                self.place = Place(p.round, p.names, p.pool, p.batch + self.ranks)
                return batches[at]
            p = self.place
            if (p.pool + 1) * POOL < len(p.names):
                self.place = Place(p.round, p.names, p.pool + 1, 0)
            else:
                self.place = Place(p.round + 1)

    def _names(self, round_: int) -> tuple[str, ...]:
        """The shards there are when a round begins, shuffled."""
        names = [f"{part}/{n}" for part in self.stage.parts for n in shards.names(self.data / part)]
        if not names:
            raise InputError(
                "holds no data", code="data-missing", file=self.data,
                hint="Make it with `n3d train RECIPE --data-only`",
            )  # fmt: skip
        rng = np.random.default_rng([self.seed, round_, 1])
        return tuple(names[i] for i in rng.permutation(len(names)))

    def _pool(self) -> list[list[tuple[Sample, list[Branch]]]]:
        key = (self.place.round, self.place.names, self.place.pool)
        if self._held is None or self._held[0] != key:
            names = self.place.names[self.place.pool * POOL : (self.place.pool + 1) * POOL]
            rng = np.random.default_rng([self.seed, self.place.round, self.place.pool, 2])
            samples = [s for n in names for s in _read(self.data, n)]
            samples = [samples[i] for i in rng.permutation(len(samples))]
            if self.stage.mirror:
                turned = rng.random(len(samples)) < self.stage.mirror
                samples = [
                    mirroring.mirrored(s, self.eyes) if t else s for s, t in zip(samples, turned)
                ]
            self._held = key, self._batches(samples, rng)
        return self._held[1]

    def _batches(self, samples: Sequence[Sample], rng: np.random.Generator):
        chosen = [(s, choose(s, self.stage, self.coder, rng)) for s in samples]
        if self.stage.text:
            chosen = [c for c in chosen if c[1]]
        size = self.stage.views
        out = []
        for k in range(0, len(chosen) - size + 1, size * BUCKETS):
            some = sorted(chosen[k : k + size * BUCKETS], key=lambda c: sum(map(len, c[1])))
            out += [some[i : i + size] for i in range(0, len(some) - size + 1, size)]
        # Neighbours stay together: processes that take one each do not wait long for each other.
        pairs = [out[i : i + 2] for i in range(0, len(out), 2)]
        return [batch for i in rng.permutation(len(pairs)) for batch in pairs[i]]


@lru_cache(maxsize=2 * POOL)
def _read(data: Path, name: str) -> list[Sample]:
    folder, shard = name.split("/")
    return shards.read(data / folder, shard)


def choose(
    sample: Sample, stage: Stage, coder: Coder | None, rng: np.random.Generator
) -> list[Branch]:
    """Exercises of a sample in random order, as many as there is room for; at least one that
    fits in twice the room."""
    if not stage.text or coder is None:
        return []
    weights = np.array([_weight(e.kind, stage.kinds) for e in sample.exercises])
    if not weights.sum():
        return []
    # Exponential races: a weighted order without replacement.
    with np.errstate(divide="ignore"):
        order = np.argsort(rng.exponential(size=len(weights)) / weights)
    found: list[Branch] = []
    left = stage.room
    for i in order[: int((weights > 0).sum())]:
        branch = coder.branch(sample.exercises[i])
        if len(branch) <= left or (not found and len(branch) <= 2 * stage.room):
            found.append(branch)
            left -= len(branch)
        if left < 24:
            break
    return found


def _weight(kind: str, weights: dict[str, float]) -> float:
    return weights.get(kind, 1.0) if kind in PLAIN else weights.get("question", 1.0)
