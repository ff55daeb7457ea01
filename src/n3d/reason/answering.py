"""From a query and boxes to a trace and an answer."""

from __future__ import annotations

from collections.abc import Sequence

from n3d.errors import QuestionError, TraceError
from n3d.reason import prose, refer, units
from n3d.reason.kinds import KINDS
from n3d.reason.picking import absent
from n3d.reason.programs import Program
from n3d.reason.replay import sample
from n3d.reason.worlds import World
from n3d.scene import Answer, Object3D, Provenance, Quantity, Query, Ref, Trace

LENGTHS = ("m", "m2", "m3")


def bind(query: Query, objects: Sequence[Object3D], up=None) -> Trace:
    """The trace that answers a query on these objects.

    Raises QuestionError where a name is absent or ambiguous, the kind is unknown, or the
    question has no answer here (a point of view without a known front).
    """
    kind = KINDS.get(query.kind)
    if kind is None:
        raise QuestionError(
            f"unknown kind {query.kind[:60]!r}",
            code="question-kind",
            field="kind",
            limit=", ".join(KINDS),
        )
    names = list(query.names)
    options = {**kind.defaults, **query.options}
    world = World.of(objects, up)
    if options.get("viewer") and names:
        options["viewer"] = Ref(refer.resolve(names.pop(), objects, up, world=world))
    refs = _refs(kind.slots, names, bool(options.get("all")), objects, world)
    program = Program(world)
    try:
        kind.build(program, refs, options)
        return program.trace()
    except KeyError as e:
        raise QuestionError(
            f"a query of kind {kind.name} needs the option {e}",
            code="question-options",
            field="options",
        ) from None
    except TraceError as e:
        hint = None
        if e.code == "front-unknown":
            hint = "Ask from the camera's point of view, or give the object's front"
        raise QuestionError(e.message, code=e.code, field="question", hint=hint) from None


def _refs(
    slots: Sequence[str],
    names: list[str],
    together: bool,
    objects: Sequence[Object3D],
    world: World,
) -> list[Ref]:
    """The objects of the slots; the first name means all it can where it is a label's slot or
    `together` says so ("the two lamps")."""

    def resolve(name: str) -> int:
        return refer.resolve(name, objects, world.up, world=world)

    if names and (together or slots[0] == "label"):
        rest = [Ref(resolve(n)) for n in names[1:]]
        every = (Ref(i) for i in refer.every(names[0], objects, world.up, world=world))
        # The anchor of "which object is closest to the lamp" is not one of the objects.
        found = [r for r in every if r not in rest]
        if not found:
            raise absent(refer.read(names[0], objects), objects)
        if together and (len(found) < 2 or ("list" not in slots and len(found) != len(slots))):
            raise QuestionError(
                f"asks about several of {names[0][:60]!r}, but there are {len(found)}",
                code="object-count",
                field="question",
                hint="Name the objects one by one",
            )
        return found + rest
    if len(names) < len(slots) or ("list" not in slots and len(names) > len(slots)):
        raise QuestionError(
            f"needs {len(slots)} objects, got {len(names)}", code="question-names", field="names"
        )
    refs = [Ref(resolve(n)) for n in names]
    for i, ref in enumerate(refs):
        if ref in refs[:i]:
            raise QuestionError(
                f"{names[refs.index(ref)][:60]!r} and {names[i][:60]!r} are the same object",
                code="object-repeated",
                field="question",
            )
    return refs


def answer(
    query: Query,
    objects: Sequence[Object3D],
    *,
    up=None,
    provenance: Provenance | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> tuple[Trace, Answer]:
    """The trace of a query and its answer with an interval or a probability.

    Intervals come from the boxes' spread and from the provenance's `scale_sigma`; without
    either there is none. Raises QuestionError "not-metric" for a length where the depth has
    no known unit, and as `bind` does.
    """
    trace = bind(query, objects, up)
    return trace, concluded(query, trace, objects, up, provenance, level, seed)


def concluded(
    query: Query,
    trace: Trace,
    objects: Sequence[Object3D],
    up=None,
    provenance: Provenance | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Answer:
    """The answer that a trace comes to; intervals and errors as in `answer`.

    TraceError where the trace cannot run on boxes drawn from the objects' spread.
    """
    provenance = provenance or Provenance()
    value = trace.answer
    if isinstance(value, Quantity) and value.unit in LENGTHS and not provenance.metric:
        raise QuestionError(
            "asks for a length, but the depth of this view has no known unit",
            code="not-metric",
            field="question",
            hint="Give metric depth, or ask what is relative: which is taller, nearer, how many "
            "times as wide",
        )
    interval = probability = None
    if provenance.scale_sigma > 0 or any(o.spread is not None for o in objects):
        sampled = sample(
            trace,
            objects,
            up=up,
            scale_sigma=provenance.scale_sigma,
            seed=seed,
            level=level,
        )
        interval, probability = sampled.interval, sampled.probability
    return worded(query, value, objects, up, interval, probability, level)


def worded(
    query: Query, value, objects, up=None, interval=None, probability=None, level: float = 0.9
) -> Answer:
    """The answer to a query whose value is known, in the unit asked for."""
    number = unit = None
    if isinstance(value, Quantity):
        asked = query.options.get("unit")
        chosen = units.DEFAULT[value.unit] if asked is None else units.find(asked, value.unit)
        number, unit = value.value / chosen.factor, chosen.code
        if interval is not None:
            interval = (interval[0] / chosen.factor, interval[1] / chosen.factor)
    text = prose.answer_text(
        query, value, objects, up, interval=interval, probability=probability, level=level
    )
    return Answer(text, value, number, unit, interval, probability, level)


def concerned(trace: Trace) -> tuple[int, ...]:
    """The objects a trace touches, in the order of their first use."""
    found: list[int] = []

    def visit(arg) -> None:
        if isinstance(arg, Ref) and arg.index not in found:
            found.append(arg.index)
        elif isinstance(arg, tuple):
            for a in arg:
                visit(a)

    for step in trace.steps:
        visit(step.args)
        visit(step.out if isinstance(step.out, tuple) else ())
    return tuple(found)
