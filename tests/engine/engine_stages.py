"""Stages and sources that a worker process can import, with the faults that runs must survive."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Box3D
from n3d.scene import Drop, Object3D, Scene

LABELS = ("mug", "lamp", "chair")


def scene_of(seed: int) -> Scene:
    """A scene that depends on its seed alone."""
    rng = np.random.default_rng(seed)
    things = tuple(
        Object3D(
            f"{seed}-{k}", LABELS[(seed + k) % 3], Box3D(rng.normal(size=3) + [0, 0, 5], [1, 1, 1])
        )
        for k in range(1 + seed % 3)
    )
    return Scene(f"s{seed}", f"p{seed}", things, source="test")


@dataclass(frozen=True)
class Maker:
    """Makes scenes of seeds; records in the sets fail in the ways that records fail."""

    seconds: float = 0.0
    raises: frozenset[int] = frozenset()
    refuses: frozenset[int] = frozenset()
    drops: frozenset[int] = frozenset()
    nonsense: frozenset[int] = frozenset()
    exits: frozenset[int] = frozenset()
    kills: frozenset[int] = frozenset()
    once: str = ""  # a file: the process dies on seed 0 unless it exists
    pids: str = ""  # a folder in which every process leaves its id

    def __call__(self, seed: int):
        if self.pids:
            Path(self.pids, str(os.getpid())).touch()
        time.sleep(self.seconds)
        if self.once and seed == 0 and not os.path.exists(self.once):
            Path(self.once).touch()
            os._exit(3)
        if seed in self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed in self.exits:
            raise SystemExit(1)
        if seed in self.raises:
            raise ZeroDivisionError(f"seed {seed} at {hex(id(self))}")
        if seed in self.refuses:
            raise InputError("is not to be used", code="seed-refused", field="seed")
        if seed in self.drops:
            return Drop(f"s{seed}", "seed-dropped", "asked for")
        if seed in self.nonsense:
            bad = Object3D("o", "mug", Box3D([0, 0, 1], [1, 1, 1]), score=float("nan"))
            return Scene(f"s{seed}", "p", (bad,))
        return scene_of(seed)


@dataclass(frozen=True)
class Reader:
    """A stage over many records that reads ahead by three before it yields."""

    make: Maker

    def __call__(self, seeds):
        held = []
        for seed in seeds:
            held.append(seed)
            if len(held) == 3:
                yield from [self.make(s) for s in held]
                held = []
        yield from [self.make(s) for s in held]


def full_disk(seed: int):
    raise OSError(errno.ENOSPC, "No space left on device")


def renamed(scene: Scene) -> list[Scene]:
    """Two scenes of one, for a second stage."""
    return [Scene(f"{scene.id}{x}", scene.picture_id, scene.objects) for x in "ab"]


def count_up(n: int, broken_at: int = -1):
    """A stream with a Drop after every seventh record."""
    for i in range(n):
        if i == broken_at:
            raise InputError("is not JSON", code="json-syntax", file="input.json", field="line 7")
        yield i
        if i % 7 == 6:
            yield Drop(f"x{i}", "input-broken", "cannot be read")


def marked(scene: Scene) -> Scene:
    """The scene with a mark, for a third stage; one of them fails."""
    if scene.id == "s7b":
        raise ZeroDivisionError("seven")
    return Scene(f"{scene.id}!", scene.picture_id, scene.objects)
