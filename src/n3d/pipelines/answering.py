"""The main job: a view and a question in, a checked answer out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from n3d import reason
from n3d.errors import ConfigError, InputError, QuestionError
from n3d.language import questions
from n3d.lift import LiftConfig, gravity
from n3d.pipelines.grounding import RegionGrounder
from n3d.scene import RGBD, Drop, Grounder, Object3D, Prediction, Provenance, Region, records


def read_regions(path: Any, view: RGBD, *, image: str | None = None) -> list[Region]:
    """The 2D regions of a COCO file or a plain JSON list that belong to the view.

    `image` is the file name by which a COCO file of many images knows this one.
    """
    from n3d.sources import regions

    return regions.read(path, width=view.width, height=view.height, image_name=image)


def answer(
    view: RGBD,
    question: str,
    *,
    regions: Sequence[Region] | None = None,
    objects: Sequence[Object3D] | None = None,
    grounder: Grounder | None = None,
    model: Any = None,
    provenance: Provenance | None = None,
    level: float = 0.9,
    seed: int = 0,
    config: LiftConfig | None = None,
    **options: Any,
) -> Prediction:
    """Ground what the question names, reason over the boxes, replay the trace.

    Objects come from one of `objects` (boxes that are known), `regions` (2D, lifted with
    `config`), any `grounder`, or a `model`, which also writes the trace; `options` are then
    those of `model.options.Options`. `provenance` says where the numbers of known objects come
    from: by default the view, or nowhere but their own metres where the view has no depth.
    Intervals hold `level` of the samples drawn with `seed`.
    Raises QuestionError where the question cannot be read or answered from what was found,
    InputError where the view cannot serve it.
    """
    _check(view, regions, (regions, objects, grounder, model), level, seed)
    config = config or LiftConfig()
    if model is not None:
        from n3d.pipelines import predicting

        return predicting.answer(
            model, view, question, config=config, level=level, seed=seed, **options
        )
    if options:
        raise ConfigError(
            "is for models only",
            code="config-unknown",
            field=next(iter(options)),
            hint="Give model",
        )
    question = questions.clean(question)
    if regions is not None:
        grounder = RegionGrounder(regions, config)
    known = [x.label for x in (regions or objects or ())] or getattr(grounder, "vocabulary", ())
    query = reason.understand(question, known)
    drops: Sequence[Drop] = ()
    view = with_gravity(view, config)
    about = _about(view, objects is not None, provenance)
    if grounder is not None:
        about = estimated(about)
        wanted = reason.names(query)
        found = grounder.ground(view, wanted) if wanted else grounder.detect(view)
        drops = getattr(grounder, "drops", ())
    else:
        found = list(objects or ())
    try:
        trace, result = reason.answer(
            query, found, up=view.up, provenance=about, level=level, seed=seed
        )
    except QuestionError as e:
        seen = regions or getattr(grounder, "regions", ())
        raise _explained(e, seen, found, drops) from None
    check, _ = reason.replay(trace, found, up=view.up)
    return Prediction(
        question=question,
        text=reason.explain(trace, found),
        objects=tuple(found),
        trace=trace,
        answer=result,
        check=check,
        notes=tuple(notes(about, found, drops, known=objects is not None)),
        provenance=about,
        up=None if view.up is None else vector(view.up),
    )


def check_sampling(level: float, seed: int) -> None:
    """ConfigError for a level or a seed that no interval can be drawn with."""
    if not 0 < level < 1:
        raise ConfigError(f"is {level:g}", code="config-range", field="level", limit="0 to 1")
    if seed < 0:
        raise ConfigError(f"is {seed}", code="config-range", field="seed", limit="at least 0")


def _check(view: RGBD, regions: Any, ways: Sequence[Any], level: float, seed: int) -> None:
    check_sampling(level, seed)
    if sum(x is not None for x in ways) != 1:
        raise ConfigError(
            "exactly one of regions, objects, grounder and model must be given",
            code="answer-grounder",
            hint="On the command line: --regions, --boxes or --model",
        )
    if regions is not None and view.depth is None:
        raise InputError(
            "is needed to lift regions",
            code="depth-missing",
            field="depth",
            hint="Give --depth, or known boxes with --boxes, or a model with --model",
        )


def _about(view: RGBD, known: bool, provenance: Provenance | None) -> Provenance:
    about = view.provenance if provenance is None else replace(provenance, up=view.up_source)
    if known and provenance is None and view.depth is None:
        return replace(about, metric=True, scale_sigma=0.0)
    return about


def estimated(about: Provenance) -> Provenance:
    """Where lengths come from that a grounder tells: without depth they are its own metres."""
    return replace(about, metric=True) if about.depth == "none" else about


def vector(v: Any) -> tuple[float, float, float]:
    """The three numbers of a direction."""
    return float(v[0]), float(v[1]), float(v[2])


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


def notes(
    about: Provenance,
    found: Sequence[Object3D],
    drops: Sequence[Drop] = (),
    *,
    known: bool = False,
) -> list[str]:
    """What to be wary of in an answer from these objects, which were `known` or found."""
    said = []
    if about.depth == "none" and not known:
        said.append("no depth: sizes and distances are the model's estimate")
    if about.up == "unknown":
        said.append("gravity is unknown: above, below and height follow the image's vertical")
    if about.camera.startswith("assumed") and about.scale_sigma:
        said.append(
            f"the field of view was assumed ({about.camera}): every length carries the "
            "interval; give --camera or --fov"
        )
    hidden = [o.label for o in found if o.depth_unobserved]
    if hidden:
        counts = Counter(hidden)
        named = (label if n == 1 else f"{label} ({n} of them)" for label, n in counts.items())
        said.append(f"only one face was seen, so its depth is an estimate: {', '.join(named)}")
    said += [f"not lifted: {_drop_text(d)}" for d in drops]
    return said


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
        "up": None if p.up is None else list(p.up),
        "notes": list(p.notes),
        "fault": p.fault,
    }
