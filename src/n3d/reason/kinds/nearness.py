"""Questions about the distance of several objects to one."""

from __future__ import annotations

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import MOST_COMPARED, Proposal, Stage, coin, several
from n3d.reason.programs import Program
from n3d.scene import Ref

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


KINDS = (
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
        "Which one of kettle and toaster is closer to the reference object apple?",
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
