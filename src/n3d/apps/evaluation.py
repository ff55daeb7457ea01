"""The commands that evaluate: eval run, score, follow, calibrate; eval reasoning and its like."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import models, protocols
from n3d.apps import options as opt
from n3d.errors import ConfigError

app = typer.Typer(
    help="Evaluate a model, or a file of its predictions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Model = Annotated[
    str,
    typer.Argument(help="Model directory or name, or what stands for one.", show_default=False),
]
Benchmark = Annotated[
    str, typer.Option(help="Benchmark: synthetic, or a folder that 'n3d bench' wrote.")
]
Scenes = Annotated[
    Path | None,
    typer.Option(help="Of a folder: the scenes that it asks about.", show_default=False),
]
Images = Annotated[
    Path | None, typer.Option(help="Of a folder: the images of the scenes.", show_default=False)
]
Depths = Annotated[
    Path | None, typer.Option(help="Of a folder: the depth images.", show_default=False)
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Scenes; 500 by default.", show_default=False)
]


@app.command()
def run(
    model: Model,
    benchmark: Benchmark = "synthetic",
    split: Annotated[str, typer.Option(help="test, test-shifted or validation.")] = "test",
    limit: Limit = None,
    scenes: Scenes = None,
    images: Images = None,
    depths: Depths = None,
    depth: Annotated[
        str, typer.Option(help="Depth that is seen: true, sensor, estimated, none; or all.")
    ] = "true",
    predictions: Annotated[
        Path | None,
        typer.Option(help="File of predictions; resumed if it is there.", show_default=False),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="OpenAI-compatible server whose model MODEL is.", show_default=False
        ),
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Let the model write the results of its traces.")
    ] = False,
    refine: models.Refine = "auto",
    size: Annotated[str, typer.Option(help="Pixels of the views: WIDTHxHEIGHT.")] = "320x240",
    out: protocols.Out = None,
    json_out: opt.JsonOut = None,
) -> None:  # fmt: skip
    """Ask a model everything of a benchmark and score its answers.

    The model is a directory, a name, oracle, blind, true-boxes or lifted-boxes (known boxes and the
    program of each question), a file or folder of answers, or a server's. The same command again
    resumes a run that was stopped, where --predictions names its file. With --depth all it runs
    four times, and --predictions names a folder. Example:

    n3d eval run n3d-mini --limit 100 --predictions mini.jsonl --json mini.json
    """
    from n3d.apps import scores, show
    from n3d.pipelines import tabling, writing_rows

    if json_out not in (None, "-") and predictions is not None:
        opt.check_apart(Path(str(json_out)), predictions)
    width, height = opt.pixels(size, "--size")
    asked = tabling.Asked(
        benchmark, scenes=scenes, images=images, depths=depths, limit=limit,
        synthetic={"split": split, "width": width, "height": height},
        computed=not free, refine=refine, endpoint=endpoint,
    )  # fmt: skip
    watch = _watch(asked.count(depth))
    if depth == "all":
        report = tabling.by_depth(model, asked, predictions, watch=watch)
    else:
        report = tabling.one(model, asked, depth, predictions, bool(out), watch=watch)
    if json_out != "-":
        (scores.rows if "rows" in report else scores.report)(report)
        if "replies" in report:
            scores.reasoning(report["replies"])
    _write(show, report, out, json_out, writing_rows.write)


@app.command()
def table(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="Folder of predictions and reports.", show_default=False)
    ],
    benchmark: Benchmark = "synthetic",
    split: Annotated[str, typer.Option(help="test, test-shifted or validation.")] = "test",
    limit: Limit = None,
    scenes: Scenes = None,
    images: Images = None,
    depths: Depths = None,
    depth: Annotated[
        str, typer.Option(help="Depth that is seen: true, sensor, estimated or none.")
    ] = "true",
    refine: models.Refine = "auto",
    size: Annotated[str, typer.Option(help="Pixels of the views: WIDTHxHEIGHT.")] = "320x240",
    json_out: opt.JsonOut = None,
) -> None:
    """A model between the two ends of the scale: one table with intervals and blame.

    Beside the model stand the blind baseline, lifted 2D regions and true boxes with the program of
    each question run on them, the ceiling. Resumed by the same command. Example:

    n3d eval table n3d-mini --limit 100 --out mini_table
    """
    from n3d.apps import scores, show
    from n3d.pipelines import tabling, writing_rows

    width, height = opt.pixels(size, "--size")
    asked = tabling.Asked(
        benchmark, scenes=scenes, images=images, depths=depths, limit=limit,
        synthetic={"split": split, "width": width, "height": height}, refine=refine,
    )  # fmt: skip
    report = tabling.beside(model, asked, depth, out, watch=_watch(asked.count(depth)))
    if json_out != "-":
        scores.rows(report)
    _write(show, report, out, json_out, writing_rows.write)


def _write(show, report, out: Path | None, json_out: str | None, write) -> None:
    """The folder and the file that were asked for."""
    if out is not None:
        write(report, out)
        if json_out != "-":
            show.say(f"wrote {out / 'report.html'}, report.md and report.json")
    if json_out is not None:
        told = {k: v for k, v in report.items() if k != "figures"}
        show.write_json(told, json_out)


@app.command()
def follow(
    model: Annotated[str, typer.Argument(help="Model directory or name.", show_default=False)],
    benchmark: Benchmark = "synthetic",
    split: Annotated[str, typer.Option(help="test, test-shifted or validation.")] = "test",
    limit: Limit = None,
    free: Annotated[
        bool, typer.Option("--free", help="Let the model write the results of its traces.")
    ] = False,
    json_out: opt.JsonOut = None,
) -> None:
    """Edit a box before each question: does the answer change as it must?

    Example:

    n3d eval follow n3d-mini --limit 50
    """
    from n3d.apps import show
    from n3d.pipelines import evaluating

    bench = evaluating.benchmark(benchmark, split=split, limit=limit)
    report = evaluating.follow(model, bench, computed=not free, watch=_watch(len(bench)))
    _tell(show, report, json_out)


@app.command()
def calibrate(
    model: Annotated[Path, typer.Argument(help="Model directory.", show_default=False)],
    limit: Annotated[int, typer.Option(min=10, help="Scenes of the validation split.")] = 200,
    refine: Annotated[
        str, typer.Option(help="What boxes go through from now on: depth or none.")
    ] = "depth",
) -> None:
    """Fit a model's scores and intervals to held-out scenes: writes its calibration.json.

    Example:

    n3d eval calibrate RUN/best
    """
    from n3d.apps import show
    from n3d.pipelines import evaluating

    bench = evaluating.benchmark("synthetic", split="validation", limit=limit)
    bench = replace(bench, questions=0)
    if refine not in ("depth", "none"):
        raise ConfigError(
            f"is {refine[:20]!r}", code="config-value", field="--refine", limit="depth, none"
        )
    path = evaluating.calibrate(model, bench, refine=refine, watch=_watch(limit))
    show.say(f"wrote {path}")


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(help="File of predictions of 'eval run'.", show_default=False)
    ],
    benchmark: Benchmark = "synthetic",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first scenes.", show_default=False)
    ] = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Score a file of predictions again.

    The truth is made again from the seeds in the file. Example:

    n3d eval score mini.jsonl --benchmark synthetic --json mini.json
    """
    from n3d.apps import show
    from n3d.pipelines import evaluating

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), predictions)
    report = evaluating.score(predictions, benchmark, limit=limit, watch=_watch(limit))
    _tell(show, report, json_out)


app.command()(protocols.reasoning)
app.command()(protocols.grounding)
app.command()(protocols.chains)
app.command()(protocols.protocols)
app.command("import")(protocols.import_)


def _watch(scenes: int | None):
    """Progress on stderr where somebody looks."""
    if not sys.stderr.isatty():
        return None

    def watch(done: int) -> None:
        of = "" if scenes is None else f" of {scenes}"
        sys.stderr.write(f"\r{done}{of} scenes" + ("\n" if done == scenes else ""))
        sys.stderr.flush()

    return watch


def _tell(show, report, json_out: str | None) -> None:
    from n3d.apps import scores

    if json_out != "-":
        scores.report(report)
    if json_out is not None:
        show.write_json(report, json_out)
