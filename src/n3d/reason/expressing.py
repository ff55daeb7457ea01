"""From an object to a phrase that means it and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from n3d.errors import QuestionError
from n3d.geometry import Box3D
from n3d.reason import measures
from n3d.reason.labels import described, match, same_label, spaced
from n3d.reason.phrases import parse
from n3d.reason.picking import Unclear, candidates
from n3d.reason.vocabulary import ORDINALS
from n3d.reason.worlds import World
from n3d.scene import Object3D

MARGIN = 0.1
# Superlative words and the quantity they rank; signed ones are compared against the distance.
_WORDS = (
    ("leftmost", "rightness", False), ("rightmost", "rightness", True),
    ("closest", "depth", False), ("farthest", "depth", True),
    ("tallest", "height", True), ("shortest", "height", False),
    ("biggest", "volume", True), ("smallest", "volume", False),
    ("widest", "width", True), ("narrowest", "width", False),
    ("highest", "elevation", True), ("lowest", "elevation", False),
)  # fmt: skip
SIGNED = ("rightness", "elevation")
_RELATIONS = (
    ("to the left of", measures.left_of, 0), ("to the right of", measures.left_of, 0),
    ("in front of", measures.in_front_of, 2), ("behind", measures.in_front_of, 2),
)  # fmt: skip
_PLACES = {i: word for word, i in ORDINALS.items() if word.isalpha()}


def express(
    index: int,
    objects: Sequence[Object3D],
    up=None,
    *,
    margin: float = MARGIN,
    avoid: Sequence[str] = (),
    world: World | None = None,
) -> str | None:
    """A phrase that `resolve` takes back to this object, or None where there is none.

    Superlatives and relations hold by a relative `margin`, so that a small error of the boxes
    does not change what the phrase means. Quantities in `avoid` are not used. The phrase has
    no article.
    """
    found = expressions(index, objects, up, margin=margin, avoid=avoid, world=world)
    return next(found, None)


def expressions(
    index: int,
    objects: Sequence[Object3D],
    up=None,
    *,
    margin: float = MARGIN,
    avoid: Sequence[str] = (),
    world: World | None = None,
) -> Iterator[str]:
    """All phrases that mean this object, simplest first."""
    world = world or World.of(objects, up)
    for text in _proposals(index, objects, up, margin, avoid):
        phrase = parse(text, world.labels)
        try:
            if phrase is not None and candidates(phrase, objects, world) == [index]:
                yield text
        except (QuestionError, Unclear):
            continue


def _proposals(index: int, objects, up, margin: float, avoid) -> Iterator[str]:
    label = spaced(objects[index].label)
    same = [i for i, o in enumerate(objects) if match(o.label, label) == 3]
    yield label
    for word in _attribute_words(objects[index]):
        yield f"{word} {label}"
    if len(same) > 1:
        yield from _ranks(index, same, label, objects, up, margin, avoid)
        yield from _anchored(index, same, label, objects, up, margin, avoid)


def _attribute_words(o: Object3D) -> list[str]:
    return [w for w in described(o.attributes) if w and " " not in w and w.isalpha()]


def values(quantity: str, boxes: Box3D, up=None) -> np.ndarray:
    """The quantity of each box (n,)."""
    return getattr(measures, quantity)(boxes, up=up)


def separation(quantity: str, boxes: Box3D, up=None) -> np.ndarray:
    """How clearly each pair of boxes (n, n) differs in a quantity: relative to the larger
    value, or for signed coordinates to the distance of the nearer one from the camera."""
    v = values(quantity, boxes, up)
    if quantity in SIGNED:
        scale = np.minimum.outer(*[measures.camera_distance(boxes)] * 2)
    else:
        scale = np.maximum.outer(np.abs(v), np.abs(v))
    return np.abs(np.subtract.outer(v, v)) / np.maximum(scale, 1e-9)


def _ranks(index, same, label, objects, up, margin, avoid) -> Iterator[str]:
    boxes = Box3D.stack(objects[i].box for i in same)
    me = same.index(index)
    others = np.arange(len(same)) != me
    for word, quantity, largest in _WORDS:
        if quantity in avoid:
            continue
        v = values(quantity, boxes, up)
        best = v.max() if largest else v.min()
        if v[me] == best and (separation(quantity, boxes, up)[me][others] >= margin).all():
            yield f"{word} {label}"
    for quantity, side, largest in (
        ("rightness", "left", False),
        ("rightness", "right", True),
        ("depth", "front", False),
    ):
        if quantity in avoid:
            continue
        v = values(quantity, boxes, up)
        place = int((v > v[me]).sum() if largest else (v < v[me]).sum()) + 1
        clear = (separation(quantity, boxes, up)[me][others] >= margin).all()
        if clear and 1 < place <= 6:
            yield f"{_PLACES[place]} {label} from the {side}"


def _anchored(index, same, label, objects, up, margin, avoid) -> Iterator[str]:
    """Phrases that use another object whose label occurs once."""
    labels = [o.label for o in objects]
    me = objects[index].box
    others = [i for i in same if i != index]
    for k, o in enumerate(objects):
        if k in same or sum(bool(match(x, o.label)) for x in labels) != 1:
            continue
        if same_label(o.label, label):
            continue
        anchor = spaced(o.label)
        if "distance" not in avoid:
            mine = measures.distance(me, o.box)
            theirs = min(measures.distance(objects[i].box, o.box) for i in others)
            if theirs > mine * (1 + margin):
                yield f"{label} closest to the {anchor}"
        for word, function, axis in _RELATIONS:
            if ("rightness" if axis == 0 else "depth") in avoid:
                continue
            if _only(function, word in ("to the right of", "behind"), me, others, o, objects, axis):
                yield f"{label} {word} the {anchor}"


def _only(function, swap: bool, me: Box3D, others, anchor: Object3D, objects, axis: int) -> bool:
    """Whether only `me` stands in the relation to the anchor, everyone being clear of it."""

    def holds(box: Box3D) -> bool:
        return bool(function(anchor.box, box) if swap else function(box, anchor.box))

    boxes = [me, *(objects[i].box for i in others)]
    clear = all(
        abs(b.center[axis] - anchor.box.center[axis]) >= 0.1 * anchor.box.center[2] for b in boxes
    )
    return clear and holds(me) and not any(holds(b) for b in boxes[1:])
