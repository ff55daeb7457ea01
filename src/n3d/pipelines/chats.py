"""Questions and their answers as what a user and an assistant say, in one of three styles.

compact   boxes in the n3d dialect, then the trace: what n3d's own models say
prose     <think> where each object is, then the steps in sentences </think>, then the answer;
          boxes that are asked for are Qwen3-VL's JSON
answer    the answer alone, boxes as in prose
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from n3d.errors import ConfigError
from n3d.evaluate import programs
from n3d.language import dialogues, neutralize
from n3d.language.dialogues import Setting
from n3d.reason import prose
from n3d.reason.answering import concerned
from n3d.scene import QA, Object3D, Scene, Trace
from n3d.sources import frames

STYLES = ("compact", "prose", "answer")


@dataclass(frozen=True)
class Chat:
    """One turn of each; `user` begins with the mark of the picture. `place` (x0, y0, x1, y1) is a
    rectangle to be drawn on it, pixels."""

    id: str
    kind: str
    user: str
    assistant: str
    place: tuple[float, ...] | None = None


def chat(qa: QA, scene: Scene, style: str) -> Chat:
    """A question about a scene as a conversation. Raises FormatError where the compact style
    cannot write a box."""
    check_style(style)
    things = [scene.objects[i] for i in qa.objects]
    asked = dialogues.ask(qa.question)
    opening = f"{dialogues.IMAGE}\n"
    if style == "compact":
        opening, told = _compact(qa, things, scene)
    elif qa.trace is None:
        told = boxes_json(things)
    elif style == "prose":
        told = f"<think>\n{thoughts(qa, scene)}\n</think>\n{_said(qa)}"
    else:
        told = _said(qa)
    place = None if qa.query is None else qa.query.options.get("place")
    return Chat(qa.id, qa.kind, opening + asked, told, None if place is None else tuple(place))


def check_style(style: str) -> None:
    """ConfigError for a style that does not exist."""
    if style not in STYLES:
        raise ConfigError(
            f"is {style[:40]!r}", code="config-value", field="style", limit=", ".join(STYLES)
        )


def _compact(qa: QA, things: Sequence[Object3D], scene: Scene) -> tuple[str, str]:
    """The opening of the user's turn, and the reply with results on the boxes as written."""
    if scene.camera is None:
        raise ConfigError(
            f"scene {scene.id} has no camera, which the compact style needs",
            code="scene-camera", field="style", hint="Lift the pictures again, or take prose",
        )  # fmt: skip
    told = scene.provenance
    setting = Setting(scene.camera, None, told.metric, told.depth, scene.up)
    opening = dialogues.opening(setting)
    if qa.trace is None:
        return opening, dialogues.write(things, None, setting, tilt="hull").rstrip("\n")
    order = concerned(qa.trace)
    objects = [scene.objects[i] for i in order]
    trace = rerun_as_written(objects, qa.trace, order, setting)
    return opening, dialogues.write(objects, trace, setting, tilt="hull").rstrip("\n")


def rerun_as_written(
    objects: Sequence[Object3D], trace: Trace, order: Sequence[int], setting: Setting
) -> Trace:
    """The trace about `objects`, called by their places in `order`, with the results that it has
    on the boxes as a reader of their text gets them."""
    own = programs.moved(trace, {n: k for k, n in enumerate(order)})
    assert own is not None
    written = [replace(o, box=dialogues.as_written(o.box, setting, tilt="hull")) for o in objects]
    return programs.rerun(own, written, up=setting.up)


def thoughts(qa: QA, scene: Scene) -> str:
    """Where the objects of a question are and how large, then its steps, in sentences."""
    lines = []
    for i in qa.objects:
        o = scene.objects[i]
        name = neutralize(prose.name(i, scene.objects, scene.up))
        center, size = (", ".join(f"{v + 0.0:.2f}" for v in a) for a in (o.box.center, o.box.size))
        unit = " m" if scene.provenance.metric else ""
        lines.append(f"{name[0].upper()}{name[1:]}: centre ({center}){unit}, size ({size}){unit}.")
    steps = prose.explain(qa.program, scene.objects, scene.up)
    return "\n".join([*lines, neutralize(steps)])


def _said(qa: QA) -> str:
    return neutralize(qa.answer.text)


def boxes_json(objects: Sequence[Object3D]) -> str:
    """Boxes as Qwen3-VL writes them: [x, y, z, sx, sy, sz, a, b, g], angles in units of pi."""
    told = []
    for o in objects:
        assert o.box.rotation is not None
        angles = [round(a / math.pi, 3) + 0.0 for a in frames.xyz_from_rotation(o.box.rotation)]
        numbers = [round(float(v), 3) for v in (*o.box.center, *o.box.size)]
        told.append({"bbox_3d": [*numbers, *angles], "label": neutralize(o.label)})
    return json.dumps(told, ensure_ascii=False) if told else "none"
