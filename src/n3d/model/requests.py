"""Requests about views -> predictions: one encoding of a view for all that is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import torch

from n3d import reason
from n3d.errors import FormatError, QuestionError, TraceError
from n3d.language import dialogues
from n3d.model import choosing, decoding, plans, prefixes, spreads
from n3d.model.averaging import Averaging
from n3d.model.continuing import Continuing
from n3d.model.decoding import Tally
from n3d.model.looking import Look, look
from n3d.model.options import Options
from n3d.model.plans import Answering, Locating
from n3d.model.spatial import SpatialModel
from n3d.model.telling import Telling, Told
from n3d.reason import ops, understanding
from n3d.reason.answering import concluded
from n3d.scene import RGBD, Object3D, Prediction, Query, Trace

ABSENT = "object-absent: nothing in the picture matches"
TRUNCATED = "truncated: the reply did not come to its end"


@dataclass(frozen=True, eq=False)
class Request:
    """Something to write about a view: `text` as `dialogues` has it, and its `question` unless
    boxes alone are wanted. `given` objects are known and begin the reply."""

    view: RGBD | Look
    text: str
    question: str | None = None
    given: Sequence[Object3D] | None = None


def _asking(text: str) -> str:
    """The rest of the prompt after `_opening`."""
    return f"{text}<|im_end|>\n<|im_start|>assistant\n"


def run(
    model: SpatialModel,
    requests: Sequence[Request],
    options: Options | None = None,
    *,
    tally: Tally | None = None,
    left: Callable[[int], bool] | None = None,
    told: Told | None = None,
) -> list[Prediction]:
    """The prediction of each request, decoded together; what goes wrong is its `fault`.

    A request of which `left` says that nobody waits for it any more is given up ("truncated").
    `told` is handed a line for each box and step of a request when it is written (`telling`).
    """
    options = options or Options()
    if not requests:
        return []
    parts = [dialogues.each(r.text) if options.apart and _is_named(r) else [] for r in requests]
    if any(len(p) > 1 for p in parts):
        return _apart(model, requests, parts, options, tally, left, told)
    looks = _looks(model, requests)
    made = [_plan(r, k, options) for r, k in zip(requests, looks)]
    replies = decoding.write(
        model.network,
        model.tongue,
        prefixes.join([k.prefix for k in looks], model.network),
        [model.tongue.encode(_asking(r.text)) for r in requests],
        made,
        options.sampling,
        tally=tally,
        watch=_watch(model, requests, options),
        left=left,
        told=told and Telling(model.tongue, [k.setting for k in looks], told),
    )

    def predicted(i: int) -> Prediction:
        return _prediction(model, requests[i], looks[i], made[i], replies[i], options)

    # Fitting boxes to depth runs beside Python: as many threads as the network has.
    with ThreadPoolExecutor(max(1, min(torch.get_num_threads(), len(requests)))) as pool:
        return list(pool.map(predicted, range(len(requests))))


def _apart(
    model: SpatialModel,
    requests: Sequence[Request],
    parts: Sequence[list[str]],
    options: Options,
    tally: Tally | None,
    left: Callable[[int], bool] | None,
    told: Told | None,
) -> list[Prediction]:
    """The predictions of requests of which some have several parts: each part is a row."""
    rows = [(i, text) for i, p in enumerate(parts) for text in p or [requests[i].text]]
    looks = _looks(model, requests)
    found = run(
        model,
        [replace(requests[i], view=looks[i], text=text) for i, text in rows],
        replace(options, apart=False),
        tally=tally,
        left=None if left is None else lambda row: left(rows[row][0]),
        told=None if told is None else lambda row, line: told(rows[row][0], line),
    )
    own: list[list[Prediction]] = [[] for _ in requests]
    for (i, text), prediction in zip(rows, found, strict=True):
        own[i].append(_of_phrase(prediction, text) if len(parts[i]) > 1 else prediction)
    return [p[0] if len(p) == 1 else _joined(p, options.most) for p in own]


def _of_phrase(told: Prediction, text: str) -> Prediction:
    """The prediction, whose objects know by which phrase they were asked for."""
    phrase = text.removeprefix(dialogues.LOCATE)
    objects = (replace(o, attributes={**o.attributes, "phrase": phrase}) for o in told.objects)
    return replace(told, objects=tuple(objects))


def _joined(told: Sequence[Prediction], most: int) -> Prediction:
    """The predictions of the phrases of one request as one; an object is told once."""
    objects = choosing.chosen([o for p in told for o in p.objects], 0.0)[:most]
    return replace(
        told[0],
        text="".join(p.text for p in told),
        objects=tuple(replace(o, id=str(i)) for i, o in enumerate(objects)),
        fault=next((p.fault for p in told if p.fault), None),
        notes=tuple(dict.fromkeys(note for p in told for note in p.notes)),
    )


def _watch(model: SpatialModel, requests: Sequence[Request], options: Options) -> Any:
    """What chooses tokens in the place of the likeliest; nothing does where they are drawn."""
    if options.sampling.temperature > 0:
        return None
    rules = [
        Continuing(model.tongue, [i for i, r in enumerate(requests) if kind(r)], least, first=first)
        for kind, least, first in (
            (_is_every, options.eager, False),
            (_is_named, options.seek, True),
            (_is_asked, options.seek_asked if _is_calibrated(model) else 0.5, True),
        )
    ]
    averaging = Averaging(model.tongue) if options.averaged else None

    def watch(*told: Any) -> int | None:
        chosen = None if averaging is None else averaging(*told)
        for rule in rules:
            chosen = rule(*told) if chosen is None else chosen
        return chosen

    return watch


def _is_every(request: Request) -> bool:
    return request.text == dialogues.DETECT


def _is_asked(request: Request) -> bool:
    return request.question is not None


def _is_named(request: Request) -> bool:
    return not (_is_every(request) or _is_asked(request))


def _is_calibrated(model: SpatialModel) -> bool:
    """Whether chances and scores say something."""
    return bool(model.calibration.located_raw)


def stream(
    model: SpatialModel,
    requests: Sequence[Request] | Iterator[Request],
    options: Options | None = None,
    *,
    batch: int = 8,
) -> Iterator[Prediction]:
    """Predictions in the order of any number of requests, `batch` at a time."""
    held: list[Request] = []
    for request in requests:
        held.append(request)
        if len(held) >= batch:
            yield from run(model, held, options)
            held = []
    yield from run(model, held, options)


def _looks(model: SpatialModel, requests: Sequence[Request]) -> list[Look]:
    """The Look of each request; views that several share are read once."""
    new = {id(r.view): r.view for r in requests if not isinstance(r.view, Look)}
    read = dict(zip(new, look(model, list(new.values())) if new else []))
    return [r.view if isinstance(r.view, Look) else read[id(r.view)] for r in requests]


def _plan(request: Request, seen: Look, options: Options) -> Answering | Locating:
    if request.question is None:
        return Locating(seen.setting, options.most)
    return Answering(
        seen.setting, computed=options.computed, given=request.given, most=options.most
    )


def _prediction(
    model: SpatialModel,
    request: Request,
    seen: Look,
    plan: Answering | Locating,
    reply: decoding.Reply,
    options: Options,
) -> Prediction:
    parsed = dialogues.read(reply.text, ops.SIGNATURES, seen.setting)
    objects = _objects(model, request, seen, parsed.objects, reply, options)
    view = seen.view
    found = Prediction(
        question=request.question or "",
        text=reply.text,
        objects=tuple(objects),
        fault=None if reply.whole else TRUNCATED,
        notes=tuple(str(f) for f in (*parsed.objects.faults, *parsed.steps.faults)),
        provenance=view.provenance,
        up=None if view.up is None else tuple(float(v) for v in view.up),  # pyright: ignore
    )
    if request.question is None or found.fault:
        return found
    failed = plan.fault if isinstance(plan, Answering) else None
    if isinstance(failed, FormatError):
        return replace(found, fault=f"objects: {failed}")
    if not objects:
        return replace(found, fault=ABSENT)
    if (
        request.given is None
        and _is_calibrated(model)
        and (doubtful := _doubtful(objects, options.unsure))
    ):
        return replace(found, objects=(), fault=doubtful)
    if failed is not None or not parsed.steps.items:
        return replace(found, fault=f"trace: {failed or 'the reply has no trace'}")
    return _answered(found, Trace(parsed.steps.items), view, options)


def _objects(
    model: SpatialModel, request: Request, seen: Look, parsed: Any, reply, options: Options
) -> list[Object3D]:
    if request.given is not None:
        return plans.known(parsed, request.given)
    doubts = spreads.doubts(reply.picked, seen.setting.up is not None)
    mine = {i: doubts[n] for n, i in reversed(parsed.where.items()) if n < len(doubts)}
    objects = list(parsed.items)
    if len(mine) == len(objects):
        found = [mine[i] for i in range(len(objects))]
        located = request.text != dialogues.DETECT
        objects = spreads.with_doubt(
            objects, found, seen.setting, model.calibration, located=located
        )
    if _refines(model, options) and seen.view.depth is not None:
        from n3d.lift.refining import refine

        objects = refine(seen.view, objects, planes=seen.planes)
        if model.calibration.refine == "depth":  # else nobody knows how far they hold
            objects = [spreads.widened(o, model.calibration.shown) for o in objects]
    if request.question is not None:
        return objects
    least = options.min_score
    if least is None:
        every, known = request.text == dialogues.DETECT, model.calibration
        least = known.detect_from if every else known.ground_from
    return choosing.chosen(objects, least)


def _doubtful(objects: Sequence[Object3D], least: float) -> str | None:
    """The fault of a question about something that was hardly found; None if all was found."""
    scored = [(o.score, o.label) for o in objects if o.score is not None]
    score, label = min(scored, default=(1.0, ""))
    if score >= least:
        return None
    return (
        f"object-absent: no {label} was found with a score of at least {least:g} (the best has "
        f"{score:.2f}); with unsure=0 it is answered all the same"
    )


def _refines(model: SpatialModel, options: Options) -> bool:
    if options.refine != "auto":
        return options.refine == "depth"
    return model.calibration.refine == "depth" and options.computed


def _answered(found: Prediction, trace: Trace, view: RGBD, options: Options) -> Prediction:
    """The prediction with its trace, run again on its boxes, and the answer in words."""
    objects, up = found.objects, view.up
    try:
        check, values = reason.replay(trace, objects, up=up)
        if options.computed:
            # Exact results instead of written ones: they are the same to the digits written.
            steps = (replace(s, out=v) for s, v in zip(trace.steps, values))
            trace = Trace(tuple(steps))
            check, _ = reason.replay(trace, objects, up=up)
    except TraceError as e:
        return replace(found, trace=trace, fault=f"trace: {e}")
    about = view.provenance
    if view.depth is None:  # lengths are the network's own
        about = replace(about, metric=True)
    query = _query(found.question, objects)
    try:
        answer = concluded(query, trace, objects, up, about, options.level, options.seed)
    except TraceError as e:
        return replace(found, trace=trace, fault=f"trace: {e}")
    except QuestionError as e:  # no unit is known, or another is asked for than the trace gives
        fault = f"{e.code}: {e.message}" if e.code == "not-metric" else f"trace: {e}"
        return replace(found, trace=trace, check=check, fault=fault)
    return replace(
        found, trace=trace, check=check, answer=answer, text=reason.explain(trace, objects, up)
    )


def _query(question: str, objects: Sequence[Object3D]) -> Query:
    """What the question asks for beyond its trace: the unit of its answer."""
    found = understanding.heard(question, [o.label for o in objects])
    return found or Query("", (), {}, question)
