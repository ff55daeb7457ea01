"""The commands that ask a model: ground, detect; and the options of answer with --model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n3d.apps import options as opt
from n3d.apps import runs
from n3d.errors import ConfigError

Name = Annotated[str, typer.Option("--model", help="Model directory or name.", show_default=False)]
MaybeName = Annotated[
    str | None,
    typer.Option(
        "--model", help="Model directory or name; without one experts look.", show_default=False
    ),
]
Source = Annotated[
    Path,
    typer.Argument(help="Photograph, folder of them, or .jsonl of records.", show_default=False),
]
Refine = Annotated[
    str, typer.Option(help="depth: fit written boxes to the depth; none; auto: as the model says.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
Temperature = Annotated[float, typer.Option(help="Above 0, replies are drawn with --seed.")]
MaxTokens = Annotated[int, typer.Option(help="Most tokens of a reply.")]
Most = Annotated[int, typer.Option(help="Most boxes of a reply.")]
MinScore = Annotated[
    float | None,
    typer.Option(
        help="Leave out boxes of a lower score; by default what the model was calibrated with.",
        show_default=False,
    ),
]
Batch = Annotated[int, typer.Option(help="Requests at a time, of many.")]
Draw = Annotated[bool, typer.Option("--draw", help="Also write a picture of each, of many.")]
Seed = Annotated[int, typer.Option(help="Seed of what is drawn.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder for what is found, as JSON and PNG.", show_default=False)
]


def ground(
    image: Source,
    text: Annotated[
        list[str] | None, typer.Argument(help="Names of objects.", show_default=False)
    ] = None,
    *,
    model: MaybeName = None,
    box: Annotated[
        str | None,
        typer.Option(help="The object in a rectangle: X0,Y0,X1,Y1, pixels.", show_default=False),
    ] = None,
    point: Annotated[
        str | None, typer.Option(help="The object at a pixel: X,Y.", show_default=False)
    ] = None,
    depth: opt.Depth = None,
    camera: opt.CameraFile = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_model: opt.DepthModel = "auto",
    detector: opt.DetectorName = "auto",
    segmenter: opt.SegmenterName = "auto",
    refine: Refine = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    seed: Seed = 0,
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = 4096,
    most: Most = 32,
    min_score: MinScore = None,
    batch: Batch = 8,
    draw: Draw = False,
    out: Out = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Find the objects that words name as metric 3D boxes.

    By a --model, or else by a detector and, where there is no depth, a depth model: the best
    weights that are on this machine (`n3d models`). With a model, results of a folder or a .jsonl
    file of records stream to OUT/predictions.jsonl; the same command resumes. Example:

    n3d ground desk.jpg "the red mug" lamp --depth desk.png --camera camera.json --model M --out out
    """
    if box is not None and point is not None:
        raise ConfigError(
            "are both given", code="config-conflict", field="--box and --point", limit="one"
        )
    place = None if box is None else opt.numbers(box, 4, "--box")
    place = place if point is None else opt.numbers(point, 2, "--point")
    runs.ask(
        "ground",
        runs.Given(image, depth, camera, up, fov, depth_scale),
        {"names": tuple(text or ()), "place": None if place is None else tuple(place)},
        model,
        runs.Means(
            refine, False, device, dtype, temperature, max_tokens, most, batch, draw, min_score
        ),
        seed=seed,
        out=out,
        json_out=json_out,
        experts=(depth_model, detector, segmenter),
    )


def detect(
    image: Source,
    *,
    model: MaybeName = None,
    depth: opt.Depth = None,
    camera: opt.CameraFile = None,
    up: opt.Up = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    depth_model: opt.DepthModel = "auto",
    detector: opt.DetectorName = "auto",
    segmenter: opt.SegmenterName = "auto",
    refine: Refine = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
    seed: Seed = 0,
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = 4096,
    most: Most = 32,
    min_score: MinScore = None,
    batch: Batch = 8,
    draw: Draw = False,
    out: Out = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Find all objects of a picture as metric 3D boxes.

    By a --model, or else by a detector and, where there is no depth, a depth model: the best
    weights that are on this machine (`n3d models`). With a model, results of a folder or a .jsonl
    file of records stream to OUT/predictions.jsonl; the same command resumes. Example:

    n3d detect desk.jpg --depth desk.png --camera camera.json --model M --out out
    """
    runs.ask(
        "detect",
        runs.Given(image, depth, camera, up, fov, depth_scale),
        {},
        model,
        runs.Means(
            refine, False, device, dtype, temperature, max_tokens, most, batch, draw, min_score
        ),
        seed=seed,
        out=out,
        json_out=json_out,
        experts=(depth_model, detector, segmenter),
    )
