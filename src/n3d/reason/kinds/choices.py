"""Questions over many objects: superlatives, nearest neighbours, orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage, coin, several
from n3d.reason.kinds.relations import choose, flipped
from n3d.reason.kinds.wording import COMPARATIVES, SIDEWAYS, SUPERLATIVES, pick
from n3d.reason.phrases import CAMERA
from n3d.reason.programs import Program
from n3d.scene import Ref

MOST_COMPARED = 12

# -- superlatives ---------------------------------------------------------------------------


def _extreme(quantities: tuple[str, ...]):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        quantity = quantities[rng.integers(len(quantities))]
        label, members = stage.label_of(rng)
        if not 2 <= len(members) <= MOST_COMPARED:
            return None
        more = coin(rng)
        order = sorted(members, key=lambda i: stage.values(quantity)[i], reverse=more)
        # The first must stand out; how the others compare does not matter.
        if not all(stage.apart(quantity, (order[0], k)) for k in order[1:]):
            return None
        return Proposal({"label": label}, {"quantity": quantity, "more": more}, (quantity,))

    return propose


_SUPERLATIVE_ASKED = (
    "which {label} is the <superlative>?",
    "which {label} is <superlative>?",
    "of all the {labels}, which is the <superlative>?",
    "among the {labels}, which one is <superlative>?",
    "can you tell me which {label} is the <superlative>?",
    "which of the {labels} is the <superlative>?",
)
_SUPERLATIVE_HEARD = (
    "(which|which one) of [the |these |those ]{labels} is <comparative>",
    "(which|what) {label} is <comparative>",
    "(what|which) is the <adjective> {label}",
    "(what|which|who) is the {label} (that is|which is|who is) [the ]<superlative>",
    "(which one|which|what) (of|among) [all ][the |these |those ]{labels} (is|stands|sits) "
    "[the |located ]<superlative>",
    "(of|among|out of|from) [all ][the |these |those ]{labels}, (which|which one|what|who) (is|"
    "stands) [the ]<superlative>",
    "(which|what) {label} (is|stands|appears|lies|looks|sits|are) [the |located |positioned |"
    "placed ]<superlative>",
    "(which|what) {labels} are [the ]<superlative>",
    "[find |identify |show me |name |point to |locate |who is ][the ]<adjective> {label}",
    f"(what|which) is the <adjective> {{label}} (to|from) ({CAMERA})",
    "(find|identify|show me|name|point to|locate|what is|which is) the {label} <superlative>",
    "(what|which|who) is [the ]<superlative>",
    "(which|what) is the {label} <superlative>",
)


def _superlative_kind(name, group, description, example, quantities: tuple[str, ...]) -> Kind:
    words = pick(SUPERLATIVES, *quantities)
    adjectives = {w: o for w, o in words.items() if " " not in w or w == "most distant"}
    return Kind(
        name,
        group,
        description,
        example,
        ("label",),
        _SUPERLATIVE_ASKED,
        choose,
        _extreme(quantities),
        _SUPERLATIVE_HEARD,
        {
            "superlative": words,
            "adjective": adjectives,
            "comparative": pick(COMPARATIVES | SIDEWAYS, *quantities),
        },
    )


# -- relative distance ----------------------------------------------------------------------

_CLOSENESS = {
    word: {"more": more}
    for more, words in (
        (False, ("closer to", "nearer to", "closest to", "nearest to", "nearer", "nearest")),
        (True, ("farther from", "further from", "farthest from", "furthest from",
                "farther away from", "further away from", "more distant from",
                "farthest away from", "furthest away from", "most distant from")),
    )
    for word in words
}  # fmt: skip
_CLOSER = {w: o for w, o in _CLOSENESS.items() if "st " not in w and w not in ("nearest", "nearer")}
_CLOSEST = {w: o for w, o in _CLOSENESS.items() if "st " in w}


def _near(p: Program, refs: list[Ref], options: Options) -> None:
    *listed, anchor = refs
    op = named(options, "distance")
    values = [p.step(op, r, anchor) for r in listed]
    if len(values) == 2:
        p.step("farther" if options["more"] else "nearer", *values)
    else:
        p.step("largest" if options["more"] else "smallest", tuple(values))


def _distances(stage: Stage, to: int, indices) -> np.ndarray:
    return measures.distance(stage.boxes[list(indices)], stage.boxes[to])


def _first_stands_out(values: np.ndarray, margin: float, more: bool) -> bool:
    order = np.sort(values)[::-1] if more else np.sort(values)
    return bool(abs(order[0] - order[1]) >= margin * max(order[0], order[1], 1e-9))


def _relative(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    more = coin(rng)
    drawn = stage.draw(
        rng,
        several(rng, 3) + 1,
        lambda x: _first_stands_out(_distances(stage, x[-1], x[:-1]), stage.margin, more),
    )
    if drawn is None:
        return None
    *listed, anchor = drawn
    slots = {"list": tuple(listed), "c": anchor}
    return Proposal(slots, {"more": more}, ("distance", "depth"))


def _neighbour(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    label, members = stage.label_of(rng)
    anchor = stage.draw(rng, 1)
    if anchor is None:
        return None
    members = [i for i in members if i != anchor[0]]
    more = coin(rng)
    if not 2 <= len(members) <= MOST_COMPARED:
        return None
    if not _first_stands_out(_distances(stage, anchor[0], members), stage.margin, more):
        return None
    return Proposal({"label": label, "c": anchor[0]}, {"more": more}, ("distance",))


def _closer_predicate(p: Program, refs: list[Ref], options: Options) -> None:
    a, b, c = refs
    op = named(options, "distance")
    first, second = p.step(op, a, b), p.step(op, a, c)
    p.step("greater" if options["more"] else "less", first, second)


def _closer_pair(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    more, wanted = coin(rng), coin(rng)
    drawn = stage.draw(
        rng,
        3,
        lambda x: _first_stands_out(_distances(stage, x[0], x[1:]), stage.margin, more),
    )
    if drawn is None:
        return None
    a, b, c = drawn
    to_b, to_c = _distances(stage, a, (b, c))
    if ((to_b > to_c) == more) != wanted:
        b, c = c, b
    return Proposal({"a": a, "b": b, "c": c}, {"more": more}, ("distance",))


def _closer_than(p: Program, refs: list[Ref], options: Options) -> None:
    a, b, c = refs
    op = named(options, "distance")
    first, second = p.step(op, a, c), p.step(op, b, c)
    p.step("greater" if options["more"] else "less", first, second)


def _difference(p: Program, refs: list[Ref], options: Options) -> None:
    a, b, c = refs
    op = named(options, "distance")
    first, second = p.step(op, a, c), p.step(op, b, c)
    p.step("difference", *((first, second) if options["more"] else (second, first)))


def _two_to_one(differing: bool):
    """a and b at clearly different distances from c; for a difference a is what is said."""

    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        more, wanted = coin(rng), differing or coin(rng)
        drawn = stage.draw(
            rng,
            3,
            lambda x: _first_stands_out(_distances(stage, x[2], x[:2]), stage.margin, more),
        )
        if drawn is None:
            return None
        a, b, c = drawn
        to_a, to_b = _distances(stage, c, (a, b))
        if ((to_a > to_b) == more) != wanted:
            a, b = b, a
        return Proposal({"a": a, "b": b, "c": c}, {"more": more}, ("distance",))

    return propose


_RELATIVE = (
    Kind(
        "closer_than",
        "relative distance",
        "Whether one object is closer to a reference than another is.",
        "Is the chair closer to the door than the table is?",
        ("a", "b", "c"),
        (
            "is {a} <closer> {c} than {b}?",
            "is {a} <closer> {c} than {b} is?",
            "would you say {a} is <closer> {c} than {b}?",
            "is it true that {a} is <closer> {c} than {b}?",
            "compared to {b}, is {a} <closer> {c}?",
            "do you agree that {a} is <closer> {c} than {b} is?",
        ),
        _closer_than,
        _two_to_one(differing=False),
        ("(is|are) {a} [located |positioned ]<closer> {c} than {b}[ is]",),
        {"closer": _CLOSER},
    ),
    Kind(
        "distance_difference",
        "distance",
        "How much closer one object is to a reference than another.",
        "How much closer to the lamp is the mug than the cup?",
        ("a", "b", "c"),
        (
            "how much <closer> {c} is {a} than {b}?",
            "how much <closer> {c} than {b} is {a}?",
            "by how much is {a} <closer> {c} than {b}?",
            "how much is {a} <closer> {c} than {b}?",
            "compared to {b}, how much <closer> {c} is {a}?",
            "by how much is {a} <closer> {c} than {b} is?",
        ),
        _difference,
        _two_to_one(differing=True),
        ("how much <comparative> is {a} to {c} than {b}",),
        {
            "closer": _CLOSER,
            "comparative": {w: {"more": False} for w in ("closer", "nearer")},
        },
        "m",
    ),
    Kind(
        "relative_distance",
        "relative distance",
        "Which of several objects is closer to a reference.",
        "Which one of dishwasher and blender is closer to the reference object lemon?",
        ("list", "c"),
        (
            "which one of {list} is <closeness> {c}?",
            "which of {list} is <closeness> {c}?",
            "which is <closeness> {c}, {either}?",
            "between {list}, which is <closeness> {c}?",
            "which object is <closeness> {c}, {either}?",
            "what is <closeness> {c}, {either}?",
        ),
        _near,
        _relative,
        (
            "which one of {list} is <anyhow> the reference object {c}",
            "(which|what|who|which one|which object) (is|stands|lies|sits|is the|are) "
            "[located |positioned ]<anyhow> [the reference object |the reference ]{c}, {list}",
            "(which|which one|which object|what|who) (of|among|between|out of) {list} (is|stands|"
            "lies|is the) [located |positioned ]<anyhow> [the reference object |the reference ]{c}",
            "[out ](of|between|among) {list}, (which|which one|which object|what|who) (is|is the|"
            "lies|stands) [located |positioned ]<anyhow> [the reference object |the reference ]{c}",
            "{list}, (which|which one|what|who) is <anyhow> [the reference object ]{c}",
            "is {list} <anyhow> {c}",
            "is {c} [located |positioned ]<anyhow> {either}",
        ),
        {"closeness": _CLOSER, "anyhow": _CLOSENESS},
    ),
    Kind(
        "nearest_to",
        "relative distance",
        "Which object of a label is closest to, or farthest from, another object.",
        "Which chair is closest to the door?",
        ("label", "c"),
        (
            "which {label} is <closest> {c}?",
            "which {label} is the <closest> {c}?",
            "of all the {labels}, which is <closest> {c}?",
            "among the {labels}, which one is <closest> {c}?",
            "can you tell me which {label} is <closest> {c}?",
            "which of the {labels} is <closest> {c}?",
        ),
        _near,
        _neighbour,
        (
            "(what|which|who) is [the ]<anyhow> {c}",
            "(what|which) is the <adjective> {label} (to|from) {c}",
            "(what|which|who) {label} (is|are|stands|lies) [the |located ]<anyhow> {c}",
            "(which one|which|what) (of|among) [all ][the |these |those ]{labels} (is|stands) "
            "[the |located ]<anyhow> {c}",
            "(of|among|out of) [all ][the |these ]{labels}, (which|which one|what) is [the ]"
            "<anyhow> {c}",
            "(what|which) is the {label} <anyhow> {c}",
            "(find|identify|show me|name|locate) the {label} <anyhow> {c}",
            "[find |identify |show me |name |locate ][the ]<adjective> {label} (to|from) {c}",
        ),
        {
            "closest": _CLOSEST,
            "anyhow": _CLOSENESS,
            "adjective": {
                "closest": {"more": False},
                "nearest": {"more": False},
                "farthest": {"more": True},
                "furthest": {"more": True},
                "most distant": {"more": True},
            },
        },
    ),
    Kind(
        "closer_to",
        "relative distance",
        "Whether an object is closer to one object than to another.",
        "Is the mug closer to the lamp than to the laptop?",
        ("a", "b", "c"),
        (
            "is {a} <closer> {b} than <preposition> {c}?",
            "would you say {a} is <closer> {b} than <preposition> {c}?",
            "is it true that {a} is <closer> {b} than <preposition> {c}?",
            "can you confirm that {a} is <closer> {b} than <preposition> {c}?",
            "{a} is <closer> {b} than <preposition> {c}, (right|correct|true)?",
            "do you agree that {a} is <closer> {b} than <preposition> {c}?",
        ),
        _closer_predicate,
        _closer_pair,
        (
            "(is|are|does) {a} [located |positioned |placed |lie ]<closer> {b} than "
            "[it is ]<preposition> {c}",
            "{a} is <closer> {b} than <preposition> {c}",
        ),
        {
            "closer": _CLOSER,
            "preposition": {"to": {"more": False}, "from": {"more": True}},
        },
    ),
)

# -- order ----------------------------------------------------------------------------------

_ORDERS: dict[str, dict[str, Any]] = {}
for _quantity, _more, _phrases in (
    ("depth", False, (
        "from the closest to the most distant relative to the camera",
        "from nearest to farthest", "from closest to farthest", "from near to far",
        "from the closest to the farthest from the camera", "by distance from the camera",
        "from closest to farthest from the camera", "by depth", "from front to back",
        "from the nearest to the farthest", "from closest to furthest", "from nearest to furthest",
        "by their distance to the camera", "by distance to the camera", "by distance",
        "starting with the closest to the camera", "from the closest to the farthest",
        "from the closest to the furthest", "from closest to most distant",
        "in order of distance from the camera", "in order of distance",
        "in order of increasing distance from the camera",
        "from closest to the camera to farthest", "from the closest to the most distant")),
    ("depth", True, (
        "from the most distant to the closest relative to the camera",
        "from farthest to nearest", "from farthest to closest", "from far to near",
        "from the farthest to the closest", "from furthest to closest", "from back to front",
        "from furthest to nearest", "in order of decreasing distance from the camera",
        "from the most distant to the closest", "starting with the farthest from the camera")),
    ("height", True, ("from tallest to shortest", "from the tallest to the shortest", "by height",
                      "by descending height", "in order of decreasing height")),
    ("height", False, ("from shortest to tallest", "from the shortest to the tallest",
                       "by ascending height", "in order of increasing height")),
    ("width", True, ("from widest to thinnest", "from the widest to the narrowest", "by width",
                     "from widest to narrowest", "by descending width")),
    ("width", False, ("from thinnest to widest", "from the narrowest to the widest",
                      "from narrowest to widest", "by ascending width")),
    ("volume", True, ("from biggest to smallest", "from largest to smallest", "by size",
                      "from the biggest to the smallest", "by volume",
                      "from the largest to the smallest", "by descending size")),
    ("volume", False, ("from smallest to biggest", "from smallest to largest",
                       "from the smallest to the biggest", "from the smallest to the largest",
                       "by ascending size")),
    ("rightness", False, ("from left to right", "from the leftmost to the rightmost",
                          "from leftmost to rightmost")),
    ("rightness", True, ("from right to left", "from the rightmost to the leftmost",
                         "from rightmost to leftmost")),
    ("elevation", True, ("from highest to lowest", "from the highest to the lowest",
                         "from top to bottom")),
    ("elevation", False, ("from lowest to highest", "from the lowest to the highest",
                          "from bottom to top")),
):  # fmt: skip
    for _phrase in _phrases:
        _ORDERS[_phrase] = {"quantity": _quantity, "more": _more}


def _order(p: Program, refs: list[Ref], options: Options) -> None:
    quantity = options["quantity"]
    values = [p.step(named(options, quantity), r) for r in refs]
    p.step("descending" if options["more"] != flipped(options, quantity) else "ascending",
           tuple(values))  # fmt: skip


def _sorted(quantities: tuple[str, ...]):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        quantity = quantities[rng.integers(len(quantities))]
        count = int(rng.integers(3, 6))
        drawn = stage.draw(rng, count, lambda x: stage.apart(quantity, x))
        if drawn is None:
            return None
        options = {"quantity": quantity, "more": coin(rng)}
        return Proposal({"list": tuple(drawn)}, options, (quantity,))

    return propose


_ORDER_ASKED = (
    "could you list {list} <order>?",
    "sort {list} <order>.",
    "please rank {list} <order>.",
    "arrange {list} <order>.",
    "put {list} in order <order>.",
    "<order>, what is the order of {list}?",
    "list {list} <order>.",
)
_ORDER_HEARD = (
    "[please ](order|sort|rank|arrange|list|put) [all ]{labels} <order>",
    "what is the order of {labels} <order>",
    "(could|can|would) you [please ](order|sort|rank|arrange|list) [all ]{labels} <order>",
    "[please ](order|sort|rank|arrange|list|name|enumerate|line up|put) [the objects |"
    "the following |these objects ]{list} [in order |in the order ]<order>",
    "(could|can|would) you [please ](order|sort|rank|arrange|list|name|enumerate) [the objects |"
    "the following ]{list} <order>",
    "[please ](order|sort|rank|arrange|list|name|enumerate) [the objects |the following |"
    "these objects |the following objects |these |them ]<order>, {list}",
    "what is the order of {list} <order>",
    "what order are {list} in <order>",
    "<order>, (list|sort|order|rank|arrange) {list}",
)


def _order_kind(name, group, description, example, quantities) -> Kind:
    words = {w: o for w, o in _ORDERS.items() if o["quantity"] in quantities}
    return Kind(
        name,
        group,
        description,
        example,
        ("list",),
        _ORDER_ASKED,
        _order,
        _sorted(quantities),
        _ORDER_HEARD,
        {"order": words},
    )


KINDS = (
    _superlative_kind(
        "depth_superlative",
        "depth",
        "Which object of a label is nearest to or farthest from the camera.",
        "Which goose is the furthest from the camera?",
        ("depth",),
    ),
    _superlative_kind(
        "superlative",
        "arrangement",
        "Which object of a label has most or least of another quantity.",
        "What is the tallest object?",
        ("height", "width", "volume", "elevation", "rightness"),
    ),
    *_RELATIVE,
    _order_kind(
        "depth_order",
        "depth",
        "Several objects in the order of their depth.",
        "Could you list bicycle, bowl and trophy from the closest to the most distant relative to "
        "the camera?",
        ("depth",),
    ),
    _order_kind(
        "order",
        "arrangement",
        "Several objects in the order of another quantity.",
        "Sort the lamp, the chair and the table from tallest to shortest.",
        ("height", "width", "volume", "rightness", "elevation"),
    ),
)
