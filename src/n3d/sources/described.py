"""Files of 3D boxes in any convention that can be said: a form like the others.

`convert --from "frame=rub,unit=cm,..."` reads one, `--to` writes one as a JSON list of records.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.scene import Drop, Object3D, Scene
from n3d.sources import conventions, files, foreign, frames, grounded, turning
from n3d.sources import regions as region_files
from n3d.sources.conventions import Convention
from n3d.sources.foreign import Row, Table
from n3d.sources.grounded import Grounded

CORNER_TOLERANCE = 0.02  # of the longest diagonal


def read(
    path: Any, *, convention: Convention, camera: Camera | None = None, up: Any = None, **_: Any
) -> Iterator[Grounded | Drop]:
    """A scene for each image of a file; records that are no boxes in the convention are Drops."""
    table = foreign.read(path)
    if table.bare and convention.layout == "size-center":
        table = table.swapped()
    for drop in table.drops:
        yield replace(drop, id=f"described:{drop.id}")
    images: dict[str, list[Object3D]] = {}
    for index, row in enumerate(table.rows):
        try:
            thing = _object(row, f"described:{index}", table, convention, camera, up)
            images.setdefault(row.image, []).append(thing)
        except N3DError as e:
            yield Drop(f"described:{index}", e.code, str(e.at(file=path)))
    for image, things in images.items():
        name = f"described:{image}" if image else "described"
        own = table.cameras.get(image) or table.cameras.get("") or camera
        yield Grounded(Scene(name, name, tuple(things), up, source="described"), own, image)


def _object(
    row: Row, identity: str, table: Table, convention: Convention, camera: Camera | None, up: Any
) -> Object3D:
    box = _box(row, convention, up)
    region, label = None, row.label or "object"
    own = camera_of(row, table, camera)
    if row.rectangle and own is not None:
        xyxy = conventions.rectangles(
            np.array(row.rectangle), convention.rectangle, own.width, own.height
        )
        region = grounded.region(label, xyxy.tolist())
    return Object3D(identity, label, box, region=region, score=row.score)


def _box(row: Row, convention: Convention, up: Any) -> Box3D:
    if row.corners is not None:
        return cornered(row.corners @ convention.camera_from_file(up).T).scaled(
            conventions.METRES[convention.unit]
        )
    if len(row.turns) != turning.count(convention.rotation):
        raise InputError(
            f"has {len(row.turns)} turning numbers", code="convention", field="rotation",
            limit=f"{turning.count(convention.rotation)} for {convention.rotation}",
        )  # fmt: skip
    made = convention.boxes(
        np.array([row.location]), np.array([row.sizes]), np.array([row.turns]), up
    )
    return made[0]


def boxes(table: Table, convention: Convention, up: Any, most: int) -> Box3D | None:
    """The first `most` boxes of a table as a stack, None where one is no box."""
    rows = table.rows[:most]
    try:
        if rows[0].corners is not None:
            return Box3D.stack(_box(row, convention, up) for row in rows)
        at, sizes, turns = (
            np.array([getattr(r, n) for r in rows]) for n in ("location", "sizes", "turns")
        )
        return convention.boxes(at, sizes, turns, up)
    except N3DError:
        return None


def cornered(corners: np.ndarray) -> Box3D:
    """The box of eight corners (8, 3) in any order; GeometryError where they are none."""
    arms = corners[1:] - corners[0]
    lengths = np.linalg.norm(arms, axis=1).clip(1e-12)
    for chosen in itertools.combinations(range(7), 3):
        side = lengths[list(chosen)]
        axes = (arms[list(chosen)] / side[:, None]).T
        if np.abs(axes.T @ axes - np.eye(3)).max() > CORNER_TOLERANCE:
            continue
        u, _, vt = np.linalg.svd(axes)
        rotation = u @ vt
        rotation[:, 2] *= np.sign(np.linalg.det(rotation))
        box = Box3D(corners.mean(axis=0), side, rotation)
        apart = np.linalg.norm(box.corners[:, None] - corners, axis=-1)
        if max(apart.min(axis=0).max(), apart.min(axis=1).max()) < CORNER_TOLERANCE * lengths.max():
            return box
    raise GeometryError("are not those of a box", code="corners-order", field="corners")


def camera_of(row: Row, table: Table, camera: Camera | None) -> Camera | None:
    """The camera of a row's image, else the file's only one, else the one that was given."""
    return table.cameras.get(row.image) or table.cameras.get("") or camera


def with_regions(table: Table, regions: Any, camera: Camera | None) -> Table:
    """The table with the 2D boxes of a region file: by order where all names agree, else by those
    labels that both hold once. Raises InputError where nothing goes together."""
    if camera is None:
        raise InputError("2D boxes beside the file need a camera", code="doctor-camera",
                         field="camera", hint="Give it with --camera")  # fmt: skip
    found = region_files.read(regions, width=camera.width, height=camera.height)
    pairs = paired([r.label for r in table.rows], [r.label for r in found])
    if not pairs:
        raise InputError(
            f"holds {len(found)} 2D boxes for {len(table.rows)} 3D boxes, unpaired by their labels",
            code="doctor-pairs", file=regions, field="regions",
            hint="List them in the order of the 3D boxes",
        )  # fmt: skip
    rows = (
        replace(row, rectangle=list(found[pairs[i]].rectangle) if i in pairs else None)
        for i, row in enumerate(table.rows)
    )
    return replace(table, rows=tuple(rows), rectangle="xyxy")


def paired(boxes: Sequence[str], regions: Sequence[str]) -> dict[int, int]:
    """Place of a 3D box -> place of its region, by labels: in order where all agree (or the boxes
    have none), else those that both hold once."""
    own, names = [b.lower() for b in boxes], [r.lower() for r in regions]
    if len(own) == len(names) and (not any(own) or own == names):
        return {i: i for i in range(len(own))}
    return {
        i: names.index(n) for i, n in enumerate(own) if own.count(n) == 1 and names.count(n) == 1
    }


def write(path: Any, items: Iterable[Grounded], *, convention: Convention, **_: Any) -> None:
    """Write a JSON object of images and annotations, the numbers as the convention has them."""
    images, annotations = [], []
    for number, item in enumerate(items, 1):
        if item.camera is not None:
            images.append(
                {
                    "id": number, "file_name": item.image or item.scene.picture_id,
                    "width": item.camera.width, "height": item.camera.height,
                    "K": item.camera.matrix.tolist(),
                }
            )  # fmt: skip
        annotations += _records(item, number, convention)
    told = {"convention": str(convention), "images": images, "annotations": annotations}
    files.write_text(path, json.dumps(told, allow_nan=False) + "\n")


def _records(item: Grounded, number: int, convention: Convention) -> list[dict[str, Any]]:
    things = item.scene.objects
    if not things:
        return []
    up = item.scene.up
    # Axes are named so that a yaw alone can turn the box, where one could.
    down = item.down if convention.level else -frames.LEVEL_UP
    told = Box3D.stack(frames.with_vertical(o.box, 1, down) for o in things)
    location, sizes, turns = convention.rows(told, up)
    kept = convention.boxes(location, sizes, turns, up)
    lost = float(np.abs(kept.corners - told.corners).max())
    if lost > 1e-6 * max(float(kept.size.max()), 1):
        grounded.warn_lost("this convention", f"how boxes are turned (by up to {lost:.2g} m)")
    out = []
    for thing, at, size, turn in zip(things, location, sizes, turns):
        record = {"image_id": number, "label": thing.label, "center": at.tolist(),
                  "size": size.tolist()}  # fmt: skip
        if len(turn):
            record["rotation"] = turn.tolist()
        rectangle = grounded.rectangle(item, thing)
        if rectangle is not None and item.camera is not None:
            record["bbox_2d"] = conventions.write_rectangles(
                np.array(rectangle), convention.rectangle, item.camera.width, item.camera.height
            ).tolist()
        out.append({**record, "score": thing.score})
    return out
