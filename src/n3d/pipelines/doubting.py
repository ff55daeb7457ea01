"""What makes a box doubtful, in words: the depth it is made of, its size, its vertical."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from n3d.geometry.pose import upright
from n3d.reason import labels
from n3d.scene import RGBD, Object3D, Prediction, typical

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
    known = [limits for name, limits in typical.RANGES.items() if labels.match(label, name)]
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
