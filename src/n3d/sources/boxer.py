"""Boxer's CSV of oriented boxes in a world with gravity along -z.

The world here is the z-up frame at the camera (right, forward, up); the local z axis of a box
is its vertical. Reading needs the camera's `up` again unless the camera was level.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import camera_files, fields, files, frames, grounded
from n3d.sources.grounded import Grounded

COLUMNS = (
    "time_ns", "tx_world_object", "ty_world_object", "tz_world_object", "qw_world_object",
    "qx_world_object", "qy_world_object", "qz_world_object", "scale_x", "scale_y", "scale_z",
    "name", "instance", "sem_id", "prob",
)  # fmt: skip


def read(path: Any, *, camera: Any = None, up: Any = None, **_: Any) -> Iterator[Grounded | Drop]:
    """One scene for each run of rows with one `time_ns`, in the frame of a camera with `up`."""
    rows = csv.DictReader(io.StringIO(files.read_text(path, max_bytes=files.MAX_FILE_BYTES)))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InputError(
            f"has the columns {rows.fieldnames}",
            code="boxer-form",
            file=path,
            limit=",".join(COLUMNS),
        )
    zup = frames.zup_from_camera(up)
    numbered = enumerate(rows, 2)
    for time, run in itertools.groupby(numbered, key=lambda row: row[1]["time_ns"]):
        found = []
        for line, row in run:
            try:
                found.append(_object(row, f"boxer:{time}:{len(found)}", zup))
            except N3DError as e:
                where = grounded.within(e, f"line {line}").at(file=path)
                yield Drop(f"boxer:{time}:@{line}", e.code, str(where))
        level = frames.LEVEL_UP if up is None else up
        scene = Scene(f"boxer:{time}", f"boxer:{time}", tuple(found), level, source="boxer")
        yield Grounded(scene, camera)


def _object(row: Mapping[Any, Any], identity: str, zup: Any) -> Object3D:
    names = [*COLUMNS[1:11], "prob"]
    if None in row:
        raise InputError("holds more cells than columns", code="boxer-form")
    for name in names:
        if not camera_files.NUMBER.fullmatch(row[name] or ""):
            raise InputError(f"must be a number, got {row[name]!r}", code="box-type", field=name)
    v = fields.row([float(row[n]) for n in names], 11, "row")
    world = Box3D(v[:3], v[7:10], frames.rotation_from_quaternion(v[3:7]))
    return Object3D(
        identity, fields.text(row, "name"), frames.from_zup(world, zup), score=float(v[10])
    )


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write all scenes, numbered by `time_ns`; a box is turned so that local z is vertical."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for time, item in enumerate(items):
        zup = frames.zup_from_camera(item.scene.up)
        for thing in item.scene.objects:
            upright = frames.with_vertical(thing.box, 1, item.down)
            world = frames.to_zup(upright, zup)
            assert world.rotation is not None
            quaternion = frames.quaternion_from_rotation(world.rotation)
            numbers = [*world.center, *quaternion, *world.size]
            table.writerow(
                [time, *(repr(float(n)) for n in numbers), thing.label, -1, -1, repr(thing.score)]
            )
    files.write_text(path, out.getvalue())
