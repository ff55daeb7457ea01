"""How exact located boxes are: overlap, depth, size, place in the image, rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.evaluate import matching
from n3d.geometry import Box3D, Camera
from n3d.geometry.box import RELABELLINGS
from n3d.scene import Object3D

FORGIVEN = 0.25
"""A prediction with this IoU with an ignored object, and less with any true one, is left out."""


@dataclass(frozen=True)
class Errors:
    """Errors of one predicted box against its true one.

    `z_rel` is |z - z*| / z* of the centres; `size_rel` the mean of |s - s*| / s* over the three
    sides, axes paired as `aligned` does; `center_px` the distance of the projected centres in
    pixels (None behind the camera); `yaw_deg` the angle left between the paired axes (None for
    objects without a yaw of their own).
    """

    z_rel: float
    size_rel: float
    center_px: float | None
    yaw_deg: float | None


@dataclass(frozen=True)
class Located:
    """What was located: the IoU of each true object (0 where it was not found), the errors of
    the pairs, and (score, IoU) of every predicted box that is not ignored."""

    ious: tuple[float, ...]
    errors: tuple[Errors, ...]
    scored: tuple[tuple[float, float], ...]

    def accuracy(self, threshold: float) -> float | None:
        """Share of the true objects found with at least this IoU; None without true objects."""
        return float(np.mean([v >= threshold for v in self.ious])) if self.ious else None

    @property
    def mean_iou(self) -> float | None:
        """Mean over the true objects, a missing one being 0."""
        return float(np.mean(self.ious)) if self.ious else None


def located(
    predicted: Sequence[Object3D],
    true: Sequence[Object3D],
    camera: Camera,
    *,
    ignored: Sequence[Object3D] = (),
    by_class: bool = False,
    overlapping: bool = False,
) -> Located:
    """Compare the answer to a request for n objects with them.

    The n predictions with the highest scores count, as ScanRefer takes one per query; they are
    paired so that the sum of the IoU is largest, and by nearness where boxes do not overlap.
    Errors are those of all pairs, or with `overlapping` of pairs that overlap at all.
    """
    kept = without_ignored(predicted, true, ignored)
    kept.sort(key=lambda o: -o.score)  # stable: of equal scores the one written first
    iou, pairs = _pairs(kept[: len(true)], true, by_class)
    found = np.zeros(len(true))
    for i, j in pairs:
        found[j] = iou[i, j]
    errors = tuple(
        compare(kept[i], true[j], camera) for i, j in pairs if iou[i, j] > 0 or not overlapping
    )
    iou, pairs = _pairs(kept, true, by_class)
    hit = {i: float(iou[i, j]) for i, j in pairs}
    scored = tuple((float(o.score), hit.get(i, 0.0)) for i, o in enumerate(kept))
    return Located(tuple(float(v) for v in found), errors, scored)


def without_ignored(
    predicted: Sequence[Object3D], true: Sequence[Object3D], ignored: Sequence[Object3D]
) -> list[Object3D]:
    """Predictions without those that show an ignored object instead of a true one."""
    if not ignored or not predicted:
        return list(predicted)
    wrong = matching.ious(predicted, ignored).max(axis=1)
    right = matching.ious(predicted, true).max(axis=1, initial=0.0)
    return [p for p, w, r in zip(predicted, wrong, right) if w < FORGIVEN or r >= FORGIVEN]


def _pairs(predicted, true, by_class: bool) -> tuple[np.ndarray, matching.Pairs]:
    iou = matching.ious(predicted, true)
    if not iou.size:
        return iou, []
    centers = [np.stack([o.box.center for o in objects]) for objects in (predicted, true)]
    apart = np.linalg.norm(centers[0][:, None] - centers[1][None], axis=-1)
    worth = iou + 1e-3 / (1 + apart)
    if by_class:
        worth = np.where(matching.same_class(predicted, true), worth, -1.0)
    return iou, matching.hungarian(worth)


def compare(predicted: Object3D, true: Object3D, camera: Camera) -> Errors:
    """The errors of one box."""
    p, t = predicted.box, true.box
    p, angle = aligned(p, t)
    z = float(t.center[2])
    pixels = camera.project(np.stack([p.center, t.center]))
    off = float(np.linalg.norm(pixels[0] - pixels[1]))
    return Errors(
        z_rel=abs(float(p.center[2]) - z) / max(abs(z), 1e-9),
        size_rel=float((np.abs(p.size - t.size) / t.size).mean()),
        center_px=off if np.isfinite(off) else None,
        yaw_deg=None if true.attributes.get("round") else float(np.degrees(angle)),
    )


def aligned(predicted: Box3D, true: Box3D) -> tuple[Box3D, float]:
    """The predicted box with the labels of its axes (of 24) that turn it least against the true
    one, and the angle that is left, radians: at most 45 degrees where both stand upright."""
    turns = true.rotation.T @ predicted.rotation @ RELABELLINGS
    traces = np.trace(turns, axis1=-2, axis2=-1)
    best = int(traces.argmax())
    relabel = RELABELLINGS[best]
    box = Box3D(predicted.center, predicted.size @ np.abs(relabel), predicted.rotation @ relabel)
    return box, float(np.arccos(np.clip((traces[best] - 1) / 2, -1, 1)))
