"""Whether objects stand on, lie in or touch each other."""

from __future__ import annotations

import numpy as np

from n3d.geometry import Box3D
from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.kinds.relations import PREDICATES, PREDICATES_HEARD
from n3d.reason.programs import Program
from n3d.scene import Quantity, Ref


def _on(p: Program, refs: list[Ref], options: Options) -> None:
    a, b = refs
    p.step("bottom", a)
    p.step("top", b)
    p.step("on", a, b)


def _touch(p: Program, refs: list[Ref], options: Options) -> None:
    gap = p.step("gap", *refs)
    p.step("less", gap, Quantity(measures.CONTACT))


def _standing(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    def standing(a: Box3D, b: Box3D) -> tuple[np.ndarray, np.ndarray]:
        yes = measures.on(a, b, up=stage.up)
        return yes, ~yes

    return _either(stage, rng, standing)


def _contact(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    def touching(a: Box3D, b: Box3D) -> tuple[np.ndarray, np.ndarray]:
        gaps = measures.gap(a, b)
        return gaps < measures.CONTACT / 2, gaps > 2 * measures.CONTACT

    return _either(stage, rng, touching)


def _within(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    def within(a: Box3D, b: Box3D) -> tuple[np.ndarray, np.ndarray]:
        yes = measures.inside(a, b)
        return yes, ~yes

    return _either(stage, rng, within)


def _either(stage: Stage, rng: np.random.Generator, relation) -> Proposal | None:
    """A pair for which a rare relation holds or does not, each half of the time; only in
    scenes where both happen."""
    usable = stage.usable
    if len(usable) < 2:
        return None
    boxes = stage.boxes[usable]
    different = ~np.eye(len(usable), dtype=bool)
    yes, no = (x & different for x in relation(boxes[:, None], boxes[None, :]))
    if not yes.any() or not no.any():
        return None
    pairs = np.argwhere(yes if coin(rng) else no)
    a, b = (usable[k] for k in pairs[rng.integers(len(pairs))])
    return Proposal({"a": a, "b": b}, {}, ("elevation",))


KINDS = (
    Kind(
        "on",
        "above/below",
        "Whether an object stands on another.",
        "Is the mug on the table?",
        ("a", "b"),
        PREDICATES,
        _on,
        _standing,
        PREDICATES_HEARD,
        {"relation": {"on": {}, "on top of": {}, "standing on": {}, "resting on": {}}},
    ),
    Kind(
        "inside",
        "arrangement",
        "Whether the centre of an object is inside the box of another.",
        "Is the ball in the box?",
        ("a", "b"),
        PREDICATES,
        lambda p, refs, o: p.step("inside", *refs),
        _within,
        PREDICATES_HEARD,
        {"relation": {w: {} for w in ("in", "inside", "inside of", "within", "contained in")}},
    ),
    Kind(
        "touching",
        "gap",
        "Whether the gap between two objects is below 5 cm.",
        "Do the mug and the lamp touch?",
        ("a", "b"),
        (
            "do {a} and {b} touch?",
            "do {a} and {b} touch each other?",
            "does {a} touch {b}?",
            "is {a} touching {b}?",
            "is {a} in contact with {b}?",
            "are {a} and {b} touching?",
        ),
        _touch,
        _contact,
        ("are {a} and {b} (touching each other|in contact)", "(do|are) {labels} (touch|touching)"),
    ),
)
