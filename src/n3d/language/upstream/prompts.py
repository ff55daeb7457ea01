"""The prompts of the released weights, letter for letter: two passes over one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from n3d.errors import FormatError
from n3d.geometry import Camera
from n3d.language import labels, questions
from n3d.language.upstream import boxes
from n3d.scene import Object3D

SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
FIELDS = ("position_u", "position_v", "position_z", "angle_y", "scale_x", "scale_y", "scale_z")
CODE_TEMPLATE = "\n".join(
    ["@dataclass", "class Bbox:", "    class: str", *(f"    {name}: int" for name in FIELDS)]
)
_REFERENCE = f"The reference code is as followed: {CODE_TEMPLATE}"
_FIRST_SENTENCE = re.compile(r"[^.?]*[.?]?")


def detect_prompt() -> str:
    """First pass: every object."""
    return f"<image>Detect boxes. {_REFERENCE}"


def ground_prompt(category: str) -> str:
    """First pass: every object of one category (lower case, as in training)."""
    name = _data(category)
    return f"<image>Identify the 3D boxes for all the '{name}' in this scene. {_REFERENCE}"


def locate_prompt(question: str) -> str:
    """First pass: the objects that a question names."""
    task = "First locate the bbox of the aforementioned object(s)."
    return f"<image>{_data(question)} {task} {_REFERENCE}"


def free_prompt(text: str) -> str:
    """First pass with a user's own words, for example those of a demo file.

    A leading `<image>` is dropped; the code template stands where the text says
    `<code_template>`, else at its end without a space.
    """
    data, place = _data(text.removeprefix("<image>")), labels.neutralize("<code_template>")
    return f"<image>{data if place in data else data + place}".replace(place, CODE_TEMPLATE, 1)


def question_prompt(question: str, condition: str = "", *, whole: bool = False) -> str:
    """Second pass: the question and the boxes found (see `condition`).

    The weights see the question up to its first "." or "?", which cuts "the 2.5 m tall person"
    short; `whole` keeps it.
    """
    text = _data(question)
    return f"<image>{text if whole else first_sentence(text)}{condition}"


def first_sentence(text: str) -> str:
    """The text up to and with its first full stop or question mark; all of it without one."""
    match = _FIRST_SENTENCE.match(text)
    return match.group() if match else text


def condition(objects: Sequence[Object3D], camera: Camera, *, numbered: bool = False) -> str:
    """The sentences that tell the second pass where the objects are.

    Boxes must be camera-aligned. Names are plain classes for up to 3 objects and `{id}_{class}`
    for more, or with `numbered`, which questions that say `4_chair` need.
    """
    numbered = numbered or len(objects) > 3
    names = [labels.neutralize(f"{o.id}_{o.label}" if numbered else o.label) for o in objects]
    solid = [boxes.left_up(boxes.aligned(o.box, hull=False)) for o in objects]
    flat = [_rectangle(o, camera) for o in objects]
    if not objects:
        return ""
    if len(objects) <= 2:
        found = zip(["3D"] * len(names) + ["2D"] * len(names), names * 2, solid + flat)
        return " " + "".join(f"The {kind} bbox of {name} is {box}. " for kind, name, box in found)
    if len(objects) == 3:
        names_text, *box_texts = (f"{a}, {b} and {c}" for a, b, c in (names, solid, flat))
    else:
        names_text, *box_texts = (str(names), str(solid), str(flat))
    return (
        f" The 3D bbox of {names_text} is {box_texts[0]}."
        f" The 2D bbox of {names_text} is {box_texts[1]}. "
    )


def referred(question: str, objects: Sequence[Object3D]) -> list[int]:
    """Places in `objects` of those that a question calls `{id}_{class}`, in order of mention."""
    found: dict[int, int] = {}
    for i, o in enumerate(objects):
        name = re.escape(f"{o.id}_{o.label}")
        match = re.search(rf"(?<![0-9A-Za-z]){name}(?![0-9A-Za-z])", question, re.IGNORECASE)
        if match:
            found[i] = match.start()
    return sorted(found, key=lambda i: found[i])


def _rectangle(o: Object3D, camera: Camera) -> list[float]:
    """Projected centre, width and height in units of the image, 2 decimals.

    Corners behind the camera are left out and the rest is not clipped to the image, as upstream
    does it; FormatError for a box whose centre is behind the camera.
    """
    size = np.array([camera.width, camera.height])
    rectangle = o.box.project(camera, drop_behind=True)
    center = camera.project(o.box.center) / size
    if not np.isfinite(center).all():
        raise FormatError("the centre is behind the camera", code="out-of-range", field=o.label)
    extent = (rectangle[2:] - rectangle[:2]) / size
    return [round(float(n), 2) for n in (*center, *extent)]


def _data(text: str) -> str:
    return labels.neutralize(questions.clean(text))
