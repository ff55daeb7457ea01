"""The command line: `n3d answer | ground | detect | lift | ask | inspect | view | serve | ...`.

Exit codes: 0 done, 2 an input or option is wrong, 3 the question cannot be answered from what
was found, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, NoReturn

import typer

from n3d.apps import datasets, evaluation, forms, models, pictures, serving, training, weights
from n3d.errors import ConfigError, N3DError, QuestionError, printable

# Arguments of the library's functions that are options here, and are named as such in errors.
OPTIONS = (
    "at_once", "batch", "benchmark", "depth", "depth_encoding", "depth_scale", "device", "dtype",
    "endpoint", "fov", "from", "host", "images", "keep", "level", "located", "margin",
    "max_tokens", "min_score", "model", "most", "per_scene", "per_shard", "port", "price",
    "questions", "queue", "refine", "sample", "scenes", "seed", "split", "style", "temperature",
    "timeout", "to", "truth", "up", "where", "workers",
)  # fmt: skip

app = typer.Typer(
    name="n3d",
    help="Ground words to metric 3D boxes in RGB-D pictures, and reason over them in steps "
    "that can be run again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line; a user's mistake ends in one sentence, not in a traceback."""
    warnings.showwarning = _show_warning
    try:
        app(args=argv)
    except QuestionError as e:
        _fail(e, 3)
    except N3DError as e:
        _fail(e, 2)
    except OSError as e:
        text = f"{'' if e.filename is None else e.filename}: {e.strerror or e}"
        _fail(N3DError(printable(text.removeprefix(": "))), 2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    sys.exit(0)


def _fail(error: N3DError, code: int) -> NoReturn:
    if isinstance(error, ConfigError) and error.field in OPTIONS:
        error.field = f"--{error.field.replace('_', '-')}"
    sys.stderr.write(f"n3d: {error}\n")
    sys.exit(code)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    sys.stderr.write(f"n3d: warning: {message}\n")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from n3d import __version__

        typer.echo(f"n3d {__version__}")
        raise typer.Exit()


COMMANDS = (
    pictures.answer,
    models.ground,
    models.detect,
    datasets.lift,
    datasets.ask,
    datasets.bench,
    datasets.rephrase,
    datasets.inspect,
    pictures.view,
    forms.convert,
    forms.export,
    forms.doctor,
    pictures.demo,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(evaluation.app, name="eval")
app.add_typer(weights.app, name="models")
app.command()(training.train)
app.command()(training.adapt)
app.command()(serving.serve)


if __name__ == "__main__":
    main()
