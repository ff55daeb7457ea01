"""Which convention a foreign file of 3D boxes follows: `n3d doctor`.

Every convention of `sources.conventions` is tried: its boxes are projected into the image and
held against the 2D boxes. What cannot be told apart on the file is said to be ambiguous.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Box3D, Camera
from n3d.geometry.pose import upright
from n3d.pipelines import diagnosing_forms, leaning
from n3d.pipelines.diagnoses import FITS, ODDS, Diagnosis, Reading
from n3d.sources import camera_files, candidates, conventions, described, files, foreign, kitti
from n3d.sources import solids as solid
from n3d.sources.candidates import Candidate, Evidence
from n3d.sources.conventions import METRES, Convention
from n3d.sources.foreign import Table

UNIT_ODDS = 5.0
MOST_ROWS = 500
MOST_READINGS = 2000
HINTS = {
    "frame": "a box far from the middle of the image",
    "level": "a camera that leans more",
    "anchor": "a tall box with a 2D box that fits tightly",
    "size": "a box with three different sides, seen whole",
    "half": "a 2D box that fits tightly",
    "rotation": "a long box near the camera, turned, but not by a quarter turn",
    "rectangle": "a 2D box at the right or lower rim of the image",
    "layout": "a box beside the middle of the image",
}
"""What would tell apart conventions that differ in a member."""


def diagnose(path: Any, *, camera: Any = None, regions: Any = None, up: Any = None) -> Diagnosis:
    """Find the convention of a file of 3D boxes.

    `camera` is needed where the file does not hold K with the size of its images; `regions` is a
    file of 2D boxes where it holds none; `up` lets frames be level with gravity. Raises
    InputError where there is nothing to go by.
    """
    seen = _camera(camera)
    try:
        table = foreign.read(path)
    except InputError as e:
        found = diagnosing_forms.diagnose(path, camera=seen, regions=regions, up=up)
        if e.code != "foreign-boxes" or found is None:
            raise
        return found
    if regions is not None:
        table = described.with_regions(table, regions, seen)
    readings, used = _readings(table, seen, up, path)
    count = min(used, candidates.MOST_BOXES)
    leans, straight = None, readings[:1]
    if up is None and (not readings or not _is_close(readings[0][1])):
        parts = [_evidence(each, seen, path).some() for _, each in _layouts(table)]
        found = [leaning.find(part, table.rectangle, within=ODDS) for part in parts]
        leans = min((f for f in found if f is not None), key=lambda f: f[0], default=(0, None))[1]
    if leans is not None:
        leaned, _ = _readings(table, seen, leans, path)
        doubt = leaned[0][1].odds(straight[0][1], count) if straight else np.inf
        if not leaned[0][1].convention.level or doubt < leaning.DOUBTFUL:
            leans = None
        else:
            up, readings = leans, leaned
            straight = straight if doubt < leaning.CERTAIN else []
    if not readings:
        raise InputError(
            "holds 2D boxes that no image of this camera can have", code="doctor-rectangles",
            file=path, limit="xyxy, xywh, cxcywh or yxyx; pixels, thousandths or shares",
            hint="Are they of this camera's image?",
        )  # fmt: skip
    best = readings[0][1]
    kept = [r for r in readings if best.odds(r[1], count) <= ODDS][:MOST_READINGS]
    if best.error > FITS:
        kept = kept[:1]
    elif leans is not None:
        kept += straight
    groups = _groups(kept, up)
    if not groups:
        raise InputError(
            "no convention makes boxes of its numbers", code="foreign-boxes", file=path
        )
    told = [
        Reading(c.convention, _agreement(b, each, c.convention, seen), best.odds(c, count))
        for b, each, c in groups
    ]
    return _judged(path, table, groups[0], told, used, seen, up, leans)


def _readings(
    table: Table, camera: Camera | None, up: Any, path: Any
) -> tuple[list[tuple[Table, Candidate]], int]:
    """All readings that come near the best, the best first; how many boxes there are to go by."""
    level = up is None or float(np.dot(up, [0, -1, 0])) > 1 - 1e-9
    readings: list[tuple[Table, Candidate]] = []
    used = 0
    for layout, each in _layouts(table):
        evidence = _evidence(each, camera, path)
        used = len(evidence)
        for tilt in [None] if level else [None, upright(up)]:
            found = candidates.search(
                evidence.some(), within=ODDS, order=table.rectangle, tilt=tilt
            )
            readings += [
                (each, replace(c, convention=replace(c.convention, layout=layout))) for c in found
            ]
    readings.sort(key=lambda r: (r[1].error, candidates.plainness(r[1].convention)))
    return readings, used


def _is_close(best: Candidate) -> bool:
    """Whether boxes lie on the 2D boxes up to the pixels, so that nothing is left to explain."""
    return best.error < 2 * best.floor


def _layouts(table: Table) -> list[tuple[str, Table]]:
    """Bare rows may hold the location first, or the sizes where those are positive too."""
    ways = [("center-size", table)]
    if table.bare:
        ways.append(("size-center", table.swapped()))
    return [w for w in ways if min(min(r.sizes) for r in w[1].rows) > 0] or ways[:1]


def _camera(camera: Any) -> Camera | None:
    """The camera of a file; one that states no size is taken to look through the middle."""
    if camera is None or isinstance(camera, Camera):
        return camera
    if files.is_path(camera) and kitti.is_calibration(camera):
        stated = camera_files.read(kitti.read_calibration(camera).matrix)
    else:
        stated = camera_files.read(camera)
    if stated.size is None:
        assert stated.matrix is not None
        return stated.camera(*(max(1, round(2 * v)) for v in stated.matrix[:2, 2].tolist()))
    return stated.camera(*stated.size)


def _evidence(table: Table, camera: Camera | None, path: Any) -> Evidence:
    cameras = [described.camera_of(row, table, camera) for row in table.rows]
    usable = [(r, c) for r, c in zip(table.rows, cameras) if c is not None and r.rectangle]
    if not any(cameras):
        raise InputError(
            "holds no camera", code="doctor-camera", file=path, field="camera",
            hint="Give it with --camera: boxes are judged by where they project",
        )  # fmt: skip
    if not usable:
        raise InputError(
            "holds no 2D boxes", code="doctor-rectangles", file=path, field="regions",
            hint="Give a file of 2D boxes of the same objects with --regions",
        )  # fmt: skip
    return Evidence.of([r for r, _ in usable], [c for _, c in usable])


# -- the verdict --------------------------------------------------------------------------


def _groups(
    readings: list[tuple[Table, Candidate]], up: Any
) -> list[tuple[Box3D, Table, Candidate]]:
    """The best reading of each set of solids."""
    groups: list[tuple[Box3D, Table, Candidate]] = []
    for each, candidate in readings:
        boxes = described.boxes(each, candidate.convention, up, MOST_ROWS)
        if boxes is not None and not any(solid.same(boxes, other) for other, _, _ in groups):
            groups.append((boxes, each, candidate))
    return groups


def _judged(
    path: Any,
    table: Table,
    best: tuple[Box3D, Table, Candidate],
    told: list[Reading],
    used: int,
    camera: Camera | None,
    up: Any,
    leans: np.ndarray | None,
) -> Diagnosis:
    boxes, _, candidate = best
    units = _units(table, boxes)
    told = [replace(r, convention=_in(r.convention, units[0])) for r in told]
    boxes = boxes.scaled(METRES[units[0]])
    fits = candidate.error <= FITS
    single = len(told) == 1 and len(units) == 1
    return Diagnosis(
        "none" if not fits else "known" if single else "ambiguous",
        told[0],
        boxes,
        tuple(told[1:]),
        tuple(units),
        diagnosing_forms.same(path, boxes, camera, up) if fits else "",
        len(table.rows),
        used,
        len(table.drops),
        dict(table.taken),
        _advice(fits, told, units),
        None if leans is None else tuple(leans.tolist()),
    )


def _in(convention: Any, unit: str) -> Convention:
    return replace(convention, unit=unit)


def _units(table: Table, boxes: Box3D) -> list[str]:
    """The units that remain, of what the file says or of how large things usually are."""
    if table.unit:
        return [table.unit]
    labels = [r.label for r in table.rows][: len(boxes)]
    odds = solid.units(labels, boxes.size.max(axis=-1))
    return [u for u, v in odds.items() if v >= -UNIT_ODDS]


def _agreement(boxes: Box3D, table: Table, convention: Convention, camera: Camera | None) -> float:
    """Mean IoU of the projected boxes with the 2D boxes, both cut to the image."""
    shares = []
    for box, row in zip(boxes, table.rows):
        own = described.camera_of(row, table, camera)
        if own is None or not row.rectangle:
            continue
        size, values = np.array([own.width, own.height] * 2), np.array(row.rectangle)
        given = conventions.rectangles(values, convention.rectangle, own.width, own.height)
        shown = np.nan_to_num(box.project(own))
        shares.append(solid.cover(np.clip(given, 0, size), np.clip(shown, 0, size)))
    return float(np.mean(shares)) if shares else 0.0


def _advice(fits: bool, told: list[Reading], units: list[str]) -> tuple[str, ...]:
    if not fits:
        return (
            "no convention brings the boxes over the 2D boxes: they may be in a world frame, which "
            "needs the camera's pose, of another image, or in another order than the 2D boxes",
        )
    first = told[0].convention
    differing = {
        name for r in told for name in HINTS if getattr(r.convention, name) != getattr(first, name)
    }
    out = [f"to settle {name}: {HINTS[name]}" for name in HINTS if name in differing]
    if len(units) > 1:
        out.append("to settle unit: labels of everyday things, or one length that is known")
    return tuple(out)
