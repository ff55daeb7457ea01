"""Phrases to locate objects by: a class, a colour, an expression, several, what is absent.

A phrase is fit when it means targets alone, judged against everything that can be seen. What is
absent means nothing among all of that, nor among the labels that are there without a box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from n3d.errors import QuestionError
from n3d.reason import expressing, labels, refer
from n3d.reason.labels import plural
from n3d.reason.worlds import World
from n3d.scene import Object3D

Named: TypeAlias = tuple[str, tuple[int, ...]]
"""A phrase and the objects that it means."""

MOST_EXPRESSIONS = 8
LONGEST_OF = 6


@dataclass(frozen=True, eq=False)
class Field:
    """What may be located: `objects` are all that can be seen, `targets` the places of those
    that may be asked for.

    `names` are labels that a picture may hold and `colors` colours that things may have: what is
    absent is drawn from them. `boxless` labels are there without a box. Targets are drawn in
    proportion to `weights`, alike without.
    """

    objects: Sequence[Object3D]
    targets: tuple[int, ...]
    up: np.ndarray | None = None
    names: Sequence[str] = ()
    colors: Sequence[str] = ()
    boxless: Sequence[str] = ()
    weights: np.ndarray | None = None
    margin: float = expressing.MARGIN
    _expressions: dict[int, list[str]] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        return World.of(self.objects, self.up)

    def draw(self, rng: np.random.Generator) -> int:
        """A target."""
        if self.weights is None:
            return self.targets[rng.integers(len(self.targets))]
        return int(rng.choice(self.targets, p=self.weights))

    def every(self, phrase: str) -> tuple[int, ...] | None:
        """All that a phrase may mean, if those are targets."""
        try:
            found = refer.every(phrase, self.objects, self.up, world=self.world)
        except QuestionError:  # "black can" does not read as a noun
            return None
        return tuple(found) if set(found) <= set(self.targets) else None

    def expressions(self, index: int) -> list[str]:
        """The first phrases that mean one object, simplest first."""
        if index not in self._expressions:
            found: list[str] = []
            for text in expressing.expressions(
                index, self.objects, self.up, margin=self.margin, world=self.world
            ):
                found.append(text)
                if len(found) >= MOST_EXPRESSIONS:
                    break
            self._expressions[index] = found
        return self._expressions[index]

    def is_absent(self, phrase: str) -> bool:
        """Whether a phrase means nothing here, with or without a box."""
        try:
            refer.every(phrase, self.objects, self.up, world=self.world)
        except QuestionError as e:
            unseen = not any(labels.match(name, phrase) for name in self.boxless)
            return e.code == "object-absent" and unseen
        return False


def by_class(field: Field, rng: np.random.Generator) -> Named | None:
    """All of a class, as a label in the singular or the plural."""
    return _shown(field, field.objects[field.draw(rng)].label, rng)


def by_color(field: Field, rng: np.random.Generator) -> Named | None:
    """All of a class that have one colour."""
    o = field.objects[field.draw(rng)]
    color = o.attributes.get("color")
    return _shown(field, f"{color} {o.label}" if color else o.label, rng)


def _shown(field: Field, phrase: str, rng: np.random.Generator) -> Named | None:
    found = field.every(phrase)
    if found is None:
        return None
    shown = rng.random()
    if shown < 0.25:
        many = plural(phrase)
        phrase = f"all {many}" if shown < 0.1 else many if len(found) > 1 else f"the {phrase}"
    return phrase, found


def by_expression(field: Field, rng: np.random.Generator) -> Named | None:
    """One object by a phrase that means it alone, seldom the simplest."""
    i = field.draw(rng)
    found = field.expressions(i)
    if not found:
        return None
    # Longer phrases say more than a class: they come last.
    text = found[-1 - int(rng.integers(min(len(found), LONGEST_OF)))]
    return (f"the {text}" if rng.random() < 0.2 else text), (i,)


def several(
    field: Field,
    rng: np.random.Generator,
    one: Callable[[], Named | None],
    *,
    lacking: float = 0.25,
) -> list[Named]:
    """Two to four phrases of `one`, in any order; a share `lacking` also names what is absent.

    Fewer than two where they cannot be told apart.
    """
    parts = [p for p in (one() for _ in range(rng.integers(2, 5))) if p is not None]
    if rng.random() < lacking:
        parts += [(t, ()) for t in absent(field, rng, 1)]
    parts = [p for i, p in enumerate(parts) if p not in parts[:i]]
    # One box per object: a second phrase for the same one is left out.
    seen: set[int] = set()
    kept = [p for p in parts if not seen & set(p[1]) and not seen.update(p[1])]
    if len(kept) < 2:
        return []
    return [kept[i] for i in rng.permutation(len(kept))]


def absent(field: Field, rng: np.random.Generator, count: int) -> list[str]:
    """Phrases that mean nothing in the view: half of them only by their colour."""
    found: list[str] = []
    if not field.names:
        return found
    for _ in range(count * 4):
        if len(found) >= count:
            break
        label = field.names[int(rng.integers(len(field.names)))]
        coloured = rng.random()
        if coloured < 0.5:
            label = field.objects[int(rng.integers(len(field.objects)))].label
        if not any("color" in o.attributes for o in field.objects):
            coloured = 1.0  # nobody knows which colours there are
        if field.colors:
            text = f"{field.colors[int(rng.integers(len(field.colors)))]} {label}"
            label = text if coloured < 0.65 else label
        if field.is_absent(label):
            found.append(label)
    return found
