"""Where the image, depth and camera of a record of an annotated data set are.

A name that leads out of its folder is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from n3d.errors import ConfigError, InputError
from n3d.scene import PictureFiles
from n3d.sources.spool import key

DEPTH_SUFFIXES = (".png", ".npy", ".npz")
CAMERA_SUFFIXES = (".json", ".txt")


def _named(image: Mapping[str, Any]) -> list[Any]:
    return [image.get("file_name")]


@dataclass(frozen=True)
class Habits:
    """What a data set in COCO's layout does its own way.

    `names` are the places, below the folder of images, where the file of an image record may be;
    `label` makes a category's name readable; `unique` sets aside a region with the label and
    rectangle of an earlier one of its image.
    """

    names: Callable[[Mapping[str, Any]], list[Any]] = _named
    label: Callable[[str], str] = str
    unique: bool = False


@dataclass(frozen=True)
class Given:
    """Where the files of images are, and how to read them."""

    images: Path
    depth: Path | None
    camera: Any
    options: dict[str, Any]
    habits: Habits

    @classmethod
    def of(cls, images: Any, depth: Any, camera: Any, options: Any, habits: Habits) -> Given:
        """The folders of a reader's arguments; ConfigError where one does not exist."""
        sensor = None if depth is None else _folder(str(depth).removeprefix("sensor:"), "depth")
        return cls(_folder(images, "images"), sensor, camera, dict(options or {}), habits)

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
        path = self.image(self.habits.names(image))
        options = {**self.options, "size": [image["width"], image["height"]]}
        return self.with_image(path, image, options)

    def image(self, names: list[Any]) -> Path:
        """The first of the places that holds a file; InputError "image-missing" where none does."""
        places = [inside(self.images, name) for name in names]
        found = next((p for p in places if p.is_file()), None)
        if found is None:
            raise InputError("does not exist", code="image-missing", file=places[0])
        return found

    def with_image(
        self, path: Path, image: Mapping[str, Any], options: dict[str, Any]
    ) -> PictureFiles:
        """The files of an image that was found, with its depth and camera."""
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

    def place(self, found: PictureFiles) -> str:
        """The image's place below the folder of images."""
        return Path(found.image).relative_to(self.images).as_posix()

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
