"""COCO annotation files -> pictures with 2D regions, in a stream with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Drop, Picture, PictureFiles, Region
from n3d.sources import files, regions
from n3d.sources.spool import Spool, key

DEPTH_SUFFIXES = (".png", ".npy", ".npz")
CAMERA_SUFFIXES = (".json", ".txt")
# Flags of Objects365 and OpenImages-style sets for boxes that are no object in space.
REFUSED_FLAGS = {"iscrowd": "region-crowd", "isfake": "region-fake", "isreflected": "region-fake"}


def read(
    annotations: Any,
    images: Any,
    *,
    depth: Any = None,
    camera: Any = None,
    source: str = "coco",
    options: Mapping[str, Any] | None = None,
) -> Iterator[Picture | Drop]:
    """Pictures in the order of the file, each after the annotations of it that were dropped.

    Pictures hold the names of their files, regions keep their segmentation undecoded in
    `attributes` (`sources.load` decodes both). Ids are "coco:<image>" and
    "coco:<image>:<annotation>" with `source` in the place of "coco". `depth` is a folder, or
    "sensor:FOLDER", with <image stem>.png, .npy or .npz. The camera is `camera` (a file, or a
    folder with <stem>.json or .txt), or the image's K in the annotations, or <stem>.json,
    <stem>.txt, camera.json or camera.txt beside the depth; none of these where `options`,
    which go to `read_rgbd`, hold a `fov`. An image without its file, or whose depth is
    missing, is dropped, as is every annotation that cannot be used. Raises InputError for a
    file that is not COCO JSON, ConfigError for a folder that does not exist.
    """
    folder = _folder(images, "images")
    sensor = None if depth is None else _folder(str(depth).removeprefix("sensor:"), "depth")
    given = _Given(folder, sensor, camera, dict(options or {}))
    files.open_regular(annotations, max_bytes=None).close()
    with Spool(annotations) as spool:
        labels: dict[Any, str] = {}
        for category in spool.sides.get("categories", []):
            regions.add_label(category, labels)
        licences = _licences(spool.sides.get("licenses", []))
        empty = True
        for number, image, repeated, own in spool:
            empty = False
            name = _name(source, image, number)
            try:
                if repeated:
                    raise InputError("an earlier image has the same id", code="id-duplicate")
                found = given.files(image)
            except N3DError as e:
                yield Drop(name, e.code, str(e))
                continue
            yield from _picture(image, name, found, own, labels, licences, source)
        if empty:
            raise InputError(
                "has no images", code="regions-form", file=annotations, limit="a COCO file"
            )
        for place, raw in spool.orphans():
            name = raw.get("image_id") if isinstance(raw, Mapping) else None
            yield Drop(
                f"{source}:{name}:{_own(raw, place)}", "image-unknown", f"no image has id {name!r}"
            )


def _picture(
    image: Mapping[str, Any],
    name: str,
    found: PictureFiles,
    own: Iterable[tuple[int, Any, bool]],
    labels: regions.Labels,
    licences: Mapping[str | None, Mapping[str, str]],
    source: str,
) -> Iterator[Picture | Drop]:
    """The drops of one image, then its picture."""
    width, height = found.options["size"]
    kept: list[Region] = []
    for place, raw, again in own:
        result = _region(raw, name, place, again, labels, width, height)
        if isinstance(result, Drop):
            yield result
        else:
            kept.append(result)
    licence = licences.get(key(image.get("license")), {})
    attributes: dict[str, Any] = {"size": (width, height), "file_name": image["file_name"]}
    if "url" in licence:
        attributes["licence_url"] = licence["url"]
    yield Picture(
        id=name,
        regions=tuple(kept),
        files=found,
        source=source,
        licence=licence.get("name", ""),
        attributes=attributes,
    )


@dataclass(frozen=True)
class _Given:
    """Where the files of images are, and how to read them."""

    images: Path
    depth: Path | None
    camera: Any
    options: dict[str, Any]

    def files(self, image: Any) -> PictureFiles:
        """The files of one image record; InputError where one is missing."""
        if not isinstance(image, Mapping) or key(image.get("id")) is None:
            raise InputError("has no usable id", code="id-missing", field="id")
        for field in ("width", "height"):
            side = image.get(field)
            if type(side) is not int or side < 1:
                raise InputError(
                    f"must be a whole number, got {side!r}", code="image-size", field=field
                )
        path = inside(self.images, image.get("file_name"))
        if not path.is_file():
            raise InputError("does not exist", code="image-missing", file=path)
        options = {**self.options, "size": [image["width"], image["height"]]}
        depth = None
        if self.depth is not None:
            depth = beside(self.depth, path.stem, DEPTH_SUFFIXES)
            if depth is None:
                raise InputError(f"no depth of {path.name}", code="depth-missing", file=self.depth)
            options.setdefault("depth_source", "sensor")
        camera = None if "fov" in options else self._camera(path.stem, image)
        if isinstance(camera, Mapping):
            options["camera"], camera = camera, None
        return PictureFiles(
            image=str(path),
            depth=None if depth is None else str(depth),
            camera=None if camera is None else os.fsdecode(camera),
            options=options,
        )

    def _camera(self, stem: str, image: Mapping[str, Any]) -> Any:
        if self.camera is not None:
            folder = Path(os.fsdecode(self.camera))
            return beside(folder, stem, CAMERA_SUFFIXES) if folder.is_dir() else folder
        if "K" in image:
            return {k: image[k] for k in ("K", "width", "height")}
        if self.depth is None:
            return None
        own = beside(self.depth, stem, CAMERA_SUFFIXES)
        return own or beside(self.depth, "camera", CAMERA_SUFFIXES)


def _region(
    raw: Any,
    picture: str,
    place: int,
    again: bool,
    labels: regions.Labels,
    width: Any,
    height: Any,
) -> Region | Drop:
    name = f"{picture}:{_own(raw, place)}"
    try:
        if again:
            raise InputError("an earlier annotation has the same id", code="id-duplicate")
        for flag, code in REFUSED_FLAGS.items():
            if raw.get(flag):
                raise InputError(f"{flag} is set", code=code)
        return regions.make(raw, width=width, height=height, labels=labels, id=name, decode=False)
    except N3DError as e:
        return Drop(name, e.code, str(e))


def _name(source: str, image: Any, number: int) -> str:
    identity = image.get("id") if isinstance(image, Mapping) else None
    return f"{source}:{identity if key(identity) is not None else f'@{number}'}"


def _own(raw: Any, place: int) -> Any:
    """The annotation's id, or its place in the file, which is as stable as the file."""
    identity = raw.get("id") if isinstance(raw, Mapping) else None
    return identity if key(identity) is not None else f"@{place}"


def _licences(entries: list[Any]) -> dict[str | None, dict[str, str]]:
    return {
        key(e.get("id")): {k: e[k] for k in ("name", "url") if isinstance(e.get(k), str)}
        for e in entries
        if isinstance(e, Mapping)
    }


def _folder(path: Any, field: str) -> Path:
    folder = Path(os.fsdecode(path))
    if not folder.is_dir():
        raise ConfigError("is not a folder", code="folder-missing", file=folder, field=field)
    return folder


def beside(folder: Path, stem: str, suffixes: tuple[str, ...]) -> Path | None:
    """The file of a folder that has this stem and the first of these endings."""
    return next((p for s in suffixes if (p := folder / f"{stem}{s}").is_file()), None)


def inside(folder: Path, name: Any) -> Path:
    """`folder`/`name`; InputError where the name is no text or leads out of the folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f"is not a file name: {name!r}", code="image-name", field="file_name")
    absolute = Path(name).is_absolute() or PureWindowsPath(name).is_absolute()
    if absolute or ".." in Path(name).parts or ".." in PureWindowsPath(name).parts:
        raise InputError(
            f"{name!r} leads out of the folder", code="path-escapes", field="file_name"
        )
    return folder / name
