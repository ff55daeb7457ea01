"""What is practised on a view: requests of every kind with the replies they should get.

A phrase is fit for a request when it means targets alone, judged against everything that can be
seen; what is half hidden or tiny is neither asked for nor denied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from n3d import reason
from n3d.errors import N3DError, QuestionError
from n3d.geometry import Box3D, axis_rotation
from n3d.geometry.pose import upright
from n3d.language import dialogues, tokens, traces
from n3d.language.dialogues import Setting
from n3d.reason import labels, locating
from n3d.reason.answering import bind, concerned
from n3d.reason.locating import Field
from n3d.scene import QA, Object3D, Ref, Scene, Trace
from n3d.synthetic import palette
from n3d.train.views import Known

NOTHING = ((dialogues.NOTHING, True),)


@dataclass(frozen=True)
class ExerciseMix:
    """How many exercises of each kind a view gets, as means of what is drawn.

    `jitter` is the share of questions whose boxes err as a network's do.
    """

    detect: float = 1.0
    phrases: float = 3.0
    several: float = 1.0
    places: float = 0.6
    absent: float = 0.7
    questions: float = 3.0
    absent_questions: float = 0.25
    jitter: float = 0.3


@dataclass(frozen=True)
class Exercise:
    """A request, and its reply in segments as a decoder takes them: (text, whether chosen).

    `objects` are the targets whose boxes the reply holds, in order. The end of the turn is not
    part of the reply.
    """

    kind: str
    request: str
    reply: tuple[tuple[str, bool], ...]
    objects: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The whole reply."""
        return "".join(text for text, _ in self.reply)


def draw(
    known: Known, rng: np.random.Generator, mix: ExerciseMix, strange: Sequence[QA] = ()
) -> list[Exercise]:
    """Exercises on a view; `strange` are questions about other views: they ask about what is
    absent here."""
    found = [_detect(known)] if rng.random() < mix.detect else []
    field = field_of(known)
    found += _phrases(known, field, rng, mix)
    found += [_place(known, rng) for _ in range(_count(rng, mix.places))]
    found += _absent(field, rng, _count(rng, mix.absent))
    asked = questions(known, rng, _count(rng, mix.questions))
    found += [e for qa in asked for e in [question(known, qa, rng, mix.jitter)] if e is not None]
    wanted = _count(rng, mix.absent_questions)
    for qa in strange:
        if wanted and _is_absent(qa, known):
            found.append(Exercise("absent-question", dialogues.ask(qa.question), NOTHING))
            wanted -= 1
    return found


def _count(rng: np.random.Generator, mean: float) -> int:
    return int(mean) + int(rng.random() < mean % 1)


def boxes_reply(known: Known, chosen: Sequence[int]) -> tuple[tuple[str, bool], ...]:
    """The boxes of targets as one segment."""
    text = "".join(f"<|bbox_{k}|>{known.bodies[i]}" for k, i in enumerate(chosen))
    return ((text + "\n", True),)


def _detect(known: Known) -> Exercise:
    every = tuple(range(known.count))
    return Exercise("detect", dialogues.DETECT, boxes_reply(known, every), every)


# -- phrases ---------------------------------------------------------------------------------


def field_of(known: Known) -> Field:
    """What may be located in a view."""
    return Field(
        known.objects, tuple(range(known.count)), known.setting.up, known.names, palette.NAMES,
        known.boxless,
    )  # fmt: skip


def _phrases(
    known: Known, field: Field, rng: np.random.Generator, mix: ExerciseMix
) -> Iterator[Exercise]:
    def one() -> locating.Named | None:
        ways = (locating.by_class, locating.by_color, locating.by_expression)
        return ways[rng.choice(3, p=[0.4, 0.25, 0.35])](field, rng)

    for _ in range(_count(rng, mix.phrases)):
        made = one()
        if made is not None:
            yield _locate("locate", known, [made])
    for _ in range(_count(rng, mix.several)):
        parts = locating.several(field, rng, one)
        if parts:
            yield _locate("several", known, parts)


def _locate(kind: str, known: Known, parts: Sequence[locating.Named]) -> Exercise:
    chosen = tuple(i for _, found in parts for i in found)
    request = dialogues.locate([text for text, _ in parts])
    return Exercise(kind, request, boxes_reply(known, chosen), chosen)


def _place(known: Known, rng: np.random.Generator) -> Exercise:
    """A rectangle around an object, a little off, or a point on it."""
    i = int(rng.integers(known.count))
    v, u = np.nonzero(known.ids == i)
    if rng.random() < 0.5:
        k = rng.integers(len(u))
        place = [u[k] + 0.5, v[k] + 0.5]
    else:
        rectangle = np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], float)
        sides = np.tile(rectangle[2:] - rectangle[:2], 2)
        place = rectangle + rng.normal(0, 0.03, 4) * sides
        limit = np.tile([known.view.width, known.view.height], 2)
        place = np.clip(place, 0, limit).tolist()
    request = dialogues.locate_at(known.setting, place)
    return Exercise("place", request, boxes_reply(known, [i]), (i,))


