"""The protocol of the released weights: boxes in one conversation, the answer in another.

Prompts are upstream's letter for letter. What the network sees on sound input is the same, but
the picture is encoded once for both passes, a question is not cut at its first full stop, names
and answers keep their spaces, and a name of an object that cannot be matched is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from n3d import reason
from n3d.errors import N3DError
from n3d.geometry import Camera
from n3d.language import labels, upstream
from n3d.language.reading import Parsed
from n3d.model import chat, decoding, prefixes
from n3d.model.decoding import Reply, Sampling
from n3d.model.inputs import Seen
from n3d.model.plans import Talking
from n3d.scene import RGBD, Answer, Object3D, Prediction
from n3d.sources.upstream import points_of


class Reading:
    """A view as released weights have read it: their memory of the picture, and its units."""

    def __init__(self, model: Any, seen: Seen, camera: Camera, norm: upstream.Normalizer) -> None:
        self.model, self.camera, self.norm = model, camera, norm
        opening = chat.write([("system", upstream.SYSTEM), ("user", chat.IMAGE)])
        made = model.batch([opening[: opening.rindex("<|im_end|>")]], [[seen]])
        self.prefix = prefixes.read(model.network, made)

    @classmethod
    def of(cls, model: Any, view: RGBD) -> Reading:
        """The reading of a view; InputError without depth."""
        points, camera = points_of(view)
        return cls(model, model.see(view), camera, upstream.Normalizer.of(points))

    def say(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """A reply to each prompt, which begins with `<image>` as `language.upstream` has it."""
        tongue = self.model.tongue
        asked = [
            f"{p.removeprefix(chat.IMAGE)}<|im_end|>\n<|im_start|>assistant\n" for p in prompts
        ]
        return decoding.write(
            self.model.network,
            tongue,
            self.prefix.select([0] * len(asked)),
            [tongue.encode(text) for text in asked],
            [Talking() for _ in asked],
            sampling,
        )

    def boxes(self, reply: Reply) -> Parsed[Object3D]:
        """The boxes of a first pass; the score is the mean probability of a line's tokens."""
        parsed = upstream.read(reply.text, self.norm, self.camera)
        scores = _line_scores(self.model.tongue, reply)
        items = [
            replace(o, score=scores.get(int(o.id), 0.0)) if o.id.isdigit() else o
            for o in parsed.items
        ]
        return replace(parsed, items=tuple(items))


def _line_scores(tongue: Any, reply: Reply) -> dict[int, float]:
    """For each written line, the geometric mean of the probabilities of its tokens."""
    found: dict[int, float] = {}
    line: list[float] = []
    for p in reply.picked:
        line.append(max(p.probability, 1e-12))
        if "\n" in tongue.decode([p.token]) or p is reply.picked[-1]:
            found[len(found)] = float(np.exp(np.mean(np.log(line))))
            line = []
    return found


def locate(model: Any, view: RGBD, prompt: str, sampling: Sampling) -> list[Object3D]:
    """The objects of one first pass; `prompt` is one of `language.upstream`."""
    seen = Reading.of(model, view)
    return list(seen.boxes(seen.say([prompt], sampling)[0]).items)


def answer(
    model: Any, view: RGBD, questions: Sequence[str], sampling: Sampling
) -> list[Prediction]:
    """The prediction of each question: first the boxes it names, then the answer about them.

    The answer is the network's own text; a note says what operations on its boxes give.
    """
    seen = Reading.of(model, view)
    first = seen.say([upstream.locate_prompt(q) for q in questions], sampling)
    parsed = [seen.boxes(reply) for reply in first]
    second = seen.say(
        [_question(q, p.items, seen.camera) for q, p in zip(questions, parsed)], sampling
    )
    return [
        _prediction(q, p, f, s, view)
        for q, p, f, s in zip(questions, parsed, first, second, strict=True)
    ]


def _question(question: str, objects: Sequence[Object3D], camera: Camera) -> str:
    """The second prompt: the question, whole, and where its objects are."""
    named = upstream.referred(question, objects)
    told = [objects[i] for i in named] if named else list(objects)
    condition = upstream.condition(told, camera, numbered=bool(named))
    return upstream.question_prompt(question, condition, whole=True)


def _prediction(
    question: str, parsed: Parsed[Object3D], first: Reply, second: Reply, view: RGBD
) -> Prediction:
    text = labels.restore(second.text.strip())
    told = text.rpartition("</think>")[2].strip()
    notes = [str(f) for f in parsed.faults]
    if not parsed.items:
        notes.append("no box was found: the answer is not grounded")
    else:
        notes += _computed(question, parsed.items, view)
    whole = first.whole and second.whole
    return Prediction(
        question=question,
        text=text,
        objects=tuple(parsed.items),
        answer=Answer(told, told),
        fault=None if whole else "truncated: the reply did not come to its end",
        notes=tuple(notes),
        provenance=view.provenance,
        up=None if view.up is None else tuple(float(v) for v in view.up),  # pyright: ignore
    )


def _computed(question: str, objects: Sequence[Object3D], view: RGBD) -> list[str]:
    try:
        query = reason.understand(question, [o.label for o in objects])
        _, found = reason.answer(query, objects, up=view.up, provenance=view.provenance)
    except N3DError:
        return []
    return [f"computed from the same boxes: {found.text}"]
