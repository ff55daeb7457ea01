"""The worst answers of a run as pictures: what was asked, found and wrong."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from n3d import view
from n3d.evaluate import grading
from n3d.evaluate.items import Item, Sitting
from n3d.scene import Prediction
from n3d.view import albums

MOST = 6
WIDTH = 480


@dataclass(eq=False)
class Cases:
    """Keeps the worst of what it is told: wrong answers, those with the worst boxes first, and of
    equals the earlier."""

    most: int = MOST
    _held: list[Any] = field(default_factory=list)
    _order: Any = field(default_factory=count)

    def tell(self, sitting: Sitting, item: Item, prediction: Prediction) -> None:
        """Keep a wrong answer if it is among the worst."""
        if item.qa is None:
            return
        grade = grading.grade(prediction, item.qa, item.around, sitting.view.up)
        if grade.right:
            return
        worth = -1.0 if not prediction.objects else grade.box_error or 0.0
        entry = (worth, -next(self._order), sitting, item, prediction, grade.blame)
        push = heapq.heappush if len(self._held) < self.most else heapq.heappushpop
        push(self._held, entry)

    def figures(self) -> list[dict[str, str]]:
        """The kept cases, worst first: `image` (a data URI), `caption`, `blame`."""
        return [_figure(*e[2:]) for e in sorted(self._held, key=lambda e: e[:2], reverse=True)]


def _figure(sitting: Sitting, item: Item, prediction: Prediction, blame: str) -> dict[str, str]:
    assert item.qa is not None
    told = prediction.answer.text if prediction.answer else (prediction.fault or prediction.text)
    return {
        "image": _picture(sitting, prediction),
        "question": item.question,
        "told": told[:300] or "nothing",
        "right": item.qa.answer.text,
        "blame": blame,
        "id": item.id,
    }


def _picture(sitting: Sitting, prediction: Prediction) -> str:
    """The view with the boxes of the prediction, as a data URI."""
    plain = [replace(o, region=None) for o in prediction.objects]
    return albums.uri(view.draw(plain or sitting.view, view=sitting.view, size=WIDTH))
