"""Which objects a noun phrase may mean."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from n3d.errors import QuestionError, TraceError
from n3d.reason import measures, ops
from n3d.reason.labels import described, match, normal, spaced
from n3d.reason.phrases import Phrase, Rank, Relation
from n3d.reason.worlds import Truths, World
from n3d.scene import Object3D

TIE = 1e-9


class Unclear(Exception):
    """A phrase inside a phrase means several objects; `refer` tells the user which."""

    def __init__(self, text: str, found: list[int]) -> None:
        super().__init__(text)
        self.text, self.found = text, found


def candidates(phrase: Phrase, objects: Sequence[Object3D], world: World) -> list[int]:
    """The objects a phrase may mean, at least one.

    Raises QuestionError "object-absent" for none, Unclear where an anchor means several.
    """
    found = labelled(phrase, objects)
    for relation in phrase.relations:
        found = [i for i in found if _holds(relation, i, objects, world)]
        if not found:
            raise absent(phrase, objects, "stands in that relation")
    for rank in phrase.ranks:
        found = _ranked(rank, found, phrase, objects, world)
    return found


def labelled(phrase: Phrase, objects: Sequence[Object3D]) -> list[int]:
    """The objects whose label (and attributes) the head of the phrase names."""
    if phrase.index is not None:
        i = phrase.index
        if i < len(objects) and (not phrase.head or match(objects[i].label, phrase.head)):
            return [i]
        raise absent(phrase, objects)
    if not phrase.head:
        if not objects:
            raise absent(phrase, objects)
        return list(range(len(objects)))
    words = phrase.head.split(" ")
    for k in range(len(words)):
        wanted, head = words[:k], " ".join(words[k:])
        scores = [match(o.label, head) for o in objects]
        best = max(scores, default=0)
        if not best:
            continue
        same = [i for i, s in enumerate(scores) if s == best]
        found = [i for i in same if set(wanted) <= _attributes(objects[i])]
        if not found:
            raise absent(phrase, objects, f"is known to be {' '.join(wanted)}")
        return found
    raise absent(phrase, objects)


def _attributes(o: Object3D) -> set[str]:
    """Every word known about an object: its attributes, the expression that found it."""
    texts = described(o.attributes)
    if o.region is not None:
        texts += described(o.region.attributes)
        texts.append(o.region.expression or "")
    return {word for text in texts for word in spaced(text).split(" ")}


def _holds(relation: Relation, i: int, objects: Sequence[Object3D], world: World) -> bool:
    anchors = [_anchor(a, objects, world) for a in relation.anchors]
    if i in anchors:
        return False
    try:
        result = ops.apply(relation.op, [world.thing(k) for k in (i, *anchors)], world)
    except TraceError as e:
        raise QuestionError(e.message, code=e.code, field="question") from None
    return isinstance(result, Truths) and bool(result.value)


def _anchor(phrase: Phrase, objects: Sequence[Object3D], world: World) -> int:
    found = candidates(phrase, objects, world)
    if len(found) > 1:
        raise Unclear(phrase.text, found)
    return found[0]


def _ranked(rank: Rank, found: list[int], phrase: Phrase, objects, world: World) -> list[int]:
    if rank.anchor is not None:
        anchor = _anchor(rank.anchor, objects, world)
        found = [i for i in found if i != anchor]
        if not found:
            raise absent(phrase, objects)
        values = measures.distance(world.boxes[found], world.boxes[anchor])
    elif not rank.quantity:
        # "the second chair" without saying from where.
        raise Unclear(phrase.text, found)
    else:
        values = getattr(measures, rank.quantity)(world.boxes[found], up=world.up)
    order = np.argsort(-values if rank.largest else values, kind="stable")
    position = rank.position - 1 if rank.position else len(found) // 2
    if position >= len(found) or (not rank.position and len(found) % 2 == 0):
        raise absent(phrase, objects, "has that place in the order")
    value = values[order[position]]
    return [i for i, v in zip(found, values) if abs(v - value) <= TIE]


def absent(phrase: Phrase, objects: Sequence[Object3D], what: str = "") -> QuestionError:
    """The error for a phrase that means nothing here; it names what there is."""
    counts: dict[str, int] = {}
    for o in objects:
        counts[o.label] = counts.get(o.label, 0) + 1
    there = ", ".join(f"{n} x {label}" if n > 1 else label for label, n in counts.items())
    close = get_close_matches(normal(phrase.head), [normal(x) for x in counts], 1, 0.7)
    shown = phrase.text.strip()[:80]
    reason = f"no {phrase.head or 'object'} here {what}" if what else "is not among the objects"
    hint = f"Did you mean {close[0]!r}? " if close and not what else ""
    return QuestionError(
        f"{shown!r}: {reason}" if what else f"{shown!r} {reason}",
        code="object-absent",
        field="question",
        hint=f"{hint}There is: {there[:400] or 'nothing'}",
    )
