"""Calibrating a network's confidence on held-out views whose boxes are known, in one call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from n3d.geometry import Box3D, overlap
from n3d.language import boxes, dialogues
from n3d.language.dialogues import Setting
from n3d.lift import refining
from n3d.model import calibration, requests
from n3d.model.calibration import Calibration
from n3d.model.requests import Request
from n3d.model.spatial import SpatialModel
from n3d.scene import RGBD, Object3D

RIGHT = 0.25
"""A box is right from this IoU with a true box of its label."""
NEAR = 0.1
"""From this IoU on, two boxes are of the same object, and their difference is an error."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A view whose objects are known. `ignored` ones are half hidden or tiny: a box of one is
    neither right nor wrong."""

    view: RGBD
    objects: Sequence[Object3D]
    ignored: Sequence[Object3D] = ()


def calibrated(
    model: SpatialModel, scenes: Iterable[Labelled], *, refine: str = "none"
) -> SpatialModel:
    """The model with scores and spreads that hold on these views, and which refines boxes so,
    and leaves out those of low scores, unless it is told otherwise.

    Each view is asked for all its objects, for each of their labels, and for one that it does not
    have. Scores become the share of boxes with an IoU of at least .25 with a true box of the same
    label, after `refine`; spreads are those of boxes as written. Detections are kept from the
    score that makes F1 largest, located boxes from one that 98 % of the right ones reach. `save`
    keeps the calibration. Raises ConfigError for too few boxes (`calibration.fit`).
    """
    plain = replace(model, calibration=Calibration())
    found, shown, told = Evidence(), Evidence(), _Told()
    known: set[str] = set()
    for scene in scenes:
        names = sorted({o.label for o in scene.objects})
        every = {o.label for o in (*scene.objects, *scene.ignored)}
        missing = sorted(known - every)
        known |= every
        look = plain.look(scene.view)
        asked: list[str | None] = [None, *names]
        if missing:
            asked.append(missing[len(known) * told.views % len(missing)])
        told.views += 1
        texts = [dialogues.DETECT if n is None else dialogues.locate([n]) for n in asked]
        replies = requests.run(plain, [Request(look, text) for text in texts])
        for name, prediction in zip(asked, replies):
            boxes = list(prediction.objects)
            judged = found.add(boxes, scene.objects, look.setting, scene.ignored)
            if refine == "depth":
                boxes = refining.refine(scene.view, boxes)
                judged = shown.add(boxes, scene.objects, look.setting, scene.ignored)
            told.add(name, scene, judged)
    right = shown if refine == "depth" else found
    fitted = calibration.fit(right.scores, right.right, found.errors)
    return replace(model, calibration=told.chosen(replace(fitted, refine=refine)))


@dataclass
class _Told:
    """What became of requests: detections with their truth; and the best raw scores of replies to
    requests for what is there, if they are right, and for what is not."""

    views: int = 0
    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    missing: int = 0
    present: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)

    def add(self, name: str | None, scene: Labelled, judged: list[tuple[float, bool]]) -> None:
        """The boxes of one reply, as (raw score, right)."""
        hits = sum(right for _, right in judged)
        best = max((score for score, _ in judged), default=None)
        if name is None:
            self.scores += [score for score, _ in judged]
            self.right += [right for _, right in judged]
            self.missing += max(len(scene.objects) - hits, 0)
            return
        there = any(o.label == name for o in scene.objects)
        if best is not None and (hits or not there):
            (self.present if there else self.absent).append(best)

    def chosen(self, fitted: Calibration) -> Calibration:
        """The calibration with the scores from which boxes are kept."""
        return replace(
            fitted,
            detect_from=calibration.best_f1(
                [fitted.score(s) for s in self.scores], self.right, self.missing
            ),
            ground_from=calibration.careful_refusal(
                [fitted.score(s) for s in self.present], [fitted.score(s) for s in self.absent]
            ),
        )


@dataclass
class Evidence:
    """Scores, whether their boxes were right, and errors beside the spreads given for them."""

    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    errors: dict[str, tuple[list[float], list[float]]] = field(
        default_factory=lambda: {part: ([], []) for part in calibration.PARTS}
    )

    def add(
        self,
        predicted: Sequence[Object3D],
        truth: Sequence[Object3D],
        setting: Setting,
        ignored: Sequence[Object3D] = (),
    ) -> list[tuple[float, bool]]:
        """Compare the boxes of one view with the true ones of the same labels; the score of each
        box that counts, and whether it is right."""
        judged = []
        for o in predicted:
            same = [t for t in truth if t.label == o.label]
            iou = _ious(o, same)
            right = bool(np.max(iou) >= RIGHT)
            if not right and np.max(_ious(o, ignored)) >= RIGHT:
                continue
            judged.append((o.score, right))
            self.scores.append(o.score)
            self.right.append(right)
            if np.max(iou) >= NEAR and o.spread is not None:
                self._compare(o, same[int(np.argmax(iou))].box, setting)
        return judged

    def _compare(self, o: Object3D, truth: Box3D, setting: Setting) -> None:
        assert o.spread is not None
        box = o.box
        true, turn = _alike(box, boxes.fit(truth, setting.up, "hull"), setting)
        along = o.spread.center[2]
        self._note("z", [box.center[2] - true.center[2]], [along])
        self._note("size", box.size - true.size, o.spread.size)
        if setting.up is not None:
            self._note("yaw", [turn], [o.spread.yaw])
        # What the spread of a centre holds across the view, without its part along the ray.
        ray = box.center[:2] / box.center[2]
        across = np.sqrt(np.maximum(o.spread.center[:2] ** 2 - (along * ray) ** 2, 0))
        off = (true.center[:2] / true.center[2] - ray) * box.center[2]
        self._note("uv", off, across)

    def _note(self, part: str, off, given) -> None:
        self.errors[part][0].extend(np.abs(off).tolist())
        self.errors[part][1].extend(np.asarray(given, dtype=float).tolist())


def _ious(o: Object3D, others: Sequence[Object3D]) -> np.ndarray:
    if not others:
        return np.zeros(1)
    return overlap.iou(Box3D.stack([o.box]), Box3D.stack(t.box for t in others))[0]


def _alike(box: Box3D, true: Box3D, setting: Setting) -> tuple[Box3D, float]:
    """The true box with its sides in the order of the other's, and the yaw between them."""
    if setting.up is None:
        return true, 0.0
    between = box.rotation.T @ true.rotation
    turn = math.atan2(between[0, 2], between[2, 2])
    quarter = round(turn / (math.pi / 2))
    size = true.size[[2, 1, 0]] if quarter % 2 else true.size
    return Box3D(true.center, size, box.rotation), turn - quarter * math.pi / 2
