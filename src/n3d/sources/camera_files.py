"""Camera files, mappings and matrices -> a calibration. Only documented forms are taken."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Camera
from n3d.sources import fields, files
from n3d.sources.cameras import Calibration

KEYS = (
    "K", "fx", "fy", "cx", "cy", "fov", "width", "height",
    "pixel_center", "normalized", "y_up", "source",
)  # fmt: skip
FORMS = "JSON with K (3x3) or fx, fy, cx, cy, or fov; text with 3x3 numbers or fx fy cx cy"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read(
    camera: Any,
    *,
    pixel_center: float | None = None,
    normalized: bool | None = None,
    y_up: bool | None = None,
) -> Calibration:
    """The calibration in a file, a mapping with a file's keys, a Camera or a 3x3 matrix.

    Options that are given must agree with what a JSON file states itself. Raises InputError
    or GeometryError, with the file's name, for every form that is not documented.
    """
    try:
        stated = _read(camera)
        for name, value in (
            ("pixel_center", pixel_center),
            ("normalized", normalized),
            ("y_up", y_up),
        ):
            if value is not None:
                stated = _declare(stated, camera, name, value)
        return stated
    except N3DError as e:
        raise (e.at(file=camera) if files.is_path(camera) else e) from None


def _read(camera: Any) -> Calibration:
    if isinstance(camera, Camera):
        size = (camera.width, camera.height)
        return Calibration(camera.matrix, size=size, source=camera.source)
    if isinstance(camera, Mapping):
        return _from_mapping(camera)
    if files.is_path(camera):
        text = files.read_text(camera, max_bytes=files.MIB)
        if text.lstrip()[:1] in ("{", "["):
            from n3d.scene import strict_json

            return replace(_from_mapping(strict_json.loads(text, file=camera)), file=camera)
        return replace(_from_text(text), file=camera)
    return Calibration(_matrix(camera))


def _declare(stated: Calibration, camera: Any, name: str, value: Any) -> Calibration:
    """Take an option of the caller; refuse one that contradicts what the camera states."""
    default = getattr(Calibration, name)
    if value == getattr(stated, name):
        return stated
    if isinstance(camera, Camera) or getattr(stated, name) != default:
        raise InputError(
            f"{name}={value!r} contradicts the camera, which states {getattr(stated, name)!r}",
            code="camera-conflict",
            field=name,
        )
    return replace(stated, **{name: value})


def _from_mapping(given: Any) -> Calibration:
    if not isinstance(given, Mapping):
        raise InputError("must be an object", code="camera-form", field="camera", limit=FORMS)
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            raise InputError(
                f"unknown key {key!r}",
                code="camera-key",
                field="camera",
                limit=", ".join(KEYS),
                hint=f"Did you mean {near[0]}?" if near else None,
            )
    forms = [f for f in ("K", "fx", "fov") if f in given]
    if len(forms) != 1:
        raise InputError(
            "needs exactly one of K, fx fy cx cy, or fov", code="camera-form", field="camera"
        )
    for flag in ("normalized", "y_up"):
        if not isinstance(given.get(flag, False), bool):
            raise InputError("must be true or false", code="camera-type", field=flag)
    source = given.get("source", "given")
    if not isinstance(source, str):
        raise InputError("must be a text", code="camera-type", field="source")
    return Calibration(
        matrix=None if forms == ["fov"] else _mapping_matrix(given, forms[0]),
        fov=_number(given, "fov") if forms == ["fov"] else None,
        size=_size(given),
        pixel_center=_number(given, "pixel_center", 0.5),
        normalized=given.get("normalized", False),
        y_up=given.get("y_up", False),
        source=source,
    )


def _mapping_matrix(given: Mapping[str, Any], form: str) -> np.ndarray:
    if form == "K":
        extra = [k for k in ("fy", "cx", "cy") if k in given]
        if extra:
            raise InputError(f"K and {extra[0]} are both given", code="camera-form", field="K")
        return _matrix(given["K"])
    fx, fy, cx, cy = (_number(given, k) for k in ("fx", "fy", "cx", "cy"))
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _matrix(value: Any) -> np.ndarray:
    """A 3x3 matrix of numbers; whether it is a K is for Camera.from_matrix to say."""
    try:
        matrix = np.asarray(value)
    except ValueError:
        matrix = np.asarray("ragged")
    if matrix.dtype.kind not in "iuf" or matrix.shape != (3, 3):
        got = f"shape {matrix.shape}" if matrix.dtype.kind in "iuf" else "something else"
        raise GeometryError(
            f"K must be 3x3 numbers, got {got}",
            code="camera-shape" if matrix.dtype.kind in "iuf" else "camera-type",
            field="K",
            limit=FORMS,
        )
    return matrix.astype(float)


def _number(given: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = given.get(key, default)
    if value is None:
        raise InputError("is missing", code="camera-type", field=key)
    return fields.one(value, key, "camera")


def _size(given: Mapping[str, Any]) -> tuple[int, int] | None:
    if "width" not in given and "height" not in given:
        return None
    for key in ("width", "height"):
        _number(given, key)
    return fields.side(given["width"], "width"), fields.side(given["height"], "height")


def _from_text(text: str) -> Calibration:
    rows = [line.split("#", 1)[0].split() for line in text.splitlines()]
    rows = [row for row in rows if row]
    words = [word for row in rows for word in row]
    bad = next((word for word in words if not NUMBER.fullmatch(word)), None)
    if bad is not None:
        raise InputError(f"{bad[:40]!r} is not a number", code="camera-type", field="camera")
    shape = [len(row) for row in rows]
    if shape == [4]:
        fx, fy, cx, cy = map(float, words)
        return Calibration(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]))
    if shape != [3, 3, 3]:
        raise InputError(
            f"holds rows of {shape} numbers", code="camera-form", field="camera", limit=FORMS
        )
    return Calibration(np.array([[float(w) for w in row] for row in rows]))
