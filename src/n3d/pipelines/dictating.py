"""A question that n3d cannot read, answered by steps that a language model writes for it.

The model sees the names of the boxes and the table of operations. Its results count for nothing:
the steps are run on the boxes, and what they give is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from n3d import reason
from n3d.errors import QuestionError, TraceError
from n3d.experts.rewording import Reader
from n3d.language import neutralize, questions, traces
from n3d.lift import LiftConfig
from n3d.pipelines import answering
from n3d.reason import ops
from n3d.reason.answering import concluded
from n3d.scene import RGBD, Grounder, Object3D, Prediction, Query, Trace

TRIES = 2
MOST_OBJECTS = 60


def answer(
    view: RGBD,
    question: str,
    grounder: Grounder,
    writer: Reader,
    *,
    level: float = 0.9,
    seed: int = 0,
    config: LiftConfig | None = None,
) -> Prediction:
    """The answer by the steps of `writer` over all that the grounder detects.

    A program that cannot be read or run is told to the writer once. A note says who wrote the
    steps. Raises QuestionError "question-not-understood" where none of them can be run, and
    "object-absent" where nothing was detected.
    """
    answering.check_sampling(level, seed)
    question = questions.clean(question)
    view = answering.with_gravity(view, config)
    found = list(grounder.detect(view))
    if not found:
        raise QuestionError("nothing was found in the picture", code="object-absent")
    about = answering.estimated(view.provenance)
    complaint = ""
    for _ in range(TRIES):
        text = writer.write_trace(
            question, _listed(found), ops.table(), image=view.image, complaint=complaint
        )
        try:
            trace = _computed(text, found, view.up)
            told = concluded(
                Query("", (), {}, question), trace, found, view.up, about, level, seed
            )  # fmt: skip
        except TraceError as e:
            complaint = str(e)
            continue
        check, _ = reason.replay(trace, found, up=view.up)
        drops = getattr(grounder, "drops", ())
        said = "the steps were written by a language model: see that they ask what was asked"
        return Prediction(
            question=question, text=reason.explain(trace, found), objects=tuple(found),
            trace=trace, answer=told, check=check, provenance=about,
            notes=(said, *answering.notes(about, found, drops)),
            up=None if view.up is None else answering.vector(view.up),
        )  # fmt: skip
    raise QuestionError(
        f"{question[:80]!r} could not be read, nor steps for it: {complaint[:200]}",
        code="question-not-understood",
        field="question",
        hint="Ask in other words: which is taller, how far is X from Y, what is left of X",
    )


def _listed(found: Sequence[Object3D]) -> str:
    return "\n".join(f"bbox_{i}: {neutralize(o.label)}" for i, o in enumerate(found[:MOST_OBJECTS]))


def _computed(text: str, found: Sequence[Object3D], up: Any) -> Trace:
    """The trace of a text with the results that its steps have on the boxes; TraceError where it
    is none or cannot run."""
    trace = traces.read(text, ops.SIGNATURES, n_objects=min(len(found), MOST_OBJECTS))
    _, values = reason.replay(trace, found, up=up)
    return Trace(tuple(replace(s, out=v) for s, v in zip(trace.steps, values)))
