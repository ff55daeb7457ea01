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
from n3d.reason import expressing, labels, refer
from n3d.reason.answering import bind, concerned
from n3d.reason.labels import plural
from n3d.reason.worlds import World
from n3d.scene import QA, Object3D, Ref, Scene, Trace
from n3d.synthetic import palette
from n3d.train.views import Known

_NOTHING = ((dialogues.NOTHING, True),)


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
    world = World.of(known.objects, known.setting.up)
    found += _phrases(known, world, rng, mix)
    found += [_place(known, rng) for _ in range(_count(rng, mix.places))]
    found += _absent(known, world, rng, _count(rng, mix.absent))
    asked = questions(known, rng, _count(rng, mix.questions))
    found += [e for qa in asked for e in [_question(known, qa, rng, mix.jitter)] if e is not None]
    wanted = _count(rng, mix.absent_questions)
    for qa in strange:
        if wanted and _is_absent(qa, known):
            found.append(Exercise("absent-question", dialogues.ask(qa.question), _NOTHING))
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


def _phrases(
    known: Known, world: World, rng: np.random.Generator, mix: ExerciseMix
) -> Iterator[Exercise]:
    def one() -> tuple[str, tuple[int, ...]] | None:
        make = (_class, _colour, _expression)[rng.choice(3, p=[0.4, 0.25, 0.35])]
        return make(known, world, rng)

    for _ in range(_count(rng, mix.phrases)):
        made = one()
        if made is not None:
            yield _locate("locate", known, [made])
    for _ in range(_count(rng, mix.several)):
        parts = [p for p in (one() for _ in range(rng.integers(2, 5))) if p is not None]
        if rng.random() < 0.25:
            parts += [(t, ()) for t in _absent_phrases(known, world, rng, 1)]
        parts = [p for i, p in enumerate(parts) if p not in parts[:i]]
        # One box per object: a second phrase for the same one is left out.
        seen: set[int] = set()
        kept = [p for p in parts if not seen & set(p[1]) and not seen.update(p[1])]
        if len(kept) > 1:
            order = rng.permutation(len(kept))
            yield _locate("several", known, [kept[i] for i in order])


def _locate(kind: str, known: Known, parts: Sequence[tuple[str, tuple[int, ...]]]) -> Exercise:
    chosen = tuple(i for _, found in parts for i in found)
    request = dialogues.locate([text for text, _ in parts])
    return Exercise(kind, request, boxes_reply(known, chosen), chosen)


def _class(known: Known, world: World, rng) -> tuple[str, tuple[int, ...]] | None:
    return _every(known, world, known.objects[rng.integers(known.count)].label, rng)


def _colour(known: Known, world: World, rng) -> tuple[str, tuple[int, ...]] | None:
    o = known.objects[rng.integers(known.count)]
    color = o.attributes.get("color")
    return _every(known, world, f"{color} {o.label}" if color else o.label, rng)


def _every(known: Known, world: World, phrase: str, rng) -> tuple[str, tuple[int, ...]] | None:
    """A phrase for all that it may mean, if those are targets."""
    try:
        found = refer.every(phrase, known.objects, known.setting.up, world=world)
    except QuestionError:  # "black can" does not read as a noun
        return None
    if max(found) >= known.count:
        return None
    shown = rng.random()
    if shown < 0.25:
        many = plural(phrase)
        phrase = f"all {many}" if shown < 0.1 else many if len(found) > 1 else f"the {phrase}"
    return phrase, tuple(found)


def _expression(known: Known, world: World, rng) -> tuple[str, tuple[int, ...]] | None:
    i = int(rng.integers(known.count))
    found: list[str] = []
    for text in expressing.expressions(i, known.objects, known.setting.up, world=world):
        found.append(text)
        if len(found) >= 8:
            break
    if not found:
        return None
    # Longer phrases say more than a class: they come last.
    text = found[-1 - int(rng.integers(min(len(found), 6)))]
    return (f"the {text}" if rng.random() < 0.2 else text), (i,)


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


def _absent(known: Known, world: World, rng, count: int) -> list[Exercise]:
    return [
        Exercise("absent", dialogues.locate([text]), _NOTHING)
        for text in _absent_phrases(known, world, rng, count)
    ]


def _absent_phrases(known: Known, world: World, rng, count: int) -> list[str]:
    """Phrases that mean nothing in the view: half of them only by their colour."""
    found: list[str] = []
    for _ in range(count * 4):
        if len(found) >= count:
            break
        label = known.names[rng.integers(len(known.names))]
        coloured = rng.random()
        if coloured < 0.5:
            label = known.objects[rng.integers(len(known.objects))].label
        if not any("color" in o.attributes for o in known.objects):
            coloured = 1.0  # nobody knows which colours there are
        text = f"{palette.NAMES[rng.integers(len(palette.NAMES))]} {label}"
        text = text if coloured < 0.65 else label
        try:
            refer.every(text, known.objects, known.setting.up, world=world)
        except QuestionError as e:
            if e.code == "object-absent" and not _boxless(text, known):
                found.append(text)
    return found


def _boxless(phrase: str, known: Known) -> bool:
    """Whether a phrase may mean something that is there without a box."""
    return any(labels.match(name, phrase) for name in known.boxless)


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


def _question(known: Known, qa: QA, rng: np.random.Generator, jitter: float) -> Exercise | None:
    """The question with its reply, where boxes may err and results are those of the boxes."""
    order = concerned(qa.trace)
    if not order:
        return None
    objects = [known.objects[i] for i in order]
    erring = rng.random() < jitter
    try:
        if erring:
            objects = [replace(o, box=_erring(o.box, known.setting, rng)) for o in objects]
            reply = answer_reply(objects, qa.trace, order, known.setting)
        else:
            reply = (*boxes_reply(known, order), *_steps(_moved_trace(qa.trace, order)))
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
