"""The command line: `n3d answer | lift | ask | inspect | view | convert | demo`.

Exit codes: 0 done, 2 an input or option is wrong, 3 the question cannot be answered from what
was found, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from n3d.apps import options as opt
from n3d.errors import ConfigError, N3DError, QuestionError

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
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    sys.exit(0)


def _fail(error: N3DError, code: int) -> NoReturn:
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


@app.command()
def answer(
    image: opt.Image,
    question: Annotated[str, typer.Argument(help="The question, in English.", show_default=False)],
    depth: opt.Depth = None,
    camera: opt.CameraFile = None,
    regions: opt.Regions = None,
    boxes: opt.Boxes = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_encoding: opt.DepthEncoding = None,
    image_name: opt.ImageName = None,
    level: Annotated[float, typer.Option(help="Share of samples inside the interval.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Seed of the interval's samples.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for answer.json and answer.png.", show_default=False),
    ] = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Answer a question about a picture: boxes, trace, check, interval.

    n3d answer desk.jpg --depth desk.png --camera camera.json --regions regions.json
    "How far is the mug from the lamp?" --out out/
    """
    from n3d.apps import show
    from n3d.pipelines import answering, seeing

    view = opt.read_view(
        image, depth, camera, up=up, fov=fov, depth_scale=depth_scale, depth_encoding=depth_encoding
    )
    found = answering.answer(
        view,
        question,
        regions=answering.read_regions(regions, view, image=image_name or image.name)
        if regions
        else None,
        objects=answering.read_objects(boxes) if boxes else None,
        level=level,
        seed=seed,
    )
    record = answering.to_json(found)
    if json_out != "-":
        show.prediction(found)
    if out is not None:
        show.write_json(record, out / "answer.json")
        seeing.write(show.folder_of(out / "answer.png"), view, found)
    if json_out is not None:
        show.write_json(record, json_out)


@app.command()
def lift(
    source: Annotated[str, typer.Argument(help="Form of the annotations: coco.")],
    annotations: Annotated[Path, typer.Option(help="Annotation file.", show_default=False)],
    images: Annotated[Path, typer.Option(help="Folder of the images.", show_default=False)],
    depth: Annotated[
        str,
        typer.Option(help="sensor:DIR, depth files with the images' names.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    camera: opt.CameraFile = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    per_shard: Annotated[int, typer.Option(help="Images per shard.")] = 256,
    json_out: opt.JsonOut = None,
) -> None:
    """Lift 2D annotations with depth to metric 3D boxes; run again to resume."""
    from n3d.apps import show
    from n3d.pipelines import lifting

    report = lifting.lift(
        source,
        annotations,
        images,
        depth=depth,
        out=out,
        camera=camera,
        fov=fov,
        depth_scale=depth_scale,
        workers=workers,
        per_shard=per_shard,
    )
    _report(show, f"scenes in {out}", report, json_out)


@app.command()
def ask(
    scenes: Annotated[Path, typer.Argument(help="Data-set folder of scenes.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    kinds: Annotated[str, typer.Option(help="'all', or kinds separated by commas.")] = "all",
    per_scene: Annotated[int, typer.Option(help="Questions per scene.")] = 6,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    json_out: opt.JsonOut = None,
) -> None:
    """Write questions with traces and answers about lifted scenes; run again to resume."""
    from n3d.apps import show
    from n3d.pipelines import asking

    report = asking.ask(scenes, out, kinds=kinds, per_scene=per_scene, seed=seed, workers=workers)
    _report(show, f"questions in {out}", report, json_out)


def _report(show, title: str, report, json_out: str | None) -> None:
    if json_out != "-":
        show.counts(title, report.kept, report.dropped, report.by_reason)
    if json_out is not None:
        show.write_json(
            {"kept": report.kept, "dropped": report.dropped, "by_reason": report.by_reason},
            json_out,
        )


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Data-set folder.", show_default=False)],
    json_out: opt.JsonOut = None,
) -> None:
    """What a data set holds: kept, dropped and why, labels."""
    from n3d import engine
    from n3d.apps import show

    facts = engine.inspect(folder)
    if json_out != "-":
        show.counts(str(folder), facts["kept"], facts["dropped"], facts["by_reason"])
    if json_out is not None:
        show.write_json(facts, json_out)


@app.command()
def view(
    image: opt.Image,
    out: Annotated[
        Path, typer.Option(help="File to write: .png, .html, .ply or .glb.", show_default=False)
    ],
    depth: opt.Depth = None,
    camera: opt.CameraFile = None,
    regions: opt.Regions = None,
    boxes: opt.Boxes = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_encoding: opt.DepthEncoding = None,
    image_name: opt.ImageName = None,
) -> None:
    """Draw a picture with its regions lifted, or with known boxes, as PNG, HTML, PLY or GLB."""
    from n3d.apps import show
    from n3d.pipelines import answering, seeing

    seen = opt.read_view(
        image, depth, camera, up=up, fov=fov, depth_scale=depth_scale, depth_encoding=depth_encoding
    )
    found, drops = [], ()
    if boxes is not None:
        found = answering.read_objects(boxes)
    elif regions is not None:
        given = answering.read_regions(regions, seen, image=image_name or image.name)
        seen, found, drops = seeing.lift_regions(seen, given)
    seeing.write(show.folder_of(out), seen, found)
    show.console.print(show.objects_table(found))
    for drop in drops:
        show.console.print(f"dropped {drop.id}: {drop.reason}: {drop.detail}", markup=False)
    show.console.print(f"wrote {out}", markup=False, highlight=False)


@app.command()
def convert(
    src: Annotated[Path, typer.Argument(help="File of 3D boxes.", show_default=False)],
    dst: Annotated[Path, typer.Argument(help="File to write.", show_default=False)],
    from_: Annotated[
        str | None, typer.Option("--from", help="Form of the input.", show_default=False)
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Form of the output.", show_default=False)
    ] = None,
    camera: opt.CameraFile = None,
    up: opt.Up = None,
) -> None:
    """Convert files of 3D boxes: --from kitti --to omni3d, and the like."""
    from n3d.apps import show
    from n3d.sources import convert as conversion

    count = conversion.convert(
        src, dst, from_=from_, to=to, camera=camera, up=opt.vector(up, "--up")
    )
    show.console.print(f"{count} boxes written to {dst}", markup=False, highlight=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files and pictures.")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the rendered scene.")] = 7,
) -> None:
    """Render an RGB-D scene, write it as files, and ask it questions; nothing is downloaded."""
    from n3d.apps import show
    from n3d.pipelines import demonstrating

    if seed < 0:
        raise ConfigError("must be >= 0", code="config-range", field="--seed")
    for step in demonstrating.run(out, seed=seed):
        if isinstance(step, str):
            show.console.print(step, markup=False, highlight=False)
        else:
            show.console.print()
            show.prediction(step)


if __name__ == "__main__":
    main()
