"""Which of the boxes that were written are shown."""

from __future__ import annotations

from collections.abc import Sequence

from n3d.geometry import Box3D, overlap
from n3d.scene import Object3D

SAME = 0.4
"""Two boxes of one label with a larger IoU are of one object: bodies do not overlap so far."""


def chosen(objects: Sequence[Object3D], least: float) -> list[Object3D]:
    """The boxes with a score of at least `least`, in their order; of several boxes of one object
    the one with the highest score."""
    kept: dict[int, Object3D] = {}
    for i in sorted(range(len(objects)), key=lambda i: -objects[i].score):
        o = objects[i]
        if o.score >= least and not _twice(o, kept.values()):
            kept[i] = o
    return [kept[i] for i in sorted(kept)]


def _twice(o: Object3D, others) -> bool:
    same = [k.box for k in others if k.label == o.label]
    return bool(same) and overlap.iou(Box3D.stack([o.box]), Box3D.stack(same)).max() > SAME
