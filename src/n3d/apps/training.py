"""The commands that train: n3d train, n3d adapt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import options as opt
from n3d.errors import ConfigError


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe: JSON, see runs/.", show_default=False)],
    *,
    run: Annotated[
        Path, typer.Option(help="Folder of the run: state, log, exports.", show_default=False)
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of prepared data; RUN/data by default.", show_default=False),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time.", show_default=False)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Stop after this many steps.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make missing data; 0: none.")] = 1,
    alongside: Annotated[
        bool, typer.Option("--alongside", help="Train while data is made.")
    ] = False,
    data_only: Annotated[bool, typer.Option("--data-only", help="Only make data.")] = False,
    threads: Annotated[int, typer.Option(help="Threads of each process.")] = 1,
) -> None:
    """Train a model as a recipe says.

    The same command goes on where it stopped.

    RUN/export and RUN/best are model directories for --model. Example:

    n3d train runs/mini.json --run RUN --minutes 30
    """
    from n3d.train import launching
    from n3d.train.running import Slice

    plan = launching.Plan(
        run, data or run / "data", Slice(minutes, steps, threads), workers, alongside, data_only
    )
    launching.launch(launching.read(recipe), plan, typer.echo)
    typer.echo(f"{run}")


def adapt(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with annotations.json (COCO), images and depth.", show_default=False
        ),
    ],
    *,
    base: Annotated[str, typer.Option(help="Model directory or name.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the run.", show_default=False)],
    annotations: Annotated[
        Path | None, typer.Option(help="COCO JSON; in FOLDER by default.", show_default=False)
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder; FOLDER/images by default.", show_default=False)
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(help="sensor:FOLDER; FOLDER/depth by default.", show_default=False),
    ] = None,
    camera: Annotated[
        Path | None, typer.Option(help="Intrinsics: file or folder.", show_default=False)
    ] = None,
    fov: opt.Fov = None,
    epochs: Annotated[int, typer.Option(help="How often each picture is seen.")] = 10,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 2e-4,
    lora_rank: Annotated[
        int | None,
        typer.Option(
            help="Rank of adapters, 0: all weights; by default 16 for large networks, else 0.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Train this long now; run again to go on.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make data.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
) -> None:
    """Fit a model to your own pictures.

    Pictures are lifted, and the model is judged before and after on the last fifth of them, whose
    lifted boxes count as true. The same command goes on where it stopped. Example:

    n3d adapt rooms --base n3d-mini --out adapted
    """
    from n3d.apps import scores, show
    from n3d.pipelines import adapting
    from n3d.train.running import Slice

    if rate <= 0:
        raise ConfigError(f"is {rate:g}", code="config-range", field="--rate", limit="above 0")
    data = adapting.of_folder(
        folder, annotations, images, depth, camera="" if camera is None else str(camera),
        fov=fov or 0.0,
    )  # fmt: skip
    plan = adapting.Adaptation(
        base, data, out, epochs=epochs, lora_rank=lora_rank, rate=rate, seed=seed, workers=workers,
        slice=Slice(minutes),
    )  # fmt: skip
    report = adapting.adapt(plan, show.say)
    if report is None:
        show.say("stopped: the same command goes on from here")
        return
    scores.before_and_after(report["before"], report["after"], adapting.SHOWN)
    show.say(f"wrote {out / 'model'} and {out / 'report.json'}")
