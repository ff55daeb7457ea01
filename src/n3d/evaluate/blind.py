"""The blind baseline: what can be said from the words alone, knowing training scenes by heart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from n3d import reason, synthetic
from n3d.errors import N3DError
from n3d.evaluate import programs, values
from n3d.evaluate.items import Sitting
from n3d.geometry import Box3D
from n3d.geometry.pose import upright
from n3d.reason import answering, labels
from n3d.scene import QA, Object3D, Prediction, Quantity, Query, Ref, Scene, Value
from n3d.synthetic import SceneConfig

SCENES = 200
QUESTIONS = 8


@dataclass(frozen=True, eq=False)
class Blind:
    """Answers without looking: for a phrase the mean box of its class, for a question the most
    common answer of its kind; to detect, the classes that a scene most often holds.

    `boxes` are by class, the most frequent first, scored by how often a scene holds the class;
    `usual` answers are values, objects in them being places among the names of the question;
    `count` is how many objects a scene has. It never says that something is absent.
    """

    boxes: dict[str, Object3D]
    usual: dict[str, Value]
    count: int

    def __call__(self, sitting: Sitting) -> list[Prediction]:
        found = []
        for item in sitting.items:
            if item.request == "ask":
                found.append(self.answer(item.question))
            elif item.request == "locate":
                found.append(Prediction(item.text, objects=self._named(item.phrases)))
            else:
                most = tuple(self.boxes.values())[: self.count]
                found.append(Prediction(item.text, objects=most))
        return found

    def answer(self, question: str) -> Prediction:
        """The most common answer to questions of this kind."""
        try:
            query = reason.understand(question, list(self.boxes))
        except N3DError as e:
            return Prediction(question, fault=f"{e.code}: {e.message}")
        value = self.usual.get(query.kind)
        objects = self._named(query.names)
        if value is None or len(objects) < len(query.names) or not _fits(value, len(objects)):
            return Prediction(question, objects=objects, fault="unknown: no usual answer")
        return Prediction(question, objects=objects, answer=answering.worded(query, value, objects))

    def _named(self, phrases: Sequence[str]) -> tuple[Object3D, ...]:
        heads = (self._class(p) for p in phrases)
        return tuple(self.boxes[h] for h in heads if h is not None)

    def _class(self, phrase: str) -> str | None:
        """The class that a phrase is about: the one it names first, the longest of those."""
        text = f" {' '.join(labels.normal(w) for w in labels.spaced(phrase).split())} "
        known = [(text.find(f" {labels.normal(c)} "), -len(c), c) for c in self.boxes]
        found = [k for k in known if k[0] >= 0]
        if found:
            return min(found)[2]
        return next(iter(self.boxes), None)  # "the closest object"


def _fits(value: Value, count: int) -> bool:
    refs = value if isinstance(value, tuple) else (value,)
    return all(r.index < count for r in refs if isinstance(r, Ref))


def learn(scenes: int = SCENES, config: SceneConfig | None = None) -> Blind:
    """The baseline of the first scenes of the training split."""
    config = config or SceneConfig(width=160, height=120)
    seeds = (synthetic.split_seed("train", i) for i in range(scenes))
    visible = []
    for seed in seeds:
        made = synthetic.make(seed, config)
        scene = made.scene
        visible.append(Scene(scene.id, scene.picture_id, made.targets, scene.up,
                             provenance=scene.provenance))  # fmt: skip
    return of(visible, (qa for scene in visible for qa in reason.ask(scene, per_scene=QUESTIONS)))


def of(scenes: Sequence[Scene], asked: Iterable[QA]) -> Blind:
    """The baseline that knows these scenes and questions about some of them by heart."""
    count = round(float(np.mean([len(s.objects) for s in scenes])))
    return Blind(_mean_boxes(scenes), _usual(asked), count)


def guess(qa: QA, scene: Scene, boxes: Mapping[str, Object3D]) -> bool | None:
    """Whether who knows the mean box of each class, and does not look, answers rightly.

    The question's own steps are run on the mean boxes. None where a class is unknown, or where
    the steps cannot tell one thing of a class from another.
    """
    labels_ = [scene.objects[i].label for i in qa.objects]
    if any(label not in boxes for label in labels_):
        return None
    moved = programs.moved(qa.program, {n: k for k, n in enumerate(qa.objects)})
    if moved is None or len(set(labels_)) < len(labels_):
        return None
    try:
        told = programs.rerun(moved, [boxes[label] for label in labels_], up=scene.up)
    except N3DError:
        return None
    return values.right(told.answer, qa, dict(enumerate(qa.objects)))


def _mean_boxes(scenes: Sequence[Scene]) -> dict[str, Object3D]:
    """Per class an upright box of mean size at the mean place, as a mean camera sees it."""
    by_class: dict[str, list[Object3D]] = defaultdict(list)
    holding: Counter[str] = Counter()
    for scene in scenes:
        holding.update({o.label for o in scene.objects})
        for o in scene.objects:
            by_class[o.label].append(o)
    known = [s.up for s in scenes if s.up is not None]
    up = np.mean(known, axis=0) if known else np.array([0.0, -1.0, 0.0])
    boxes = {}
    for label, _ in sorted(holding.items(), key=lambda kv: (-kv[1], kv[0])):
        found = Box3D.stack(o.box for o in by_class[label])
        box = Box3D(found.center.mean(axis=0), found.size.mean(axis=0), upright(up))
        boxes[label] = Object3D(label, label, box, score=holding[label] / len(scenes))
    return boxes


def _usual(asked: Iterable[QA]) -> dict[str, Value]:
    values: dict[str, list[Any]] = defaultdict(list)
    for qa in asked:
        assert qa.query is not None
        value = _among_names(qa.program.answer, qa.query, qa.objects)
        if value is not None:
            values[qa.kind].append(value)
    return {kind: _most_common(found) for kind, found in sorted(values.items())}


def _among_names(value: Value, query: Query, objects: tuple[int, ...]) -> Value | None:
    """Objects in the value as places among the names of the question, None where they are not.

    The objects of a trace come in the order of their first use, which for a list of names is
    that of the question.
    """
    if isinstance(value, tuple):
        found = [_among_names(v, query, objects) for v in value]
        return None if any(v is None for v in found) else tuple(v for v in found if v is not None)
    if not isinstance(value, Ref):
        return value
    place = objects.index(value.index)
    if "label" in reason.KINDS[query.kind].slots:
        return Ref(0)  # the class is all that the words say
    return Ref(place) if place < len(query.names) else None


def _most_common(values: list[Any]) -> Value:
    """The median of numbers that are measured, the most common of everything else."""
    first = values[0]
    if isinstance(first, Quantity):
        numbers = [v.value for v in values]
        whole = first.unit == "h" or all(n == round(n) for n in numbers)
        return Quantity(Counter(numbers).most_common(1)[0][0] if whole else median(numbers),
                        first.unit)  # fmt: skip
    return Counter(values).most_common(1)[0][0]
