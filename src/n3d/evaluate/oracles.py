"""Predictors that know the truth, as it is or with noise: the test of the metrics themselves."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from n3d import reason
from n3d.evaluate import items, programs
from n3d.evaluate.items import Item, Sitting
from n3d.language import dialogues
from n3d.reason import answering
from n3d.reason.replay import draw
from n3d.scene import BoxSpread, Check, Object3D, Prediction, Quantity


@dataclass(frozen=True)
class Noise:
    """Standard deviations of an oracle's boxes: `center` relative to the distance from the
    camera, `size` relative to each side, `yaw` in radians."""

    center: float = 0.0
    size: float = 0.0
    yaw: float = 0.0


@dataclass(frozen=True)
class Oracle:
    """Answers with true boxes and reference traces.

    With `noise` boxes are drawn around the true ones, know how far (`spread`), and the
    reference program runs on them; intervals must then cover as often as they say.
    """

    noise: Noise | None = None
    seed: int = 0

    def __call__(self, sitting: Sitting) -> list[Prediction]:
        return [self._predict(item, sitting) for item in sitting.items]

    def _predict(self, item: Item, sitting: Sitting) -> Prediction:
        if item.request == "ask":
            return self._answer(item, sitting)
        text = dialogues.DETECT
        if item.request == "locate":
            text = dialogues.locate(item.phrases)
        return Prediction(text, objects=self._drawn(item.true, item, sitting))

    def _answer(self, item: Item, sitting: Sitting) -> Prediction:
        qa, up = item.qa, sitting.view.up
        if qa is None:
            return Prediction(item.question, fault=items.ABSENT)
        objects = self._drawn([item.around[i] for i in qa.objects], item, sitting)
        mine = {i: place for place, i in enumerate(qa.objects)}
        trace = programs.moved(qa.program, mine)
        assert trace is not None
        trace = programs.rerun(trace, objects, up)
        interval = probability = None
        if self.noise is None:
            value = trace.answer
            interval = (value.value, value.value) if isinstance(value, Quantity) else None
        else:
            sampled = reason.sample(trace, objects, up=up, seed=self.seed)
            interval, probability = sampled.interval, sampled.probability
        assert qa.query is not None
        answer = answering.worded(qa.query, trace.answer, objects, up, interval, probability)
        told = None if up is None else (float(up[0]), float(up[1]), float(up[2]))
        return Prediction(
            item.question, objects=tuple(objects), trace=trace, answer=answer,
            check=Check(True), provenance=sitting.view.provenance, up=told,
        )  # fmt: skip

    def _drawn(
        self, objects: Sequence[Object3D], item: Item, sitting: Sitting
    ) -> tuple[Object3D, ...]:
        if self.noise is None or not objects:
            return tuple(objects)
        n = self.noise
        unsure = [
            replace(
                o,
                spread=BoxSpread(
                    np.full(3, n.center * float(np.linalg.norm(o.box.center))),
                    n.size * o.box.size,
                    n.yaw,
                ),
            )
            for o in objects
        ]
        seed = zlib.crc32(f"{self.seed}:{item.id}".encode())
        boxes = draw(unsure, 1, seed, up=sitting.view.up)
        return tuple(replace(o, box=boxes[i, 0]) for i, o in enumerate(unsure))
