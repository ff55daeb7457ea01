"""The kinds of objects: how each is built, where it may stand, what it is held out with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from n3d.synthetic import furniture, palette, things
from n3d.synthetic.shapes import Shape, Template

FLOOR, SURFACE, EITHER = "floor", "surface", "either"


@dataclass(frozen=True)
class Category:
    """One kind of object.

    `place` says where it stands; `has_front` that its +z side is a natural front; `round` that
    it looks the same from all sides, so that it has no yaw of its own; `colors` restricts the
    names it comes in; `textured` is the probability of a two-tone pattern.
    """

    build: Callable[[Shape, np.random.Generator], None]
    place: str
    has_front: bool = False
    round: bool = False
    colors: tuple[str, ...] = palette.NAMES
    textured: float = 0.0


CATEGORIES: dict[str, Category] = {
    "box": Category(things.box, EITHER, textured=0.35),
    "ball": Category(things.ball, EITHER, round=True, textured=0.35),
    "can": Category(things.can, SURFACE, round=True),
    "cone": Category(furniture.cone, FLOOR),
    "table": Category(furniture.table, FLOOR),
    "chair": Category(furniture.chair, FLOOR, has_front=True),
    "sofa": Category(furniture.sofa, FLOOR, has_front=True, textured=0.25),
    "lamp": Category(furniture.lamp, EITHER, round=True, textured=0.15),
    "shelf": Category(furniture.shelf, FLOOR, has_front=True),
    "monitor": Category(things.monitor, SURFACE, has_front=True),
    "mug": Category(things.mug, SURFACE, textured=0.15),
    "stool": Category(furniture.stool, FLOOR),
    "bed": Category(furniture.bed, FLOOR, textured=0.35),
    "cabinet": Category(furniture.cabinet, FLOOR, has_front=True),
    "night stand": Category(furniture.night_stand, FLOOR, has_front=True),
    "bottle": Category(things.bottle, SURFACE, round=True),
    "plant": Category(things.plant, EITHER, colors=("green",)),
    "trash bin": Category(furniture.trash_bin, FLOOR, round=True),
    "bowl": Category(things.bowl, SURFACE, round=True),
    "vase": Category(things.vase, EITHER, round=True, textured=0.2),
    "book": Category(things.book, SURFACE),
    "laptop": Category(things.laptop, SURFACE, has_front=True),
    "pillow": Category(things.pillow, EITHER, textured=0.35),
    "suitcase": Category(furniture.suitcase, FLOOR),
    "teddy bear": Category(things.teddy_bear, EITHER, has_front=True),
}
NAMES = tuple(CATEGORIES)


def held_out(name: str) -> tuple[str, ...]:
    """The colours that a category has only in the shifted test split: two of the ten."""
    allowed = CATEGORIES[name].colors
    if len(allowed) < 3:
        return ()
    first = 3 * NAMES.index(name) % len(allowed)
    return (allowed[first], allowed[(first + 5) % len(allowed)])


def build(name: str, color: str, rng: np.random.Generator) -> Template:
    """A random shape of a category in a named colour."""
    category = CATEGORIES[name]
    shape = Shape(palette.paint(color, rng, category.textured), palette.trim(rng))
    category.build(shape, rng)
    return shape.finish()
