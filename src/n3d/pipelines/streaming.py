"""A model asked thousands of things: predictions stream to a folder (see `jobs`) and resume."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from n3d import sources
from n3d.errors import ConfigError, N3DError
from n3d.pipelines import answering, jobs, predicting, seeing
from n3d.pipelines.jobs import Job, Report
from n3d.pipelines.predicting import Asked, Asker
from n3d.pipelines.requesting import Wanted
from n3d.scene import RGBD, Drop, Picture, Prediction, journals
from n3d.scene.journals import Journal


def run(
    job: Job,
    asker: Asker,
    out: Path,
    *,
    model: dict[str, Any],
    watch: Callable[[int, int], None] | None = None,
) -> Report:
    """Ask all that is not done yet and keep what comes back; running it again resumes it.

    `model` is what the model is known by; a folder with predictions of another one, of other
    input or options, is refused with a ConfigError. `watch` is told how many records are done,
    dropped ones among them, and how many there are. The folder is the same however often the
    run was stopped.
    """
    total = jobs.prepare(out, job, asker.options, model)
    with journals.alone(out / jobs.LOCK):
        done = Journal.read(out / jobs.PREDICTIONS)
        (out / jobs.DROPS).unlink(missing_ok=True)
        drops = Journal(out / jobs.DROPS)
        before = len(done)
        size = 1 if asker.options.sampling.temperature else job.batch  # draws know their place
        count = 0
        for portion in _portions(_views(job.read(), done), size):
            kept, dropped = _ask(asker, portion, job.command)
            if job.draw:
                _draw(out, portion, kept)
            done.add([{"id": id, **to_json(p, job.command)} for id, p in kept.items()])
            if dropped:
                drops.add([{"id": d.id, "reason": d.reason, "detail": d.detail} for d in dropped])
            count += len(portion)
            if watch is not None:
                watch(count, total)
        return jobs.report(done, drops, before)


def to_json(found: Prediction, command: str) -> dict[str, Any]:
    """The record of a prediction: that of `answer.json`, without what only answers have where
    objects were asked for."""
    record = answering.to_json(found)
    if command == "answer":
        return record
    kept = ("objects", "provenance", "up", "notes", "fault")
    return {"text": found.question or None, **{k: record[k] for k in kept}}


_Portion = list[tuple[str, Asked | Drop | None]]


def _views(wanted: Iterable[Wanted | Drop], done: Journal) -> Iterator[tuple[str, Any]]:
    """Each id with what is asked, None where it is done; pictures that follow each other are
    read once."""
    last: tuple[Any, RGBD | N3DError, list[str]] | None = None
    for w in wanted:
        if isinstance(w, Drop):
            yield w.id, w
        elif w.id in done:
            yield w.id, None
        else:
            if last is None or last[0] != w.files:
                last = (w.files, *_read(w))
            try:
                if isinstance(last[1], N3DError):
                    raise last[1]
                yield w.id, _Noted(last[1], w.question, w.names, w.place, said=tuple(last[2]))
            except N3DError as e:
                yield w.id, Drop(w.id, e.code, str(e))


@dataclass(frozen=True, eq=False)
class _Noted(Asked):
    """What is asked about a view whose reading gave these warnings."""

    said: tuple[str, ...] = ()


def _read(wanted: Wanted) -> tuple[RGBD | N3DError, list[str]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", sources.InputWarning)
        try:
            view = sources.load(Picture(wanted.id, files=wanted.files)).rgbd
            assert view is not None
            found: RGBD | N3DError = predicting.upright(view)
        except N3DError as e:
            found = e
        except (OSError, MemoryError, ArithmeticError, ValueError) as e:
            found = N3DError(f"{type(e).__name__}: {e}", code="picture-unreadable")
    return found, [str(w.message) for w in said]


def _portions(items: Iterable[tuple[str, Any]], size: int) -> Iterator[_Portion]:
    """Items in portions with `size` things to ask at most; what is done weighs nothing."""
    held: _Portion = []
    asked = 0
    for item in items:
        held.append(item)
        asked += isinstance(item[1], Asked)
        if asked == size or len(held) >= 64 * size:
            yield held
            held, asked = [], 0
    if held:
        yield held


def _ask(asker: Asker, portion: _Portion, command: str) -> tuple[dict[str, Prediction], list[Drop]]:
    asked = [(id, a) for id, a in portion if isinstance(a, _Noted)]
    found = _told(asker, [a for _, a in asked])
    drops = [a for _, a in portion if isinstance(a, Drop)]
    kept = {}
    for (id, a), p in zip(asked, found):
        if isinstance(p, N3DError):
            drops.append(Drop(id, p.code, str(p)))
        else:
            kept[id] = replace(p, notes=(*p.notes, *a.said))
    return kept, drops


def _told(asker: Asker, asked: list[Any]) -> list[Prediction | N3DError]:
    try:
        return asker(asked) if asked else []
    except RuntimeError as e:
        if type(e).__name__ != "OutOfMemoryError":
            raise
        raise ConfigError(
            f"the device has no memory left for {len(asked)} at once",
            code="device-full",
            field="batch",
            hint="Run again with a smaller one: what is done stays done",
        ) from None


def _draw(out: Path, portion: _Portion, kept: dict[str, Prediction]) -> None:
    (out / jobs.PICTURES).mkdir(exist_ok=True)
    for id, a in portion:
        if id in kept and isinstance(a, Asked):
            seeing.write(out / jobs.PICTURES / jobs.picture_name(id), a.view, kept[id])
