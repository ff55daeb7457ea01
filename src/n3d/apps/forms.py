"""The commands on the forms of others: convert, export, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import options as opt


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
    """Convert files of 3D boxes.

    .txt means kitti, .csv boxer and .jsonl plain; other forms are named, or said in words, such as
    "frame=rub,unit=cm,size=zyx,rotation=yaw:+y:deg". --to scenes makes a data set. Example:

    n3d convert label.txt boxes.json --from kitti --to omni3d --camera calib.txt
    """
    from n3d.apps import show
    from n3d.sources import convert as conversion

    opt.check_apart(dst, src, camera)
    direction = opt.vector(up, "--up")
    if to == "scenes":
        from n3d.pipelines import exporting_scenes

        report = exporting_scenes.take(src, dst, form=from_, camera=camera, up=direction)
        show.run(f"scenes in {dst}", report, None)
        return
    count = conversion.convert(src, dst, from_=from_, to=to, camera=camera, up=direction)
    show.say(f"{count} boxes written to {dst}")


def export(
    folder: Annotated[Path, typer.Argument(help="Data-set folder.", show_default=False)],
    to: Annotated[
        str,
        typer.Option(
            help="Of scenes: omni3d, coco, qwen3-vl, n3d-upstream, plain. Of questions: "
            "llama-factory, llava, openai, webdataset, parquet, lmms-eval.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write; a folder for questions and n3d-upstream.", show_default=False
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(help="Of questions and n3d-upstream: the images.", show_default=False),
    ] = None,
    depth: Annotated[
        str | None, typer.Option(help="sensor:DIR, depth to be exported.", show_default=False)
    ] = None,
    depth_scale: opt.DepthScale = None,
    scenes: Annotated[
        Path | None, typer.Option(help="Of questions: what they ask about.", show_default=False)
    ] = None,
    style: Annotated[
        str, typer.Option(help="Of questions, how they are answered: prose, compact, answer.")
    ] = "prose",
    json_out: opt.JsonOut = None,
) -> None:
    """Write a data set in the form of others.

    What the folder holds decides what --to may be. Example:

    n3d export scenes --to omni3d --out scenes.json
    """
    from n3d.apps import show
    from n3d.pipelines import exporting, exporting_questions
    from n3d.pipelines.exporting_scenes import Views

    views = Views(images, depth, depth_scale)
    report = exporting.export(folder, out, to, views, scenes=scenes, style=style)
    if isinstance(report, exporting_questions.Report):
        show.run(f"conversations in {out}", report, json_out, out / exporting_questions.DROPS)
        return
    if json_out != "-":
        show.say(f"{report.scenes} scenes with {report.objects} objects written to {out}")
        for reason, count in report.by_reason.items():
            show.say(f"{count} scenes left out: {reason}")
    if json_out is not None:
        counts = {"kept": report.scenes, "dropped": sum(report.by_reason.values())}
        show.write_json({**counts, "by_reason": report.by_reason}, json_out)


def doctor(
    file: Annotated[Path, typer.Argument(help="File of 3D boxes.", show_default=False)],
    camera: opt.CameraFile = None,
    regions: opt.Regions = None,
    up: opt.Up = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Find the convention of a file of 3D boxes.

    That is its axes, unit, sizes, angles, and whether boxes are told by their centre or their
    bottom. Every convention is tried: its boxes are projected onto the 2D boxes of the file, or of
    --regions. Example:

    n3d doctor boxes.json --camera camera.json
    """
    from n3d.apps import show
    from n3d.pipelines import diagnoses, diagnosing

    if json_out not in (None, "-"):
        opt.check_apart(Path(str(json_out)), file, camera, regions)
    direction = opt.vector(up, "--up")
    found = diagnosing.diagnose(file, camera=camera, regions=regions, up=direction)
    command = diagnoses.command(found, file, camera, up)
    if json_out != "-":
        show.diagnosis(found, command)
    if json_out is not None:
        show.write_json(diagnoses.to_json(found, command), json_out)
