"""A network of a few thousand parameters with a tokenizer of its own, and a little data."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from n3d.train import exercises, making, mini, views, vocabulary
from n3d.train.exercises import ExerciseMix
from n3d.train.making import Part
from n3d.train.recipes import Backbone, Recipe, Stage, Validation

EYES = mini.Eyes(samples=2)
SIZE = mini.Size(hidden=32, heads=2, vision_layers=1, vision_inner=32, layers=2, inner=32,
                 positions=64, point_hidden=16)  # fmt: skip
CORPUS = ["Locate: the red mug; box", ">>> a = distance(", "Scene scale: , metric, depth given, up"]
MIX = ExerciseMix(questions=2, absent_questions=1, several=1, places=1, absent=1)
PART = Part("tiny", 0, 12, per_shard=6, exercises=MIX)


@functools.cache
def tokenizer():
    """A tokenizer of few words."""
    return vocabulary.build(vocabulary.Vocabulary(size=300), CORPUS * 5)


@functools.cache
def known(index: int, **mix) -> views.Known:
    """A rendered view."""
    return views.draw("train", index, views.ViewMix(**mix))


@functools.cache
def done(index: int) -> tuple[exercises.Exercise, ...]:
    """Exercises on a rendered view."""
    return tuple(exercises.draw(known(index), np.random.default_rng(index), MIX))


@functools.cache
def samples():
    """The samples of a part, as they are trained on."""
    return tuple(making.samples(PART, EYES, range(6)))


def network(seed: int = 0):
    """A new tiny network, in evaluation mode."""
    return mini.network(EYES, SIZE, tokenizer(), seed).eval()


def recipe(**stage) -> Recipe:
    """A run of two stages on the tiny part."""
    dense = Stage("dense", 2, ("tiny",), text=False, views=3, warmup=2)
    text = Stage("text", **{"steps": 4, "parts": ("tiny",), "views": 2, "room": 60} | stage)
    backbone = Backbone(eyes=EYES, size=SIZE, vocabulary=vocabulary.Vocabulary(size=300, views=0))
    validation = Validation(every=0, views=4, decoded=0, part="tiny")
    return Recipe("tiny", (PART,), (dense, text), 3, backbone, validation, keep=1000)


def prepare(folder: Path) -> Path:
    """A folder with the data of the tiny part."""
    from n3d.train import shards

    for k in range(2):
        shards.write(folder / "tiny", f"{k:06d}", samples())
    return folder
