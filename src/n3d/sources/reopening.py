"""Back from a scene to its picture: names of files relative to folders, and opened again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from n3d.errors import InputError
from n3d.scene import Picture, PictureFiles, Region, Scene
from n3d.sources import loading, placing

READING = ("size", "depth_scale", "depth_unit", "depth_encoding", "depth_source", "turn")
"""Options that a scene's camera does not stand for."""


def below(file: str | None, folder: Path | None) -> str:
    """The name of a file below its folder, "" where it lies elsewhere."""
    if file is None or folder is None:
        return ""
    try:
        return Path(file).relative_to(folder).as_posix()
    except ValueError:
        return ""


def reading(files: PictureFiles) -> dict[str, Any]:
    """The options of files that a camera does not stand for."""
    return {k: v for k, v in files.options.items() if k in READING}


def image_file(scene: Scene, images: Path) -> Path:
    """The image of a scene in its folder; InputError where it is unknown or not there."""
    if not scene.image:
        raise InputError(
            f"scene {scene.id} does not say which image it is of",
            code="scene-image",
            hint="Lift the pictures again with `n3d lift`",
        )
    path = placing.inside(images, scene.image)
    if not path.is_file():
        raise InputError("does not exist", code="image-missing", file=path)
    return path


def reopen(scene: Scene, images: Path, depth: Path | None = None) -> Picture:
    """The decoded picture of a scene, with its camera, gravity and the regions of its objects.

    Without a folder of `depth` the view has none. Raises InputError where a file is unknown, not
    there or not what it was, and as `loading.load` does.
    """
    path = image_file(scene, images)
    options = {**scene.reading, "camera": scene.camera}
    own = placing.inside(depth, scene.depth) if depth is not None and scene.depth else None
    if own is None:
        options = {k: v for k, v in options.items() if not k.startswith("depth")}
    regions = tuple(r for o in scene.objects if (r := o.region) is not None)
    files = PictureFiles(str(path), None if own is None else str(own), None, options)
    found = loading.load(Picture(scene.picture_id, _whole(regions), files=files))
    view = found.rgbd
    assert view is not None
    if scene.up is not None:
        view = view.with_up(scene.up, scene.provenance.up)
    told: dict[str, Any] = {"scale_sigma": scene.provenance.scale_sigma}
    if view.depth is not None:
        told |= {"depth_source": scene.provenance.depth, "metric": scene.provenance.metric}
    return replace(found, rgbd=replace(view, **told), source=scene.source, licence=scene.licence)


def _whole(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Regions without what decoding them again would need."""
    plain = ((r, {k: v for k, v in r.attributes.items() if k != "segmentation"}) for r in regions)
    return tuple(replace(r, attributes=a) for r, a in plain)
