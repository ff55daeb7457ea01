"""Runs beside each other: a model with four depths, and a model between the ends of the scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError
from n3d.evaluate import depths as modes
from n3d.evaluate.depths import Seen
from n3d.evaluate.items import Predictor
from n3d.pipelines import evaluating, replying, worst

Watch = Callable[[int], None] | None
BESIDE = ("blind", "lifted-boxes", "true-boxes")
"""What stands beside a model: what words alone give, perfect 2D, and the ceiling."""


@dataclass(frozen=True)
class Asked:
    """What is asked and how: the `benchmark` "synthetic" with its options, or a folder with its
    `scenes`, `images` and `depths`; `endpoint` is the server whose model is asked."""

    benchmark: str
    scenes: Path | None = None
    images: Path | None = None
    depths: Path | None = None
    limit: int | None = None
    synthetic: Mapping[str, Any] = field(default_factory=dict)
    computed: bool = True
    refine: str = "auto"
    endpoint: str | None = None

    def seen(self, mode: str) -> Seen:
        """The benchmark seen with a mode of depth."""
        return evaluating.seen(
            self.benchmark, scenes=self.scenes, images=self.images, depths=self.depths,
            limit=self.limit, depth=mode, **self.synthetic,
        )  # fmt: skip

    def count(self, mode: str) -> int:
        """How many views there are; ConfigError for a depth or a benchmark that does not exist."""
        return len(self.seen("true" if mode == "all" else mode))


def one(
    model: str, asked: Asked, mode: str, predictions: Path | None = None, more: bool = False, *,
    watch: Watch = None,
) -> dict[str, Any]:  # fmt: skip
    """The report of one run; with `more` also intervals, and the worst cases as `figures`."""
    answers = predictions
    bench = asked.seen(mode)
    if model in BESIDE or model.partition(":")[0] == "oracle":
        words, name = None, model
    else:
        words, name = _words(model, asked)
    report = evaluating.run(
        name, bench, predictions=answers, computed=asked.computed, refine=asked.refine,
        intervals=more, words=words, cases=(cases := worst.Cases()) if more else None, watch=watch,
    )  # fmt: skip
    return {**report, "figures": cases.figures()} if more else report


def _words(model: str, asked: Asked) -> tuple[Predictor | None, str]:
    """What answers in words, and its name in the header; None for models that n3d loads."""
    if asked.endpoint is not None:
        from n3d.experts.endpoints import Endpoint

        return replying.of_chat(Endpoint(asked.endpoint, model)), model
    path = Path(model)
    if not replying.is_answers(path):
        return None, model
    if asked.benchmark in evaluating.BENCHMARKS:
        raise ConfigError(
            "holds answers, which need a folder that n3d bench wrote", code="benchmark",
            field="benchmark", file=path, hint="Score a file of 'eval run' with 'n3d eval score'",
        )  # fmt: skip
    predictor, digest = replying.of_files(path)
    return predictor, f"{path.name} sha256:{digest[:16]}"


def by_depth(
    model: str, asked: Asked, folder: Path | None = None, *, watch: Watch = None
) -> dict[str, Any]:
    """The four rows of a model: its report by mode of depth. `folder` holds a file of predictions
    for each, so that they are never mixed."""
    _folder(folder)
    rows = {
        mode: one(model, asked, mode, _file(folder, mode), True, watch=watch)
        for mode in modes.MODES
    }
    return _told("depth", rows, "true")


def beside(
    model: str, asked: Asked, mode: str, folder: Path, *, watch: Watch = None
) -> dict[str, Any]:
    """A model between what stands `BESIDE` it, with intervals; files of predictions in `folder`."""
    _folder(folder)
    names = dict.fromkeys(["blind", model, *BESIDE[1:]])
    rows = {}
    for name in names:
        file = _file(folder, "model" if name == model and model not in BESIDE else name)
        rows[name] = one(name, asked, mode, file, True, watch=watch)
    return _told("model", rows, model)


def _told(by: str, rows: dict[str, dict[str, Any]], main: str) -> dict[str, Any]:
    """Rows with what they share, and the worst cases of the main one."""
    figures = {name: row.pop("figures", []) for name, row in rows.items()}
    first = next(iter(rows.values()))
    about = {k: v for k, v in first.items() if not isinstance(v, dict) and k not in (by, "refine")}
    about = {k: v for k, v in about.items() if all(r.get(k) == v for r in rows.values())}
    about = {k: v for k, v in about.items() if k != "items_of_replies"}
    return {"rows_by": by, **about, "rows": rows, "figures": figures[main]}


def _file(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / f"{name}.jsonl"


def _folder(folder: Path | None) -> None:
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError("must be a folder here", code="folder-needed", file=folder)
