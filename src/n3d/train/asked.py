"""Views to practise on out of a data set of questions: what `n3d ask` wrote about lifted scenes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from n3d import sources
from n3d.errors import ConfigError, N3DError
from n3d.evaluate import programs
from n3d.language import dialogues
from n3d.scene import QA, Scene, asked
from n3d.train import annotated, exercises
from n3d.train.exercises import Exercise
from n3d.train.views import Known

KINDS = {
    "detect": "detect",
    "locate_one": "locate",
    "locate_every": "locate",
    "locate_expression": "locate",
    "locate_several": "several",
    "locate_place": "place",
    "locate_absent": "absent",
}
"""Requests to locate, as the kinds of exercises that they are."""


@dataclass(frozen=True)
class Asked:
    """A folder of `questions` about a folder of `scenes`, and the folders of their `images` and of
    their `depth` ("sensor:FOLDER", or empty for none).

    A view is a scene that is asked about; its exercises are the questions. What was not to be asked
    about is not, whatever its box is worth.
    """

    questions: str
    scenes: str
    images: str
    depth: str = ""

    def __post_init__(self) -> None:
        for name in ("questions", "scenes", "images"):
            if not getattr(self, name):
                raise ConfigError("is empty", code="config-value", field=name)


def views(
    data: Asked, first: int, last: int, jitter: float
) -> Iterator[tuple[int, Known, list[Exercise]]]:
    """Scenes `first` to `last` (not included) with what is practised on them, by number.

    A share `jitter` of the questions has boxes that err. A picture that cannot be opened is passed
    over, as is a question about a box that cannot be written.
    """
    for index, (scene, questions) in enumerate(annotated.run(data, _read, first, last), first):
        with contextlib.suppress(N3DError):
            known, places = _known(data, scene)
            rng = np.random.default_rng([index, 13])
            done = (_exercise(known, qa, places, rng, jitter) for qa in questions)
            yield index, known, [e for e in done if e is not None]


def _read(data: Asked) -> Iterator[tuple[Scene, tuple[QA, ...]]]:
    return asked.together(data.questions, data.scenes)


def _known(data: Asked, scene: Scene) -> tuple[Known, list[int]]:
    depth = Path(data.depth.removeprefix("sensor:")) if data.depth else None
    view = sources.reopening.reopen(scene, Path(data.images), depth).rgbd
    assert view is not None
    lost = sorted(set(scene.boxless))
    return annotated.arranged(view, scene.objects, (), 0.0, lost)


def _exercise(
    known: Known, qa: QA, places: list[int], rng: np.random.Generator, jitter: float
) -> Exercise | None:
    chosen = [places[i] for i in qa.objects]
    if any(i >= known.count for i in chosen):
        return None
    if qa.trace is not None:
        return exercises.question(known, _about(qa, known, places), rng, jitter)
    assert qa.query is not None
    place = qa.query.options.get("place")
    if qa.kind == "detect":
        request = dialogues.DETECT
    elif place is not None:
        request = dialogues.locate_at(known.setting, place)
    else:
        request = dialogues.locate(qa.query.names)
    reply = exercises.boxes_reply(known, chosen) if chosen else exercises.NOTHING
    return Exercise(KINDS[qa.kind], request, reply, tuple(chosen))


def _about(qa: QA, known: Known, places: list[int]) -> QA:
    """The question about the objects of the view, answered on boxes as a reply writes them."""
    moved = programs.moved(qa.program, dict(enumerate(places)))
    assert moved is not None
    return replace(qa, trace=programs.rerun(moved, known.objects, up=known.setting.up))
