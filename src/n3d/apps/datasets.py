"""The commands on data sets and files of boxes: lift, ask, inspect, convert, export, doctor."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import options as opt


def lift(
    source: Annotated[
        str,
        typer.Argument(
            help="Form of the annotations: coco, lvis, objects365, openimages, refcoco.",
            show_default=False,
        ),
    ],
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
    classes: Annotated[
        Path | None,
        typer.Option(help="OpenImages: CSV of label ids and names.", show_default=False),
    ] = None,
    image_info: Annotated[
        Path | None,
        typer.Option(help="OpenImages: CSV of images with their licences.", show_default=False),
    ] = None,
    instances: Annotated[
        Path | None,
        typer.Option(help="RefCOCO: COCO file of the regions referred to.", show_default=False),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="RefCOCO: only the refs of this split.", show_default=False)
    ] = None,
    size_priors: Annotated[
        bool,
        typer.Option(
            "--size-priors", help="Take depth that was not seen from the usual sizes of labels."
        ),
    ] = False,
    licence: Annotated[
        str, typer.Option(help="Licence of images that state none.", show_default=False)
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    per_shard: Annotated[int, typer.Option(help="Images per shard.")] = 256,
    json_out: opt.JsonOut = None,
) -> None:
    """Lift an annotated data set to 3D scenes.

    Lengths are metric boxes in each picture's camera frame. What cannot be lifted is set aside
    with its reason. The same command again resumes a run that was stopped. Example:

    n3d lift coco --annotations instances.json --images images --depth sensor:depth --out scenes
    """
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
        config=lifting.settings(size_priors=size_priors),
        beside=lifting.Beside(classes, image_info, instances, split, licence),
    )
    _report(show, f"scenes in {out}", report, json_out)
    if json_out != "-" and camera is None and fov is None:
        assumed, looked_at = lifting.assumed_cameras(out)
        if assumed:
            show.say(
                f"note: {assumed} of the first {looked_at} scenes have an assumed field of "
                "view, so their lengths are uncertain; give --camera or --fov"
            )
    if json_out != "-" and report.kept:
        show.say(f"next: n3d ask {shlex.quote(str(out))} --out questions")


def ask(
    scenes: Annotated[Path, typer.Argument(help="Data-set folder of scenes.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    kinds: Annotated[str, typer.Option(help="'all', or kinds separated by commas.")] = "all",
    per_scene: Annotated[int, typer.Option(help="Questions per scene.")] = 6,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    json_out: opt.JsonOut = None,
) -> None:
    """Write questions and answers about scenes.

    Every answer has a trace that was run on the scene's boxes. The same command again resumes a
    run that was stopped. Example:

    n3d ask scenes --kinds distance,height --per-scene 4 --out questions
    """
    from n3d.apps import show
    from n3d.pipelines import asking

    report = asking.ask(scenes, out, kinds=kinds, per_scene=per_scene, seed=seed, workers=workers)
    _report(show, f"questions in {out}", report, json_out)
    if json_out != "-":
        show.say(f"next: n3d inspect {shlex.quote(str(out))}")


def _report(show, title: str, report, json_out: str | None) -> None:
    if json_out != "-":
        show.counts(title, report.kept, report.dropped, report.by_reason, report.out / "drops")
        if report.skipped:
            show.say(f"resumed: {report.skipped} of {report.shards} shards were finished before")
    if json_out is not None:
        show.write_json(
            {"kept": report.kept, "dropped": report.dropped, "by_reason": report.by_reason},
            json_out,
        )


def inspect(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a data set or of predictions.", show_default=False)
    ],
    json_out: opt.JsonOut = None,
) -> None:
    """Say what a folder of results kept and dropped, and why."""
    from n3d import engine
    from n3d.apps import show
    from n3d.pipelines import jobs

    predictions = jobs.holds(folder)
    facts = jobs.inspect(folder) if predictions else engine.inspect(folder)
    if json_out != "-":
        state = "" if facts["complete"] else ", unfinished: run its command again"
        title = f"{facts['kind']} records in {folder}{state}"
        drops = folder / (jobs.DROPS if predictions else "drops")
        show.counts(title, facts["kept"], facts["dropped"], facts["by_reason"], drops)
        if facts.get("faults"):
            show.labels(facts["faults"], "without an answer")
        show.labels(facts["labels"], "question" if facts["kind"] == "qa" else "label")
    if json_out is not None:
        show.write_json(facts, json_out)


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
        _report(show, f"scenes in {dst}", report, None)
        return
    count = conversion.convert(src, dst, from_=from_, to=to, camera=camera, up=direction)
    show.say(f"{count} boxes written to {dst}")


def export(
    folder: Annotated[Path, typer.Argument(help="Data-set folder.", show_default=False)],
    to: Annotated[
        str,
        typer.Option(
            help="Of scenes: omni3d, coco, qwen3-vl, n3d-upstream, plain.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="File to write; a folder for n3d-upstream.", show_default=False)
    ],
    images: Annotated[
        Path | None, typer.Option(help="n3d-upstream: folder of the images.", show_default=False)
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(help="n3d-upstream: sensor:DIR, for the points files.", show_default=False),
    ] = None,
    depth_scale: opt.DepthScale = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Write a data set in the form of others.

    What the folder holds decides what --to may be. Example:

    n3d export scenes --to omni3d --out scenes.json
    """
    from n3d.apps import show
    from n3d.pipelines import exporting
    from n3d.pipelines.exporting_scenes import Views

    report = exporting.export(folder, out, to, Views(images, depth, depth_scale))
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
