"""What is asked of a model and what would be right: benchmarks are iterables of sittings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from n3d.scene import QA, RGBD, Object3D, Prediction

Request = Literal["detect", "locate", "ask"]
ABSENT = "object-absent"
"""The code that a prediction's fault begins with where it says that nothing matches."""


@dataclass(frozen=True, eq=False)
class Item:
    """One request about a view and its truth.

    `kind` is what results are grouped by: "detect", the kinds of `locate`, or the kind of
    question. `phrases` are what a "locate" request names, `question` what an "ask" request
    asks. `true` are the objects it wants (none where something absent is named), `ignored` those
    that count neither for nor against. `qa` is a question's reference, whose objects are places
    in `around`; without one the right answer is to refuse.
    """

    id: str
    seed: int
    request: Request
    kind: str
    phrases: tuple[str, ...] = ()
    question: str = ""
    true: tuple[Object3D, ...] = ()
    ignored: tuple[Object3D, ...] = ()
    qa: QA | None = None
    around: tuple[Object3D, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether nothing in the view is what the request names."""
        return self.qa is None if self.request == "ask" else not self.true

    @property
    def text(self) -> str:
        """The request in words, for people."""
        if self.request == "ask":
            return self.question
        return "Detect all objects." if self.request == "detect" else "; ".join(self.phrases)


@dataclass(frozen=True, eq=False)
class Sitting:
    """A view and all that is asked about it.

    `objects` are all that can be seen, with their regions where these are known: what an oracle
    or a lifter answers from, and no model is given.
    """

    id: str
    view: RGBD
    items: tuple[Item, ...]
    objects: tuple[Object3D, ...] = ()


class Answerer(Protocol):
    """What can be evaluated: `n3d.model.SpatialModel`, or anything of its shape.

    Scores of objects are the confidence, 0 to 1, that the box is right. A question about
    something absent is answered by the fault ABSENT.
    """

    def detect(self, view: Any, /, **options: Any) -> list[Object3D]:
        """All objects of a view."""
        ...

    def ground(self, view: Any, names: str | Sequence[str], /, **options: Any) -> list[Object3D]:
        """The objects that phrases name."""
        ...

    def answer(self, view: Any, question: Any, /, **options: Any) -> Any:
        """The Prediction of a question, or those of several."""
        ...


Predictor: TypeAlias = Callable[[Sitting], Sequence[Prediction]]
"""Gives one prediction for each item of a sitting."""


def refused(prediction: Prediction) -> bool:
    """Whether a prediction says that nothing in the view matches, instead of failing."""
    fault = code_of(prediction.fault)
    return prediction.answer is None and not prediction.objects and fault in (None, ABSENT)


def code_of(fault: str | None) -> str | None:
    """The code that a fault begins with ("truncated: ...")."""
    return None if fault is None else fault.split(":", 1)[0].strip()[:60] or "unknown"
