"""LVIS and Objects365: COCO's layout, other habits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from n3d.scene import Drop, Picture
from n3d.sources import coco
from n3d.sources.placing import Habits


def read_lvis(annotations: Any, images: Any, **options: Any) -> Iterator[Picture | Drop]:
    """The pictures of an LVIS file, as `coco.read` gives those of COCO.

    LVIS names no file but the image's address at COCO: it is looked for below `images` under its
    last two parts (train2017/000000391895.jpg), then under the last alone. Names of categories
    lose their underscores.
    """
    return coco.read(annotations, images, source="lvis", habits=LVIS, **options)


def read_objects365(annotations: Any, images: Any, **options: Any) -> Iterator[Picture | Drop]:
    """The pictures of an Objects365 file, as `coco.read` gives those of COCO.

    An image is looked for under its whole name (images/v2/patch8/objects365_v2_00420917.jpg),
    under the last two parts, and under the last alone. Boxes of crowds, of fakes (pictures, toys)
    and of reflections are dropped, and those that are there twice; names become lower case.
    """
    return coco.read(annotations, images, source="objects365", habits=OBJECTS365, **options)


def _lvis_names(image: Mapping[str, Any]) -> list[Any]:
    address = image.get("coco_url")
    if image.get("file_name") or not isinstance(address, str):
        return _shortened(image.get("file_name"))
    return _shortened(urlsplit(address).path.lstrip("/"), 2)


def _objects365_names(image: Mapping[str, Any]) -> list[Any]:
    return _shortened(image.get("file_name"))


def _shortened(name: Any, most: int | None = None) -> list[Any]:
    """A path, its last two parts, and its last."""
    if not isinstance(name, str) or not name:
        return [name]
    parts = PurePosixPath(name).parts
    whole = [name] if most is None else ["/".join(parts[-most:])]
    return list(dict.fromkeys([*whole, "/".join(parts[-2:]), parts[-1]] if parts else [name]))


def _lvis_label(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


LVIS = Habits(_lvis_names, _lvis_label)
OBJECTS365 = Habits(_objects365_names, str.lower, unique=True)
