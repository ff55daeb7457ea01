"""Run a model over a benchmark, and score what was predicted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, N3DError
from n3d.evaluate import blind, following, synthetic, taking
from n3d.evaluate.items import Item, Predictor, Sitting
from n3d.evaluate.oracles import Noise, Oracle
from n3d.evaluate.reporting import Tally
from n3d.evaluate.taking import Answers, Taken
from n3d.pipelines import predicting
from n3d.scene import Prediction
from n3d.synthetic import SceneConfig, split_seed

BENCHMARKS = ("synthetic",)
SCENES = 500
MISSING = Taken(Prediction("", fault="missing: the file has no prediction for this item"))


def benchmark(
    name: str, *, split: str = "test", limit: int | None = None, width: int = 320, height: int = 240
) -> synthetic.Benchmark:
    """The benchmark of a name with `limit` scenes; ConfigError for one that does not exist."""
    if name not in BENCHMARKS:
        raise ConfigError(
            f"unknown benchmark {name[:40]!r}",
            code="benchmark",
            field="benchmark",
            limit=", ".join(BENCHMARKS),
        )
    scenes = SCENES if limit is None else limit
    return synthetic.Benchmark(split, scenes, config=SceneConfig(width=width, height=height))


def predictor(model: str, *, computed: bool = True, refine: str = "auto") -> Predictor:
    """What answers: "oracle", "blind", or a model that `n3d.load` finds.

    "oracle:0.02" is an oracle with noise: centres off by 2 % of their distance, sizes by three
    times that, yaw by 0.02 radians. `computed` results of a trace are computed, else the network
    writes them. `refine` is that of `model.options.Options`, for models alone.
    """
    name, _, noise = model.partition(":")
    if name == "oracle":
        return Oracle(_noise(noise) if noise else None)
    if model == "blind":
        return blind.learn()
    from n3d.model import load

    return together(load(model), computed=computed, refine=refine)


def together(model: Any, **options: Any) -> Predictor:
    """A model as a predictor that decodes all items of a view together, several times as fast as
    one by one (`taking.of_model`, which takes anything of a model's shape)."""
    asker = predicting.Asker(model, **options)

    def predict(sitting: Sitting) -> list[Prediction]:
        asked: list[Any] = [_asked(sitting, item) for item in sitting.items]
        told = iter(asker([a for a in asked if not isinstance(a, N3DError)]))
        found = [a if isinstance(a, N3DError) else next(told) for a in asked]
        return [
            Prediction(i.text, fault=f"{p.code}: {p.message}") if isinstance(p, N3DError) else p
            for i, p in zip(sitting.items, found, strict=True)
        ]

    return predict


def _asked(sitting: Sitting, item: Item) -> predicting.Asked | N3DError:
    try:
        if item.request == "ask":
            return predicting.Asked(sitting.view, item.question)
        return predicting.Asked(sitting.view, names=item.phrases)
    except N3DError as e:
        return e


def _noise(text: str) -> Noise:
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0 <= level <= 1:
        raise ConfigError(
            f"is {text[:40]!r}", code="config-range", field="the oracle's noise", limit="0 to 1"
        )
    return Noise(level, 3 * level, level)


def run(
    model: str,
    bench: synthetic.Benchmark,
    *,
    predictions: Path | None = None,
    computed: bool = True,
    refine: str = "auto",
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Ask a model all of a benchmark and report; what the file of predictions holds already is
    not asked again."""
    way = {"computed": computed, "refine": refine}
    header = {**bench.to_json(), "model": model, **way, "commit": commit()}
    answers = Answers.open(predictions, header)
    tally = Tally()
    asking: Predictor | None = None

    def ask(sitting):
        nonlocal asking  # a file that is complete needs no model
        asking = asking or predictor(model, computed=computed, refine=refine)
        return asking(sitting)

    for sitting, item, taken in taking.take(ask, bench, answers, watch):
        tally.add(item, taken.prediction, sitting.view.camera, sitting.view.up, taken.seconds)
    return tally.report(**_about(bench, answers))


def score(
    predictions: Path,
    name: str | None = None,
    *,
    limit: int | None = None,
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Report on a file of predictions; the truth is made again from the seeds in its header.

    An item without a prediction is wrong, with the fault "missing". `limit` takes the first
    scenes only. Raises ConfigError where the file is of another benchmark than `name`.
    """
    answers = Answers.read(predictions)
    bench = _benchmark_of(answers)
    stored = answers.header.get("benchmark")
    if name is not None and name != stored:
        raise ConfigError(
            f"holds predictions for {stored!r}, not {name[:40]!r}",
            code="predictions-other",
            file=predictions,
        )
    if limit is not None:
        bench = replace(bench, scenes=limit)
    tally = Tally()
    for done, sitting in enumerate(bench, 1):
        for item in sitting.items:
            taken = answers.get(item.id, MISSING)
            tally.add(item, taken.prediction, sitting.view.camera, sitting.view.up, taken.seconds)
        if watch is not None:
            watch(done)
    return tally.report(**_about(bench, answers))


def follow(
    model: str,
    bench: synthetic.Benchmark,
    *,
    computed: bool = True,
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Give a model the true boxes of every question, one of them edited, and report how often its
    answer is what replay gives."""
    from n3d.model import load

    loaded = load(model)
    found: dict[str, list[bool]] = {}
    for done, sitting in enumerate(bench, 1):
        for edit, right in following.follow(loaded, [sitting], computed=computed):
            found.setdefault(edit.item.kind, []).append(right)
        if watch is not None:
            watch(done)
    every = [r for rights in found.values() for r in rights]
    return {
        "model": model,
        "computed": computed,
        "commit": commit(),
        **{k: v for k, v in bench.to_json().items() if k in ("benchmark", "split", "scenes")},
        "questions": len(every),
        "answer_follows_boxes": {
            "overall": sum(every) / len(every) if every else None,
            "by_kind": {k: sum(v) / len(v) for k, v in sorted(found.items())},
        },
    }


def calibrate(
    folder: Path,
    bench: synthetic.Benchmark,
    *,
    refine: str = "depth",
    watch: Callable[[int], None] | None = None,
) -> Path:
    """Fit scores and spreads of a model directory to a benchmark and write its calibration.json;
    `refine`, "depth" or "none", is then what the model does unless it is told otherwise.

    Raises ConfigError for the split that is tested on, and for too few boxes.
    """
    from n3d.model import load
    from n3d.model.calibrating import Asked, Labelled, calibrated

    if bench.split != "validation":
        raise ConfigError(
            f"is {bench.split!r}", code="split", field="split", limit="validation",
            hint="What is tested on must not be fitted to",
        )  # fmt: skip

    def scenes():
        for done, sitting in enumerate(bench, 1):
            every = next(i for i in sitting.items if i.request == "detect")
            asked = [
                Asked(i.phrases, i.true, i.ignored) for i in sitting.items if i.request == "locate"
            ]
            yield Labelled(sitting.view, every.true, every.ignored, asked)
            if watch is not None:
                watch(done)

    calibrated(load(folder), scenes(), refine=refine).calibration.write(folder)
    return folder / "calibration.json"


def _benchmark_of(answers: Answers) -> synthetic.Benchmark:
    h = answers.header
    try:
        made = benchmark(
            str(h["benchmark"]), split=str(h["split"]), limit=int(h["scenes"]),
            width=int(h["width"]), height=int(h["height"]),
        )  # fmt: skip
        return replace(made, first=int(h["first"]), questions=int(h["questions"]))
    except (KeyError, TypeError, ValueError) as e:
        if isinstance(e, ConfigError):
            raise e.at(file=_path(answers)) from None
        raise ConfigError(
            f"does not say what its predictions are of: {e}",
            code="predictions-header",
            file=_path(answers),
            field="header",
        ) from None


def _path(answers: Answers) -> Path | None:
    return None if answers.journal is None else answers.journal.path


def _about(bench: synthetic.Benchmark, answers: Answers) -> dict[str, Any]:
    """Who was asked what: model, commits of the predictions and of this report, seeds."""
    first = split_seed(bench.split, bench.first)
    made = bench.to_json()
    return {
        "model": answers.header.get("model"),
        "computed": answers.header.get("computed"),
        "refine": answers.header.get("refine"),
        "commit": commit(),
        "commit_of_predictions": answers.header.get("commit"),
        "benchmark": made["benchmark"],
        "split": bench.split,
        "scenes": bench.scenes,
        "size": [made["width"], made["height"]],
        "seeds": [first, first + bench.scenes - 1],
    }


def commit() -> str | None:
    """The commit of the checkout that this code runs from, with "+" where tracked files differ;
    None outside of one."""
    folder = Path(__file__).parent

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=folder, capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        known = git("rev-parse", "--short=12", "HEAD")
        return known + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None
