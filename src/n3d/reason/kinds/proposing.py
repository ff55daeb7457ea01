"""Drawing what to ask about: objects that differ clearly and answers that are balanced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from n3d.geometry import Box3D
from n3d.reason import expressing, measures
from n3d.reason.labels import same_label
from n3d.reason.worlds import World
from n3d.scene import Object3D

TRIES = 30
# A question about all objects of a label compares at most so many.
MOST_COMPARED = 12


@dataclass(frozen=True)
class Proposal:
    """What to ask: an index, several, or a label (None: any object) per slot, and options.

    Names of objects do not use the quantities in `avoid`, which would give the answer away.
    """

    slots: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()


@dataclass(eq=False)
class Stage:
    """A scene to ask about, with the margin by which compared things must differ.

    Objects are drawn from the places in `fit` (any, without), in proportion to `weights` (n,).
    """

    objects: Sequence[Object3D]
    up: np.ndarray | None
    margin: float
    fit: frozenset[int] | None = None
    weights: np.ndarray | None = None
    _names: dict[tuple[int, tuple[str, ...]], str | None] = field(default_factory=dict)

    @cached_property
    def boxes(self) -> Box3D:
        return self.world.boxes

    @cached_property
    def world(self) -> World:
        return World.of(self.objects, self.up)

    def name(self, index: int, avoid: tuple[str, ...] = ()) -> str | None:
        """A phrase for an object without its article, or None."""
        key = (index, avoid)
        if key not in self._names:
            self._names[key] = expressing.express(
                index, self.objects, self.up, margin=self.margin, avoid=avoid, world=self.world
            )
        return self._names[key]

    @cached_property
    def usable(self) -> list[int]:
        """Objects that may be asked about and can be named at all."""
        fit = range(len(self.objects)) if self.fit is None else sorted(self.fit)
        return [i for i in fit if self.name(i)]

    @cached_property
    def shares(self) -> np.ndarray | None:
        """With what probability each usable object is drawn; None for all alike."""
        if self.weights is None or not self.usable:
            return None
        found = self.weights[self.usable]
        return found / found.sum()

    def values(self, quantity: str) -> np.ndarray:
        return expressing.values(quantity, self.boxes, self.up)

    def apart(self, quantity: str, indices: Sequence[int]) -> bool:
        """Whether all of these differ clearly in a quantity."""
        part = self.boxes[list(indices)]
        separation = expressing.separation(quantity, part, self.up)
        np.fill_diagonal(separation, np.inf)
        if quantity in ("rightness", "elevation", "depth"):
            # Clear in the picture too: a fair share of the distance between the two.
            gaps = measures.distance(part[:, None], part[None, :])
            v = expressing.values(quantity, part, self.up)
            share = np.abs(np.subtract.outer(v, v)) / np.maximum(gaps, 1e-9)
            np.fill_diagonal(share, np.inf)
            if share.min() < self.margin:
                return False
        return bool(separation.min() >= self.margin)

    def draw(
        self,
        rng: np.random.Generator,
        count: int,
        accept: Callable[[list[int]], bool] = lambda _: True,
    ) -> list[int] | None:
        """`count` different nameable objects in random order that `accept` takes, or None."""
        if len(self.usable) < count:
            return None
        for _ in range(TRIES):
            drawn = [int(i) for i in rng.choice(self.usable, count, replace=False, p=self.shares)]
            if accept(drawn):
                return drawn
        return None

    def propose(
        self,
        rng: np.random.Generator,
        slots: tuple[str, ...],
        accept: Callable[[list[int]], bool] = lambda _: True,
        options: dict[str, Any] | None = None,
        avoid: tuple[str, ...] = (),
    ) -> Proposal | None:
        """One drawn object per slot, in the order `accept` sees them, or None."""
        drawn = self.draw(rng, len(slots), accept)
        if drawn is None:
            return None
        return Proposal(dict(zip(slots, drawn)), dict(options or {}), avoid)

    def groups(self) -> list[list[int]]:
        """The indices of each label that occurs at least twice."""
        found: list[list[int]] = []
        for i, o in enumerate(self.objects):
            for group in found:
                if same_label(self.objects[group[0]].label, o.label):
                    group.append(i)
                    break
            else:
                found.append([i])
        return [g for g in found if len(g) > 1]

    def label_of(self, rng: np.random.Generator) -> tuple[str | None, list[int]]:
        """A label that occurs several times (or, rarely, any object) and its members."""
        groups = self.groups()
        if not groups or rng.random() < 0.2:
            return None, list(range(len(self.objects)))
        group = groups[rng.integers(len(groups))]
        return self.objects[group[0]].label, group


def coin(rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.5)


def several(rng: np.random.Generator, most: int) -> int:
    """Two objects half of the time, else three up to `most`."""
    return 2 if coin(rng) else int(rng.integers(3, max(most, 3) + 1))
