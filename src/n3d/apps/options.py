"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n3d.errors import ConfigError

Image = Annotated[Path, typer.Argument(help="Photograph: JPEG, PNG, WebP, ...", show_default=False)]
Depth = Annotated[
    Path | None,
    typer.Option(
        help="Depth: 16-bit PNG in millimetres, npy or npz in metres.", show_default=False
    ),
]
CameraFile = Annotated[
    Path | None,
    typer.Option(
        "--camera", help="Intrinsics: JSON with K or fx fy cx cy, or text.", show_default=False
    ),
]
Regions = Annotated[
    Path | None,
    typer.Option(
        help="2D regions: COCO JSON or a list of {label, bbox, segmentation?}.", show_default=False
    ),
]
Boxes = Annotated[
    Path | None,
    typer.Option(help="Known 3D boxes: JSON as written by n3d.", show_default=False),
]
Up = Annotated[
    str | None,
    typer.Option(
        help="Unit vector against gravity in the camera frame: X,Y,Z.", show_default=False
    ),
]
Fov = Annotated[
    float | None,
    typer.Option(help="Horizontal field of view in degrees, without a camera.", show_default=False),
]
DepthScale = Annotated[
    float | None,
    typer.Option(
        help="Depth units per metre: 1000 (default for PNG), 5000, 256.", show_default=False
    ),
]
DepthEncoding = Annotated[
    str | None,
    typer.Option(help="'sunrgbd' for bit-rotated SUN RGB-D depth PNG.", show_default=False),
]
DepthModel = Annotated[
    str,
    typer.Option(help="Depth where there is none: weights by name, auto (the best here), none."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Regions where there are none: weights, or auto.")
]
SegmenterName = Annotated[
    str, typer.Option("--segmenter", help="Masks of found regions: weights, auto or none.")
]
ImageName = Annotated[
    str | None,
    typer.Option(
        help="Name of this image inside a COCO file; the file's own name by default.",
        show_default=False,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        help="Where it runs: here, processes (with more than one worker) or ray.",
        show_default=False,
    ),
]
JsonOut = Annotated[
    str | None,
    typer.Option("--json", help="Write JSON to this file, '-' for stdout.", show_default=False),
]


def needed(path: Path | None, field: str) -> Path:
    """An option that this use of a command cannot do without; ConfigError where it is absent."""
    if path is None:
        raise ConfigError("is needed here", code="config-missing", field=field)
    return path


def vector(text: str | None, field: str) -> list[float] | None:
    """Three numbers from "X,Y,Z"; ConfigError otherwise."""
    if text is None:
        return None
    return numbers(text, 3, field, "numbers X,Y,Z", hint="A level camera has 0,-1,0")


def numbers(
    text: str, count: int, field: str, what: str = "numbers", hint: str | None = None
) -> list[float]:
    """`count` numbers that commas separate; ConfigError otherwise."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count:
        words = {2: "two", 3: "three", 4: "four"}[count]
        raise ConfigError(
            f"must be {words} {what}, got {text!r}", code="config-vector", field=field, hint=hint
        )
    return values


def check_apart(target: Path, *inputs: Path | None) -> None:
    """ConfigError where a file that is to be written is one that is read."""
    for path in inputs:
        if path is not None and target.exists() and path.exists() and target.samefile(path):
            raise ConfigError(
                "is an input of the command",
                code="output-is-input",
                file=target,
                hint="Choose another name",
            )


def read_view(
    image: Path,
    depth: Path | None,
    camera: Path | None,
    *,
    up: str | None = None,
    fov: float | None = None,
    depth_scale: float | None = None,
    depth_encoding: str | None = None,
):
    """The RGBD that the shared options describe."""
    from n3d.sources import read_rgbd

    return read_rgbd(
        image,
        depth=depth,
        camera=camera,
        up=vector(up, "--up"),
        fov=fov,
        depth_scale=depth_scale,
        depth_encoding=depth_encoding,
    )


def pixels(text: str, field: str) -> tuple[int, int]:
    """Width and height from "WIDTHxHEIGHT"; ConfigError otherwise."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 6 for p in parts):
        raise ConfigError(
            f"must be WIDTHxHEIGHT, got {text[:40]!r}", code="config-size", field=field
        )
    return int(parts[0]), int(parts[1])
