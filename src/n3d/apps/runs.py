"""Asking a model from the command line, about one picture or many."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from n3d.apps import options as opt
from n3d.errors import ConfigError


@dataclass(frozen=True)
class Means:
    """How a model is asked."""

    refine: str = "auto"
    free: bool = False
    device: str = "auto"
    dtype: str = "auto"
    temperature: float = 0.0
    max_tokens: int = 4096
    most: int = 32
    batch: int = 8
    draw: bool = False
    min_score: float | None = None

    def check_unused(self, besides: tuple[str, ...] = ()) -> None:
        """ConfigError where an option is given that only a model has use for, or what is named."""
        for f in fields(self):
            if f.name not in besides and getattr(self, f.name) != f.default:
                raise ConfigError(
                    "is for models only",
                    code="config-conflict",
                    field=f"--{f.name.replace('_', '-')}",
                    hint="Give --model",
                )

    def asker(self, model: Any, *, level: float, seed: int, keep: int = 1) -> Any:
        """The model, ready to be asked."""
        from n3d.model.decoding import Sampling
        from n3d.pipelines.predicting import Asker

        sampling = Sampling(self.temperature, seed=seed, max_tokens=self.max_tokens)
        return Asker(
            model,
            keep=keep,
            computed=not self.free,
            refine=self.refine,
            level=level,
            seed=seed,
            most=self.most,
            min_score=self.min_score,
            sampling=sampling,
        )


@dataclass(frozen=True)
class Given:
    """What there is to see: a picture or many, as the shared options say."""

    image: Path
    depth: Path | None
    camera: Path | None
    up: str | None
    fov: float | None
    depth_scale: float | None
    depth_encoding: str | None = None

    def view(self) -> Any:
        from n3d.pipelines.predicting import upright

        return upright(
            opt.read_view(
                self.image, self.depth, self.camera, up=self.up, fov=self.fov,
                depth_scale=self.depth_scale, depth_encoding=self.depth_encoding,
            )
        )  # fmt: skip

    def shared(self, **asked: Any) -> Any:
        """What holds for all pictures of many."""
        from n3d.pipelines.requesting import Shared

        stated = {
            "up": opt.vector(self.up, "--up"),
            "fov": self.fov,
            "depth_scale": self.depth_scale,
            "depth_encoding": self.depth_encoding,
        }
        stated = {k: v for k, v in stated.items() if v is not None}
        return Shared(self.depth, self.camera, stated, **asked)


def ask(
    command: str,
    given: Given,
    asked: dict[str, Any],
    model: str | None,
    means: Means,
    *,
    level: float = 0.9,
    seed: int = 0,
    out: Path | None = None,
    json_out: str | None = None,
    experts: tuple[str, str, str] = ("auto", "auto", "auto"),
) -> None:
    """Ask a model about a picture or many; `asked` are members of `predicting.Asked`.

    Without a model `experts` find boxes in one picture: those of depth, regions and masks.
    """
    from n3d.pipelines import requesting

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), given.image, given.depth, given.camera)
    many = requesting.is_many(given.image)
    if model is None:
        if many:
            raise ConfigError(
                "is needed for many pictures", code="config-missing", field="--model",
                hint="`n3d lift pictures` is for many pictures and experts",
            )  # fmt: skip
        _by_experts(command, given, asked, experts, means, out, json_out)
        return
    check_unused(dict(zip(("--depth-model", "--detector", "--segmenter"), experts)), "--model")
    (_many if many else _one)(command, given, asked, model, means, level, seed, out, json_out)


def check_unused(finders: dict[str, object], given: str) -> None:
    """ConfigError for an option about finding boxes where something else gives them."""
    for name, value in finders.items():
        if value not in ("auto", None, False):
            raise ConfigError(
                f"has no use with {given}", code="config-conflict", field=name,
                hint="Leave out one of them",
            )  # fmt: skip


def _one(command, given, asked, model, means, level, seed, out, json_out) -> None:
    from n3d.pipelines import loading, predicting

    _check_one(command, given, asked, out)
    request = predicting.Asked(given.view(), **asked)
    asker = means.asker(
        loading.load(model, device=means.device, dtype=means.dtype), level=level, seed=seed
    )
    found = predicting.checked(asker([request])[0])
    _tell(command, request.view, found, out, json_out)


def _by_experts(command, given, asked, experts, means, out, json_out) -> None:
    from n3d.apps import show
    from n3d.pipelines import parts, photographs, predicting

    means.check_unused(besides=("device", "most", "min_score"))
    _check_one(command, given, asked, out)
    request = predicting.Asked(given.view(), **asked)
    wanted = photographs.Wanted(*experts, device=means.device)
    loaded = photographs.gather(
        request.view, wanted, needs_regions=request.place is None, instead="--model"
    )
    if str(loaded.chosen) and json_out != "-":
        show.say(str(loaded.chosen))
    view, found = parts.find(loaded, request)
    least = means.min_score or 0.0
    objects = tuple(o for o in found.objects if o.score >= least)[: means.most]
    _tell(command, view, replace(found, objects=objects), out, json_out)


def _targets(command: str, out: Path | None) -> list[Path]:
    return [out / f"{command}.{form}" for form in ("json", "png")] if out else []


def _check_one(command, given, asked, out) -> None:
    """ConfigError for what cannot be asked of one picture."""
    if command == "ground" and bool(asked["names"]) == (asked["place"] is not None):
        raise ConfigError(
            "exactly one of them must be given", code="ground-request",
            field="TEXT, --box and --point",
        )  # fmt: skip
    for target in _targets(command, out):
        opt.check_apart(target, given.image, given.depth, given.camera)


def _tell(command, view, found, out, json_out) -> None:
    """Show what was found, and write it."""
    from n3d.apps import show
    from n3d.pipelines import seeing, streaming

    targets = _targets(command, out)
    record = streaming.to_json(found, command)
    if json_out != "-":
        show.prediction(found, question_first=bool(found.question))
        if not found.objects:
            show.say("nothing in the picture matches")
    if targets:
        show.write_json(record, targets[0])
        seeing.write(targets[1], view, found)
        if json_out != "-":
            show.say(f"wrote {targets[0]} and {targets[1]}")
    if json_out is not None:
        show.write_json(record, json_out)


def _many(command, given, asked, model, means, level, seed, out, json_out) -> None:
    from n3d.apps import show
    from n3d.pipelines import jobs, loading, streaming

    if out is None:
        raise ConfigError(
            "is needed for many pictures", code="config-missing", field="--out",
            hint="Predictions stream to a folder",
        )  # fmt: skip
    shared = given.shared(**asked)
    job = jobs.Job(command, given.image, shared, batch=means.batch, draw=means.draw)
    network = loading.load(model, device=means.device, dtype=means.dtype)
    asker = means.asker(network, level=level, seed=seed)
    known = loading.known_as(network)
    with _progress(command) as watch:
        report = streaming.run(job, asker, out, model=known, watch=watch)
    if json_out != "-":
        title, drops = f"predictions in {out}", out / jobs.DROPS
        show.counts(title, report.kept, report.dropped, report.by_reason, drops)
        if report.faults:
            told = ", ".join(f"{n} {code}" for code, n in sorted(report.faults.items()))
            show.say(f"without an answer: {told}")
        if report.resumed:
            show.say(f"resumed: {report.resumed} were done before")
    if json_out is not None:
        counts = ("kept", "dropped", "by_reason", "faults")
        show.write_json({k: getattr(report, k) for k in counts}, json_out)


@contextlib.contextmanager
def _progress(command: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where that is a terminal; a run that is stopped says that it resumes."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(command, total=None)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=total)
        except KeyboardInterrupt:
            bar.stop()
            sys.stderr.write("n3d: what is done is kept: the same command goes on from here\n")
            raise
