"""A vision-language model that was taught 3D boxes as a grounder: Qwen3-VL's `bbox_3d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from n3d.errors import N3DError
from n3d.experts.asking_boxes import SYSTEM, fit, phrase_of
from n3d.experts.chatting import Chat
from n3d.language import answers, loose_json, neutralize, questions
from n3d.lift import refine
from n3d.pipelines.grounding import nouns
from n3d.scene import RGBD, BoxSpread, Drop, Object3D
from n3d.sources import qwen

KEYS = ("bbox_3d", "bbox3d", "box_3d", "bbox")
LABELS = ("label", "class", "category", "name", "class_name")
DEPTH, SIZE, YAW = 0.1, 0.15, 0.2
"""Standard deviations of such boxes, relative to the distance and to each side, and radians: the
order of the errors that are published for them. Their models do not tell how sure they are."""


class VLMGrounder:
    """Asks a Chat for 3D boxes in the camera's frame; where there is depth they are fitted to it.

    Models write metres for a camera that they assume; without depth that is all there is. `drops`
    holds what of the last reply could not be used, `replies` its text.
    """

    def __init__(self, chat: Chat, *, vocabulary: Sequence[str] = (), refined: bool = True) -> None:
        self.chat, self.vocabulary, self.refined = chat, tuple(vocabulary), refined
        self.drops: tuple[Drop, ...] = ()
        self.replies: tuple[str, ...] = ()

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """The objects of all nouns of the phrases."""
        return self._ask(view, nouns(names))

    def detect(self, view: RGBD) -> list[Object3D]:
        """The objects of the vocabulary."""
        return self._ask(view, self.vocabulary)

    def _ask(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        named = {questions.clean(n): n for n in names}
        self.drops, self.replies = (), ()
        if not named:
            return []
        shown = fit(view.image)
        text = self.chat.reply(SYSTEM, prompt(list(named), view, shown), [shown], max_tokens=2048)
        found, drops = read(text, list(named))
        self.drops, self.replies = tuple(drops), (text,)
        if self.refined and view.depth is not None:
            found = refine(view, found)
        return found


def prompt(names: Sequence[str], view: RGBD, shown: np.ndarray) -> str:
    """The request for the 3D boxes of names in a picture as it is `shown`."""
    camera = view.camera
    ratio = shown.shape[1] / camera.width
    asked = "\n".join(f"- {neutralize(n)}" for n in names)
    return (
        f"Find every object in the picture that one of these names describes:\n{asked}\n"
        "Answer with a JSON list and nothing else. Each object is one entry "
        '{"bbox_3d": [x_center, y_center, z_center, x_size, y_size, z_size, roll, pitch, yaw], '
        '"label": "..."} in metres, in the frame of the camera: x to the right, y down, z forward. '
        f"The focal length is {camera.fx * ratio:.0f} pixels, the picture is {shown.shape[1]} "
        f"wide and {shown.shape[0]} high. Answer [] if there is nothing."
    )


def read(text: str, names: Sequence[str]) -> tuple[list[Object3D], list[Drop]]:
    """The objects of a reply whose labels are among `names`, and why others are not.

    Boxes of nine numbers are read as `sources.qwen` does, those of seven have a yaw only. A box
    that is written twice counts once; a reply that was cut off gives its whole entries.
    """
    found: list[Object3D] = []
    drops: list[Drop] = []
    seen: set[tuple[float, ...]] = set()
    for entry in loose_json.scan(text, answers.start(text)).objects:
        members = dict(entry.members)
        row = next((members[k] for k in KEYS if k in members), None)
        label = next((members[k] for k in LABELS if isinstance(members.get(k), str)), "")
        if row is None:
            continue
        number = str(len(found) + len(drops))
        name = phrase_of(label, names)
        if name is None:
            drops.append(Drop(number, "unknown-label", f"{label[:60]!r} was not asked for"))
        elif tuple(_numbers(row)) in seen:
            drops.append(Drop(number, "repeated", f"a second {label[:60]!r} with the same box"))
        else:
            seen.add(tuple(_numbers(row)))
            try:
                found.append(_object(number, name, _numbers(row)))
            except N3DError as e:
                drops.append(Drop(number, e.code, str(e)))
    return found, drops


def _numbers(row: Any) -> list[float]:
    flat = row[0] if isinstance(row, list) and row and isinstance(row[0], list) else row
    return [float(v) for v in flat if isinstance(v, float)] if isinstance(flat, list) else []


def _object(number: str, name: str, values: list[float]) -> Object3D:
    if len(values) == 7:
        values = [*values[:6], 0.0, values[6], 0.0]
    if len(values) != 9:
        raise N3DError(f"has {len(values)} numbers", code="box-numbers", limit="7 or 9")
    box = qwen.box_of(values)
    along = DEPTH * abs(float(box.center[2]))
    spread = BoxSpread(np.full(3, along), SIZE * box.size, YAW)
    return Object3D(number, name, box, score=0.5, spread=spread)
