"""Boxes that a text quotes: "The 3D bbox of A is [x, y, z, sx, sy, sz]", x to the left, y up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from n3d.evaluate.chains import arithmetic
from n3d.evaluate.chains.steps import Step
from n3d.language.upstream import LEFT_UP
from n3d.reason import labels
from n3d.scene import Object3D

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_LIST = rf"[\[(]\s*{_NUMBER}(?:\s*,\s*{_NUMBER})+\s*[\])]"
_QUOTE = re.compile(
    rf"3D (?P<what>bbox|box|bounding box|cent(?:er|re)(?: coordinates?)?)(?:es|s)? of "
    rf"(?P<names>[^\[\]]{{1,400}}?) (?:is|are):? (?P<lists>{_LIST}(?:(?:,| and|, and)\s*{_LIST})*)",
    re.IGNORECASE,
)
_EACH = re.compile(_LIST)
_AND = re.compile(r",\s*(?:and\s+)?|\s+and\s+")
AXES = ("x", "y", "z", "sx", "sy", "sz")


@dataclass
class Quoted:
    """The objects of a text in the order of their first mention: `name`, the numbers quoted for
    it (left-up frame, as written) and the place of the model's own object, None without one."""

    names: list[str] = field(default_factory=list)
    numbers: dict[str, list[float]] = field(default_factory=dict)
    places: dict[str, int | None] = field(default_factory=dict)

    def center(self, index: int) -> list[float] | None:
        """x, y, z as quoted of the object mentioned first (0), second (1), ..."""
        if index >= len(self.names):
            return None
        return self.numbers[self.names[index]][:3]


def read(text: str, objects: Sequence[Object3D], placed: bool) -> tuple[Quoted, list[Step]]:
    """What a text quotes, and a step for each quotation: the numbers of the model's own box to
    the digits written. `placed` tells whether x and y of the objects are known."""
    quoted = Quoted()
    steps: list[Step] = []
    for match in _QUOTE.finditer(text):
        kind = "box" if "b" in match["what"].lower()[:3] else "center"
        lists = [m.group() for m in _EACH.finditer(match["lists"])]
        names = [match["names"].strip()] if len(lists) == 1 else _AND.split(match["names"])
        for name, written in zip(names, lists):
            steps.append(_quote(kind, name.strip(), written, quoted, objects, placed))
    return quoted, steps


def _quote(kind, name, written: str, quoted: Quoted, objects, placed: bool) -> Step:
    parts = re.findall(_NUMBER, written)
    numbers = [float(p) for p in parts]
    earlier = quoted.numbers.get(name)
    if name not in quoted.numbers:
        quoted.names.append(name)
        quoted.places[name] = place(name, objects)
    if earlier is None or len(numbers) > len(earlier):
        quoted.numbers[name] = numbers
    text = f"{kind} of {name} is {written}"
    if earlier is not None and numbers != earlier[: len(numbers)]:
        return Step(kind, text, numbers, earlier[: len(numbers)], False, None,
                    "differs from what was quoted before")  # fmt: skip
    at = quoted.places[name]
    if not objects:
        return Step(kind, text, numbers, None, True, None, "no boxes to compare with")
    if at is None:
        return Step(kind, text, numbers, None, False, False, "no box of that name was found")
    own = left_up(objects[at])[: len(numbers)]
    wrong = [
        AXES[i]
        for i, (n, o, p) in enumerate(zip(numbers, own, parts))
        if (placed or i > 1) and abs(n - o) > arithmetic.half_digit(p) * 1.02 + 1e-6
    ]
    note = f"{', '.join(wrong)} differ from the box found" if wrong else ""
    return Step(kind, text, numbers, [round(v, 4) for v in own], not wrong, not wrong, note)


def left_up(thing: Object3D) -> list[float]:
    """x to the left, y up, z, and the sizes of a box."""
    return [*(thing.box.center * LEFT_UP).tolist(), *thing.box.size.tolist()]


def place(name: str, objects: Sequence[Object3D]) -> int | None:
    """The object that a name stands for: "4_chair" the one with the id 4, else by its label."""
    numbered = re.fullmatch(r"(\d+)_(.+)", name)
    for i, o in enumerate(objects):
        if numbered and o.id == numbered[1] and labels.match(_plain(o.label), numbered[2]):
            return i
    found = [i for i, o in enumerate(objects) if labels.match(_plain(o.label), name)]
    return found[0] if found else None


def _plain(label: str) -> str:
    return " ".join(label.split())


def centers(quoted: Quoted) -> np.ndarray | None:
    """The first two quoted centres (2, 3), None where there are fewer."""
    a, b = quoted.center(0), quoted.center(1)
    return None if a is None or b is None else np.array([a, b])
