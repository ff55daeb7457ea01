"""Run a model over a benchmark, and score what was predicted."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from n3d import __version__
from n3d.errors import ConfigError
from n3d.evaluate import depths, following, synthetic, taking
from n3d.evaluate.depths import Seen
from n3d.evaluate.items import Predictor
from n3d.evaluate.reporting import Tally
from n3d.evaluate.taking import Answers, Taken
from n3d.pipelines import own_sets, predictors, replying, worst
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


def seen(
    name: str,
    *,
    scenes: Path | None = None,
    images: Path | None = None,
    depths: Path | None = None,
    limit: int | None = None,
    depth: str = "true",
    **options: Any,
) -> Seen:
    """The benchmark of a name, or that of a folder (`own_sets.find`), seen with a mode of depth."""
    if name in BENCHMARKS or not Path(name).is_dir():
        return Seen(benchmark(name, limit=limit, **options), depth)
    return Seen(own_sets.find(Path(name), scenes, images, depths, limit), depth)


def run(
    model: str,
    bench: Seen | synthetic.Benchmark,
    *,
    predictions: Path | None = None,
    computed: bool = True,
    refine: str = "auto",
    intervals: bool = False,
    words: Predictor | None = None,
    cases: worst.Cases | None = None,
    watch: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Ask a model all of a benchmark and report; what the file of predictions holds already is
    not asked again. With `intervals` the report has those of its shares; `words` answers in words
    (`replying`) in the place of what `predictors` finds, `model` being its name. `cases` are told
    every answer."""
    bench = bench if isinstance(bench, Seen) else Seen(bench)
    asking = words
    way = {"way": "words"} if words else {"computed": computed, "refine": refine}
    header = {**bench.to_json(), "model": model, **way, "commit": commit()}
    answers = Answers.open(predictions, header)

    def ask(sitting):
        nonlocal asking  # a file that is complete needs no model
        if asking is None:
            asking = predictors.find(model, computed=computed, refine=refine, bench=bench.bench)
        return asking(sitting)

    def taken():
        for sitting, item, found in taking.take(ask, bench, answers, watch):
            if cases is not None:
                cases.tell(sitting, item, found.prediction)
            yield sitting, item, found

    return _report(bench, answers, taken(), intervals)


def _report(bench: Seen, answers: Answers, taken: Any, intervals: bool = False) -> dict[str, Any]:
    """Measures of boxes and traces; of a folder, or where there are no traces, of replies too."""
    tally, replies = Tally(), []
    for sitting, item, found in taken:
        tally.add(item, found.prediction, sitting.view.camera, sitting.view.up, found.seconds)
        told = replying.record(item, sitting.id, found.prediction)
        replies += [] if told is None else [(item.id, told)]
    report = tally.report(**_about(bench, answers))
    if intervals:
        report["intervals_95"] = tally.intervals()
    words = answers.header.get("way") == "words"
    if replies and (words or isinstance(bench.bench, own_sets.OwnSet)):
        report["replies"], report["items_of_replies"] = replying.mark(replies)
    return report


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
    mode = depths.check(str(answers.header.get("depth", "true")))
    stored = answers.header.get("benchmark")
    if name is not None and name != stored:
        raise ConfigError(
            f"holds predictions for {stored!r}, not {name[:40]!r}",
            code="predictions-other",
            file=predictions,
        )
    if limit is not None:
        bench = replace(bench, scenes=limit)

    def taken():
        for done, sitting in enumerate(bench, 1):
            yield from ((sitting, item, answers.get(item.id, MISSING)) for item in sitting.items)
            if watch is not None:
                watch(done)

    return _report(Seen(bench, mode), answers, taken())


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


def _about(bench: Seen, answers: Answers) -> dict[str, Any]:
    """Who was asked what: model, versions, commits of the predictions and of this report, depth,
    seeds or hashes."""
    made = bench.to_json()
    out = {
        "model": answers.header.get("model"),
        "computed": answers.header.get("computed"),
        "refine": answers.header.get("refine"),
        "n3d": __version__,
        "commit": commit(),
        "commit_of_predictions": answers.header.get("commit"),
        "benchmark": made["benchmark"],
        "depth": bench.mode,
    }
    if isinstance(bench.bench, own_sets.OwnSet):
        keys = ("scenes", "questions_sha256", "scenes_sha256")
        return {**out, **{k: made[k] for k in keys}, "dropped": _dropped(bench.bench)}
    first = split_seed(bench.bench.split, bench.bench.first)
    return {
        **out,
        "split": bench.bench.split,
        "scenes": bench.bench.scenes,
        "size": [made["width"], made["height"]],
        "seeds": [first, first + bench.bench.scenes - 1],
    }


def _dropped(bench: own_sets.OwnSet) -> dict[str, int]:
    """How many records of a folder were set aside in the last pass, by reason."""
    return dict(sorted(Counter(d.reason for d in bench.drops).items()))


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
