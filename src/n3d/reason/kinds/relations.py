"""Yes-or-no questions: whether a relation or a comparison of two objects holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.programs import Program
from n3d.reason.wording import (
    CALLED,
    COMPARATIVES,
    LESS,
    MORE,
    amounts,
    nouns,
    pick,
)
from n3d.scene import Ref, Var

RELATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "left_right": {
        word: {"quantity": "rightness", "more": more}
        for more, side in ((False, "left"), (True, "right"))
        for word in (
            f"to the {side} of",
            f"on the {side} side of",
            f"{side} of",
            f"on the {side} of",
            f"to the {side} side of",
            f"further {side} than",
            f"to {side} of",
            f"more to the {side} than",
            f"further to the {side} than",
        )
    },
    "front_behind": {
        "in front of": {"quantity": "depth", "more": False},
        "ahead of": {"quantity": "depth", "more": False},
        "behind": {"quantity": "depth", "more": True},
        "in back of": {"quantity": "depth", "more": True},
    },
    "above_below": {
        "above": {"quantity": "elevation", "more": True},
        "higher than": {"quantity": "elevation", "more": True},
        "over": {"quantity": "elevation", "more": True},
        "higher up than": {"quantity": "elevation", "more": True},
        "at a higher position than": {"quantity": "elevation", "more": True},
        "at a lower position than": {"quantity": "elevation", "more": False},
        "below": {"quantity": "elevation", "more": False},
        "lower than": {"quantity": "elevation", "more": False},
        "under": {"quantity": "elevation", "more": False},
        "beneath": {"quantity": "elevation", "more": False},
        "underneath": {"quantity": "elevation", "more": False},
    },
}


# What the relation of two centres is called when it is run.
NAMES = {
    ("rightness", False): "left_of",
    ("rightness", True): "right_of",
    ("depth", False): "in_front_of",
    ("depth", True): "behind",
    ("elevation", False): "below",
    ("elevation", True): "above",
}


COMPARED = (
    ("width", "wide/thin", "wider or thinner"),
    ("height", "tall/short", "taller or shorter"),
    ("volume", "big/small", "bigger or smaller"),
)


PREDICATES = (
    "is {a} <relation> {b}?",
    "would you say {a} is <relation> {b}?",
    "is it true that {a} is <relation> {b}?",
    "can you confirm that {a} is <relation> {b}?",
    "{a} is <relation> {b}, (right|correct|true)?",
    "do you agree that {a} is <relation> {b}?",
    "can it be said that {a} is <relation> {b}?",
)


PREDICATES_HEARD = (
    "do you see {a} <relation> {b}",
    "(is|are|was|does|do) {a} [positioned |located |placed |situated |standing |sitting |lying |"
    "found |appear |lie |stand |look |seem |really |actually |also ]<relation> {b}",
    "(can|would|could) you (confirm|say|tell) (if|whether|that) {a} is [positioned |located |"
    "placed |situated ]<relation> {b}",
    "(can|could) {a} be (found|seen) <relation> {b}",
    "{a} (is|are) [positioned |located |placed |situated ]<relation> {b}",
    "{a} is <relation> {b}, (yes or no|true or false|isn't it|is it not|is that right)",
    "(true or false|yes or no), {a} is <relation> {b}",
    "(does|is) {a} appear (on|to be) <relation> {b}",
    "<relation> {b}, is there {a}",
    "has {a} [got ]a <relation> {b}",
)


_THAN = "(than|compared to|compared with|in comparison to|in comparison with|relative to)"


_COMPARED_HEARD = (
    f"(is|are|does|do) {{a}} [look |appear |seem ]<comparative>[ in size| in width| in height] "
    f"{_THAN} {{b}}",
    "(compared to|in comparison to|compared with|relative to) {b}, is {a} <comparative>",
    f"does {{a}} have a <comparative> position {_THAN} {{b}}",
)


_AMOUNTS_HEARD = (
    f"(does|do|has) {{a}} (have|possess|show) [a |an ]<amount> {_THAN} {{b}}",
    f"is the <called> of {{a}} <degree> {_THAN} [the (height|width|size|volume) of |that of ]{{b}}",
    f"is {{a}}'s <called> <degree> {_THAN} {{b}}[ 's]",
)


def flipped(options: Options, quantity: str) -> bool:
    return options.get("view") == "opposite" and quantity in ("rightness", "depth")


def compared_values(p: Program, refs: list[Ref], options: Options) -> tuple[list[Var], bool]:
    """The compared quantities, and whether more of them means `more` of what was asked."""
    quantity = options["quantity"]
    viewer = options.get("viewer")
    if viewer is None or quantity not in ("rightness", "depth"):
        op = named(options, quantity)
        return [p.step(op, r) for r in refs], not flipped(options, quantity)
    op = "leftward" if quantity == "rightness" else "ahead"
    return [p.step(op, viewer, r) for r in refs], quantity == "depth"


def relate(p: Program, refs: list[Ref], options: Options) -> None:
    """Whether the relation of the options holds between two objects."""
    a, b = refs
    quantity, more = options["quantity"], options["more"]
    (x, y), straight = compared_values(p, refs, options)
    whole = options.get("viewer") is None and options.get("definition") is None
    if (quantity, more) in NAMES and whole:
        view = ("opposite",) if flipped(options, quantity) else ()
        p.step(NAMES[quantity, more], a, b, *view)
    else:
        p.step("greater" if more == straight else "less", x, y)


def _pair(quantity: str, views: bool):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        if views and rng.random() < 0.25:
            seen = _seen_by(quantity, stage, rng)
            if seen is not None:
                return seen
        drawn = stage.draw(rng, 2, lambda ab: stage.apart(quantity, ab))
        if drawn is None:
            return None
        more, wanted = coin(rng), coin(rng)
        options = {"quantity": quantity, "more": more}
        flip = views and rng.random() < 0.25
        if flip:
            options["view"] = "opposite"
        a, b = drawn
        v = stage.values(quantity)
        # The drawn order is kept where it gives the wanted answer, else turned round.
        true = (v[a] > v[b]) == (more != flip)
        if true != wanted:
            a, b = b, a
        return Proposal({"a": a, "b": b}, options, (quantity,))

    return propose


def _seen_by(quantity: str, stage: Stage, rng: np.random.Generator) -> Proposal | None:
    """A pair from the point of view of a third object whose front is known."""
    viewers = [i for i in stage.usable if stage.objects[i].front is not None]
    if not viewers:
        return None
    viewer = viewers[rng.integers(len(viewers))]
    drawn = stage.draw(rng, 2, lambda ab: viewer not in ab)
    if drawn is None:
        return None
    me, front = stage.boxes[viewer], np.asarray(stage.objects[viewer].front)
    function = measures.leftward if quantity == "rightness" else measures.ahead
    a, b = drawn
    one, two = (float(function(me, front, stage.boxes[i], up=stage.up)) for i in (a, b))
    between = float(measures.distance(stage.boxes[a], stage.boxes[b]))
    if not abs(one - two) >= 2 * stage.margin * between:
        return None
    more = coin(rng)
    true = (one > two) == (more == (quantity == "depth"))
    if true != coin(rng):
        a, b = b, a
    return Proposal({"a": a, "b": b}, {"quantity": quantity, "more": more, "viewer": viewer})


def _predicate(name, group, description, example, words, quantity, views=False) -> Kind:
    # "Nearer to the camera" is a kind of its own beside front and behind.
    compared = {} if views else pick({quantity: COMPARATIVES[quantity]})
    measured = quantity in CALLED and compared
    heard = (
        *PREDICATES_HEARD,
        *(_COMPARED_HEARD if compared else ()),
        *(_AMOUNTS_HEARD if measured else ()),
    )
    return Kind(
        name,
        group,
        description,
        example,
        ("a", "b"),
        PREDICATES,
        relate,
        _pair(quantity, views),
        heard,
        {
            "relation": words,
            "comparative": compared,
            "amount": amounts(quantity) if measured else {},
            "called": nouns(CALLED, quantity) if measured else {},
            "degree": {w: {"more": more} for more, ws in ((True, MORE), (False, LESS)) for w in ws},
        },
        views=views,
        defaults={"quantity": quantity},
    )


KINDS = (
    _predicate(
        "left_right",
        "left/right",
        "Whether one centre is to the left or right of another.",
        "Is the mug to the left of the lamp?",
        RELATIONS["left_right"],
        "rightness",
        views=True,
    ),
    _predicate(
        "above_below",
        "above/below",
        "Whether one centre is above or below another.",
        "Is the lamp above the table?",
        RELATIONS["above_below"],
        "elevation",
    ),
    _predicate(
        "front_behind",
        "front/behind",
        "Whether one centre is in front of or behind another.",
        "Is the chair behind the table?",
        RELATIONS["front_behind"],
        "depth",
        views=True,
    ),
    *(
        _predicate(
            group.replace("/", "_"),
            group,
            f"Whether one object is {words} than another.",
            f"Is the table {words.split(' ')[0]} than the chair?",
            pick(COMPARATIVES, quantity, suffix=" than"),
            quantity,
        )
        for quantity, group, words in COMPARED
    ),
    _predicate(
        "nearer_farther",
        "depth",
        "Whether one object is nearer to the camera than another.",
        "Is the mug closer to the camera than the lamp?",
        pick(COMPARATIVES, "depth", suffix=" than"),
        "depth",
    ),
)
