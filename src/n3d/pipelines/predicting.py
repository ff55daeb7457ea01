"""Asking a model about views: what is asked, and predictions with their notes.

One path for one question and for thousands: `Asker` takes what is asked in any portions.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from n3d.errors import N3DError, QuestionError
from n3d.language import dialogues, questions
from n3d.language.dialogues import Setting
from n3d.lift import LiftConfig
from n3d.pipelines import answering
from n3d.scene import RGBD, Prediction

COMMANDS = ("answer", "ground", "detect")
HINTS = {
    "object-absent": "n3d detect shows what the model sees",
    "truncated": "Allow more with --max-tokens, or fewer boxes with --most",
    "trace": "Ask in other words; --free shows what the model itself would write",
    "not-metric": "Give depth in a known unit",
}


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked about a view: a `question`, the objects that `names` name, or the one at a
    `place` (x0, y0, x1, y1 or x, y in pixels); with none of these all objects.

    Raises QuestionError for texts that are none.
    """

    view: RGBD
    question: str | None = None
    names: tuple[str, ...] = ()
    place: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.question is not None:
            object.__setattr__(self, "question", questions.clean(self.question))
        object.__setattr__(self, "names", tuple(questions.clean(n) for n in self.names))

    @property
    def text(self) -> str:
        """What was asked for, in words."""
        if self.place is not None:
            return f"at {', '.join(f'{v:g}' for v in self.place)}"
        return self.question or "; ".join(self.names)


def upright(view: RGBD, config: LiftConfig | None = None) -> RGBD:
    """The view as models want it: with gravity from its floor where it was not given."""
    return answering.with_gravity(view, config)


class Asker:
    """A model that answers what is asked, all of one call together.

    `options` are those of `model.options.Options`. Views should be `upright`; the `keep` that
    were last asked about in the calls before are not read again. `looked` counts those read.
    """

    def __init__(self, model: Any, *, keep: int = 1, **options: Any) -> None:
        from n3d.model.options import options_of

        self.model = model
        self.options = options_of(options)
        self._given = options
        self._keep = keep
        self.looked = 0
        self._kept: OrderedDict[int, Any] = OrderedDict()  # a Look holds its view, and so its id

    def sampled(self, sampling: Any) -> Asker:
        """The same model, with what it has read, that chooses tokens in another way."""
        other = copy.copy(self)
        other.options = replace(self.options, sampling=sampling)
        other._given = {**self._given, "sampling": sampling}
        return other

    @property
    def released(self) -> bool:
        """Whether the protocol of the released weights is spoken."""
        return (self.options.protocol or self.model.layout) == "upstream"

    def __call__(
        self,
        asked: Sequence[Asked],
        *,
        left: Callable[[int], bool] | None = None,
        told: Callable[[int, str], None] | None = None,
    ) -> list[Prediction | N3DError]:
        """For each the prediction, whose `fault` says why there is no answer; or the error that
        says why it cannot be asked. One of which `left` says that nobody waits for it any more
        is given up, and `told` is handed the place of one and a line for each of its boxes and
        steps when it is written (both with weights of ours)."""
        found = self._released(asked) if self.released else self._ours(asked, left, told)
        return [p if isinstance(p, N3DError) else noted(p, a) for a, p in zip(asked, found)]

    def _ours(
        self,
        asked: Sequence[Asked],
        left: Callable[[int], bool] | None,
        told: Callable[[int, str], None] | None,
    ) -> list[Prediction | N3DError]:
        from n3d.model import requests

        looks = self._looks([a.view for a in asked])
        found: list[Any] = []
        for a, look in zip(asked, looks):
            try:
                if isinstance(look, N3DError):
                    raise look
                found.append(requests.Request(look, _request(a, look.setting), a.question))
            except N3DError as e:
                found.append(e)
        asking = [i for i, r in enumerate(found) if not isinstance(r, N3DError)]
        written = iter(
            requests.run(
                self.model,
                [found[i] for i in asking],
                self.options,
                left=None if left is None else lambda i: left(asking[i]),
                told=None if told is None else lambda i, line: told(asking[i], line),
            )
        )
        return [r if isinstance(r, N3DError) else next(written) for r in found]

    def _looks(self, views: Sequence[RGBD]) -> list[Any]:
        """The Look of each view, each view read once; an error for one that cannot be read."""
        known: dict[int, Any] = dict(self._kept)
        new = {id(v): v for v in views if id(v) not in known}
        known |= dict(zip(new, self._read(list(new.values()))))
        found = [known[id(v)] for v in views]
        for k in found:
            if not isinstance(k, N3DError):
                self._kept[id(k.view)] = k
                self._kept.move_to_end(id(k.view))
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)
        return found

    def _read(self, views: list[RGBD]) -> list[Any]:
        from n3d.model import requests

        if not views:
            return []
        try:
            found = list(requests.look(self.model, views))
        except N3DError as e:
            return [e] if len(views) == 1 else [k for v in views for k in self._read([v])]
        self.looked += len(found)
        return found

    def _released(self, asked: Sequence[Asked]) -> list[Prediction | N3DError]:
        """Two conversations each; the questions about one view share what was read of it."""
        found: list[Any] = [None] * len(asked)
        groups: dict[int, list[int]] = {}
        for i, a in enumerate(asked):
            groups.setdefault(id(a.view) if a.question is not None else -i - 1, []).append(i)
        self.looked += len(groups)
        for places in groups.values():
            first = asked[places[0]]
            try:
                told = self._told(first, [asked[i].question for i in places])
            except N3DError as e:
                told = [e] * len(places)
            for i, p in zip(places, told):
                found[i] = p
        return found

    def _told(self, first: Asked, many: list[Any]) -> list[Prediction]:
        if first.question is not None:
            return self.model.answer(first.view, many, **self._given)
        if first.place is not None:
            way = {"box" if len(first.place) == 4 else "point": first.place}
            objects = self.model.ground(first.view, **way, **self._given)
        elif first.names:
            objects = self.model.ground(first.view, first.names, **self._given)
        else:
            objects = self.model.detect(first.view, **self._given)
        view = first.view
        return [
            Prediction(
                "",
                objects=tuple(objects),
                provenance=view.provenance,
                up=None if view.up is None else answering.vector(view.up),
            )
        ]


def _request(asked: Asked, setting: Setting) -> str:
    """The words of a request, as the network was taught them."""
    if asked.question is not None:
        return dialogues.ask(asked.question)
    if asked.place is not None:
        return dialogues.locate_at(setting, asked.place)
    return dialogues.locate(asked.names) if asked.names else dialogues.DETECT


def noted(found: Prediction, asked: Asked) -> Prediction:
    """A model's prediction with the notes that every answer has, and where its lengths are from."""
    about = answering.estimated(found.provenance)
    notes = (*found.notes, *answering.notes(about, found.objects))
    return replace(found, question=asked.text, provenance=about, notes=notes)


def answer(
    model: Any, view: RGBD, question: str, *, config: LiftConfig | None = None, **options: Any
) -> Prediction:
    """The answer of a model to one question; raises as `checked` does."""
    asked = Asked(upright(view, config), question)
    return checked(Asker(model, **options)([asked])[0])


def checked(found: Prediction | N3DError) -> Prediction:
    """The prediction; its fault, or why it could not be asked, as an error with a hint."""
    if isinstance(found, N3DError):
        raise found
    if found.fault is None:
        return found
    code, _, message = found.fault.partition(": ")
    raise QuestionError(message or code, code=code, hint=HINTS.get(code))
