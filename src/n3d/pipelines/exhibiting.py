"""What a model finds and answers on rendered scenes, beside the truth, as pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from n3d import view
from n3d.evaluate import grading, grounding, items, matching
from n3d.evaluate.items import Item, Predictor, Sitting
from n3d.evaluate.requests import ABSENT_QUESTION, LOCATE_KINDS
from n3d.pipelines import evaluating
from n3d.reason import KINDS
from n3d.scene import Object3D, Prediction

SCENES = 24
DETECTIONS = 3
QUESTIONS = 10
SIZE = 640


@dataclass
class _Wall:
    """The figures that were made so far, by what is asked."""

    detected: list[view.Figure] = field(default_factory=list)
    located: list[view.Figure] = field(default_factory=list)
    asked: dict[str, view.Figure] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    right: int = 0

    def wants(self, item: Item) -> bool:
        """Whether an item is of a kind that hangs nowhere yet."""
        if item.request == "detect":
            return len(self.detected) < DETECTIONS
        return item.kind not in self.kinds

    @property
    def full(self) -> bool:
        """Whether there is one of every kind."""
        every = {*KINDS, *LOCATE_KINDS, ABSENT_QUESTION}
        return len(self.detected) >= DETECTIONS and every <= self.kinds


@dataclass(frozen=True)
class Exhibition:
    """Sections of a page, and how many of the questions on it were answered `right`."""

    sections: list[view.Section]
    right: int
    asked: int


def exhibit(
    predict: Predictor, *, scenes: int = SCENES, watch: Callable[[int], None] | None = None
) -> Exhibition:
    """Ask about rooms that no training has seen until there is one question of each kind, or
    `scenes` rooms were shown. `watch` is told how many were."""
    bench = replace(evaluating.benchmark("synthetic", limit=scenes), questions=QUESTIONS)
    wall = _Wall()
    for done, sitting in enumerate(bench, 1):
        chosen = _chosen(wall, sitting)
        if chosen:
            asked = replace(sitting, items=tuple(chosen))
            for item, found in zip(chosen, predict(asked), strict=True):
                _hang(wall, sitting, item, found)
        if watch is not None:
            watch(done)
        if wall.full:
            break
    return Exhibition(_sections(wall), wall.right, len(wall.asked))


def _chosen(wall: _Wall, sitting: Sitting) -> list[Item]:
    """The items of a view that the wall wants, one of each kind."""
    found: dict[str, Item] = {}
    for item in sitting.items:
        if wall.wants(item):
            found.setdefault(item.kind, item)
    return list(found.values())


def _hang(wall: _Wall, sitting: Sitting, item: Item, found: Prediction) -> None:
    wall.kinds.add(item.kind)
    if item.request == "detect":
        wall.detected += _detected(sitting, item, found)
    elif item.request == "locate":
        wall.located.append(_located(sitting, item, found))
    else:
        figure = _asked(sitting, item, found)
        wall.asked[item.kind] = figure
        wall.right += bool(figure.good)


def _boxes(sitting: Sitting, objects: Sequence[Object3D]):
    return view.draw(list(objects), view=sitting.view, size=SIZE)


def _detected(sitting: Sitting, item: Item, found: Prediction) -> list[view.Figure]:
    count = matching.count(found.objects, item.true, 0.25, ignored=item.ignored, by_class=True)
    verdict = f"{count.hits} of {len(item.true)} found with IoU 0.25"
    good = count.hits == len(item.true)
    return [
        view.Figure(_boxes(sitting, found.objects), f"{item.text} Found.", verdict, good),
        view.Figure(_boxes(sitting, item.true), "The true boxes."),
    ]


def _located(sitting: Sitting, item: Item, found: Prediction) -> view.Figure:
    caption = f"Locate {item.text} ({item.kind.replace('_', ' ')})."
    if item.absent:
        good = items.refused(found)
        verdict = "nothing found, as it should be" if good else "there is none"
    else:
        told = grounding.located(
            found.objects, item.true, sitting.view.camera, by_class=len(item.phrases) > 1
        )
        good = all(v >= 0.25 for v in told.ious)
        verdict = "IoU " + ", ".join(f"{v:.2f}" for v in told.ious)
    return view.Figure(_boxes(sitting, found.objects), caption, verdict, good)


def _asked(sitting: Sitting, item: Item, found: Prediction) -> view.Figure:
    image = view.draw(replace(found, question=item.question), view=sitting.view, size=SIZE)
    kind = item.kind.replace("_", " ")
    if item.qa is None:
        good = items.refused(found)
        return view.Figure(image, f"{kind}: refused", "right" if good else "should be", good)
    marks = grading.marks(found, item.qa, item.around, sitting.view.up)
    verdict = "right" if marks.right else f"wrong: {marks.grade.blame}"
    caption = f"{kind}. The answer on the true boxes: {item.qa.answer.text}"
    return view.Figure(image, caption, verdict, marks.right)


def _sections(wall: _Wall) -> list[view.Section]:
    order = {kind: i for i, kind in enumerate(KINDS)}
    kinds = sorted(wall.asked, key=lambda k: order.get(k, len(order)))
    return [
        view.Section("Detect all", wall.detected, "Left what was found, right the truth.", 560),
        view.Section("Find what words name", wall.located, "A class, a referring expression, "
                     "several at once, something that is not there."),
        view.Section("Answer, step by step", [wall.asked[k] for k in kinds], "One question of "
                     f"each of the {len(kinds)} kinds that these rooms gave rise to.", 560),
    ]  # fmt: skip