def _absent(field: Field, rng: np.random.Generator, count: int) -> list[Exercise]:
    return [
        Exercise("absent", dialogues.locate([text]), NOTHING)
        for text in locating.absent(field, rng, count)
    ]


# -- questions -------------------------------------------------------------------------------


def questions(known: Known, rng: np.random.Generator, count: int) -> list[QA]:
    """Questions about the targets that mean the same among all that can be seen."""
    if not count:
        return []
    view, setting = known.view, known.setting
    scene = Scene("", "", known.targets, up=setting.up, provenance=view.provenance)
    found = []
    for qa in reason.ask(scene, per_scene=count, seed=int(rng.integers(1 << 31))):
        try:
            assert qa.query is not None
            among = bind(qa.query, known.objects, setting.up)
        except QuestionError:
            continue
        if among == qa.trace:
            found.append(qa)
    return found


def _is_absent(qa: QA, known: Known) -> bool:
    try:
        bind(reason.understand(qa.question), known.objects, known.setting.up)
    except N3DError as e:
        words = qa.question.lower()
        there = any(labels.spaced(name) in words for name in known.boxless)
        return e.code == "object-absent" and not there
    return False


def question(known: Known, qa: QA, rng: np.random.Generator, jitter: float) -> Exercise | None:
    """The question with its reply, where boxes may err and results are those of the boxes.

    None where it is about no object, or a box cannot be written.
    """
    trace = qa.program
    order = concerned(trace)
    if not order:
        return None
    objects = [known.objects[i] for i in order]
    erring = rng.random() < jitter
    try:
        if erring:
            objects = [replace(o, box=_erring(o.box, known.setting, rng)) for o in objects]
            reply = answer_reply(objects, trace, order, known.setting)
        else:
            reply = (*boxes_reply(known, order), *_steps(_moved_trace(trace, order)))
    except N3DError:
        return None
    reply = ((reply[0][0], not erring), *reply[1:])
    return Exercise(qa.kind, dialogues.ask(qa.question), reply, order)


def answer_reply(
    objects: Sequence[Object3D], trace: Trace, order: Sequence[int], setting: Setting
) -> tuple[tuple[str, bool], ...]:
    """The segments of a reply: boxes of `objects`, then the trace about the objects in `order`,
    run again on the boxes as they are written."""
    moved = _moved_trace(trace, order)
    written = [replace(o, box=dialogues.as_written(o.box, setting, tilt="hull")) for o in objects]
    _, values = reason.replay(moved, written, up=setting.up)
    run = Trace(tuple(replace(s, out=v) for s, v in zip(moved.steps, values, strict=True)))
    return ((dialogues.write_boxes(objects, setting, tilt="hull"), True), *_steps(run))


def _steps(trace: Trace) -> list[tuple[str, bool]]:
    """The lines of a trace: calls are chosen, results are not."""
    lines = tokens.refs_to_tokens(traces.write(trace)).splitlines(keepends=True)
    return [(line, i % 2 == 0) for i, line in enumerate(lines)]


def _moved_trace(trace: Trace, order: Sequence[int]) -> Trace:
    """The trace about objects that are called by their places in `order`."""
    place = {n: k for k, n in enumerate(order)}
    return Trace(
        tuple(replace(s, args=_moved(s.args, place), out=_moved(s.out, place)) for s in trace.steps)
    )


def _moved(value, place: dict[int, int]):
    if isinstance(value, tuple):
        return tuple(_moved(v, place) for v in value)
    return Ref(place[value.index]) if isinstance(value, Ref) else value


def _erring(box: Box3D, setting: Setting, rng: np.random.Generator) -> Box3D:
    """A box as a network might write it: off in depth, size and yaw, seldom by far."""
    far = 3.0 if rng.random() < 0.1 else 1.0
    uv = setting.camera.project(box.center)
    uv = uv + rng.normal(0, 0.008 * far, 2) * [setting.camera.width, setting.camera.height]
    center = setting.camera.lift(uv, box.center[2] * np.exp(rng.normal(0, 0.03 * far)))
    size = box.size * np.exp(rng.normal(0, 0.1 * far, 3))
    rotation = box.rotation
    if setting.up is not None:
        frame = upright(setting.up)
        turn = frame @ axis_rotation(1, rng.normal(0, 0.12 * far)) @ frame.T
        rotation = turn @ rotation
    return Box3D(center, size, rotation)
