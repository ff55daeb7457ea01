"""How good a network is on held-out views, while it is trained."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch

from n3d.geometry import overlap
from n3d.train import batches, building, making, mini, objectives, shards
from n3d.train.encoding import Coder
from n3d.train.exercises import Exercise
from n3d.train.feeding import choose
from n3d.train.objectives import Student
from n3d.train.recipes import Recipe, Stage
from n3d.train.shards import Sample
from n3d.train.views import Known

BATCH = 32
DENSE = ("label", "colour", "uv", "z", "size", "yaw")


@torch.no_grad()
def judge(
    student: Student, processor: Any, recipe: Recipe, stage: Stage, coder: Coder, data: Path
) -> dict[str, float]:
    """Losses and dense errors on held-out views and, once text is trained, decoded boxes."""
    plan = recipe.validation
    samples = held_out(data / plan.part, plan.views)
    student.eval()
    found = {} if not samples else _taught(student, samples, stage, coder, recipe)
    if stage.text and plan.decoded:
        try:
            found |= decoded(student.network, processor, recipe, plan.decoded)
        except Exception:  # hours of training do not end because they could not be judged
            found |= {"decoding_failed": 1.0}
            traceback.print_exc()
    student.train()
    return found


def held_out(folder: Path, count: int) -> list[Sample]:
    """The first samples of a part that is not trained on."""
    out: list[Sample] = []
    for name in shards.names(folder):
        out += shards.read(folder, name)
        if len(out) >= count:
            break
    return out[:count]


def _taught(
    student: Student, samples: list[Sample], stage: Stage, coder: Coder, recipe: Recipe
) -> dict[str, float]:
    parts: dict[str, tuple[float, float]] = {}
    dense: dict[str, float] = {}
    merge = recipe.backbone.eyes.merge
    device = next(student.parameters()).device
    for k in range(0, len(samples), BATCH):
        some = samples[k : k + BATCH]
        rng = np.random.default_rng([k, 17])
        chosen = [choose(s, stage, coder, rng) for s in some]
        pictures = batches.pictures(some, recipe.backbone.eyes).to(device)
        text = None
        if stage.text:
            text = batches.texts(some, chosen, coder, merge, rng, stage.smoothing).to(device)
        objectives.add(parts, student(pictures, text)[1])
        for name, value in student.detector.judge(
            student.see(pictures), pictures, student.rows
        ).items():
            dense[name] = dense.get(name, 0.0) + value
    count = max(dense["n"], 1)
    found = objectives.mean(parts) | {f"dense_{k}": dense[k] / count for k in DENSE}
    hits, alarms = dense["hits"], dense["alarms"]
    return found | {"dense_f1": 2 * hits / max(hits + alarms + count, 1)}


def decoded(network: Any, processor: Any, recipe: Recipe, count: int) -> dict[str, float]:
    """Boxes found by the real decoder in the first held-out views, against the true ones."""
    from n3d.model import requests

    model = building.spatial(network, processor)
    scores = _Scores()
    part = recipe.part(recipe.validation.part)
    for index, known in making.knowns(part, range(part.first, part.first + count)):
        done = [e for e in _plain(known, index) if e.kind != "place"]
        asked = [requests.Request(known.view, e.request) for e in done]
        for e, prediction in zip(done, requests.run(model, asked), strict=True):
            scores.add(known, e, prediction.objects)
    return scores.means()


def _plain(known: Known, index: int) -> list[Exercise]:
    from n3d.train import exercises
    from n3d.train.exercises import ExerciseMix

    if not known.count:
        return []
    mix = ExerciseMix(several=0, places=0, absent=1, questions=0, absent_questions=0)
    return exercises.draw(known, np.random.default_rng([index, 19]), mix)


class _Scores:
    """Overlaps of what was to be located, detections, refusals."""

    def __init__(self) -> None:
        self.ious: list[float] = []
        self.hits = self.wanted = self.told = 0
        self.refused: list[bool] = []

    def add(self, known: Known, e: Exercise, objects: Any) -> None:
        """Count one reply."""
        if e.kind == "absent":
            self.refused.append(not objects)
            return
        from n3d.geometry import Box3D

        truth = Box3D.stack(known.objects[i].box for i in e.objects)
        matrix = np.zeros((len(e.objects), max(len(objects), 1)))
        if objects:
            matrix = overlap.iou(truth, Box3D.stack(o.box for o in objects))
        if e.kind == "detect":
            labels = [known.objects[i].label for i in e.objects]
            same = np.array([[a == o.label for o in objects] or [False] for a in labels])
            self.hits += _matched(np.where(same, matrix, 0), 0.25)
            self.wanted, self.told = self.wanted + len(labels), self.told + len(objects)
        else:
            self.ious += _best(matrix)

    def means(self) -> dict[str, float]:
        """The figures of what was counted."""
        ious = np.array(self.ious or [0.0])
        return {
            "acc25": float((ious >= 0.25).mean()),
            "acc50": float((ious >= 0.5).mean()),
            "mean_iou": float(ious.mean()),
            "boxes": len(self.ious),
            "f1_25": 2 * self.hits / max(self.wanted + self.told, 1),
            "absent_refused": float(np.mean(self.refused)) if self.refused else 0.0,
        }


def _best(matrix: np.ndarray) -> list[float]:
    """The overlap of each true box with the box that is matched to it, 0 without one."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-matrix)
    out = np.zeros(len(matrix))
    out[rows] = matrix[rows, columns]
    return out.tolist()


def _matched(matrix: np.ndarray, least: float) -> int:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-matrix)
    return int((matrix[rows, columns] >= least).sum())


def coder_of(processor: Any) -> Coder:
    """The coder of a processor."""
    mini.Numbers.of(processor.tokenizer)
    return Coder(processor.tokenizer)
