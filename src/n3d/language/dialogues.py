"""One conversation in the `n3d` dialect: question, then boxes, trace and answer in one reply.

The user's turn is the picture, a line about its scale, and the question; the reply is three
blocks with an empty line between them. A caller that has boxes already begins the reply with
them and lets the model go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from n3d.geometry import Camera
from n3d.language import boxes, labels, questions, traces
from n3d.language.boxes import Tilt
from n3d.language.grid import Scale
from n3d.language.reading import Parsed
from n3d.scene import Object3D, Signatures, Step, Trace

IMAGE = "<image>"


@dataclass(frozen=True)
class Reply:
    """What a model's reply holds: objects, steps, and the last block as plain text."""

    objects: Parsed[Object3D]
    steps: Parsed[Step]
    answer: str


def turns(
    question: str,
    objects: Sequence[Object3D],
    trace: Trace,
    answer: str,
    camera: Camera,
    *,
    scale: Scale | None,
    metric: bool,
    source: str,
    up=None,
    tilt: Tilt = "refuse",
) -> list[dict[str, str]]:
    """The two turns of one question; `bbox_i` of the trace is `objects[i]`.

    With a `scale` the boxes are relative to it, without they are absolute. `metric` and
    `source` are those of the depth. Raises as `boxes.write` and `questions.clean` do.
    """
    written = boxes.write(objects, camera, up=up, scale=scale, tilt=tilt)
    reply = f"{written}\n{traces.write(trace)}\n{labels.neutralize(answer.strip())}"
    return [
        {"role": "user", "content": ask(question, scale=scale, metric=metric, source=source)},
        {"role": "assistant", "content": reply},
    ]


def ask(question: str, *, scale: Scale | None, metric: bool, source: str) -> str:
    """The user's turn; the question is cleaned and neutralised."""
    text = labels.neutralize(questions.clean(question))
    return f"{IMAGE}{scale_line(scale, metric=metric, source=source)}\n{text}"


def scale_line(scale: Scale | None, *, metric: bool, source: str) -> str:
    """What a prompt says about lengths: the scene scale, whether it is in metres, and from where.

    The number is that of the length grid, so that relative numbers become absolute ones by
    adding it and taking 7500 away.
    """
    unit = "metric" if metric else "not metric"
    size = "none" if scale is None else f"{scale.index:04d} ({scale.metres:.3g} m)"
    return f"Scene scale: {size}, {unit}, depth {labels.neutralize(source)}."


def read(
    text: str, signatures: Signatures, camera: Camera, *, scale: Scale | None, up=None
) -> Reply:
    """The three blocks of a model's reply; what is wrong in them are faults, never an exception.

    Boxes of the trace are places in `objects.items`, also where a box could not be read.
    """
    start = 0 if text.startswith(traces.PROMPT) else text.find("\n" + traces.PROMPT) + 1
    if start == 0 and not text.startswith(traces.PROMPT):
        found, _, answer = text.partition("\n\n")
        session, end = "", True
    else:
        found = text[:start]
        session, end, answer = text[start:].partition("\n\n")
    objects = boxes.read(found, camera, up=up, scale=scale)
    steps = traces.parse(session, signatures, where=objects.where, whole=bool(end))
    return Reply(objects, steps, labels.restore(answer.strip()))
