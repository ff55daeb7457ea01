"""The caption of an answer: question, answer, steps, replay, objects, where numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.scene import QA, Answer, Check, Object3D, Prediction, Provenance, Ref, Trace
from n3d.view import canvas, fonts, palette, wording
from n3d.view.column import PAD, Column

MOST_OBJECTS = 8
Chips = dict[int, palette.Colour]


@dataclass(frozen=True)
class Caption:
    """What a panel says; empty parts are left out."""

    question: str = ""
    answer: str = ""
    detail: str = ""
    fault: str = ""
    trace: Trace | None = None
    check: Check | None = None
    replayed: bool = False
    objects: tuple[Object3D, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None


def of(noun: Prediction | QA) -> Caption:
    """The caption of a prediction, or of a question with its answer."""
    if isinstance(noun, QA):
        kind = (f"kind: {noun.kind}",) if noun.kind else ()
        return Caption(noun.question, *_answer(noun.answer), trace=noun.trace, notes=kind)
    return Caption(
        noun.question,
        *_answer(noun.answer),
        fault=noun.fault or "",
        trace=noun.trace,
        check=noun.check,
        replayed=noun.trace is not None,
        objects=noun.objects,
        notes=noun.notes,
        provenance=noun.provenance,
    )


def _answer(answer: Answer | None) -> tuple[str, str]:
    if answer is None:
        return "", ""
    # Answers that state their interval or probability need no second line for it.
    return answer.text, "" if "%" in answer.text else wording.interval(answer)


def mentioned(trace: Trace | None) -> list[int]:
    """Indices of the objects that a trace names, in the order it first does."""
    found: dict[int, None] = {}

    def look(part) -> None:
        if isinstance(part, Ref):
            found.setdefault(part.index)
        elif isinstance(part, tuple):
            for each in part:
                look(each)

    for step in trace.steps if trace else ():
        look(step.args)
        look(step.out)
    return list(found)


def paint(
    caption: Caption,
    width: int,
    *,
    scale: float = 1.0,
    columns: int | None = None,
    most_steps: int = 10,
    colours: Sequence[palette.Colour] | None = None,
) -> np.ndarray:
    """The panel (h, width, 3) uint8, as high as its text; dark text on white.

    `columns` defaults to two where the width allows: the answer beside its steps. A trace of
    more than `most_steps` is cut, keeps its last step and a step that fails the replay, and
    says how many are left out. `colours` are those of the objects, by default by index.
    """
    if colours is None:
        colours = [palette.of_index(i) for i in range(len(caption.objects))]
    chips = dict(enumerate(colours))
    margin = round(22 * scale)
    inner = max(width - 2 * margin, 40)
    has_steps = caption.trace is not None or bool(caption.objects)
    if columns is None:
        columns = 2 if has_steps and inner >= 800 * scale else 1
    left = Column(inner if columns == 1 else round(inner * 0.42), scale)
    right = left if columns == 1 else Column(inner - left.width - 2 * margin, scale)
    _say_answer(left, caption)
    if columns == 1 and has_steps:
        left.rule()
    _say_steps(right, caption, most_steps, chips)
    _say_origin(left, caption)
    height = max(left.height, right.height) + 2 * margin
    pixels = canvas.blank(width, height, palette.PAPER)
    left.paint(pixels, margin, margin)
    if right is not left:
        x = margin + left.width + margin
        canvas.line(pixels, (x, margin), (x, height - margin), palette.RULE, max(1.0, 1.2 * scale))
        right.paint(pixels, x + margin, margin)
    return pixels


def _say_answer(column: Column, caption: Caption) -> None:
    if caption.question:
        column.text(caption.question, 17, palette.MUTED, lines=6)
        column.gap(6)
    if caption.fault:
        column.marked(False, caption.fault, 17)
        column.gap(6)
    if caption.answer:
        long = len(caption.answer) > 60
        column.text(caption.answer, 21 if long else 30, lines=8)
        column.gap(2)
    if caption.detail:
        column.text(caption.detail, 15, palette.MUTED, lines=3)
    if caption.replayed and caption.trace is not None:
        column.gap(6)
        good, text = wording.check(caption.check, len(caption.trace.steps))
        column.marked(good, text)


def _say_origin(column: Column, caption: Caption) -> None:
    if caption.notes or caption.provenance:
        column.gap(8)
    for note in caption.notes:
        column.text(note, 14, palette.MUTED, lines=4)
        column.gap(3)
    if caption.provenance is not None:
        column.text(wording.provenance(caption.provenance), 14, palette.MUTED)


def _say_steps(column: Column, caption: Caption, most: int, chips: Chips) -> None:
    if caption.trace is not None:
        steps = caption.trace.steps
        failed = caption.check.step if caption.check and not caption.check.agrees else None
        size = column.size(15)
        plates = 2 * PAD * size * max(wording.step(s).count("bbox_") for s in steps)
        widest = max(fonts.width(wording.step(s), size) for s in steps) + 2 * size + plates
        tab = round(min(widest, 0.66 * column.width))
        last = -1
        for i in shown(len(steps), most, failed):
            _left_out(column, i - last - 1)
            colour = palette.BAD if i == failed else palette.INK
            text, result = wording.step(steps[i]), wording.value(steps[i].out)
            column.pair(f"{i + 1}", text, result, tab=tab, chips=chips, colour=colour)
            last = i
        column.gap(8)
    _say_objects(column, caption, chips)


def shown(count: int, most: int, failed: int | None = None) -> list[int]:
    """Which of `count` steps are shown: the first ones, the last, and one that failed."""
    if count <= most:
        return list(range(count))
    keep = {count - 1} | ({failed} if failed is not None and failed < count else set())
    for i in range(count):
        if len(keep) >= max(most, 1):
            break
        keep.add(i)
    return sorted(keep)


def _left_out(column: Column, count: int) -> None:
    if count > 0:
        word = "step" if count == 1 else "steps"
        column.text(f"... {count} {word} left out", 14, palette.MUTED, indent=28)


def _say_objects(column: Column, caption: Caption, chips: Chips) -> None:
    named = mentioned(caption.trace) or list(range(len(caption.objects)))
    which = [i for i in named if 0 <= i < len(caption.objects)]
    size = column.size(14)
    metric = caption.provenance is None or caption.provenance.metric
    unit = " m" if metric else ""
    for i in which[:MOST_OBJECTS]:
        item = caption.objects[i]
        label = fonts.shorten(item.label, size, 0.5 * column.width)
        text = f"bbox_{i} {label}: {wording.measured(item, unit)}"
        column.text(text, 14, palette.MUTED, lines=2, chips=chips)
        column.gap(3)
    if len(which) > MOST_OBJECTS:
        column.text(f"... and {len(which) - MOST_OBJECTS} more objects", 14, palette.MUTED)


def attach(image: np.ndarray, panel: np.ndarray, *, beside: bool) -> np.ndarray:
    """The panel under the image, or to its right; the shorter one is padded with white."""
    axis = 0 if beside else 1
    longest = max(image.shape[axis], panel.shape[axis])
    parts: Sequence[np.ndarray] = [_pad(p, axis, longest) for p in (image, panel)]
    return np.concatenate(parts, axis=1 - axis)


def _pad(pixels: np.ndarray, axis: int, length: int) -> np.ndarray:
    more = [(0, 0), (0, 0), (0, 0)]
    more[axis] = (0, length - pixels.shape[axis])
    return np.pad(pixels, more, constant_values=255)
