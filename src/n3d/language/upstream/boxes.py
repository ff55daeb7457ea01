"""The box lines of the released weights: `bbox_0=Bbox(person,275,483,61,500,316,468,390)`.

The numbers are u, v (of 1000 across the image), z (of 1000 over two mean distances), an angle
that is always 500, and sizes along the camera axes (of 1000 over 0.625 mean distances). Depth
and sizes are floored and clipped in silence: `clipped` tells which boxes that happens to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n3d.errors import FormatError
from n3d.geometry import Box3D, Camera
from n3d.language import labels, reading
from n3d.language.reading import BoxText, Faults, Parsed
from n3d.language.upstream.normalizer import LEFT_UP, Normalizer
from n3d.scene import Object3D

BINS = 1000
DEPTH_RANGE = 2.0
SIZE_RANGE = 0.625
NO_ANGLE = 500
WHOLE = 1e-4
"""A bin this close below a whole number is floored to it: scales differ by float32 rounding."""
_UNIT = np.array([1, 1, DEPTH_RANGE, SIZE_RANGE, SIZE_RANGE, SIZE_RANGE])


def write(
    objects: Sequence[Object3D], norm: Normalizer, camera: Camera, *, hull: bool = False
) -> str:
    """One line per object. The weights know lower-case class names.

    A rotated box raises FormatError, or with `hull` is written as its camera-aligned hull. A
    label is passed through `labels.neutralize`, without line breaks; commas stay.
    """
    lines = []
    for i, o in enumerate(objects):
        try:
            u, v, z, *size = encode(aligned(o.box, hull), norm, camera)
            numbers = (u, v, z, NO_ANGLE, *size)
            lines.append(f"bbox_{i}=Bbox({_name(o.label)},{','.join(map(str, numbers))})\n")
        except FormatError as error:
            raise error.at(field=f"bbox_{i}") from None
    return "".join(lines)


def read(text: str, norm: Normalizer, camera: Camera) -> Parsed[Object3D]:
    """The objects of a text by the released weights, as visible camera-aligned boxes.

    Numbers outside 0 to 1000 are faults. A size of 0 is read as 1 and an angle other than 500
    as none, each with a fault beside the object. `attributes["at_limit"]` names the numbers
    that stand at 999, where the true value may lie beyond.
    """

    def make(found: BoxText, faults: Faults) -> Object3D:
        bins = np.array([float(f) for f in found.fields])
        if (bins < 0).any() or (bins > BINS).any():
            raise FormatError(
                "a number is off the range", code="out-of-range", limit=f"0 to {BINS}"
            )
        if bins[3] != NO_ANGLE:
            message = f"angle {bins[3]:g} means nothing to these weights, read as {NO_ANGLE}"
            faults.add("unknown", found.offset, found.end, message)
        bins = np.delete(bins, 3)
        if (bins[3:] == 0).any():
            faults.add("out-of-range", found.offset, found.end, "a size of 0 is read as 1")
            bins[3:] = np.maximum(bins[3:], 1)
        box = decode(bins, norm, camera)
        limits = [n for n, b in zip(("z", "sx", "sy", "sz"), bins[2:]) if b >= BINS - 1]
        return _object(found, box, {"at_limit": limits} if limits else {})

    return reading.boxes(text, (7, 7), make)


def write_metric(objects: Sequence[Object3D], camera: Camera, *, hull: bool = False) -> str:
    """The same lines with u, v of the image, metres and angle 0.0, as upstream saves results."""
    lines = []
    for i, o in enumerate(objects):
        box = aligned(o.box, hull)
        u, v = (camera.project(box.center) / [camera.width, camera.height]).tolist()
        numbers = (u, v, float(box.center[2]), 0.0, *box.size.tolist())
        lines.append(f"bbox_{i}=Bbox({_name(o.label)},{','.join(map(repr, numbers))})\n")
    return "".join(lines)


def read_metric(text: str, camera: Camera) -> Parsed[Object3D]:
    """The objects of a saved upstream result or of its annotation files."""

    def make(found: BoxText, _: Faults) -> Object3D:
        n = np.array([float(f) for f in found.fields])
        if n[2] <= 0 or (n[4:] <= 0).any():
            raise FormatError("depth and sizes must be positive", code="out-of-range")
        center = camera.lift(n[:2] * [camera.width, camera.height], n[2])
        return _object(found, Box3D(center, n[4:]), {})

    return reading.boxes(text, (7, 7), make)


def encode(box: Box3D, norm: Normalizer, camera: Camera, *, nearest: bool = False) -> np.ndarray:
    """Bins u, v, z, sx, sy, sz (..., 6) of camera-aligned boxes.

    u and v are rounded, z and sizes floored (rounded with `nearest`, which the weights were
    not trained with); all are clipped to 0 to 999 and sizes to at least 1.
    """
    raw = _raw(box, norm, camera)
    bins = (
        np.rint(raw)
        if nearest
        else np.concatenate([np.rint(raw[..., :2]), np.floor(raw[..., 2:] + WHOLE)], axis=-1)
    )
    return np.clip(bins, [0, 0, 0, 1, 1, 1], BINS - 1).astype(int)


def clipped(box: Box3D, norm: Normalizer, camera: Camera) -> np.ndarray | np.bool_:
    """Which boxes (...) do not fit into the ranges, so that their text says something else."""
    raw = _raw(box, norm, camera)
    return np.any((raw < [0, 0, 0, 1, 1, 1]) | (raw >= BINS), axis=-1)


def decode(bins, norm: Normalizer, camera: Camera) -> Box3D:
    """Boxes of bins (..., 6), without half a bin added; the centre lies on the ray of (u, v).

    The ray comes from a float32 inverse of K as upstream's does: its error of 1e-8 decides how
    0.275 is rounded in `condition`.
    """
    v = np.asarray(bins) / BINS * _UNIT
    z = v[..., 2] / norm.scale + norm.shift[2]
    k = camera.matrix / [[camera.width], [camera.height], [1]]
    inverse = np.linalg.inv(k.astype(np.float32)).astype(float)
    ray = np.concatenate([v[..., :2], np.ones_like(v[..., :1])], axis=-1) @ inverse.T
    return Box3D(ray * z[..., None], v[..., 3:] / norm.scale)


def left_up(box: Box3D) -> list[float]:
    """x left, y up, z, and sizes with 2 decimals: a box as prompts and reasoning texts hold it."""
    return [round(float(n), 2) for n in (*(box.center * LEFT_UP), *box.size)]


def aligned(box: Box3D, hull: bool) -> Box3D:
    """The box with the camera's axes; FormatError for a rotated one unless `hull`."""
    canonical = box.canonical()
    if np.allclose(canonical.rotation, np.eye(3), rtol=0, atol=1e-3):
        return Box3D(canonical.center, canonical.size)
    if hull:
        return box.hull()
    raise FormatError(
        "is rotated, and the dialect has no rotation",
        code="box-tilted",
        hint="Write its camera-aligned hull with hull=True",
    )


def _raw(box: Box3D, norm: Normalizer, camera: Camera) -> np.ndarray:
    z = box.center[..., 2:]
    if not (z > 0).all():
        raise FormatError("the centre is behind the camera", code="out-of-range")
    uv = camera.project(box.center) / [camera.width, camera.height]
    depth = (z - norm.shift[2]) * norm.scale
    return np.concatenate([uv, depth, box.size * norm.scale], axis=-1) / _UNIT * BINS


def _name(label: str) -> str:
    labels.check(label)
    return labels.neutralize(" ".join(label.split()))


def _object(found: BoxText, box: Box3D, attributes: dict) -> Object3D:
    label = labels.restore(found.label)
    return Object3D(str(found.number), label, box, attributes=attributes, extent="visible")
