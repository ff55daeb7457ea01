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


def calibrated(
    model: SpatialModel,
    scenes: Iterable[tuple[RGBD, Sequence[Object3D]]],
    *,
    refine: str = "none",
) -> SpatialModel:
    """The model with scores and spreads that hold on these views and their true objects, and which
    refines boxes so unless it is told otherwise.

    Each view is asked for all its objects and for each of their labels. Scores become the share
    of boxes with an IoU of at least .25 with a true box of the same label, after `refine`; spreads
    are those of boxes as written. `save` keeps the calibration. Raises ConfigError for too few
    boxes (`calibration.fit`).
    """
    plain = replace(model, calibration=Calibration())
    found, shown = Evidence(), Evidence()
    for view, truth in scenes:
        names = sorted({o.label for o in truth})
        look = plain.look(view)
        asked = [Request(look, dialogues.DETECT)]
        asked += [Request(look, dialogues.locate([name])) for name in names]
        for prediction in requests.run(plain, asked):
            found.add(prediction.objects, truth, look.setting)
            if refine == "depth":
                shown.add(refining.refine(view, prediction.objects), truth, look.setting)
    right = shown.right if refine == "depth" else found.right
    fitted = calibration.fit(found.scores, right, found.errors)
    return replace(model, calibration=replace(fitted, refine=refine))


@dataclass
class Evidence:
    """Scores, whether their boxes were right, and errors beside the spreads given for them."""

    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    errors: dict[str, tuple[list[float], list[float]]] = field(
        default_factory=lambda: {part: ([], []) for part in calibration.PARTS}
    )

    def add(
        self, predicted: Sequence[Object3D], truth: Sequence[Object3D], setting: Setting
    ) -> None:
        """Compare the boxes of one view with the true ones of the same labels."""
        for o in predicted:
            same = [t for t in truth if t.label == o.label]
            iou = overlap.iou(Box3D.stack([o.box]), Box3D.stack(t.box for t in same)) if same else 0
            self.scores.append(o.score)
            self.right.append(bool(np.max(iou) >= RIGHT))
            if same and np.max(iou) >= NEAR and o.spread is not None:
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


def _alike(box: Box3D, true: Box3D, setting: Setting) -> tuple[Box3D, float]:
    """The true box with its sides in the order of the other's, and the yaw between them."""
    if setting.up is None:
        return true, 0.0
    between = box.rotation.T @ true.rotation
    turn = math.atan2(between[0, 2], between[2, 2])
    quarter = round(turn / (math.pi / 2))
    size = true.size[[2, 1, 0]] if quarter % 2 else true.size
    return Box3D(true.center, size, box.rotation), turn - quarter * math.pi / 2
