"""Where an object is for someone who stands at another: clock hours and sides."""

from __future__ import annotations

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.programs import Program
from n3d.scene import Quantity, Ref

# A fair clock question is this far from the edge of an hour, and its objects this far apart.
EDGE = np.radians(4.0)


SMALLEST_STEP = 0.1


def _clock(p: Program, refs: list[Ref], options: Options) -> None:
    """refs are (from, to) or (from, facing, to)."""
    at, *toward, b = refs
    bearing = p.step("bearing", at, b, *toward)
    p.step("clock", bearing, str(options.get("rule", "floor")))


def _fair_hour(stage: Stage, at: int, b: int, toward: int | None = None) -> bool:
    boxes = stage.boxes
    far = [measures.horizontal_distance(boxes[at], boxes[i], up=stage.up) for i in (b, toward)
           if i is not None]  # fmt: skip
    if min(far) < SMALLEST_STEP:
        return False
    facing = None if toward is None else boxes[toward]
    angle = measures.bearing(boxes[at], boxes[b], facing, up=stage.up)
    into = float(np.mod(angle, np.pi / 6))
    return EDGE <= into <= np.pi / 6 - EDGE


def _pair(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    return stage.propose(rng, ("a", "b"), lambda x: _fair_hour(stage, x[0], x[1]))


def _three(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    return stage.propose(rng, ("a", "c", "b"), lambda x: _fair_hour(stage, x[0], x[2], x[1]))


_SIDES = {
    "left or right": {"words": "left-right"},
    "left or to my right": {"words": "left-right"},
    "left or the right": {"words": "left-right"},
    "left, right, or back": {"words": "left-right-back"},
    "left, right or back": {"words": "left-right-back"},
    "front-left, front-right, back-left, or back-right": {"words": "quarters"},
}


HALF_TURN = Quantity(float(np.pi), "rad")


def _side(p: Program, refs: list[Ref], options: Options) -> None:
    at, toward, b = refs
    bearing = p.step("bearing", at, b, toward)
    p.step("side", bearing, str(options.get("words", "left-right")))


def _on_side(p: Program, refs: list[Ref], options: Options) -> None:
    at, toward, b = refs
    bearing = p.step("bearing", at, b, toward)
    p.step("less" if options["left"] else "greater", bearing, HALF_TURN)


def _turned(stage: Stage, x: list[int]) -> float | None:
    """The bearing of the third from the first, facing the second; None where it is near an
    edge of the sides, or the three are too close to tell."""
    at, toward, b = x
    boxes = stage.boxes
    far = [measures.horizontal_distance(boxes[at], boxes[i], up=stage.up) for i in (toward, b)]
    angle = float(measures.bearing(boxes[at], boxes[b], boxes[toward], up=stage.up))
    edge = abs((angle + np.pi / 8) % (np.pi / 4) - np.pi / 8)
    return None if min(far) < SMALLEST_STEP or edge < 2 * EDGE else angle


def _beside(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    words = ("left-right", "left-right", "left-right-back", "quarters")
    return stage.propose(
        rng,
        ("a", "c", "b"),
        lambda x: _turned(stage, x) is not None,
        {"words": words[rng.integers(len(words))]},
    )


def _beside_or_not(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    left, wanted = coin(rng), coin(rng)

    def fits(x: list[int]) -> bool:
        angle = _turned(stage, x)
        return angle is not None and ((angle < np.pi) == left) == wanted

    return stage.propose(rng, ("a", "c", "b"), fits, {"left": left})


_AT = (
    "(you are|i am|you stand|i stand|you were|one stands|we are)"
    "[ standing| sitting| positioned| located]"
)


_STANDING = (
    f"[if |imagine |suppose |assume ][{_AT}|standing|sitting|being] (at|by|next to|near|on|in)"
)


_LOOKING = "(facing|face|looking at|look at|looking towards|looking toward|facing towards)"


_WHERE = (
    "(where|in which clock direction|in what clock direction|at what o'clock|in which direction)"
)


_FIND = "(will|would|do|can|should) (you|i|we|one) (find|see|expect)"


KINDS = (
    Kind(
        "clock",
        "direction",
        "The clock direction of one object from another, facing as the camera does.",
        "If you are at the pram, where will you find the girl in clock direction?",
        ("a", "b"),
        (
            "if you are at {a}, where will you find {b} in clock direction?",
            "if you are at {a}, where will you find {b}?",
            "standing at {a}, in which clock direction is {b}?",
            "in which clock direction is {b} from {a}?",
            "from {a}, at what o'clock is {b}?",
            "at what o'clock is {b} seen from {a}?",
        ),
        _clock,
        _pair,
        (
            f"if {_AT} (at|by|next to|near|on|in) {{a}}, where {_FIND} {{b}}[ in clock direction|"
            " in terms of clock direction| on the clock| on a clock face]",
            f"if {_AT} (at|by|next to) {{a}}, (in|at) (what|which) (clock direction|o'clock|"
            "o'clock direction|clock position|hour) (is|will be|would be) {b}",
            f"if {_AT} (at|by|next to) {{a}}, (in|at) (what|which) (clock direction|o'clock|"
            f"o'clock direction|clock position) {_FIND} {{b}}",
            "(standing|being|looking) (at|by|next to|from) {a}, where (is|do i find|do you find|"
            "will you find|would you find) {b}[ in clock direction]",
            "(at|in) (what|which) (clock direction|o'clock|o'clock direction|clock position|hour) "
            "(is|lies|stands) {b} (from|of|relative to|with respect to|seen from|as seen from|"
            "viewed from) {a}",
            f"{_STANDING} {{a}}[.], {_WHERE} is {{b}}[ in clock direction]",
            "[what's |what is |tell me ][the ](clock direction|clock position|o'clock direction|"
            "direction) (of|to) {b} (from|relative to|as seen from|seen from) {a}",
            "[what's |what is |tell me ][the ](clock direction|direction) from {a} to {b}",
            "(from|relative to|as seen from|seen from) {a}, (in|at) (what|which) (clock direction|"
            "o'clock|o'clock direction|clock position|hour|direction) is {b}",
            "in (which|what) [clock ]direction is {b} from {a}",
            "in (which|what) [clock ]direction from {a} is {b}",
        ),
        unit="h",
    ),
    Kind(
        "clock_facing",
        "direction",
        "The clock direction of an object for someone at another, facing a third.",
        "Standing at the sofa and facing the TV, in which clock direction is the lamp?",
        ("a", "c", "b"),
        (
            "standing at {a} and facing {c}, in which clock direction is {b}?",
            "if you are at {a} and face {c}, where will you find {b} in clock direction?",
            "if you stand at {a} facing {c}, at what o'clock is {b}?",
            "you are at {a}, facing {c}. in which clock direction is {b}?",
            "from {a}, looking at {c}, at what o'clock is {b}?",
            "if i am at {a} and look at {c}, in which clock direction is {b}?",
        ),
        _clock,
        _three,
        (
            "(standing|sitting|being) (at|by|next to|near|on) {a}[,][ and] (facing|looking at|"
            "looking towards|looking toward|facing towards) {c}, (where|in which clock direction|"
            "at what o'clock|in what clock direction) (is|will i find|will you find|do i find) {b}",
            f"if {_AT} (at|by|next to|near|on) {{a}}[,][ and| while] (facing|face|looking at|look "
            "at|facing towards|look towards) {c}, (where|in which clock direction|at what o'clock|"
            "in what clock direction) (is|will i find|will you find|would you find) {b}[ in clock "
            "direction]",
        ),
        unit="h",
    ),
    Kind(
        "side",
        "direction",
        "Whether an object is to the left or right for someone at another, facing a third.",
        "Standing at the sofa and facing the TV, is the lamp to my left or right?",
        ("a", "c", "b"),
        (
            "standing at {a} and facing {c}, is {b} to my <side>?",
            "if i stand at {a} facing {c}, is {b} to my <side>?",
            "if you are at {a} and face {c}, is {b} to your <side>?",
            "from {a}, looking at {c}, is {b} to the <side>?",
            "standing at {a} and facing {c}, on which side is {b}, to my <side>?",
            "if i am standing by {a} and facing {c}, is {b} to my <side>?",
        ),
        _side,
        _beside,
        (
            f"{_STANDING} {{a}}[,][ and| while] {_LOOKING} {{c}}, is {{b}} (to|on) (my|your|the) "
            "<side>[ side]",
        ),
        {"side": _SIDES},
    ),
    Kind(
        "side_predicate",
        "direction",
        "Whether an object is to the left (or right) for someone at another, facing a third.",
        "Standing at the sofa and facing the TV, is the lamp to my left?",
        ("a", "c", "b"),
        (
            "standing at {a} and facing {c}, is {b} to my <side>?",
            "if i stand at {a} facing {c}, is {b} on my <side>?",
            "if you are at {a} and face {c}, is {b} to your <side>?",
            "from {a}, looking at {c}, is {b} to the <side>?",
            "standing at {a} and facing {c}, do i have {b} on my <side>?",
            "if i am standing by {a} and facing {c}, is {b} to my <side>?",
        ),
        _on_side,
        _beside_or_not,
        (
            f"{_STANDING} {{a}}[,][ and| while] {_LOOKING} {{c}}, is {{b}} (to|on) (my|your|the) "
            "<side>[ side| hand side]",
        ),
        {"side": {"left": {"left": True}, "right": {"left": False}}},
    ),
)
