"""The commands on one picture: answer, view, demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import browsers, models, runs
from n3d.apps import options as opt
from n3d.errors import ConfigError, QuestionError


def answer(
    image: models.Source,
    question: Annotated[
        str | None, typer.Argument(help="The question, in English.", show_default=False)
    ] = None,
    depth: opt.Depth = None,
    camera: opt.CameraFile = None,
    regions: opt.Regions = None,
    boxes: opt.Boxes = None,
    model: Annotated[
        str | None, typer.Option(help="Model directory or name.", show_default=False)
    ] = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_encoding: opt.DepthEncoding = None,
    image_name: opt.ImageName = None,
    depth_model: opt.DepthModel = "auto",
    detector: opt.DetectorName = "auto",
    segmenter: opt.SegmenterName = "auto",
    vlm: Annotated[
        str | None,
        typer.Option(
            help="Vision-language model that finds regions and rewords questions: weights, or the "
            "URL of an OpenAI-compatible server.",
            show_default=False,
        ),
    ] = None,
    vlm_model: Annotated[
        str, typer.Option(help="Model of the server; its key is in N3D_API_KEY.")
    ] = "",
    vlm_boxes: Annotated[
        str, typer.Option(help="How it writes boxes: pixels, thousand, unit, gemini or 3d.")
    ] = "thousand",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what makes boxes doubtful.")
    ] = False,
    refine: models.Refine = "auto",
    free: Annotated[
        bool, typer.Option("--free", help="Let the model write the results of its trace.")
    ] = False,
    device: models.Device = "auto",
    dtype: models.Dtype = "auto",
    level: Annotated[float, typer.Option(help="Share of samples inside the interval.")] = 0.9,
    seed: models.Seed = 0,
    temperature: models.Temperature = 0.0,
    max_tokens: models.MaxTokens = 4096,
    most: models.Most = 32,
    batch: models.Batch = 8,
    draw: models.Draw = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for answer.json and answer.png.", show_default=False),
    ] = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Answer a question about a picture.

    The objects it names are lifted from --regions, taken from --boxes, or written by --model; the
    answer comes with their boxes, the trace, its check and an interval. With none of these a
    detector finds them, and without --depth a depth model measures them: the best weights that
    are on this machine (`n3d models`). With --model, questions of a .jsonl file are answered too.
    Example:

    n3d answer desk.jpg "How far is the mug from the lamp?" --depth desk.png --camera camera.json
    --regions regions.json --out out
    """
    means = runs.Means(refine, free, device, dtype, temperature, max_tokens, most, batch, draw)
    _check_question(question, image, model)
    finders = {
        "--depth-model": depth_model, "--detector": detector, "--segmenter": segmenter,
        "--vlm": vlm, "--explain": explain,
    }  # fmt: skip
    if model is not None:
        runs.check_unused(finders, "--model")
        if regions is not None or boxes is not None:
            raise ConfigError(
                "exactly one must be given",
                code="answer-grounder",
                field="--regions, --boxes and --model",
            )
        given = runs.Given(image, depth, camera, up, fov, depth_scale, depth_encoding)
        runs.ask(
            "answer", given, {"question": question}, model, means,
            level=level, seed=seed, out=out, json_out=json_out,
        )  # fmt: skip
        return
    means.check_unused(besides=("device",))
    from n3d.apps import show
    from n3d.pipelines import answering, doubting, known, photographs, seeing

    if out is not None:
        for name in ("answer.json", "answer.png"):
            opt.check_apart(out / name, image, depth, camera, regions, boxes)
    if json_out not in (None, "-"):
        opt.check_apart(Path(json_out), image, depth, camera, regions, boxes)
    view = opt.read_view(
        image, depth, camera, up=up, fov=fov, depth_scale=depth_scale, depth_encoding=depth_encoding
    )
    answering.check_sampling(level, seed)
    given = objects = provenance = grounder = experts = None
    if boxes is None:
        wanted = photographs.Wanted(
            depth_model, detector, segmenter, device, vlm, vlm_model, vlm_boxes
        )
        experts = photographs.gather(view, wanted, needs_regions=regions is None)
        if str(experts.chosen) and json_out != "-":
            show.say(str(experts.chosen))
        view = experts.see(view)
        said = experts.readable(question or "", view)
        if said != question and json_out != "-":
            show.say(f"read as: {said}")
        question = said
        grounder = experts.grounder() if regions is None else None
    else:
        runs.check_unused({k: v for k, v in finders.items() if k != "--explain"}, "--boxes")
        scene = known.read(boxes)
        view = known.with_gravity_of(view, scene)
        objects, provenance = scene.objects, scene.provenance
    if regions is not None:
        given = answering.read_regions(regions, view, image=image_name or image.name)
    try:
        if experts is not None and grounder is not None:
            found = experts.answer(view, question or "", grounder, level=level, seed=seed)
        else:
            found = answering.answer(
                view, question or "", regions=given, objects=objects, provenance=provenance,
                level=level, seed=seed,
            )  # fmt: skip
    except QuestionError as e:
        if grounder is not None and out is not None:
            regions_seen = getattr(grounder, "regions", ())
            seeing.write_regions(show.folder_of(out / "seen.png"), view, regions_seen)
            e.hint = (
                f"{e.hint or ''}{'. ' if e.hint else ''}{out / 'seen.png'} shows what was found"
            )
        raise
    if explain:
        found = doubting.explained(found, view)
    record = answering.to_json(found)
    if json_out != "-":
        show.prediction(found)
    if out is not None:
        show.write_json(record, out / "answer.json")
        seeing.write(show.folder_of(out / "answer.png"), view, found)
        if json_out != "-":
            show.say(f"wrote {out / 'answer.json'} and {out / 'answer.png'}")
    if json_out is not None:
        show.write_json(record, json_out)


