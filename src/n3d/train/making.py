"""Making shards of training data: many processes, resumable, the same data whoever makes it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.language import dialogues
from n3d.model import orders, rays
from n3d.train import annotated, asked, exercises, mini, shards, targets, views
from n3d.train.annotated import Annotated
from n3d.train.asked import Asked
from n3d.train.exercises import ExerciseMix
from n3d.train.shards import Sample
from n3d.train.views import Known, ViewMix


@dataclass(frozen=True)
class Part:
    """A run of views of the training split: `count` of them from number `first` on.

    They are rendered, or with `annotated` pictures of a data set, or with `asked` scenes and the
    questions about them, which then are the exercises.
    """

    name: str
    first: int
    count: int
    split: str = "train"
    per_shard: int = 256
    views: ViewMix = field(default_factory=ViewMix)
    exercises: ExerciseMix = field(default_factory=ExerciseMix)
    annotated: Annotated | None = None
    asked: Asked | None = None

    def __post_init__(self) -> None:
        if self.annotated is not None and self.asked is not None:
            raise ConfigError(
                "is given beside annotated", code="config-value", field=f"data.{self.name}.asked"
            )

    @property
    def shards(self) -> int:
        """How many shards it is cut into."""
        return -(-self.count // self.per_shard)


def make(folder: Path, part: Part, eyes: mini.Eyes, workers: int = 1) -> Iterator[str]:
    """Make the shards of a part that are missing, and name each when it is there.

    They go to `folder / part.name`. Stopping is safe at any time.
    """
    home = folder / part.name
    there = set(shards.names(home))
    todo = [(home, part, eyes, k) for k in range(part.shards) if _name(k) not in there]
    if workers <= 1:
        yield from map(_make, todo)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _quiet) as pool:
        yield from pool.imap_unordered(_make, todo)


def _quiet() -> None:
    """One thread for each process."""
    import torch

    torch.set_num_threads(1)


def _name(k: int) -> str:
    return f"{k:06d}"


def _make(job: tuple[Path, Part, mini.Eyes, int]) -> str:
    home, part, eyes, k = job
    first = part.first + k * part.per_shard
    last = min(first + part.per_shard, part.first + part.count)
    made = list(samples(part, eyes, range(first, last)))
    if not made:
        raise ConfigError(
            f"none of the pictures {first} to {last - 1} can be trained on",
            code="data-empty", field=f"data.{part.name}",
            hint="Are count and first right? `n3d lift` on the same files tells what was dropped",
        )  # fmt: skip
    shards.write(home, _name(k), made)
    return f"{part.name}/{_name(k)}"


def samples(part: Part, eyes: mini.Eyes, indices: range) -> Iterator[Sample]:
    """The samples of some views of a part; a view asks questions about the one before it."""
    strange: list[Any] = []
    processor = mini.image_processor(eyes)
    if part.asked is not None:
        for _, known, done in asked.views(
            part.asked, indices.start, indices.stop, part.exercises.jitter
        ):
            if known.count and done:
                yield sample(known, done, eyes, processor)
        return
    for index, known in knowns(part, indices):
        if not known.count:
            continue
        rng = np.random.default_rng([index, 11])
        done = exercises.draw(known, rng, part.exercises, strange)
        if part.exercises.absent_questions:
            strange = (exercises.questions(known, rng, 1) + strange)[:6]
        yield sample(known, done, eyes, processor)


def knowns(part: Part, indices: range) -> Iterator[tuple[int, Known]]:
    """What is known about views of a part, by number."""
    if part.asked is not None:
        found = asked.views(part.asked, indices.start, indices.stop, 0.0)
        return ((index, known) for index, known, _ in found)
    if part.annotated is not None:
        return annotated.knowns(part.annotated, indices.start, indices.stop)
    return ((i, views.draw(part.split, i, part.views)) for i in indices)


def sample(known: Known, done: list[exercises.Exercise], eyes: mini.Eyes, processor: Any) -> Sample:
    """A view as a network with such eyes sees it, with its targets and exercises."""
    patches, (rows, columns) = cut(known.view.image, processor)
    points = rays.of_view(known.view, rows, columns, eyes.samples)
    import torch

    order = orders.raster_of_blocks(torch.tensor([[1, rows, columns]]), eyes.merge)
    found = targets.of(known, rows // eyes.merge, columns // eyes.merge)
    opening = dialogues.opening(known.setting)
    return Sample(patches, points[order].numpy(), (rows, columns), found, opening, tuple(done))


def cut(image: np.ndarray, processor: Any) -> tuple[np.ndarray, tuple[int, int]]:
    """Patches (n, k) uint8 of an image, resized as its processor does, not normalised."""
    found = processor(
        images=[image],
        return_tensors="np",
        input_data_format="channels_last",
        do_rescale=False,
        do_normalize=False,
    )
    _, rows, columns = found["image_grid_thw"][0]
    pixels = np.rint(found["pixel_values"])
    return np.clip(pixels, 0, 255).astype(np.uint8), (int(rows), int(columns))


def processes() -> int:
    """As many as there are cores for this process."""
    return len(os.sched_getaffinity(0))
