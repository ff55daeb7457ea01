"""A folder of images of which nobody has said anything yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from n3d.errors import N3DError
from n3d.scene import Drop, Picture
from n3d.sources.placing import Given, Habits

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm")


def read(
    images: Any,
    *,
    depth: Any = None,
    camera: Any = None,
    source: str = "pictures",
    options: Mapping[str, Any] | None = None,
    licence: str = "",
) -> Iterator[Picture | Drop]:
    """Pictures without regions, in the order of their names, a folder's before its folders'.

    Ids are "pictures:<place below the folder>". `depth`, `camera` and `options` are those of
    `coco.read`. An image whose depth is missing is dropped. Raises ConfigError for a folder that
    does not exist.
    """
    given = Given.of(images, depth, camera, options, Habits())
    for path in _walk(given.images):
        place = path.relative_to(given.images).as_posix()
        name = f"{source}:{os.fsencode(place).decode('utf-8', 'backslashreplace')}"
        try:
            found = given.with_image(path, {}, dict(given.options))
        except N3DError as e:
            yield Drop(name, e.code, str(e))
            continue
        yield Picture(
            name, files=found, source=source, licence=licence, attributes={"file_name": place}
        )


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES:
                yield Path(where, name)
