"""The commands about weights of others: models list, fetch, check, remove."""

from __future__ import annotations

from typing import Annotated

import typer

from n3d.apps import options as opt

app = typer.Typer(
    help="List, fetch, check and remove weights.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[
    str, typer.Argument(help="Name of the list, or OWNER/NAME on the hub.", show_default=False)
]


@app.command("list")
def list_(json_out: opt.JsonOut = None) -> None:
    """The weights that n3d knows, which of them are here, their sizes and licences."""
    from n3d.apps import show
    from n3d.pipelines import photographs

    rows = photographs.weights()
    if json_out != "-":
        show.weights(rows)
    if json_out is not None:
        show.write_json(rows, json_out)


@app.command()
def fetch(name: Name) -> None:
    """Download weights into the cache of the Hugging Face hub, and check them.

    Example:

    n3d models fetch depth-anything-indoor-small
    """
    from n3d.apps import show
    from n3d.experts import store

    store.fetch(name, show.say)


@app.command()
def check(name: Name) -> None:
    """Say what is wrong with weights: missing files, broken headers, code."""
    from n3d.apps import show
    from n3d.experts import store

    problems = store.check(name)
    for problem in problems:
        show.say(problem)
    show.say(f"{len(problems)} problems" if problems else "all is well")
    if problems:
        raise typer.Exit(2)


@app.command()
def remove(name: Name) -> None:
    """Delete fetched weights from the cache."""
    from n3d.apps import show
    from n3d.experts import store

    show.say(f"freed {store.remove(name) / 1e6:.0f} MB")
