"""The operations that measure boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from n3d.errors import TraceError
from n3d.reason import measures as m
from n3d.reason.operation import Operation, front, summary, word
from n3d.reason.worlds import Numbers, Run, Things, Words, World
from n3d.scene import Signature

CLOCK_RULES = ("floor", "nearest")
SIDES = ("left-right", "left-right-back", "quarters")


def _measure(function: Callable, args: str, unit: str, says: str) -> Operation:
    """An operation of the function's name; the first box is what the quantity is `of`."""

    def run(world: World, *things: Things) -> Run:
        boxes = (t.box for t in things)
        return Numbers(function(*boxes, up=world.up), unit, things[0].index)

    kinds = tuple(args.split(" "))
    signature = Signature(function.__name__, kinds, "quantity", (), summary(function))
    return Operation(signature, run, says, unit)


def _seen(function: Callable, says: str) -> Operation:
    """A measure of the second box in the frame of the first, which must have a front."""

    def run(world: World, viewer: Things, b: Things) -> Run:
        value = function(viewer.box, front(viewer), b.box, up=world.up)
        return Numbers(value, "m", b.index)

    args = ("box", "box")
    signature = Signature(function.__name__, args, "quantity", (), summary(function))
    return Operation(signature, run, says, "m")


def _clock(world: World, angle: Numbers, rule: Words | None = None) -> Run:
    if angle.unit != "rad":
        raise TraceError("the clock reads an angle", code="trace-units", field="clock")
    return Numbers(m.clock(angle.value, word(rule, "floor")), "h", angle.of)


def _side(world: World, angle: Numbers, words: Words | None = None) -> Run:
    if angle.unit != "rad":
        raise TraceError("a side is of an angle", code="trace-units", field="side")
    return Words(np.asarray(m.side(angle.value, word(words, SIDES[0]))))


OPERATIONS = (
    _measure(m.height, "box", "m", "the height of {0}"),
    _measure(m.width, "box", "m", "the width of {0}"),
    _measure(m.thickness, "box", "m", "the thickness of {0}"),
    _measure(m.length, "box", "m", "the length of {0}"),
    _measure(m.footprint, "box", "m2", "the floor area of {0}"),
    _measure(m.volume, "box", "m3", "the volume of {0}"),
    _measure(m.camera_width, "box", "m", "the extent of {0} along the camera's x axis"),
    _measure(m.camera_height, "box", "m", "the extent of {0} along the camera's y axis"),
    _measure(m.depth, "box", "m", "the depth of {0} from the camera"),
    _measure(m.nearest_depth, "box", "m", "the depth of the nearest point of {0}"),
    _measure(m.camera_distance, "box", "m", "the distance of {0} from the camera"),
    _measure(m.rightness, "box", "m", "how far {0} is to the right of the camera axis"),
    _measure(m.elevation, "box", "m", "how far {0} is above the camera"),
    _measure(m.top, "box", "m", "how far the top of {0} is above the camera"),
    _measure(m.bottom, "box", "m", "how far the bottom of {0} is above the camera"),
    _measure(m.distance, "box box", "m", "the distance between {0} and {1}"),
    _measure(m.horizontal_distance, "box box", "m", "the horizontal distance between {0} and {1}"),
    _measure(m.vertical_distance, "box box", "m", "the vertical distance between {0} and {1}"),
    _measure(
        m.camera_horizontal_distance,
        "box box",
        "m",
        "the distance of {0} and {1} along the camera's x axis",
    ),
    _measure(
        m.camera_vertical_distance,
        "box box",
        "m",
        "the distance of {0} and {1} along the camera's y axis",
    ),
    _measure(m.gap, "box box", "m", "the gap between {0} and {1}"),
    _measure(m.bearing, "box box box?", "rad", "the direction of {1} seen from {0}"),
    Operation(
        Signature("clock", ("quantity", "text?"), "quantity", CLOCK_RULES, summary(m.clock)),
        _clock,
        "the clock hour of {0}",
        "h",
    ),
    Operation(
        Signature("side", ("quantity", "text?"), "text", SIDES, summary(m.side)),
        _side,
        "the side of {0}",
    ),
    _measure(m.angle, "box box box", "rad", "the angle at {1} between {0} and {2}"),
    _measure(m.view_angle, "box box", "rad", "the angle between {0} and {1} seen by the camera"),
    _seen(m.ahead, "how far {1} is ahead of {0}"),
    _seen(m.leftward, "how far {1} is to the left of {0}, as {0} faces"),
)
