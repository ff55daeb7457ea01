"""What makes a box doubtful, in words: the depth it is made of, its size, its vertical."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from n3d.geometry.pose import upright
from n3d.reason import labels
from n3d.scene import RGBD, Object3D, Prediction

LONGEST: dict[str, tuple[float, float]] = {
    "apple": (0.05, 0.12), "armchair": (0.6, 1.4), "backpack": (0.25, 0.8), "ball": (0.03, 0.8),
    "banana": (0.1, 0.3), "bathtub": (1.2, 2.2), "bed": (1.2, 2.6), "bench": (0.6, 3.5),
    "bicycle": (0.9, 2.1), "bin": (0.15, 1.3), "book": (0.1, 0.45), "bookshelf": (0.5, 3.0),
    "bottle": (0.08, 0.5), "bowl": (0.08, 0.45), "box": (0.04, 1.5), "bus": (5.0, 19.0),
    "cabinet": (0.3, 3.0), "can": (0.06, 0.35), "car": (2.4, 6.5), "cat": (0.2, 0.9),
    "chair": (0.5, 1.4), "clock": (0.05, 1.2), "couch": (1.0, 4.0), "counter": (0.6, 6.0),
    "cup": (0.05, 0.25), "curtain": (0.5, 5.0), "desk": (0.6, 3.0), "dog": (0.2, 1.5),
    "door": (1.5, 3.0), "dresser": (0.5, 2.2), "fork": (0.1, 0.3), "fridge": (0.4, 2.3),
    "kettle": (0.12, 0.4), "keyboard": (0.2, 0.6), "knife": (0.08, 0.5), "lamp": (0.12, 2.3),
    "laptop": (0.2, 0.55), "microwave": (0.3, 0.8), "mirror": (0.1, 3.0), "monitor": (0.25, 1.4),
    "motorcycle": (1.3, 2.8), "mouse": (0.05, 0.2), "mug": (0.06, 0.2), "night stand": (0.3, 1.0),
    "nightstand": (0.3, 1.0), "orange": (0.04, 0.13), "ottoman": (0.3, 1.5), "oven": (0.4, 1.2),
    "painting": (0.1, 4.0), "person": (0.4, 2.2), "phone": (0.08, 0.3), "piano": (0.9, 3.0),
    "picture": (0.08, 4.0), "pillow": (0.2, 1.2), "plant": (0.08, 4.0), "plate": (0.1, 0.4),
    "pot": (0.08, 0.8), "printer": (0.25, 1.5), "refrigerator": (0.4, 2.3), "remote": (0.08, 0.3),
    "rug": (0.3, 8.0), "scissors": (0.07, 0.35), "shelf": (0.25, 4.0), "shoe": (0.1, 0.4),
    "sink": (0.2, 1.8), "sofa": (1.0, 4.5), "speaker": (0.06, 1.8), "spoon": (0.08, 0.45),
    "stool": (0.2, 1.2), "stove": (0.4, 1.2), "suitcase": (0.3, 1.0), "table": (0.3, 4.5),
    "teddy bear": (0.08, 1.5), "television": (0.3, 2.5), "toaster": (0.15, 0.6),
    "toilet": (0.5, 1.1), "traffic light": (0.4, 4.0), "trash bin": (0.15, 1.3),
    "trash can": (0.15, 1.3), "truck": (4.0, 20.0), "tv": (0.3, 2.5), "umbrella": (0.2, 3.0),
    "vase": (0.06, 1.3), "wardrobe": (0.6, 3.5), "washing machine": (0.5, 1.3),
    "window": (0.3, 6.0),
}  # fmt: skip
"""The longest side, metres, of nearly all specimens of a class: common knowledge, wide, to doubt a
box by and never to make one."""
REFLECTING = ("mirror", "window", "television", "tv", "monitor", "glass", "screen")
LOW = {"reprojection_iou": 0.6, "support": 0.7, "depth_gap": 0.8, "truncation": 0.85,
       "density": 0.5}  # fmt: skip
"""Quality scores (`lift.quality`) below which something is said about them."""
_SAID = {
    "reprojection_iou": "seen from the camera the box covers another part of the picture than its "
    "region: region or depth may be of something else",
    "support": "much of its depth was set aside, as edges between near and far give depth that "
    "nothing has: a mask, or sharper depth, would help",
    "depth_gap": "its points lie inside the box, not on its faces: it may be several things",
    "truncation": "it reaches over the border of the picture: the part outside is guessed",
    "density": "large parts of it have no depth, as glass, mirrors and black things often",
}
TILTED = np.cos(np.radians(12))


def explained(found: Prediction, view: RGBD) -> Prediction:
    """The prediction with a note for everything that makes one of its boxes doubtful."""
    said = [
        f"bbox_{i} {o.label}: {text}"
        for i, o in enumerate(found.objects)
        for text in doubts(o, view, found.objects)
    ]
    return replace(found, notes=(*found.notes, *(said or ["no box looks doubtful"])))


def doubts(o: Object3D, view: RGBD, others: Sequence[Object3D] = ()) -> Iterator[str]:
    """What makes a box doubtful, a sentence each."""
    for name, least in LOW.items():
        if o.quality and o.quality.get(name, 1.0) < least:
            yield f"{_SAID[name]} ({name.replace('_', ' ')} {o.quality[name]:.2f})"
    if o.depth_unobserved:
        yield "only one face of it was seen: its extent away from the camera is an estimate"
    yield from _scale(o, view, others)
    yield from _vertical(o, view)
    if any(labels.match(o.label, name) for name in REFLECTING):
        yield "it may reflect or let through: depth is then that of something else"


def _usual(label: str) -> tuple[float, float] | None:
    known = [limits for name, limits in LONGEST.items() if labels.match(label, name)]
    return known[0] if known else None


def _scale(o: Object3D, view: RGBD, others: Sequence[Object3D]) -> Iterator[str]:
    limits = _usual(o.label)
    if limits is None:
        return
    longest, (low, high) = float(o.box.size.max()), limits
    if low <= longest <= high:
        return
    way = "large" if longest > high else "small"
    said = f"{longest:.2f} m is {way} for it (usually {low:g} to {high:g} m)"
    if _odd(others) >= 2:
        cause = "the depth scale is"
        if view.camera.source.startswith("assumed"):
            cause = "the assumed field of view, or the depth scale, is"
        said += f", as others here are: perhaps {cause} wrong"
    yield said


def _odd(objects: Sequence[Object3D]) -> int:
    """How many objects have an unusual size."""
    count = 0
    for o in objects:
        limits = _usual(o.label)
        count += limits is not None and not limits[0] <= float(o.box.size.max()) <= limits[1]
    return count


def _vertical(o: Object3D, view: RGBD) -> Iterator[str]:
    """A doubt about gravity: known for the view, yet the box does not stand on it."""
    if view.up is None:
        return
    turned = np.abs(upright(view.up)[:, 1] @ o.box.rotation)
    if turned.max() < TILTED:
        yield "it does not stand on the vertical that was found: is --up right?"
