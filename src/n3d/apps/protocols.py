"""The commands that mark files of any model: eval reasoning, grounding, chains, protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from n3d.apps import options as opt
from n3d.errors import ConfigError

Seed = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")]

Out = Annotated[
    Path | None,
    typer.Option(help="Folder for report.json, report.md and report.html.", show_default=False),
]


def reasoning(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: id, question, reference, response, category.",
                             show_default=False)
    ],
    protocol: Annotated[
        str, typer.Option(help="n3d-bench, spatialrgpt-bench, cv-bench-3d or mra.")
    ] = "n3d-bench",
    truth: Annotated[
        Path | None,
        typer.Option(help="Questions, as 'eval import' writes them, where FILE has replies alone.",
                     show_default=False),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how each reply was read.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(help="Also ask a language model: an OpenAI-compatible server.",
                     show_default=False),
    ] = None,
    judge_model: Annotated[str, typer.Option(help="Its model.")] = "",
    judge_cache: Annotated[
        Path | None, typer.Option(help="File that keeps its replies.", show_default=False)
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    json_out: opt.JsonOut = None,
) -> None:  # fmt: skip
    """Mark a file of replies without a language model.

    A reply that cannot be read is wrong, and is counted. A --judge is asked besides, and how far it
    agrees is told. Examples:

    n3d eval reasoning replies.jsonl --protocol n3d-bench --json marks.json

    n3d eval reasoning replies.jsonl --judge http://localhost:8001/v1 --judge-model M
    """
    from n3d.apps import scores, show
    from n3d.pipelines import marking

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), file, truth)
    asked = _judge(judge, judge_model, judge_cache)
    report = marking.reasoning(file, protocol, truth=truth, seed=seed, judge=asked)
    if json_out != "-":
        if explain:
            scores.marks(report["items"])
        scores.reasoning(report)
    _write(show, report, out, json_out)


def _judge(url: str | None, model: str, cache: Path | None) -> Any:
    """Who judges, None for nobody; ConfigError for one that is half said."""
    from n3d.pipelines.judging import Judge

    if url is None:
        for name, value in (("--judge-model", model), ("--judge-cache", cache)):
            if value:
                raise ConfigError("is for a judge", code="config-conflict", field=name)
        return None
    if not model:
        raise ConfigError(
            "is needed to ask a server", code="config-missing", field="--judge-model",
            hint="Name one of the server's models",
        )  # fmt: skip
    return Judge(url, model, cache)


def grounding(
    predictions: Annotated[
        Path, typer.Argument(help="Predicted boxes: results of COCO's form, records, JSON lines.",
                             show_default=False)
    ],
    truth: Annotated[
        Path, typer.Option(help="True boxes: Omni3D's JSON, records, JSON lines.",
                           show_default=False)
    ],
    protocol: Annotated[
        str,
        typer.Option(help="n3d-paper, omni3d, target-aware, centre-distance, scanrefer or "
                     "sunrgbd-ap15."),
    ] = "n3d-paper",
    proximity: Annotated[
        str, typer.Option(help="Omni3D's proximity rule: on, off, or auto by the data set's name.")
    ] = "auto",
    seed: Seed = 0,
    out: Out = None,
    json_out: opt.JsonOut = None,
) -> None:  # fmt: skip
    """Mark a file of predicted 3D boxes.

    Example:

    n3d eval grounding predicted.json --truth true.json --protocol omni3d --json report.json
    """
    from n3d.apps import scores, show
    from n3d.pipelines import marking

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), predictions, truth)
    report = marking.grounding(predictions, truth, protocol, proximity=proximity, seed=seed)
    if json_out != "-":
        scores.flat(report)
    _write(show, report, out, json_out)


def chains(
    file: Annotated[
        Path, typer.Argument(help="Reasoning texts: JSON lines, n3d's answers, N3D-VLM's outputs.",
                             show_default=False)
    ],
    protocol: Annotated[
        str, typer.Option(help="Whose rule for hours: n3d-bench or spatialrgpt-bench.")
    ] = "n3d-bench",
    camera: opt.CameraFile = None,
    out: Out = None,
    json_out: opt.JsonOut = None,
) -> None:  # fmt: skip
    """Calculate every statement of reasoning texts again.

    Tells whether the answer is right, whether the chain that leads to it is, and what is to blame.
    Example:

    n3d eval chains outputs.json --json chains.json
    """
    from n3d.apps import scores, show
    from n3d.pipelines import marking

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), file, camera)
    report = marking.chains(file, protocol=protocol, camera=camera)
    if json_out != "-":
        scores.chains(report["items"])
        scores.flat({k: v for k, v in report.items() if k != "items"})
    _write(show, report, out, json_out)


def import_(
    name: Annotated[
        str,
        typer.Argument(help="spatialrgpt-bench, cv-bench-3d, refcoco or omni3d.",
                       show_default=False),
    ],
    folder: Annotated[
        Path, typer.Argument(help="Its folder, or the file itself.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="JSON lines to write.", show_default=False)],
) -> None:  # fmt: skip
    """Read a benchmark's own files into questions or true boxes.

    Nothing is downloaded; what is missing is told with where to get it. Example:

    n3d eval import cv-bench-3d CV-Bench --out questions.jsonl
    """
    from n3d.apps import show
    from n3d.pipelines import marking

    opt.check_apart(out, folder)
    report = marking.fetch(name, folder, out)
    show.say(f"wrote {out}: {report['records']} records")
    if report["dropped"]["count"]:
        told = ", ".join(f"{n} {why}" for why, n in report["dropped"]["by_reason"].items())
        show.say(f"set aside: {told}")


def protocols(
    name: Annotated[
        str | None, typer.Argument(help="A protocol; all of them without.", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """Print what a protocol is, its traps, and which published numbers may stand beside it.

    Example:

    n3d eval protocols omni3d
    """
    from n3d.apps import show
    from n3d.evaluate import cards

    if name is None:
        for card in cards.cards().values():
            show.say(f"{card.name:18} n3d eval {card.marks:10} {card.about}")
    else:
        show.say(cards.text(cards.find(name)))


def _write(show: Any, report: dict[str, Any], out: Path | None, json_out: str | None) -> None:
    """The folder and the file that were asked for."""
    from n3d.pipelines import writing_up

    if out is not None:
        writing_up.write(report, out)
        if json_out != "-":
            show.say(f"wrote {out / 'report.html'}, report.md and report.json")
    if json_out is not None:
        show.write_json(report, json_out)
        if json_out != "-":
            show.say(f"wrote {json_out}")
