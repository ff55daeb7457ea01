"""From a noun phrase to the one object it means, and back."""

from __future__ import annotations

from collections.abc import Sequence

from n3d.errors import QuestionError
from n3d.reason.expressing import express as express
from n3d.reason.phrases import Phrase, parse
from n3d.reason.picking import Unclear, candidates
from n3d.reason.worlds import World
from n3d.scene import Object3D


def resolve(name: str, objects: Sequence[Object3D], up=None, *, world: World | None = None) -> int:
    """The index of the object that `name` means; `world` is that of the objects, if at hand.

    QuestionError "object-absent" where there is none, naming what there is, and
    "object-ambiguous" where there are several, naming them.
    """
    for i, o in enumerate(objects):
        if o.id and o.id == name.strip():
            return i
    found = every(name, objects, up, world=world)
    if len(found) > 1:
        raise ambiguous(name, found, objects, up)
    return found[0]


def every(
    name: str, objects: Sequence[Object3D], up=None, *, world: World | None = None
) -> list[int]:
    """All objects that a phrase may mean, at least one; QuestionError for none."""
    phrase = read(name, objects)
    try:
        return candidates(phrase, objects, world or World.of(objects, up))
    except Unclear as e:
        raise ambiguous(e.text, e.found, objects, up) from None


def read(name: str, objects: Sequence[Object3D]) -> Phrase:
    """The phrase as it reads among these objects' labels; QuestionError where it is none."""
    phrase = parse(name, [o.label for o in objects])
    if phrase is None:
        raise QuestionError(
            f"{name[:80]!r} is not a phrase for an object",
            code="object-phrase",
            field="question",
            hint="Name it by its label, such as 'the mug', or 'the mug left of the laptop'",
        )
    return phrase


def ambiguous(name: str, found: Sequence[int], objects, up=None) -> QuestionError:
    """The error for a phrase that means several objects; it says where each is."""
    shown = []
    for i in found[:6]:
        expression = express(i, objects, up) or f"bbox_{i}"
        shown.append(f"'{expression}' ({place(objects[i])})")
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return QuestionError(
        f"{name.strip()[:80]!r} could be any of {len(found)} objects",
        code="object-ambiguous",
        field="question",
        hint=f"Say which: {', '.join(shown)}{more}",
    )


def place(o: Object3D) -> str:
    """Where an object is, for people: "0.40 m left, 2.10 m ahead"."""
    x, _, z = o.box.center
    return f"{abs(x):.2f} m {'left' if x < 0 else 'right'}, {z:.2f} m ahead"
