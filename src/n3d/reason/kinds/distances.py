"""Questions for distances: between centres, between surfaces, from the camera."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from n3d.reason import measures
from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage
from n3d.reason.programs import Program
from n3d.reason.vocabulary import CAMERA
from n3d.scene import Ref

SMALLEST_LENGTH = 0.05
CAMERA_WORDS = f"({CAMERA})"
CAMERA_ASKED = "(the camera|me|the viewer)"


def _fixed(op: str) -> Callable[[Program, list[Ref], Options], object]:
    return lambda p, refs, options: p.step(named(options, op), *refs)


def _one(stage: Stage, rng: np.random.Generator) -> Proposal | None:
    return stage.propose(rng, ("a",), avoid=("depth",))


def _two(op: str):
    """Two objects whose value is long enough to be a fair question."""
    function = getattr(measures, op)

    def fair(stage: Stage, ab: list[int]) -> bool:
        a, b = (stage.boxes[i] for i in ab)
        return bool(function(a, b, up=stage.up) >= SMALLEST_LENGTH)

    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        return stage.propose(rng, ("a", "b"), lambda ab: fair(stage, ab))

    return propose


KINDS = (
    Kind(
        "distance",
        "distance",
        "Between the centres of two objects.",
        "How far is the bed from the wardrobe?",
        ("a", "b"),
        (
            "how far is {a} from {b}?",
            "what is the distance between {a} and {b}?",
            "how far apart are {a} and {b}?",
            "what is the distance from {a} to {b}?",
            "how far away is {a} from {b}?",
            "give me the distance between {a} and {b}.",
            "could you measure the distance between {a} and {b}?",
            "how much distance is there between {a} and {b}?",
        ),
        _fixed("distance"),
        _two("distance"),
        (
            "[what's |what is |measure |estimate |tell me |find |compute |calculate ][the ]"
            "[direct |straight line |straight-line |euclidean |exact |approximate |total |3d ]"
            "distance (between|separating) {a} and {b}",
            "[what's |measure |estimate |tell me |find ][the ]distance from {a} to {b}",
            "[what's |what is ][the ]distance of {a} (from|to) {b}",
            "how (far|distant) is it (from|between) {a} (to|and) {b}",
            "how (far|distant) (are|is) {a} (and|to) {b}[ apart][ from each other]",
            "how far apart (are|is) {a} (and|from) {b}[ from each other]",
            "how far away (are|is) {a} (from|to) {b}",
            "how (close|near) (is|are) {a} to {b}",
            "how far do i have to (go|walk|move) from {a} to {b}",
            "how much distance separates {a} and {b}",
            "how far (from|away from) {b} is {a}",
            "how far is {a} to {b}",
            "how far (are|were) {a} from {b}",
            "how far [away ]{a} is from {b}",
            "how far apart {a} and {b} are",
            "how distant is {a} from {b}",
            "how far is {a} away from {b}",
            "how far does {a} (stand|sit|lie|hang) from {b}",
            "how close together are {a} and {b}",
            "[the ]{a} to {b} distance",
            "[what is the ]distance {a} to {b}",
            "how far (apart|from each other|away from each other) are {labels}",
            "[what's |what is |measure ][the ]distance between {labels}",
            "what the distance (between|from) {a} (and|to) {b} is",
            "the distance between {a} and {b} is",
        ),
        unit="m",
    ),
    Kind(
        "gap",
        "gap",
        "Between the surfaces of two objects, 0 where they touch.",
        "How wide is the gap between the sofa and the wall?",
        ("a", "b"),
        (
            "how wide is the gap between {a} and {b}?",
            "what is the gap between {a} and {b}?",
            "how much (space|room) is there between {a} and {b}?",
            "how much clearance is there between {a} and {b}?",
            "what is the shortest distance between {a} and {b}?",
            "how much free space separates {a} and {b}?",
        ),
        _fixed("gap"),
        _two("gap"),
        (
            "[how (big|large) is |what's |measure |tell me ][the ](gap|clearance|spacing|space|"
            "free space) between {a} and {b}",
            "(what is|measure) the (shortest|closest|smallest|minimum|minimal) distance (between|"
            "from) {a} (and|to) {b}",
            "what is the (closest|smallest|minimum|minimal|edge to edge|surface) distance (between|"
            "from) {a} (and|to) {b}",
            "how much [free |empty ](space|room) is between {a} and {b}",
            "how far apart are the (surfaces|edges|sides) of {a} and {b}",
            "measuring from the closest point of each object, what is the distance between {a} and "
            "{b}",
            "how much (space|room) (separates|lies between) {a} and {b}",
            "[how (big|large|wide) is |what is |what's ][the ](gap|clearance) between {labels}",
            "how much (space|room) is [there ]between {labels}",
        ),
        unit="m",
    ),
    Kind(
        "horizontal_distance",
        "vertical/horizontal distance",
        "Between the centres, perpendicular to up.",
        "What is the horizontal distance between the mug and the lamp?",
        ("a", "b"),
        (
            "what is the horizontal distance between {a} and {b}?",
            "how far apart are {a} and {b} horizontally?",
            "how far is {a} from {b} horizontally?",
            "give me the horizontal distance between {a} and {b}.",
            "measured horizontally, how far is {a} from {b}?",
            "could you measure the horizontal distance from {a} to {b}?",
        ),
        _fixed("horizontal_distance"),
        _two("horizontal_distance"),
        (
            "[what's |what is |measure |find |tell me ][the ](horizontal|lateral|ground|floor) "
            "(distance|separation|gap|offset) (between|from) {a} (and|to) {b}",
            "how (far|much) (horizontally|sideways) (is|are) {a} (from|and) {b}[ apart]",
            "horizontally, how far (is|are) {a} (from|and) {b}[ apart]",
            "how far is {a} horizontally from {b}",
        ),
        unit="m",
    ),
    Kind(
        "vertical_distance",
        "vertical/horizontal distance",
        "Between the centres, along up.",
        "How far apart are the shelf and the floor lamp vertically?",
        ("a", "b"),
        (
            "what is the vertical distance between {a} and {b}?",
            "how far apart are {a} and {b} vertically?",
            "how far is {a} from {b} vertically?",
            "give me the vertical distance between {a} and {b}.",
            "measured vertically, how far is {a} from {b}?",
            "could you measure the vertical distance from {a} to {b}?",
        ),
        _fixed("vertical_distance"),
        _two("vertical_distance"),
        (
            "[what's |what is |measure |find |tell me ][the ]vertical (distance|separation|gap|"
            "offset) (between|from) {a} (and|to) {b}",
            "how far vertically (is|are) {a} (from|and) {b}[ apart]",
            "vertically, how far (is|are) {a} (from|and) {b}[ apart]",
            "how far is {a} vertically from {b}",
            "how (far|high) is {a} (above|below|over|under) {b}",
            "how (far|high) (above|below|over|under) {b} is {a}",
        ),
        unit="m",
    ),
    Kind(
        "camera_distance",
        "distance",
        "From the camera to the centre of an object.",
        "How far away is the door?",
        ("a",),
        (
            f"how far is {{a}} from {CAMERA_ASKED}?",
            "how far away is {a}?",
            f"what is the distance from {CAMERA_ASKED} to {{a}}?",
            f"what is the distance between {CAMERA_ASKED} and {{a}}?",
            f"how far away is {{a}} from {CAMERA_ASKED}?",
            f"give me the distance of {{a}} from {CAMERA_ASKED}.",
        ),
        _fixed("camera_distance"),
        _one,
        (
            f"how far (is|are) {{a}}[ away] from {CAMERA_WORDS}",
            "how (far|distant|far off) (is|are) {a}[ away]",
            f"[what's |what is |measure |tell me ][the ]distance (from|between) {CAMERA_WORDS} (to"
            "|and) {a}",
            f"[what's |what is |measure |tell me ][the ]distance (between|from) {{a}} (and|to) "
            f"{CAMERA_WORDS}",
            f"[what's |what is |measure |tell me ][the ]distance (to|of) {{a}}[ from "
            f"{CAMERA_WORDS}]",
            f"how (close|near) is {{a}} to {CAMERA_WORDS}",
            "how far [away ]{a} is",
            f"how far [away ]{{a}} is from {CAMERA_WORDS}",
            "how far am i from {a}",
            "how far are (we|you) from {a}",
            f"how far [away ]from {CAMERA_WORDS} is {{a}}",
            "how far is it to {a}",
            "how far is the camera from {a}",
            "[the ]distance camera to {a}",
        ),
        unit="m",
    ),
    Kind(
        "depth",
        "depth",
        "z of the centre: how far in front of the camera plane.",
        "What is the depth of the chair?",
        ("a",),
        (
            "what is the depth of {a}?",
            "at what depth is {a}?",
            "give me the depth of {a}.",
            "how large is the depth of {a}?",
            "what depth does {a} have?",
            "could you estimate the depth of {a}?",
        ),
        _fixed("depth"),
        _one,
        ("[what's |measure |find ][the ]depth of {a}[ from the camera]", "at which depth is {a}"),
        unit="m",
    ),
)
