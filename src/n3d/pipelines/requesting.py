"""Many requests at once: a folder of pictures, or a file of records, one JSON object a line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Drop, PictureFiles, fields, strict_json
from n3d.scene.fields import Fields
from n3d.sources.files import open_regular
from n3d.sources.placing import CAMERA_SUFFIXES, DEPTH_SUFFIXES, beside
from n3d.sources.unannotated import SUFFIXES

LONGEST_LINE = 1 << 20
LONGEST_ID = 200


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a picture that has not been read; see `predicting.Asked`."""

    id: str
    files: PictureFiles
    question: str | None = None
    names: tuple[str, ...] = ()
    place: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Shared:
    """What holds for all pictures that do not say otherwise: a camera file or a folder of them,
    a folder of depth files, the `options` of `read_rgbd`, and what is asked."""

    depth: Path | None = None
    camera: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    question: str | None = None
    names: tuple[str, ...] = ()
    place: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.depth is not None and not self.depth.is_dir():
            raise ConfigError(
                "must be a folder of depth files with the pictures' names",
                code="folder-missing",
                file=self.depth,
                field="--depth",
            )

    def wanted(self, id: str, image: Path) -> Wanted:
        """What is wanted of a picture by itself; InputError where its depth is missing."""
        depth = camera = None
        if self.depth is not None:
            depth = beside(self.depth, image.stem, DEPTH_SUFFIXES)
            if depth is None:
                raise InputError(f"no depth of {image.name}", code="depth-missing", file=self.depth)
        if self.camera is not None:
            camera = self.camera
            if camera.is_dir():
                camera = beside(camera, image.stem, CAMERA_SUFFIXES)
        files = PictureFiles(
            image=os.fsdecode(image),
            depth=None if depth is None else os.fsdecode(depth),
            camera=None if camera is None else os.fsdecode(camera),
            options=dict(self.options),
        )
        return Wanted(id, files, self.question, self.names, self.place)


def is_many(path: Path) -> bool:
    """Whether a name stands for many requests: a folder, or a file of records."""
    return os.path.isdir(path) or path.suffix.lower() == ".jsonl"


def read(path: Path, command: str, shared: Shared) -> Iterator[Wanted | Drop]:
    """What is wanted, in a stable order, and a Drop for every record that cannot be used.

    A folder gives each of its pictures by name, a file each of its lines. `command` is one of
    `predicting.COMMANDS`. Raises InputError for a folder without pictures and a file that
    cannot be read.
    """
    if path.is_dir():
        found = [p for p in sorted(path.iterdir()) if p.suffix.lower() in SUFFIXES]
        if not found:
            raise InputError(
                "holds no pictures", code="folder-empty", file=path, limit=", ".join(SUFFIXES)
            )
        made = ((_printable(p.name), lambda p=p: _ready(_of(shared, p), command)) for p in found)
    else:
        made = _lines(path, command, shared)
    seen: set[str] = set()
    for id, make in made:
        try:
            wanted = make()
            if wanted.id in seen:
                raise InputError("an earlier record has the same id", code="id-duplicate")
        except N3DError as e:
            wanted = Drop(id, e.code, str(e))
        else:
            seen.add(wanted.id)
        yield wanted


def _of(shared: Shared, image: Path) -> Wanted:
    return shared.wanted(_printable(image.name), image)


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _lines(path: Path, command: str, shared: Shared) -> Iterator[tuple[str, Any]]:
    with open_regular(path, max_bytes=None) as f:
        number = 0
        while line := f.readline(LONGEST_LINE + 1):
            number += 1
            long = len(line) > LONGEST_LINE
            while long and line and not line.endswith(b"\n"):
                line = f.readline(LONGEST_LINE)
            if line.strip() or long:
                id = f"line {number}"
                yield (
                    id,
                    lambda line=line, id=id, long=long: _ready(
                        _record(b"" if long else line, id, path.parent, shared), command
                    ),
                )


def _record(line: bytes, id: str, folder: Path, shared: Shared) -> Wanted:
    """The Wanted of one line, its paths relative to the folder of the file."""
    if not line:
        raise InputError("is too long", code="record-long", limit=f"{LONGEST_LINE} bytes")
    try:
        f = Fields(strict_json.loads(line), "record")
    except N3DError as e:
        e.field = None  # the line of its own text is always the first
        raise
    id = f.take("id", _id, id)
    image = folder / f.take("image", _path)
    depth, camera = f.take("depth", _path, None), f.take("camera", _camera, None)
    options = {
        "up": f.take("up", lambda v, n: fields.array(3)(v, n).tolist(), None),
        "fov": f.take("fov", fields.number, None),
        "depth_scale": f.take("depth_scale", fields.number, None),
    }
    options = {k: v for k, v in options.items() if v is not None}
    question = f.take("question", fields.text, shared.question)
    names = f.take("text", _names, ())
    place = f.take("box", _place(4), None) or f.take("point", _place(2), None)
    f.done()
    if not names and place is None:
        names, place = shared.names, shared.place
    general = dict(shared.options)
    if camera is not None:
        general.pop("fov", None)
        options |= {} if isinstance(camera, str) else {"camera": camera}
    mine = replace(
        shared,
        depth=shared.depth if depth is None else None,
        camera=shared.camera if camera is None and "fov" not in options else None,
        options=general | options,
    )
    found = mine.wanted(id, image)
    files = replace(
        found.files,
        depth=found.files.depth if depth is None else os.fsdecode(folder / depth),
        camera=os.fsdecode(folder / camera) if isinstance(camera, str) else found.files.camera,
    )
    return Wanted(id, files, question, names, place)


def _ready(wanted: Wanted, command: str) -> Wanted:
    """The same with what its command needs and nothing else; InputError where that is missing."""
    if command == "answer":
        if wanted.question is None:
            raise InputError("a record needs it", code="record-missing", field="question")
        return replace(wanted, names=(), place=None)
    if command == "detect":
        return replace(wanted, question=None, names=(), place=None)
    if bool(wanted.names) == (wanted.place is not None):
        raise InputError(
            "a record needs exactly one of them", code="record-missing", field="text, box, point"
        )
    return replace(wanted, question=None)


def _id(value: Any, field: str) -> str:
    if type(value) is int:
        value = str(value)
    if not fields.text(value, field).strip() or len(value) > LONGEST_ID:
        raise InputError(
            "must be a short text", code="record-id", field=field, limit=f"{LONGEST_ID} characters"
        )
    return value


def _path(value: Any, field: str) -> str:
    if not fields.text(value, field) or "\0" in value:
        raise InputError("is no file name", code="record-type", field=field)
    return value


def _camera(value: Any, field: str) -> Any:
    return _path(value, field) if isinstance(value, str) else fields.mapping(value, field)


def _names(value: Any, field: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (fields.text(value, field),)
    return fields.many(lambda v: fields.text(v, ""))(value, field)


def _place(count: int) -> Any:
    return lambda value, field: tuple(fields.array(count)(value, field).tolist())
