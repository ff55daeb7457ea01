"""The main job: a view and a question in, a checked answer out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from n3d import reason
from n3d.errors import ConfigError, QuestionError
from n3d.language import questions
from n3d.lift import LiftConfig, gravity
from n3d.pipelines.grounding import RegionGrounder
from n3d.scene import RGBD, Drop, Grounder, Object3D, Prediction, Region, records


def read_regions(path: Any, view: RGBD, *, image: str | None = None) -> list[Region]:
    """The 2D regions of a COCO file or a plain JSON list that belong to the view.

    `image` is the file name by which a COCO file of many images knows this one.
    """
    from n3d.sources import regions

    return regions.read(path, width=view.width, height=view.height, image_name=image)


def read_objects(path: Any) -> list[Object3D]:
    """The objects of a file of 3D boxes in n3d's own JSON form; the first wrong record raises."""
    from n3d.errors import InputError
    from n3d.sources import plain

    objects: list[Object3D] = []
    for item in plain.read(path):
        if isinstance(item, Drop):
            raise InputError(f"{item.id}: {item.detail}", code=item.reason)
        objects.extend(item.scene.objects)
    return objects


def answer(
    view: RGBD,
    question: str,
    *,
    regions: Sequence[Region] | None = None,
    objects: Sequence[Object3D] | None = None,
    grounder: Grounder | None = None,
    level: float = 0.9,
    seed: int = 0,
    config: LiftConfig | None = None,
) -> Prediction:
    """Ground what the question names, reason over the boxes, replay the trace.

    Objects come from one of `objects` (boxes that are known), `regions` (2D, lifted with
    `config`) or any `grounder`. Intervals hold `level` of the samples drawn with `seed`.
    Raises QuestionError where the question cannot be read or answered from what was found,
    InputError where the view cannot serve it.
    """
    if not 0 < level < 1:
        raise ConfigError(f"is {level:g}", code="config-range", field="level", limit="0 to 1")
    if sum(x is not None for x in (regions, objects, grounder)) != 1:
        raise ConfigError(
            "exactly one of regions, objects and grounder must be given",
            code="answer-grounder",
            hint="On the command line: --regions or --boxes",
        )
    question = questions.clean(question)
    config = config or LiftConfig()
    if regions is not None:
        grounder = RegionGrounder(regions, config)
    known = [x.label for x in (regions or objects or ())]
    query = reason.understand(question, known)
    drops: Sequence[Drop] = ()
    if grounder is not None:
        view = with_gravity(view, config)
        wanted = reason.names(query)
        found = grounder.ground(view, wanted) if wanted else grounder.detect(view)
        drops = getattr(grounder, "drops", ())
    else:
        found = list(objects or ())
    try:
        trace, result = reason.answer(
            query, found, up=view.up, provenance=view.provenance, level=level, seed=seed
        )
    except QuestionError as e:
        raise _explained(e, regions or (), found, drops) from None
    check, _ = reason.replay(trace, found, up=view.up)
    return Prediction(
        question=question,
        text=reason.explain(trace, found),
        objects=tuple(found),
        trace=trace,
        answer=result,
        check=check,
        notes=tuple(_notes(view, found, drops)),
        provenance=view.provenance,
    )


def with_gravity(view: RGBD, config: LiftConfig | None = None) -> RGBD:
    """The view with `up` from its floor where it was not given and a floor is found."""
    config = config or LiftConfig()
    if view.up is not None or view.depth is None or not config.find_floor:
        return view
    up = gravity.floor(view.points, share=config.floor_share, seed=config.seed)
    return view if up is None else view.with_up(up, "floor")


def _explained(
    error: QuestionError,
    regions: Sequence[Region],
    found: Sequence[Object3D],
    drops: Sequence[Drop],
) -> QuestionError:
    """The same error, with what the picture holds beyond the objects that were lifted."""
    hints = [error.hint] if error.hint else []
    others = sorted({r.label for r in regions} - {o.label for o in found})
    if error.code == "object-absent" and others:
        hints.append(f"The regions also hold: {', '.join(others[:12])}")
    if drops:
        hints.append("Not lifted: " + "; ".join(_drop_text(d) for d in drops[:4]))
    error.hint = ". ".join(hints) or None
    return error


def _drop_text(drop: Drop) -> str:
    return f"region {drop.id} ({drop.reason}: {drop.detail})"


def _notes(view: RGBD, found: Sequence[Object3D], drops: Sequence[Drop]) -> list[str]:
    notes = []
    if view.up is None:
        notes.append("gravity is unknown: above, below and height follow the image's vertical")
    if view.camera.source.startswith("assumed"):
        notes.append(
            f"the field of view was assumed ({view.camera.source}): every length carries the "
            "interval; give --camera or --fov"
        )
    hidden = [o.label for o in found if o.depth_unobserved]
    if hidden:
        notes.append(f"only one face was seen, so its depth is an estimate: {', '.join(hidden)}")
    notes += [f"not lifted: {_drop_text(d)}" for d in drops]
    return notes


def to_json(p: Prediction) -> dict[str, Any]:
    """The record of `answer.json`.

    `value` is the answer as a number in `unit`, null where it is none; `result` the value of
    the trace whatever its type; objects, trace and check have the forms of `scene.records`.
    """
    a, check = p.answer, p.check
    return {
        "question": p.question,
        "answer": None if a is None else a.text,
        "value": None if a is None else a.number,
        "unit": None if a is None else a.unit,
        "interval": None if a is None or a.interval is None else list(a.interval),
        "probability": None if a is None else a.probability,
        "level": None if a is None else a.level,
        "result": None if a is None else records.value_to_json(a.value),
        "objects": [records.to_json(o) for o in p.objects],
        "trace": [] if p.trace is None else records.to_json(p.trace),
        "explanation": p.text,
        "check": None if check is None else records.to_json(check),
        "provenance": p.provenance.to_json(),
        "notes": list(p.notes),
        "fault": p.fault,
    }
