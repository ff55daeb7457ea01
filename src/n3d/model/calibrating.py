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
from n3d.model import calibration, requests, spreads
from n3d.model.calibration import Calibration
from n3d.model.requests import Request
from n3d.model.spatial import SpatialModel
from n3d.scene import RGBD, Object3D

RIGHT = 0.25
"""A box is right from this IoU with a true box of its label."""
NEAR = 0.1
"""From this IoU on, two boxes are of the same object, and their difference is an error."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Things that phrases name, none where nothing is what they name; see `Labelled`."""

    phrases: tuple[str, ...]
    objects: Sequence[Object3D]
    ignored: Sequence[Object3D] = ()


@dataclass(frozen=True, eq=False)
class Labelled:
    """A view whose objects are known. `ignored` ones are half hidden or tiny: a box of one is
    neither right nor wrong. `asked` is what else is asked for; by default each label, and one that
    the view does not have."""

    view: RGBD
    objects: Sequence[Object3D]
    ignored: Sequence[Object3D] = ()
    asked: Sequence[Asked] = ()


def calibrated(
    model: SpatialModel, scenes: Iterable[Labelled], *, refine: str = "none"
) -> SpatialModel:
    """The model with scores and spreads that hold on these views, and which refines boxes so,
    and leaves out those of low scores, unless it is told otherwise.

    Each view is asked for all its objects, and for some by name. Scores become the share of boxes
    with an IoU of at least .25 with a true box of the same label, after `refine`; of those that
    were named it must be one that was meant. Spreads are those of boxes as written, and again of
    boxes after `refine`, these so that 90 % intervals hold 90 % of the errors. Detections are kept
    from the score that makes F1 largest, located boxes from one that 98 % of the right ones reach.
    `save` keeps the calibration. The views are kept in memory meanwhile. Raises ConfigError for too
    few boxes (`calibration.fit`).
    """
    plain = replace(model, calibration=Calibration())
    written, shown, named, told = Evidence(), Evidence(), Evidence(), _Told()
    known: set[str] = set()
    heard: list[_Heard] = []
    for scene in scenes:
        look = plain.look(scene.view)
        asked = scene.asked or _by_label(scene, known)
        known |= {o.label for o in (*scene.objects, *scene.ignored)}
        texts = [dialogues.DETECT, *(dialogues.locate(a.phrases) for a in asked)]
        replies = requests.run(plain, [Request(look, text) for text in texts])
        heard.append(_Heard(scene, look.setting, asked, [p.objects for p in replies]))
        for objects in heard[-1].boxes:
            # How far boxes err does not depend on which was meant.
            written.compare(objects, scene.objects, look.setting)
    factors = calibration.widths(written.errors, calibration.SHARE, 1.0)
    for h in heard:
        scene = h.scene
        for a, objects in zip((None, *h.asked), h.boxes):
            # Fitting weighs a box by its spread: it must be the one that it will have.
            objects = [spreads.widened(o, factors) for o in objects]
            if refine == "depth":
                objects = refining.refine(scene.view, objects)
                shown.compare(objects, scene.objects, h.setting)
            true, ignored = (scene.objects, scene.ignored) if a is None else (a.objects, a.ignored)
            judged = (shown if a is None else named).judge(objects, true, ignored)
            told.add(a is None, true, judged)
    fitted = calibration.fit(shown.scores, shown.right, written.errors)
    raw, right = calibration.curve(named.scores, named.right)
    wide = calibration.widths(shown.errors, 0.9, calibration.WITHIN_90)
    fitted = replace(fitted, refine=refine, located_raw=raw, located_right=right, shown=wide)
    return replace(model, calibration=told.chosen(fitted))


@dataclass(frozen=True, eq=False)
class _Heard:
    """The boxes that were told about a scene: all, then those `asked` for."""

    scene: Labelled
    setting: Setting
    asked: Sequence[Asked]
    boxes: Sequence[Sequence[Object3D]]


def _by_label(scene: Labelled, known: set[str]) -> list[Asked]:
    """Each label of a scene, and one of the `known` that it does not have."""
    there = {o.label for o in (*scene.objects, *scene.ignored)}
    asked = [
        Asked(
            (name,),
            [o for o in scene.objects if o.label == name],
            [o for o in scene.ignored if o.label == name],
        )
        for name in sorted({o.label for o in scene.objects})
    ]
    missing = sorted(known - there)
    return [*asked, Asked((missing[len(there) * 7 % len(missing)],), ())] if missing else asked


@dataclass
class _Told:
    """What became of requests: detections with their truth; and the best raw scores of replies to
    requests for what is there, if they are right, and for what is not."""

    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    missing: int = 0
    present: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)

    def add(
        self, every: bool, true: Sequence[Object3D], judged: Sequence[tuple[float, bool]]
    ) -> None:
        """The boxes of a reply to a request for `every` object or for some, as (raw score, right),
        and what was there."""
        hits = sum(right for _, right in judged)
        best = max((score for score, _ in judged), default=None)
        if every:
            self.scores += [score for score, _ in judged]
            self.right += [right for _, right in judged]
            self.missing += max(len(true) - hits, 0)
        elif best is not None and (hits or not true):
            (self.present if true else self.absent).append(best)

    def chosen(self, fitted: Calibration) -> Calibration:
        """The calibration with the scores from which boxes are kept."""
        return replace(
            fitted,
            detect_from=calibration.best_f1(
                [fitted.score(s) for s in self.scores], self.right, self.missing
            ),
            ground_from=calibration.careful_refusal(
                [fitted.score(s, located=True) for s in self.present],
                [fitted.score(s, located=True) for s in self.absent],
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

    def judge(
        self,
        predicted: Sequence[Object3D],
        truth: Sequence[Object3D],
        ignored: Sequence[Object3D] = (),
    ) -> list[tuple[float, bool]]:
        """The score of each box that counts, and whether it is right: on one of the true boxes of
        its label."""
        judged = []
        for o in predicted:
            right = bool(np.max(_ious(o, _like(o, truth))) >= RIGHT)
            if right or np.max(_ious(o, ignored)) < RIGHT:
                judged.append((o.score, right))
        self.scores += [score for score, _ in judged]
        self.right += [right for _, right in judged]
        return judged

    def compare(
        self, predicted: Sequence[Object3D], truth: Sequence[Object3D], setting: Setting
    ) -> None:
        """Note the errors of boxes that overlap with a true one of their label."""
        for o in predicted:
            same = _like(o, truth)
            iou = _ious(o, same)
            if np.max(iou) >= NEAR and o.spread is not None:
                self._compare(o, same[int(np.argmax(iou))].box, setting)

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


def _like(o: Object3D, others: Sequence[Object3D]) -> list[Object3D]:
    return [t for t in others if t.label == o.label]


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
