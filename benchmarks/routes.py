"""Which way to boxes is best: the routes of `n3d answer`, asked the same of the same rooms.

    python benchmarks/routes.py [--scenes N] [--model n3d-mini] [--processes 2]
                                [--json out/bench/routes.json]

Rendered rooms of the split "test" (those of `n3d eval run --benchmark synthetic`), exact depth.
Detectors and vision-language models are scripted from the truth with the errors of real ones, for
no real weights are at hand; what comes after them is the code that real ones meet:

* regions: the annotation of the room, with masks, or rectangles alone;
* detector: each noun finds its objects with a chance of .9 (.6 below 400 pixels), others of the
  class in another colour with .2, something else in one of thirty nouns; each side of a rectangle
  is off by 4 % of its length (one standard deviation);
* VLM 2D: the same, rounded to thousandths, asked for and read as JSON;
* VLM 3D: what such a detector finds as boxes in metres, off by 10 % of the distance, 15 % of each
  side and 0.2 radians of yaw, along the ray of the true centre to 1 %;
* a model: its own boxes and steps; "by rules": its boxes, with the steps that n3d reads from the
  question.

"fitted" are boxes that were fitted to the depth once more (`lift.refine`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table

import n3d
from n3d import synthetic
from n3d.evaluate import taking
from n3d.evaluate.items import Sitting
from n3d.evaluate.reporting import Tally
from n3d.evaluate.synthetic import Benchmark
from n3d.experts.asking_boxes import VLMDetector
from n3d.pipelines import predictors
from n3d.pipelines.grounding import DetectorGrounder, Fitted, RegionGrounder
from n3d.pipelines.parts import Parts
from n3d.pipelines.vlm_grounding import DEPTH, SIZE, YAW, VLMGrounder
from n3d.reason import labels
from n3d.scene import Object3D, Region
from n3d.synthetic import Rendered, categories, palette

SIDE, FOUND, FOUND_SMALL, SMALL, OTHER_COLOR, NONSENSE = 0.04, 0.9, 0.6, 400, 0.2, 1 / 30
ALONG = 0.01
SHOWN = ("acc25", "acc50", "mean_iou", "f1_25", "absent_refused", "z_rel_median",
         "size_rel_median", "answer_right", "joint")  # fmt: skip


class Script:
    """A detector that knows the room and errs; its draws depend on room, noun and object alone."""

    def __init__(self, room: Rendered) -> None:
        self.room = room
        self.seen = [o for o in room.scene.objects if o.region is not None]

    def find(self, image, phrases: Sequence[str]) -> list[Region]:
        found = []
        for phrase in phrases:
            for k, o in enumerate(self.seen):
                rng = np.random.default_rng([self.room.seed, k, *phrase.encode()])
                score = self._score(o, phrase, rng)
                if score is not None:
                    found.append(Region(phrase, self._jittered(o, rng), score=score))
        return found

    def objects(self, phrases: Sequence[str]) -> list[tuple[str, Object3D]]:
        """What is found, as a model knows it that writes boxes itself."""
        out = []
        for phrase in phrases:
            for k, o in enumerate(self.seen):
                rng = np.random.default_rng([self.room.seed, k, *phrase.encode()])
                if self._score(o, phrase, rng) is not None:
                    out.append((phrase, o))
        return out

    def _score(self, o: Object3D, phrase: str, rng: np.random.Generator) -> float | None:
        words = phrase.split()
        colors = [w for w in words if w in palette.NAMES]
        noun = " ".join(w for w in words if w not in palette.NAMES)
        chance = FOUND if o.attributes["pixels"] >= SMALL else FOUND_SMALL
        draw, sure = rng.random(), rng.uniform()
        if not labels.match(o.label, noun):
            lost = NONSENSE / max(len(self.seen), 1)
            return 0.25 + 0.2 * sure if draw < lost else None
        if colors and o.attributes["color"] not in colors:
            return 0.3 + 0.3 * sure if draw < OTHER_COLOR else None
        return 0.5 + 0.45 * sure if draw < chance else None

    def _jittered(self, o: Object3D, rng: np.random.Generator):
        assert o.region is not None
        r = np.array(o.region.rectangle)
        sides = np.tile(r[2:] - r[:2], 2)
        height, width = self.room.rgbd.image.shape[:2]
        r = (r + SIDE * sides * rng.normal(size=4)).clip(0, [width, height, width, height])
        return tuple(np.r_[r[:2], np.maximum(r[2:], r[:2] + 1)].tolist())


class Writer:
    """A vision-language model that writes what the script finds, in 2D or 3D."""

    def __init__(self, script: Script, three: bool) -> None:
        self.script, self.three = script, three

    def reply(self, system: str, text: str, images: Sequence[Any] = (), **options: Any) -> str:
        names = re.findall(r"^- (.+)$", text, re.M)
        return json.dumps(self._boxes(names) if self.three else self._rectangles(names))

    def _rectangles(self, names: list[str]) -> list[dict]:
        height, width = self.script.room.rgbd.image.shape[:2]
        whole = np.array([width, height, width, height]) / 1000
        return [
            {"bbox_2d": np.rint(np.array(r.rectangle) / whole).astype(int).tolist(),
             "label": r.label}
            for r in self.script.find(None, names)
        ]  # fmt: skip

    def _boxes(self, names: list[str]) -> list[dict]:
        return [
            {"bbox_3d": self._written(o, k), "label": name}
            for k, (name, o) in enumerate(self.script.objects(names))
        ]

    def _written(self, o: Object3D, k: int) -> list[float]:
        rng = np.random.default_rng([self.script.room.seed, k, 5])
        box = o.box
        center = box.center * np.exp(DEPTH * rng.normal())
        center = center + ALONG * center[2] * rng.normal(size=3) * [1, 1, 0]
        size = box.size * np.exp(SIZE * rng.normal(size=3))
        yaw = (float(box.yaw) + YAW * rng.normal()) / np.pi  # its form counts in units of pi
        return [round(float(v), 3) for v in (*center, *size, 0.0, yaw, 0.0)]


def grounder(route: str, room: Rendered) -> Any:
    regions = [replace(o.region, label=f"{o.attributes['color']} {o.label}")
               for o in room.scene.objects if o.region is not None]  # fmt: skip
    if route == "regions, masks":
        return RegionGrounder(regions)
    if route == "regions, rectangles":
        return RegionGrounder([replace(r, mask=None) for r in regions])
    script, names = Script(room), categories.NAMES
    if route == "detector":
        return DetectorGrounder(script, vocabulary=names)
    chat: Any = Writer(script, route == "VLM 3D")
    if route == "VLM 2D":
        return DetectorGrounder(VLMDetector(chat, "thousand"), vocabulary=names)
    return VLMGrounder(chat, vocabulary=names, refined=False)


PARTS = ("regions, masks", "regions, rectangles", "detector", "VLM 2D", "VLM 3D")


def predictor(route: str, fitted: bool, model: str) -> Any:
    refine = "depth" if fitted else "none"
    if route == model:
        return predictors.find(model, refine=refine)
    if route not in PARTS:
        return taking.of_model(Parts(_Asked(model, refine)))

    def predict(sitting: Sitting):
        made = synthetic.make(sitting.items[0].seed, Benchmark().config)
        found = grounder(route, made)
        return taking.of_model(Parts(Fitted(found) if fitted else found))(sitting)

    return predict


class _Asked:
    """A model as a grounder."""

    def __init__(self, model: str, refine: str) -> None:
        self.model, self.options = n3d.load(model), {"refine": refine}

    def ground(self, view, names):
        return self.model.ground(view, list(names), **self.options)

    def detect(self, view):
        return self.model.detect(view, **self.options)


def _job(job: tuple[str, bool, str, int, int]) -> tuple[str, bool, list[Any]]:
    route, fitted, model, first, scenes = job
    predict = predictor(route, fitted, model)
    found = []
    for sitting in Benchmark("test", scenes, first):
        for item, p in zip(sitting.items, predict(sitting), strict=True):
            found.append((item, p, sitting.view.camera, sitting.view.up))
    return route, fitted, found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--model", default="n3d-mini")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", default="out/bench/routes.json")
    given = parser.parse_args()
    ways = [
        (route, fitted)
        for route in (*PARTS, given.model, f"{given.model} by rules")
        for fitted in (False, True)
    ]
    tallies = {way: Tally() for way in ways}
    jobs = [(*way, given.model, first, min(10, given.scenes - first))
            for way in ways for first in range(0, given.scenes, 10)]  # fmt: skip
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for route, fitted, found in pool.imap_unordered(_job, jobs):
            for item, p, camera, up in found:
                tallies[route, fitted].add(item, p, camera, up)
    rows = {f"{route}{', fitted' if fitted else ''}": tally.report()
            for (route, fitted), tally in tallies.items()}  # fmt: skip
    table = Table(title=f"{given.scenes} rooms of the split test")
    for name in ("route", *SHOWN):
        table.add_column(name, justify="left" if name == "route" else "right")
    for name, report in rows.items():
        values = (report[k]["overall"] for k in SHOWN)
        table.add_row(name, *("-" if v is None else f"{v:.3f}" for v in values))
    Console(width=150).print(table)
    path = Path(given.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {n: {k: r[k] for k in (*SHOWN, "items", "faults")} for n, r in rows.items()}
    path.write_text(json.dumps({"scenes": given.scenes, "routes": kept}, indent=1))


if __name__ == "__main__":
    main()
