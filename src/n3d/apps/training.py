"""The command that trains: n3d train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
