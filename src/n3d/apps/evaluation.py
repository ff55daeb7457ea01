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
Benchmark = Annotated[str, typer.Option(help="Benchmark: synthetic.")]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Scenes; 500 by default.", show_default=False)
]


@app.command()
def run(
    model: Annotated[
        str,
        typer.Argument(help="Model directory or name, 'oracle' or 'blind'.", show_default=False),
    ],
    benchmark: Benchmark = "synthetic",
    split: Annotated[str, typer.Option(help="test, test-shifted or validation.")] = "test",
    limit: Limit = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="File of predictions; resumed if it is there.", show_default=False),
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Let the model write the results of its traces.")
    ] = False,
    refine: models.Refine = "auto",
    size: Annotated[str, typer.Option(help="Pixels of the views: WIDTHxHEIGHT.")] = "320x240",
    json_out: opt.JsonOut = None,
) -> None:
    """Ask a model everything of a benchmark and score its answers.

    The same command again resumes a run that was stopped, where --predictions names its file.
    Example:

    n3d eval run n3d-mini --limit 100 --predictions mini.jsonl --json mini.json
    """
    from n3d.apps import show
    from n3d.pipelines import evaluating

    if json_out not in (None, "-") and predictions is not None:
        opt.check_apart(Path(str(json_out)), predictions)
    width, height = opt.pixels(size, "--size")
    bench = evaluating.benchmark(benchmark, split=split, limit=limit, width=width, height=height)
    report = evaluating.run(
        model,
        bench,
        predictions=predictions,
        computed=not free,
        refine=refine,
        watch=_watch(len(bench)),
    )
    _tell(show, report, json_out)


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
    if json_out != "-":
        show.report(report)
    if json_out is not None:
        show.write_json(report, json_out)
