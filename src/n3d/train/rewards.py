"""Rewards that are checked, not judged: the boxes of a reply are measured, its trace is run again.

`Case` is a request with its truth, as JSON a column of a data set; `replay` is a reward function
in the form that TRL's GRPOTrainer calls. Nothing here needs torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d import reason
from n3d.errors import InputError, N3DError, TraceError
from n3d.evaluate import grading, grounding, matching
from n3d.evaluate.items import ABSENT, Item, refused
from n3d.geometry import Camera
from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.language.grid import Scale
from n3d.reason import ops
from n3d.scene import QA, Answer, Object3D, Prediction, Trace, records

_OBJECTS = ("true", "ignored", "around")


@dataclass(frozen=True)
class Reward:
    """What a reply is worth, each part 0 to 1.

    `form`: it was read without a fault, and its trace runs. `boxes`: the IoU of the objects that
    were asked for, summed over pairs and divided by the larger number of boxes, so that boxes
    which nobody asked for cost; 1 for saying that nothing matches where nothing does. Of
    questions also `program` (the operations and objects of the reference), `replay` (the results
    written are those of the reply's own boxes) and `answer` (`evaluate.grading`).
    """

    form: float
    boxes: float
    program: float | None = None
    replay: float | None = None
    answer: float | None = None

    @property
    def total(self) -> float:
        """The weighted mean of the parts, 0 to 1. A right answer by a wrong program earns less
        than a right program on boxes that are a little off."""
        parts = ((self.form, 1), (self.boxes, 3), (self.program, 3), (self.replay, 1),
                 (self.answer, 2))  # fmt: skip
        known = [(value, weight) for value, weight in parts if value is not None]
        return sum(v * w for v, w in known) / sum(w for _, w in known)


@dataclass(frozen=True, eq=False)
class Case:
    """A request, how its numbers are written, and what would be right."""

    item: Item
    setting: Setting

    @property
    def request(self) -> str:
        """The user's words, after the picture and its line (`dialogues.opening`)."""
        if self.item.request == "ask":
            return dialogues.ask(self.item.question)
        phrases = self.item.phrases
        return dialogues.DETECT if self.item.request == "detect" else dialogues.locate(phrases)

    def reward(self, text: str) -> Reward:
        """What the text of a reply is worth."""
        return of(read(text, self.setting, self.item.question), self.item, self.setting.up)

    def to_json(self) -> str:
        """One line of JSON, for a column of a data set."""
        i, s = self.item, self.setting
        item = {"id": i.id, "seed": i.seed, "request": i.request, "kind": i.kind,
                "phrases": list(i.phrases), "question": i.question,
                "qa": None if i.qa is None else records.to_json(i.qa)}  # fmt: skip
        item |= {k: [records.to_json(o) for o in getattr(i, k)] for k in _OBJECTS}
        setting = {"camera": records.to_json(s.camera),
                   "scale": None if s.scale is None else s.scale.index,
                   "metric": s.metric, "source": s.source,
                   "up": None if s.up is None else [float(v) for v in s.up],
                   "own": s.own}  # fmt: skip
        return json.dumps({"item": item, "setting": setting}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Case:
        """The case of a line; InputError naming what is wrong with it."""
        try:
            data = json.loads(text)
            i, s = dict(data["item"]), dict(data["setting"])
            for name in _OBJECTS:
                i[name] = tuple(records.from_json(Object3D, o) for o in i[name])
            i["qa"] = None if i["qa"] is None else records.from_json(QA, i["qa"])
            i["phrases"] = tuple(i["phrases"])
            s["camera"] = records.from_json(Camera, s["camera"])
            s["scale"] = None if s["scale"] is None else Scale(s["scale"])
            s["up"] = None if s["up"] is None else np.asarray(s["up"], dtype=float)
            return cls(Item(**i), Setting(**s))
        except N3DError as e:
            raise e.at(field=e.field or "truth") from None
        except (ValueError, KeyError, TypeError) as e:
            raise InputError(f"is no case: {e}", code="reward-case", field="truth") from None


def replay(completions: Sequence[Any], truth: Sequence[str], **_: Any) -> list[float]:
    """A reward function for TRL: the total of each completion, a text or a list of messages;
    `truth` is a column of `Case.to_json`."""
    return [Case.from_json(t).reward(_text(c)).total for c, t in zip(completions, truth)]


def _text(completion: Any) -> str:
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def read(text: str, setting: Setting, question: str = "") -> Prediction:
    """A reply as it stands: results are those that were written, boxes are not refined."""
    parsed = dialogues.read(text, ops.SIGNATURES, setting)
    faults = (*parsed.objects.faults, *parsed.steps.faults)
    objects = parsed.objects.items
    up = None if setting.up is None else tuple(float(v) for v in setting.up)
    fault = str(faults[0]) if faults else None
    if not objects and not faults and question:
        fault = ABSENT
    trace, answer, check = None, None, None
    if question and parsed.steps.items:
        trace = Trace(parsed.steps.items)
        try:
            check, _ = reason.replay(trace, objects, up=setting.up)
            answer = Answer("", trace.answer)
        except TraceError as e:
            fault = f"trace: {e}"
    return Prediction(
        question, text, tuple(objects), trace, answer, check, fault,
        up=up,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def of(prediction: Prediction, item: Item, up: Any = None) -> Reward:
    """What a prediction is worth for an item."""
    if item.absent:
        right = float(refused(prediction))
        return Reward(float(right or prediction.fault is None), right)
    if item.request != "ask":
        whole = float(prediction.fault is None and bool(prediction.objects))
        return Reward(whole, _boxes(prediction.objects, item))
    assert item.qa is not None
    marks = grading.marks(prediction, item.qa, item.around, up)
    runs = prediction.trace is not None and prediction.check is not None
    return Reward(
        form=float(runs and prediction.fault is None),
        boxes=_named(prediction.objects, [item.around[i] for i in item.qa.objects]),
        program=float(marks.program_right),
        replay=float(runs and prediction.check.agrees),  # pyright: ignore
        answer=float(marks.right),
    )


def _boxes(predicted: Sequence[Object3D], item: Item) -> float:
    by_class = item.request == "detect" or len(item.phrases) > 1
    counted = grounding.without_ignored(predicted, item.true, item.ignored)
    return _named(counted, item.true, by_class)


def _named(predicted: Sequence[Object3D], true: Sequence[Object3D], by_class: bool = True) -> float:
    iou = matching.ious(predicted, true)
    if not iou.size:
        return 0.0
    if by_class:
        iou = np.where(matching.same_class(predicted, true), iou, 0.0)
    pairs = matching.hungarian(iou)
    return float(sum(iou[i, j] for i, j in pairs)) / max(len(predicted), len(true))
