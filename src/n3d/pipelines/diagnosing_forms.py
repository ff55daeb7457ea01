"""The documented forms as readings of a file: which read it, and which of them fit its 2D boxes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.pipelines.diagnoses import FITS, ODDS, Diagnosis, Reading
from n3d.scene import Drop, Object3D
from n3d.sources import described, regions, solids
from n3d.sources.candidates import FLOOR_PX
from n3d.sources.convert import FORMS
from n3d.sources.grounded import Grounded


def same(path: Any, boxes: Box3D, camera: Camera | None, up: Any) -> str:
    """The documented form that reads these boxes from the file, or ""."""
    for name, items in _read(path, camera, up):
        things = [o for item in items for o in item.scene.objects]
        first = Box3D.stack(o.box for o in things[: len(boxes)])
        if len(things) >= len(boxes) and solids.same(first, boxes):
            return name
    return ""


def diagnose(path: Any, *, camera: Camera | None, regions: Any, up: Any) -> Diagnosis | None:
    """The verdict on a file that is no table of numbers: of all forms that read it the one that
    fits the 2D boxes; None where no form reads it. Raises InputError without 2D boxes."""
    found: list[tuple[float, float, Reading, Box3D]] = []
    used = boxes = 0
    read = False
    for name, items in _read(path, camera, up):
        read = True
        seen = [pair for item in items for pair in _seen(item, regions)]
        if not seen:
            continue
        errors, floors, covers = zip(*(_off(t, c, r) for t, c, r in seen))
        stack = Box3D.stack(o.box for item in items for o in item.scene.objects)
        used, boxes = len(seen), len(stack)
        floor = float(np.mean(floors))
        found.append((float(np.mean(errors)), floor, Reading(name, float(np.mean(covers))), stack))
    if read and not found:
        raise InputError(
            "holds no 2D boxes with their camera", code="doctor-rectangles", file=path,
            field="regions",
            hint="Give a file of 2D boxes of the same objects with --regions, and --camera",
        )  # fmt: skip
    if not found:
        return None
    found.sort(key=lambda f: f[0])
    error, floor, _, stack = found[0]
    told = []
    for other, _, reading, solid in found:
        odds = 2 * used * math.log((other + floor) / (error + floor))
        if odds <= ODDS and (not told or not solids.same(solid, stack)):
            told.append(Reading(reading.convention, reading.agreement, odds))
    fits = error <= FITS
    return Diagnosis(
        "none" if not fits else "known" if len(told) == 1 else "ambiguous",
        told[0], stack, tuple(told[1:]), ("m",), str(told[0].convention), boxes, used,
        advice=() if fits else ("no form that reads this file brings its boxes over the 2D boxes",),
    )  # fmt: skip


def _read(path: Any, camera: Camera | None, up: Any) -> Iterator[tuple[str, list[Grounded]]]:
    """Each form that reads a file without setting anything aside, and its scenes."""
    for name, form in FORMS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                items = list(form.read(path, camera=camera, up=up))
        except N3DError:
            continue
        scenes = [i for i in items if isinstance(i, Grounded) and i.scene.objects]
        if scenes and not any(isinstance(i, Drop) for i in items):
            yield name, scenes


def _seen(item: Grounded, file: Any) -> list[tuple[Object3D, Camera, tuple]]:
    """The objects of a scene that have a 2D box: their own, or that of a file of regions."""
    if item.camera is None:
        return []
    things = item.scene.objects
    if file is None:
        return [(o, item.camera, o.region.rectangle) for o in things if o.region is not None]
    found = regions.read(file, width=item.camera.width, height=item.camera.height)
    pairs = described.paired([o.label for o in things], [r.label for r in found])
    return [(things[i], item.camera, found[j].rectangle) for i, j in pairs.items()]


def _off(thing: Object3D, camera: Camera, rectangle: tuple) -> tuple[float, float, float]:
    """(error, what of it means nothing, IoU) of one box against its 2D box."""
    size = np.array([camera.width, camera.height] * 2)
    given = np.clip(rectangle, 0, size)
    side = max(float((given[2:] - given[:2]).mean()), 1.0)
    shown = thing.box.project(camera)
    if not np.isfinite(shown).all() or thing.box.corners[:, 2].min() <= 0:
        return 1.0, FLOOR_PX / side, 0.0
    shown = np.clip(shown, 0, size)
    error = min(float(np.abs(shown - given).mean()) / side, 1.0)
    return error, FLOOR_PX / side, solids.cover(shown, given)
