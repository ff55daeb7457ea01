"""Files of 3D boxes from one form into another: `n3d convert A B`."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from n3d.errors import ConfigError, InputError
from n3d.scene import Drop
from n3d.sources import (
    boxer,
    camera_files,
    conventions,
    described,
    files,
    gemini,
    kitti,
    omni3d,
    plain,
    qwen,
    spatiallm,
    sunrgbd_boxes,
    upstream,
    upstream_chats,
    wilddet3d,
)
from n3d.sources.conventions import Convention
from n3d.sources.files import InputWarning
from n3d.sources.grounded import Grounded


@dataclass(frozen=True)
class Form:
    """One form of 3D boxes: its reader, its writer, and what it asks for and loses."""

    name: str
    read: Callable[..., Iterator[Grounded | Drop]]
    write: Callable[..., None]
    suffix: str
    needs_camera: bool = False
    needs_up: bool = False
    scores: bool = True
    loses: str = ""


FORMS = {
    form.name: form
    for form in (
        Form("plain", plain.read, plain.write, ".json"),
        Form(
            "omni3d",
            omni3d.read,
            omni3d.write,
            ".json",
            needs_camera=True,
            loses="gravity, masks",
        ),
        Form("kitti", kitti.read, kitti.write, ".txt", loses="pitch, roll, the camera, gravity"),
        Form(
            "sunrgbd",
            sunrgbd_boxes.read,
            sunrgbd_boxes.write,
            ".json",
            needs_camera=True,
            scores=False,
            needs_up=True,
            loses="pitch, roll, scores",
        ),
        Form(
            "wilddet3d",
            wilddet3d.read,
            wilddet3d.write,
            ".json",
            loses="which of two opposite headings, the camera, gravity",
        ),
        Form(
            "boxer",
            boxer.read,
            boxer.write,
            ".csv",
            needs_up=True,
            loses="the camera and its pose",
        ),
        Form(
            "qwen",
            qwen.read,
            qwen.write,
            ".json",
            scores=False,
            loses="scores, the camera, gravity",
        ),
        Form(
            "upstream",
            upstream.read,
            upstream.write,
            ".txt",
            needs_camera=True,
            scores=False,
            loses="rotation (camera-aligned hulls), scores, the camera, gravity",
        ),
        Form(
            "upstream-chats",
            upstream_chats.read,
            upstream_chats.write,
            ".json",
            needs_camera=True,
            scores=False,
            loses="rotation (camera-aligned hulls), scores, gravity",
        ),
        Form(
            "gemini",
            gemini.read,
            gemini.write,
            ".json",
            scores=False,
            loses="scores, the camera, gravity",
        ),
        Form(
            "spatiallm",
            spatiallm.read,
            spatiallm.write,
            ".txt",
            scores=False,
            needs_up=True,
            loses="pitch, roll, scores, the camera",
        ),
    )
}
GUESSES = {".txt": "kitti", ".csv": "boxer", ".jsonl": "plain"}


def convert(
    src: Any,
    dst: Any,
    *,
    from_: str | None = None,
    to: str | None = None,
    camera: Any = None,
    up: Any = None,
) -> int:
    """Read boxes of one form and write them in another; the number of boxes written.

    `from_` and `to` name a form of FORMS, or say a convention ("frame=rub,unit=cm,...", see
    `sources.conventions`); .txt is kitti, .csv boxer and .jsonl plain where they are left out.
    `camera` (a camera file, a Camera, or KITTI's calibration file) is for forms that do not hold
    it; `up` is the direction against gravity for those that do not hold that. Records that cannot
    be used and all that the form cannot hold are told by InputWarning. Raises InputError where
    nothing is left to write.
    """
    source, target = _form(from_, src, "from"), _form(to, dst, "to")
    items, drops = [], []
    for item in read(src, from_, camera=camera, up=up):
        (drops if isinstance(item, Drop) else items).append(item)
    count = sum(len(item.scene.objects) for item in items)
    if drops:
        shown = "; ".join(f"{d.id}: {d.detail}" for d in drops[:3])
        _warn(f"{len(drops)} records dropped: {shown}")
    if not count:
        raise InputError("holds no boxes that can be written", code="convert-empty", file=src)
    _check(items, source, target)
    target.write(dst, items, calibration=_camera(camera)[1])
    return count


def read(
    src: Any, form: str | None, *, camera: Any = None, up: Any = None
) -> Iterator[Grounded | Drop]:
    """The scenes of a file of a form or convention, completed by a camera and gravity."""
    source = _form(form, src, "from")
    seen, calibration = _camera(camera)
    gravity = None if up is None else _direction(up)
    for item in source.read(src, camera=seen, calibration=calibration, up=gravity):
        yield item if isinstance(item, Drop) else _completed(item, seen, gravity)


def _form(name: str | None, path: Any, option: str) -> Form:
    if name is None:
        text = str(path).lower()
        name = next((form for suffix, form in GUESSES.items() if text.endswith(suffix)), None)
        if name is None:
            raise ConfigError(
                f"cannot tell the form of {path}", code="convert-form", field=option,
                limit=", ".join(FORMS),
            )  # fmt: skip
    if conventions.is_convention(name):
        return _described(conventions.parse(name))
    if name not in FORMS:
        near = difflib.get_close_matches(name, FORMS, 1)
        raise ConfigError(
            f"unknown form {name!r}", code="convert-form", field=option, limit=", ".join(FORMS),
            hint=f"Did you mean {near[0]}?" if near else None,
        )  # fmt: skip
    return FORMS[name]


def _described(convention: Convention) -> Form:
    """The form of a convention that was said in words."""
    return Form(
        "this convention",
        partial(described.read, convention=convention),
        partial(described.write, convention=convention),
        ".json",
        needs_up=convention.level,
        loses="what its rotation cannot say, gravity",
    )


def _camera(camera: Any) -> tuple[Any, kitti.Calibration | None]:
    """(camera, KITTI calibration) of whichever kind of file was given."""
    if camera is None:
        return None, None
    if files.is_path(camera) and kitti.is_calibration(camera):
        return None, kitti.read_calibration(camera)
    stated = camera_files.read(camera)
    if stated.size is None:
        raise InputError(
            "states no image size", code="camera-size", file=stated.file, field="camera",
            hint="Give width and height beside K",
        )  # fmt: skip
    return stated.camera(*stated.size), None


def _direction(up: Any) -> np.ndarray:
    direction = np.asarray(up, dtype=float)
    if direction.shape != (3,) or not np.isfinite(direction).all() or not direction.any():
        raise InputError(f"must be three numbers, got {up!r}", code="up", field="up")
    return direction / np.linalg.norm(direction)


def _completed(item: Grounded, camera: Any, up: Any) -> Grounded:
    scene = item.scene
    if scene.up is None and up is not None:
        scene = replace(scene, up=up)
    return replace(item, scene=scene, camera=item.camera or camera)


def _check(items: list[Grounded], source: Form, target: Form) -> None:
    if target.needs_camera and any(item.camera is None for item in items):
        raise InputError(
            f"{target.name} needs a camera and {source.name} holds none",
            code="convert-camera",
            field="camera",
            hint="Give it with --camera",
        )
    if not target.scores and any(o.score != 1 for item in items for o in item.scene.objects):
        _warn(f"{target.name} cannot hold scores: dropped")
    if target.needs_up and any(i.scene.up is None for i in items):
        _warn(f"gravity is unknown: {target.name} is written as for a level camera")


def _warn(text: str) -> None:
    warnings.warn(text, InputWarning, stacklevel=4)