def _check_question(question: str | None, image: Path, model: str | None) -> None:
    """ConfigError where there is none and no records that could hold some."""
    if question is None and (model is None or image.suffix.lower() != ".jsonl"):
        raise ConfigError("is missing", code="question-missing", field="QUESTION")


def view(
    image: Annotated[
        Path,
        typer.Argument(help="Photograph, or a data-set folder of scenes.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .png, .html, .ply, .glb, .rrd or .json.", show_default=False
        ),
    ] = None,
    depth: Annotated[
        str | None,
        typer.Option(
            help="Depth: 16-bit PNG in millimetres, npy or npz in metres. Of a data set: "
            "sensor:DIR.",
            show_default=False,
        ),
    ] = None,
    camera: opt.CameraFile = None,
    regions: opt.Regions = None,
    boxes: opt.Boxes = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_encoding: opt.DepthEncoding = None,
    image_name: opt.ImageName = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the images of a data set.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address that a data set is shown at.")] = browsers.HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of it; 0 takes a free one.")
    ] = browsers.PORT,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open the web browser.")
    ] = False,
) -> None:
    """Draw a picture with its 3D boxes, or review a data set.

    As a picture (.png), a page that turns (.html), points and boxes (.ply, .glb), a recording for
    Rerun (.rrd), or the boxes as plain records (.json). Boxes come from --regions, lifted, or from
    --boxes. A FOLDER of scenes is shown in the web browser, to accept, reject and edit its boxes.
    Examples:

    n3d view desk.jpg --depth desk.png --camera camera.json --regions regions.json --out desk.html

    n3d view scenes --images images --depth sensor:depth
    """
    if os.path.isdir(image):  # Path.is_dir raises for names that are too long
        taken = {
            "--out": out, "--camera": camera, "--regions": regions, "--boxes": boxes, "--up": up,
            "--fov": fov, "--depth-scale": depth_scale, "--depth-encoding": depth_encoding,
            "--image-name": image_name,
        }  # fmt: skip
        browsers.browse(image, images, depth, taken, host, port, no_open)
        return
    browsers.check_unused(image, images, host, port, no_open)
    _draw(
        image, opt.needed(out, "--out"), None if depth is None else Path(depth), camera, regions,
        boxes, up, fov, depth_scale, depth_encoding, image_name,
    )  # fmt: skip


def _draw(
    image: Path,
    out: Path,
    depth: Path | None,
    camera: Path | None,
    regions: Path | None,
    boxes: Path | None,
    up: str | None,
    fov: float | None,
    depth_scale: float | None,
    depth_encoding: str | None,
    image_name: str | None,
) -> None:
    """Write a picture, a page, points or records of one view."""
    from n3d.apps import show
    from n3d.pipelines import answering, known, seeing

    if boxes is not None and regions is not None:
        raise ConfigError(
            "are both given", code="config-conflict", field="--boxes and --regions", limit="one"
        )
    opt.check_apart(out, image, depth, camera, regions, boxes)
    seeing.check_form(out)
    seen = opt.read_view(
        image, depth, camera, up=up, fov=fov, depth_scale=depth_scale, depth_encoding=depth_encoding
    )
    found, drops = [], ()
    if boxes is not None:
        scene = known.read(boxes)
        seen, found = known.with_gravity_of(seen, scene), scene.objects
    elif regions is not None:
        given = answering.read_regions(regions, seen, image=image_name or image.name)
        if seen.depth is None:
            seeing.write_regions(show.folder_of(out), seen, given)
            show.say(f"wrote {out}: {len(given)} regions, without depth not lifted")
            return
        seen, found, drops = seeing.lift_regions(seen, given)
    seeing.write(show.folder_of(out), seen, found)
    if found:
        show.objects(found)
    for drop in drops:
        show.say(f"dropped {drop.id}: {drop.reason}: {drop.detail}")
    show.say(f"wrote {out}")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files and pictures.")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the rendered scene.")] = 7,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model directory or name, or 'none'; n3d-mini by default.", show_default=False
        ),
    ] = None,
    scenes: Annotated[int, typer.Option(min=1, help="Rooms the model sees at most.")] = 24,
) -> None:
    """Try it all on scenes that n3d renders.

    Writes an RGB-D picture and its regions as files, asks it questions and draws the answers;
    then a model looks at other rooms. One page, index.html, shows it all; nothing is downloaded.
    The files serve to try the other commands.
    """
    from n3d.apps import show
    from n3d.pipelines import demonstrating

    if seed < 0:
        raise ConfigError("must be >= 0", code="config-range", field="--seed")
    for step in demonstrating.run(out, seed=seed, model=model, scenes=scenes):
        if isinstance(step, str):
            show.say(step)
        else:
            show.say()
            show.prediction(step)
