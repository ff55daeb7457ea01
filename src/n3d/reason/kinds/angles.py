"""Questions about angles: between objects, and who faces whom."""

from __future__ import annotations

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.kinds.relations import PREDICATES, PREDICATES_HEARD


def _between(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    wanted = coin(rng)
    edge = measures.BETWEEN_ANGLE

    def fits(x: list[int]) -> bool:
        a, b, c = (stage.boxes[i] for i in x)
        angle = measures.angle(b, a, c)
        return bool(angle >= edge + 0.2) if wanted else bool(angle <= edge - 0.2)

    return stage.propose(rng, ("a", "b", "c"), fits, avoid=("distance",))


def _facing(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    wanted = coin(rng)

    def fits(x: list[int]) -> bool:
        front = stage.objects[x[0]].front
        if front is None:
            return False
        a, b = (stage.boxes[i] for i in x)
        return bool(measures.facing(a, np.asarray(front), b, up=stage.up)) == wanted

    return stage.propose(rng, ("a", "b"), fits)


def _corner(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    return stage.propose(rng, ("a", "b", "c"))


def _seen(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    return stage.propose(rng, ("a", "b"))


KINDS = (
    Kind(
        "between",
        "arrangement",
        "Whether an object is between two others.",
        "Is the mug between the lamp and the laptop?",
        ("a", "b", "c"),
        tuple(p.replace("<relation> {b}", "between {b} and {c}") for p in PREDICATES),
        lambda p, refs, o: (
            p.step("angle", refs[1], refs[0], refs[2]),
            p.step("between", *refs),
        ),
        _between,
        tuple(
            p.replace("<relation> {b}", "[in ]between {b} and {c}")
            for p in PREDICATES_HEARD
            if not p.startswith("<")
        ),
    ),
    Kind(
        "facing",
        "view",
        "Whether an object faces another; its front must be known.",
        "Is the chair facing the table?",
        ("a", "b"),
        tuple(p.replace("<relation>", "facing") for p in PREDICATES),
        lambda p, refs, o: p.step("facing", *refs),
        _facing,
        (
            "(is|are) {a} [turned |oriented |directed ](facing|towards|toward) {b}",
            "does {a} (face|look at|point at) {b}",
        ),
    ),
    Kind(
        "angle",
        "arrangement",
        "The angle at one object between two others.",
        "What is the angle at the table between the lamp and the door?",
        ("b", "a", "c"),
        (
            "what is the angle at {b} between {a} and {c}?",
            "at {b}, what is the angle between {a} and {c}?",
            "give me the angle at {b} between {a} and {c}.",
            "seen from {b}, what angle lies between {a} and {c}?",
            "how large is the angle at {b} between {a} and {c}?",
            "what angle do {a} and {c} form at {b}?",
        ),
        lambda p, refs, o: p.step("angle", refs[1], refs[0], refs[2]),
        _corner,
        (
            "[what's |what is |measure ][the ]angle (formed at|at) {b} (between|from) {a} (and|to)"
            " {c}",
        ),
        unit="rad",
    ),
    Kind(
        "view_angle",
        "view",
        "The angle between two objects as the camera sees them.",
        "What is the angle between the lamp and the door as seen from the camera?",
        ("a", "b"),
        (
            "what is the angle between {a} and {b} as seen from the camera?",
            "what is the viewing angle between {a} and {b}?",
            "how large is the angle between {a} and {b} for the camera?",
            "seen from the camera, what is the angle between {a} and {b}?",
            "give me the angle between {a} and {b} as seen from the camera.",
            "by what angle are {a} and {b} apart in the camera's view?",
        ),
        lambda p, refs, o: p.step("view_angle", *refs),
        _seen,
        (
            "[what's |what is |measure ][the ][viewing ]angle between {a} and {b}",
            "by what angle are {a} and {b} apart",
        ),
        unit="rad",
    ),
)
