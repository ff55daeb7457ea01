"""The operations that say whether boxes stand in a relation."""

from __future__ import annotations

from collections.abc import Callable

from n3d.reason import measures as m
from n3d.reason.operation import Operation, front, summary, word
from n3d.reason.worlds import Run, Things, Truths, Words, World
from n3d.scene import Signature

VIEWS = ("camera", "opposite")
_MIRRORED = ' From "opposite", the other side of the scene, it is inverted.'


def _relation(function: Callable, says: str, args: str = "box box") -> Operation:
    """An operation of the function's name on two or three boxes."""

    def run(world: World, *things: Things) -> Run:
        return Truths(function(*(t.box for t in things), up=world.up))

    signature = Signature(function.__name__, tuple(args.split(" ")), "bool", (), summary(function))
    return Operation(signature, run, f"whether {says}")


def _pair(function: Callable, other: str, says: str, other_says: str, mirrored: bool):
    """A relation and its converse; `mirrored` ones turn round in the opposite view."""
    name = function.__name__
    args = ("box", "box", "text?") if mirrored else ("box", "box")
    words = VIEWS if mirrored else ()

    def run(swap: bool) -> Callable[..., Run]:
        def relate(world: World, a: Things, b: Things, view: Words | None = None) -> Run:
            turned = word(view, "camera") == "opposite"
            first, second = (b, a) if swap != turned else (a, b)
            return Truths(function(first.box, second.box, up=world.up))

        return relate

    text = summary(function) + (_MIRRORED if mirrored else "")
    converse = f"`{name}` with the two boxes exchanged."
    return (
        Operation(Signature(name, args, "bool", words, text), run(False), f"whether {says}"),
        Operation(
            Signature(other, args, "bool", words, converse), run(True), f"whether {other_says}"
        ),
    )


def _facing(world: World, a: Things, b: Things) -> Run:
    return Truths(m.facing(a.box, front(a), b.box, up=world.up))


OPERATIONS = (
    *_pair(m.left_of, "right_of", "{0} is left of {1}", "{0} is right of {1}", True),
    *_pair(m.in_front_of, "behind", "{0} is in front of {1}", "{0} is behind {1}", True),
    *_pair(m.above, "below", "{0} is above {1}", "{0} is below {1}", False),
    _relation(m.on, "{0} is on {1}"),
    _relation(m.inside, "{0} is inside {1}"),
    _relation(m.between, "{0} is between {1} and {2}", "box box box"),
    Operation(
        Signature("facing", ("box", "box"), "bool", (), summary(m.facing)),
        _facing,
        "whether {0} is facing {1}",
    ),
)
