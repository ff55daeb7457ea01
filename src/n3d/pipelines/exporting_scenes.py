"""A data set of scenes into the files of others, and files of 3D boxes into a data set of scenes.

Scenes stream: what is in memory does not grow with their number. A file is written whole or not
at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from n3d import engine
from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Drop, Object3D, Scene, files, reviews, shards
from n3d.sources import convert, omni3d, plain, qwen_chats, read_rgbd, rle, upstream, upstream_chats
from n3d.sources.grounded import Grounded, rectangle
from n3d.sources.placing import DEPTH_SUFFIXES, beside, inside


@dataclass(frozen=True)
class Views:
    """Where the pictures and depths of scenes are, for targets that hold point maps."""

    images: Path | None = None
    depth: str | None = None
    depth_scale: float | None = None


@dataclass
class Report:
    """What was written: scenes, objects, and what was left out by reason."""

    scenes: int = 0
    objects: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)

    def leave(self, code: str) -> None:
        """Count something that was left out."""
        self.by_reason[code] = self.by_reason.get(code, 0) + 1


@dataclass(frozen=True)
class Target:
    """One form that scenes are exported to: its writer, and what `out` is."""

    write: Callable[[Path, Path, Views, Report], None]
    is_folder: bool = False


def export(folder: Path, out: Path, to: str, views: Views | None = None) -> Report:
    """Write the scenes of a data set to `out` in the form `to` of TARGETS.

    Scenes are as reviewed. Those without a camera are left out and counted. Raises InputError
    where none is left, and ConfigError for a target that does not exist.
    """
    if to not in TARGETS:
        raise ConfigError(
            f"unknown target {to!r}", code="export-target", field="to", limit=", ".join(TARGETS)
        )
    target, report = TARGETS[to], Report()
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise ConfigError("lies in the data set", code="output-is-input", file=out, field="out")
    if target.is_folder == out.is_file() and out.exists():
        kind = "a folder" if target.is_folder else "a file"
        raise ConfigError(f"must be {kind} for {to}", code="output-foreign", file=out, field="out")
    for scene in reviews.applied(shards.read(folder), reviews.known(folder)):
        if isinstance(scene, Drop):
            report.leave(scene.reason)
            continue
        report.scenes += scene.camera is not None
        report.objects += len(scene.objects) if scene.camera is not None else 0
        if scene.camera is None:
            report.leave("camera-missing")
    if not report.scenes:
        raise InputError(
            "holds no scene with a camera", code="export-empty", file=folder,
            hint="Scenes lifted by an earlier version do not keep it: lift them again",
        )  # fmt: skip
    try:
        (out if target.is_folder else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, out) from None
    target.write(folder, out, views or Views(), report)
    return report


def _items(folder: Path) -> Iterator[Grounded]:
    for scene in reviews.read(folder, check=False):
        if scene.camera is not None:
            yield Grounded(scene, scene.camera, scene.image or scene.picture_id)


def _stream(out: Path, pieces: Iterator[str]) -> None:
    with files.replacing(out) as f:
        for piece in pieces:
            f.write(piece.encode("utf-8", "backslashreplace"))


# -- targets ------------------------------------------------------------------------------


def _omni3d(folder: Path, out: Path, views: Views, report: Report) -> None:
    _stream(out, omni3d.text(partial(_items, folder)))


def _coco(folder: Path, out: Path, views: Views, report: Report) -> None:
    """COCO's members with Omni3D's beside them, so that readers of either find their own."""

    def image(item: Grounded, number: int) -> dict[str, Any]:
        return {**omni3d.image_entry(item, number), "file_name": item.image}

    def record(item: Grounded, thing: Object3D) -> dict[str, Any]:
        x0, y0, x1, y1 = rectangle(item, thing) or (0.0, 0.0, 0.0, 0.0)
        mask = None if thing.region is None else thing.region.mask
        told = {
            **omni3d.annotation(item, thing),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0) if mask is None else float(mask.sum()),
            "iscrowd": 0,
        }
        if mask is not None:
            told["segmentation"] = rle.encode(mask)
        return told

    _stream(out, omni3d.text(partial(_items, folder), image, record))


def _qwen(folder: Path, out: Path, views: Views, report: Report) -> None:
    _stream(out, (qwen_chats.line(item) for item in _items(folder)))


def _plain(folder: Path, out: Path, views: Views, report: Report) -> None:
    _stream(
        out,
        (
            json.dumps(plain.record(item, thing), allow_nan=False) + "\n"
            for item in _items(folder)
            for thing in item.scene.objects
        ),
    )


def _upstream(folder: Path, out: Path, views: Views, report: Report) -> None:
    """`data.json`, and the points files of pictures whose depth was given; those that are there
    are not made again."""

    if views.depth is not None and views.images is None:
        raise ConfigError("is needed with --depth", code="config-missing", field="--images")

    def pieces() -> Iterator[str]:
        yield "["
        first = True
        for item in _items(folder):
            try:
                record = upstream_chats.record(item)
                if views.depth is not None:
                    _points(out, record["points"][0], item, views)
            except N3DError as e:
                if e.code == "file-unwritable":
                    raise
                report.leave(e.code)
                report.scenes, report.objects = (
                    report.scenes - 1, report.objects - len(item.scene.objects)
                )  # fmt: skip
                continue
            yield f"{'' if first else ','}\n{json.dumps(record, ensure_ascii=False)}"
            first = False
        yield "]\n"

    _stream(out / "data.json", pieces())


def _points(out: Path, name: str, item: Grounded, views: Views) -> None:
    target = inside(out, name)
    if target.is_file():
        return
    assert views.depth is not None
    assert views.images is not None
    image = inside(views.images, item.image)
    folder = Path(views.depth.removeprefix("sensor:"))
    depth = beside(folder, image.stem, DEPTH_SUFFIXES)
    if depth is None:
        raise InputError(f"no depth of {image.name}", code="depth-missing", file=folder)
    view = read_rgbd(image, depth, item.camera, depth_scale=views.depth_scale)
    upstream.write_points(target, view)


TARGETS = {
    "omni3d": Target(_omni3d),
    "coco": Target(_coco),
    "qwen3-vl": Target(_qwen),
    "n3d-upstream": Target(_upstream, is_folder=True),
    "plain": Target(_plain),
}
"""What scenes are exported to. Each has a reader: `omni3d`, `coco` (and `omni3d`), `qwen_chats`,
`upstream_chats`, `plain` of `n3d.sources`."""


# -- the other way ------------------------------------------------------------------------


def take(
    src: Path, out: Path, *, form: str | None, camera: Path | None = None, up: Any = None
) -> engine.Report:
    """A file of 3D boxes (Omni3D, WildDet3D-Data, ...) as a data set of scenes, ready for `ask`.

    Boxes, licences and cameras are taken as they are; what cannot be read is a Drop.
    """
    read = partial(_scenes, src, form, camera, up)
    return engine.run(
        engine.each(_same),
        engine.Stream(read, files=(src, *([] if camera is None else [camera]))),
        out,
        kind="scene",
        config={"stage": "take", "form": form, "up": None if up is None else list(up)},
    )


def _same(scene: Scene) -> Scene:
    return scene


def _scenes(src: Path, form: str | None, camera: Any, up: Any) -> Iterator[Scene | Drop]:
    for item in convert.read(src, form, camera=camera, up=up):
        if isinstance(item, Drop):
            yield item
        elif item.scene.objects:
            yield replace(item.scene, camera=item.camera, image=item.image)
        else:
            yield Drop(item.scene.id, "no-objects", "has no boxes")
