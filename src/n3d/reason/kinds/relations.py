"""Yes-or-no questions, and which of several objects: relations and comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.geometry import Box3D
from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage, coin, several
from n3d.reason.kinds.wording import (
    CALLED,
    COMPARATIVES,
    FRONTNESS,
    LESS,
    MORE,
    SIDEWAYS,
    SPLIT,
    SUPERLATIVES,
    amounts,
    nouns,
    pick,
)
from n3d.reason.programs import Program
from n3d.scene import Quantity, Ref, Var

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


# -- building -------------------------------------------------------------------------------


def flipped(options: Options, quantity: str) -> bool:
    return options.get("view") == "opposite" and quantity in ("rightness", "depth")


def _values(p: Program, refs: list[Ref], options: Options) -> tuple[list[Var], bool]:
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
    (x, y), straight = _values(p, refs, options)
    whole = options.get("viewer") is None and options.get("definition") is None
    if (quantity, more) in NAMES and whole:
        view = ("opposite",) if flipped(options, quantity) else ()
        p.step(NAMES[quantity, more], a, b, *view)
    else:
        p.step("greater" if more == straight else "less", x, y)


def choose(p: Program, refs: list[Ref], options: Options) -> None:
    """Which of the objects has most or least of the quantity of the options."""
    quantity, more = options["quantity"], options["more"]
    values, straight = _values(p, refs, options)
    largest = more == straight
    if len(values) == 2 and quantity in SPLIT and straight:
        p.step(SPLIT[quantity][not largest], *values)
    else:
        p.step("largest" if largest else "smallest", tuple(values))


def _on(p: Program, refs: list[Ref], options: Options) -> None:
    a, b = refs
    p.step("bottom", a)
    p.step("top", b)
    p.step("on", a, b)


def _touch(p: Program, refs: list[Ref], options: Options) -> None:
    gap = p.step("gap", *refs)
    p.step("less", gap, Quantity(measures.CONTACT))


# -- proposing ------------------------------------------------------------------------------


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
    )


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
    _choice(
        "left_right_choice",
        "left/right",
        "Which of several is furthest to the left or right.",
        "Which is more to the left, the mug or the lamp?",
        pick(SIDEWAYS) | pick(SUPERLATIVES, "rightness"),
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
    _predicate(
        "front_behind",
        "front/behind",
        "Whether one centre is in front of or behind another.",
        "Is the chair behind the table?",
        RELATIONS["front_behind"],
        "depth",
        views=True,
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
        kind
        for quantity, group, words in (
            ("width", "wide/thin", "wider or thinner"),
            ("height", "tall/short", "taller or shorter"),
            ("volume", "big/small", "bigger or smaller"),
        )
        for kind in (
            _predicate(
                group.replace("/", "_"),
                group,
                f"Whether one object is {words} than another.",
                f"Is the table {words.split(' ')[0]} than the chair?",
                pick(COMPARATIVES, quantity, suffix=" than"),
                quantity,
            ),
            _choice(
                group.replace("/", "_") + "_choice",
                group,
                f"Which of several objects is {words}.",
                f"Which is {words.split(' ')[0]}, the table or the chair?",
                pick(COMPARATIVES, quantity) | pick(SUPERLATIVES, quantity),
                quantity,
            ),
        )
    ),
    _predicate(
        "nearer_farther",
        "depth",
        "Whether one object is nearer to the camera than another.",
        "Is the mug closer to the camera than the lamp?",
        pick(COMPARATIVES, "depth", suffix=" than"),
        "depth",
    ),
    _choice(
        "depth_choice",
        "depth",
        "Which of several is nearest to or farthest from the camera.",
        "Which is closer to me, the mug or the lamp?",
        pick(COMPARATIVES, "depth") | pick(SUPERLATIVES, "depth"),
        "depth",
    ),
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
