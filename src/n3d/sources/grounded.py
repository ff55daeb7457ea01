"""What every form of 3D boxes is read into and written from: a scene and its camera."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.scene import Object3D, Region, Scene
from n3d.sources import fields, frames
from n3d.sources.files import InputWarning


@dataclass(frozen=True, eq=False)
class Grounded:
    """One picture's objects in its camera frame; `camera` and `image` where they are known."""

    scene: Scene
    camera: Camera | None = None
    image: str = ""

    @property
    def down(self) -> np.ndarray:
        """The direction of gravity, or the camera's y axis where it is unknown."""
        return -self.scene.up if self.scene.up is not None else -frames.LEVEL_UP


def single(items: Iterable[Grounded], form: str) -> Grounded:
    """The only scene of what is to be written; InputError where there are more, or none."""
    found = list(items)
    if len(found) != 1:
        raise InputError(
            f"a {form} file holds one picture, there are {len(found)}",
            code="convert-scenes",
            hint="Write plain or omni3d, which hold many",
        )
    return found[0]


def upright_box(item: Grounded, box: Box3D, form: str) -> Box3D:
    """The box with its local y axis along gravity, and a warning where it leans."""
    turned = frames.with_vertical(box, 1, item.down)
    assert turned.rotation is not None
    lean = float(np.arccos(np.clip(turned.rotation[:, 1] @ item.down, -1, 1)))
    if lean > 1e-4:
        warn_lost(form, f"{np.degrees(lean):.2g} degrees of pitch and roll")
    return turned


def warn_lost(form: str, what: str) -> None:
    warnings.warn(f"{form} cannot hold {what}: dropped", InputWarning, stacklevel=4)


def rectangle(item: Grounded, thing: Object3D) -> tuple[float, float, float, float] | None:
    """The object's 2D rectangle: its region's, else its projection cut to the image."""
    if thing.region is not None:
        return thing.region.rectangle
    if item.camera is None:
        return None
    x0, y0, x1, y1 = thing.box.project(item.camera)
    if not np.isfinite([x0, y0, x1, y1]).all():
        return None
    x0, x1 = np.clip([x0, x1], 0, item.camera.width)
    y0, y1 = np.clip([y0, y1], 0, item.camera.height)
    return (float(x0), float(y0), float(x1), float(y1)) if x1 > x0 and y1 > y0 else None


def region(label: str, xyxy: Any) -> Region | None:
    """A region of four numbers, or None where a form writes its word for "missing"."""
    values = fields.row(xyxy, 4, "rectangle")
    if values[2] <= values[0] or values[3] <= values[1]:
        return None
    x0, y0, x1, y1 = values.tolist()
    return Region(label, (x0, y0, x1, y1))


def within(error: N3DError, name: str) -> N3DError:
    """The error with the record's name before its field."""
    error.field = f"{name}: {error.field}" if error.field else name
    return error
