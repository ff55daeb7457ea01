"""Which of several named objects: further left, taller, nearer."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.reason.kinds.kind import Kind, Options
from n3d.reason.kinds.proposing import Proposal, Stage, coin, several
from n3d.reason.kinds.relations import COMPARED, compared_values
from n3d.reason.programs import Program
from n3d.reason.wording import (
    CALLED,
    COMPARATIVES,
    FRONTNESS,
    SIDEWAYS,
    SPLIT,
    SUPERLATIVES,
    amounts,
    pick,
)
from n3d.scene import Ref

_CHOICES = (
    "which is <comparative>, {either}?",
    "which one is <comparative>, {either}?",
    "between {list}, which one is <comparative>?",
    "which of {list} is <comparative>?",
    "of {list}, which is <comparative>?",
    "{either}, which one is <comparative>?",
    "which object is <comparative>, {either}?",
)


_CHOICES_HEARD = (
    "(which|which one|what|who|which object|which thing|which of these|which of the two|"
    "which of the three|which of them) (is|stands|appears|sits|lies|looks|are|is the|seems|would be"
    ") [located |positioned |placed ]<comparative>, {list}",
    "[out ](of|between|among|from) {list}, (which|which one|which object|what|who) (is|is the|"
    "stands|appears|lies|looks) [located |positioned ]<comparative>",
    "(which|which one|what|who) (of|among|between|out of) {list} (is|is the|stands|appears|lies|"
    "looks) [located |positioned ]<comparative>",
    "{list}, (which|which one|what|who) (is|is the|appears|of them is) <comparative>",
    "(which|what) is <comparative> (of|between|among|out of) {list}",
    "(which|what) is <comparative> {list}",
    "is {list} <comparative>",
)


_AMOUNT_CHOICES = (
    "(which|which one|who|what|which object) has [the |a |an ]<amount>, {either}",
    "[out ](of|between|among) {list}, (which|which one|who|which object) has [the |a |an ]<amount>",
    "(which|which one) of {list} has [the |a |an ]<amount>",
)


def choose(p: Program, refs: list[Ref], options: Options) -> None:
    """Which of the objects has most or least of the quantity of the options."""
    quantity, more = options["quantity"], options["more"]
    values, straight = compared_values(p, refs, options)
    largest = more == straight
    if len(values) == 2 and quantity in SPLIT and straight:
        p.step(SPLIT[quantity][not largest], *values)
    else:
        p.step("largest" if largest else "smallest", tuple(values))


def _pick(quantity: str, views: bool, most: int = 4):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        drawn = stage.draw(rng, several(rng, most), lambda ab: stage.apart(quantity, ab))
        if drawn is None:
            return None
        options: dict[str, Any] = {"quantity": quantity, "more": coin(rng)}
        if views and rng.random() < 0.25:
            options["view"] = "opposite"
        return Proposal({"list": tuple(drawn)}, options, (quantity,))

    return propose


def _choice(name, group, description, example, words, quantity, views=False, most=4) -> Kind:
    measured = quantity in CALLED
    return Kind(
        name,
        group,
        description,
        example,
        ("list",),
        _CHOICES,
        choose,
        _pick(quantity, views, most),
        (*_CHOICES_HEARD, *(_AMOUNT_CHOICES if measured else ())),
        {"comparative": words, "amount": amounts(quantity) if measured else {}},
        views=views,
        defaults={"quantity": quantity},
    )


KINDS = (
    _choice(
        "left_right_choice",
        "left/right",
        "Which of several is furthest to the left or right.",
        "Which is more to the left, the mug or the lamp?",
        pick(SIDEWAYS) | pick(SUPERLATIVES, "rightness"),
        "rightness",
        views=True,
    ),
    _choice(
        "above_below_choice",
        "above/below",
        "Which of several is highest or lowest.",
        "Which is higher, the shelf or the lamp?",
        pick(COMPARATIVES, "elevation")
        | pick(SUPERLATIVES, "elevation")
        | {
            "above": {"quantity": "elevation", "more": True},
            "below": {"quantity": "elevation", "more": False},
        },
        "elevation",
    ),
    _choice(
        "front_behind_choice",
        "front/behind",
        "Which of several is in front or behind.",
        "Which is in front, the chair or the table?",
        pick(FRONTNESS),
        "depth",
        views=True,
    ),
    *(
        _choice(
            group.replace("/", "_") + "_choice",
            group,
            f"Which of several objects is {words}.",
            f"Which is {words.split(' ')[0]}, the table or the chair?",
            pick(COMPARATIVES, quantity) | pick(SUPERLATIVES, quantity),
            quantity,
        )
        for quantity, group, words in COMPARED
    ),
    _choice(
        "depth_choice",
        "depth",
        "Which of several is nearest to or farthest from the camera.",
        "Which is closer to me, the mug or the lamp?",
        pick(COMPARATIVES, "depth") | pick(SUPERLATIVES, "depth"),
        "depth",
    ),
)
