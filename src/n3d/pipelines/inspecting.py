"""What a folder of results holds: counts, and how they are spread."""

from __future__ import annotations

import random
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from n3d import engine
from n3d.pipelines import jobs
from n3d.reason import balance, gating
from n3d.scene import Scene, manifests, reviews, shards
from n3d.scene.reviews import Reviews

PERCENTILES = (5, 50, 95)
MOST_CLASSES = 50
SAMPLED = 2000


def facts(folder: Path) -> dict[str, Any]:
    """Counts of a data set or of predictions; of questions also their `balance`, of scenes as
    reviewed the `sizes` and distances of each class, and what the `reviews` say. InputError for a
    folder that holds neither."""
    if jobs.holds(folder):
        return jobs.inspect(folder)
    found = engine.inspect(folder)
    if found["kind"] == "qa":
        tally = balance.Tally()
        for qa in _records(folder):
            tally.add(qa)
        found["balance"] = tally.to_json()
    elif found["kind"] == "scene":
        told = reviews.known(folder)
        met = Met(told)
        found["sizes"] = sizes(met.scenes(_records(folder)))
        if told.by_scene:
            found["reviews"] = told.counts() | {"unknown": met.unknown}
            found["labels"] = manifests.added([met.labels])
    return found


@dataclass
class Met:
    """Which reviews were met by scenes that went through, and the labels that these kept."""

    reviews: Reviews
    count: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def scenes(self, found: Iterable[Scene]) -> Iterator[Scene]:
        """The scenes as reviewed."""
        for scene in found:
            told = self.reviews.of(scene.id)
            self.count += len(told.keys() & {None, *(o.id for o in scene.objects)})
            kept = reviews.apply(scene, told)
            if isinstance(kept, Scene):
                self.labels.update(kept.labels)
                yield kept

    @property
    def unknown(self) -> int:
        """How many reviews are of things that are not there."""
        return sum(1 for _ in self.reviews) - self.count


def drops_of(folder: Path) -> Path:
    """Where the dropped records of a folder are listed."""
    return folder / (jobs.DROPS if jobs.holds(folder) else "drops")


def _records(folder: Path) -> Iterator[Any]:
    """The records of the finished shards, also of a run that was stopped."""
    if (folder / manifests.FILE).is_file():
        yield from shards.read(folder)
        return
    for marker in sorted((folder / "done").glob("*.json")):
        if manifests.read_marker(folder, marker.stem) is not None:
            yield from shards.read(manifests.data_file(folder, marker.stem))


def sizes(scenes: Iterator[Scene]) -> dict[str, Any]:
    """Per class, the most frequent first: how many, and the 5th, 50th and 95th percentile of its
    sides from longest to shortest and of its depth, metres; how its boxes score.

    Of a class that has more, SAMPLED boxes drawn evenly stand for all."""
    found: dict[str, _Sample] = {}
    for scene in scenes:
        for o in scene.objects:
            if o.label not in found:
                found[o.label] = _Sample(zlib.crc32(o.label.encode("utf-8", "replace")))
            sides = np.sort(o.box.size)[::-1]
            found[o.label].add((*sides, float(o.box.center[2]), gating.worth(o)))
    ordered = sorted(found, key=lambda label: (-found[label].count, label))
    return {label: _spread(found[label]) for label in ordered[:MOST_CLASSES]}


class _Sample:
    """Of all rows of five numbers that were added, SAMPLED that were drawn evenly; the same rows
    give the same sample (algorithm R, Vitter 1985)."""

    def __init__(self, seed: int) -> None:
        self._rows = array("d")
        self._random = random.Random(seed)
        self.count = 0

    def add(self, row: tuple[float, ...]) -> None:
        """Take a row, in the place of one of those before it where there are enough."""
        self.count += 1
        if self.count <= SAMPLED:
            self._rows.extend(row)
            return
        place = self._random.randrange(self.count)
        if place < SAMPLED:
            self._rows[place * 5 : place * 5 + 5] = array("d", row)

    @property
    def columns(self) -> np.ndarray:
        """The rows (5, n) of numbers."""
        return np.array(self._rows).reshape(-1, 5).T


def _spread(sample: _Sample) -> dict[str, Any]:
    found: dict[str, Any] = {"count": sample.count}
    longest, middle, shortest, depth, score = sample.columns
    named = {"longest": longest, "middle": middle, "shortest": shortest, "depth": depth}
    for name, values in named.items():
        found[name] = [round(float(v), 3) for v in np.percentile(values, PERCENTILES)]
    found["score"] = round(float(np.median(score)), 3)
    return found
