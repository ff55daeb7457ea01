"""Requests to locate objects, in words: all, one class, several, by expression, at a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n3d.errors import N3DError
from n3d.reason import locating, prose
from n3d.reason.asking import MARGIN, random
from n3d.reason.gating import Gate, weights
from n3d.reason.labels import plural, same_label, spaced
from n3d.reason.locating import Field, Named
from n3d.scene import QA, Answer, Query, Ref, Scene

GROUP = "locate"
MOST_OBJECTS = 60
LEAST_BOXED = 0.75
"""To name all objects, at least this share of the annotated ones must have a box."""
TRIES = 4
_PLACE = 17  # of the random stream, so that it is not that of the questions

ALL = (
    "Detect all objects.",
    "Detect all objects in the image.",
    "Find the 3D boxes of all objects.",
    "Which objects are there? Give the 3D box of each.",
    "Locate every object in the picture.",
    "List all objects with their 3D boxes.",
)
ONE = (
    "Locate the {}.",
    "Locate the 3D bbox of the {}.",
    "Where is the {}? Give its 3D box.",
    "Find the {} in the image.",
    "Give the 3D box of the {}.",
    "Point out the {} with a 3D box.",
)
EVERY = (
    "Locate all the {}.",
    "Locate all the {} in the image.",
    "Locate the 3D bbox of all the {}.",
    "Find every one of the {}.",
    "Give the 3D boxes of the {}.",
    "Where are the {}? Give a 3D box for each.",
)
QUOTED = (
    "Locate {}.",
    "Locate the 3D bbox of {}.",
    "Find {} in the image.",
    "Give the 3D boxes of {}.",
    "Locate {} in the picture.",
    "Where are {}? Answer with 3D boxes.",
)
MARKED = (
    "Locate the object in the drawn rectangle.",
    "What is in the marked rectangle? Give its 3D box.",
    "Give the 3D box of the object that is marked.",
    "Locate what the rectangle is drawn around.",
    "Find the 3D bbox of the marked object.",
    "Which object is marked? Answer with its 3D box.",
)


@dataclass(frozen=True)
class Wanted:
    """What a request names: phrases with the objects they mean, or a place in pixels."""

    parts: tuple[Named, ...] = ()
    place: tuple[float, ...] | None = None
    objects: tuple[int, ...] = ()


Draw = Callable[[Field, Scene, np.random.Generator], "Wanted | None"]


@dataclass(frozen=True)
class LocateKind:
    """One kind of request: a sentence about it, its wordings, and how one is drawn."""

    name: str
    description: str
    wordings: tuple[str, ...]
    draw: Draw


def _named(*parts: Named) -> Wanted:
    return Wanted(parts, None, tuple(i for _, found in parts for i in found))


def _all(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
    count = len(scene.objects)
    whole = len(field.targets) >= LEAST_BOXED * (count + len(scene.boxless))
    if not whole or count > MOST_OBJECTS:
        return None
    return Wanted(objects=tuple(sorted(field.targets, key=lambda i: _rightness(scene, i))))


def _rightness(scene: Scene, index: int) -> float:
    x, _, z = scene.objects[index].box.center
    return x / max(z, 1e-3)


def _of_class(least: int, most: int) -> Draw:
    def draw(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
        label = spaced(scene.objects[field.draw(rng)].label)
        found = field.every(label)
        if found is None or not least <= len(found) <= most:
            return None
        # "ball" also means a tennis ball: only what has the label itself is all of a class.
        if not all(same_label(scene.objects[i].label, label) for i in found):
            return None
        return _named((plural(label) if least > 1 else label, found))

    return draw


def _expression(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
    made = locating.by_expression(field, rng)
    if made is None:
        return None
    text, found = made
    text = text.removeprefix("the ")
    plain = spaced(scene.objects[found[0]].label)
    return None if text == plain else _named((text, found))


def _several(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
    def one() -> Named | None:
        i = field.draw(rng)
        found = field.expressions(i)
        return (found[int(rng.integers(min(len(found), 3)))], (i,)) if found else None

    parts = locating.several(field, rng, one, lacking=0.0)
    return _named(*parts) if parts else None


def _place(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
    index = field.draw(rng)
    region = scene.objects[index].region
    if region is None:
        return None
    place = tuple(round(v, 1) for v in region.rectangle)
    return Wanted((), place, (index,))


def _absent(field: Field, scene: Scene, rng: np.random.Generator) -> Wanted | None:
    found = locating.absent(field, rng, 1)
    return _named((spaced(found[0]), ())) if found else None


LOCATE_KINDS: dict[str, LocateKind] = {
    k.name: k
    for k in (
        LocateKind("detect", "All objects, from left to right.", ALL, _all),
        LocateKind("locate_one", "The object whose class occurs once.", ONE, _of_class(1, 1)),
        LocateKind("locate_every", "All objects of a class that occurs more than once.", EVERY,
                   _of_class(2, MOST_OBJECTS)),
        LocateKind("locate_several", "Two to four objects, each by a phrase of its own.", QUOTED,
                   _several),
        LocateKind("locate_expression", "One object among others of its class.", ONE, _expression),
        LocateKind("locate_place", "The object in a rectangle of the picture.", MARKED, _place),
        LocateKind("locate_absent", "A class, or a class in a colour, that is not there.", ONE,
                   _absent),
    )
}  # fmt: skip


def locate(
    scene: Scene,
    count: int,
    *,
    kinds: Sequence[str] = tuple(LOCATE_KINDS),
    seed: int = 0,
    names: Sequence[str] = (),
    colors: Sequence[str] = (),
    gate: Gate | None = None,
    frequency: Mapping[str, int] | None = None,
    margin: float = MARGIN,
) -> list[QA]:
    """Up to `count` requests to locate objects of a scene, of as many `kinds` as it allows.

    What is absent is drawn from `names` and `colors`; `gate`, `frequency` and `margin` are those
    of `ask`. The same scene and seed give the same requests.
    """
    gate = gate or Gate(0.0, 0.0)
    rng = random(scene, seed, _PLACE)
    targets = gate.fit(scene)
    if not targets:
        return []
    drawn = None if frequency is None else weights(scene, frequency)[list(targets)]
    field = Field(
        scene.objects, targets, scene.up, names, colors, scene.boxless,
        None if drawn is None else drawn / drawn.sum(), margin,
    )  # fmt: skip
    found: dict[tuple, QA] = {}
    while len(found) < count:
        before = len(found)
        for k in rng.permutation(len(kinds)):
            if len(found) >= count:
                break
            kind = LOCATE_KINDS[kinds[int(k)]]
            wanted = _drawn(kind, field, scene, rng)
            key = None if wanted is None else (kind.name, wanted.parts, wanted.place)
            if wanted is not None and key is not None and key not in found:
                found[key] = _worded(kind, wanted, scene, rng, len(found))
        if len(found) == before:
            break
    return list(found.values())


def _drawn(kind: LocateKind, field: Field, scene: Scene, rng) -> Wanted | None:
    for _ in range(TRIES):
        try:
            wanted = kind.draw(field, scene, rng)
        except N3DError:
            continue
        if wanted is not None:
            return wanted
    return None


def _worded(kind: LocateKind, wanted: Wanted, scene: Scene, rng, number: int) -> QA:
    wording = kind.wordings[rng.integers(len(kind.wordings))]
    phrases = [text for text, _ in wanted.parts]
    if kind.wordings is QUOTED:
        quoted = [f'"{text}"' for text in phrases]
        text = wording.format(f"{', '.join(quoted[:-1])} and {quoted[-1]}")
    else:
        text = wording.format(*phrases)
    options = {} if wanted.place is None else {"place": list(wanted.place)}
    value = tuple(Ref(i) for i in wanted.objects)
    answer = Answer(prose.value_text(value, scene.objects, scene.up), value)
    query = Query(kind.name, tuple(phrases), options, text)
    id = f"{scene.id}:locate-{number}"
    return QA(scene.id, kind.name, text, None, answer, query, wanted.objects, id)


def table() -> str:
    """The kinds as a Markdown table."""
    rows = ["| kind | wants | for example |", "|---|---|---|"]
    shown = {"locate_every": "mugs", "locate_several": '"red mug" and "lamp"',
             "locate_expression": "mug left of the lamp", "locate_absent": "blue mug"}  # fmt: skip
    for kind in LOCATE_KINDS.values():
        example = kind.wordings[1].format(shown.get(kind.name, "mug"))
        rows.append(f"| `{kind.name}` | {kind.description} | {example} |")
    return "\n".join(rows)
