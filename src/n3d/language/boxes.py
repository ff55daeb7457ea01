"""The `n3d` box dialect: `bbox_0=Bbox(mug,5731,5102,5311,4021,4107,4016)`, one line per object.

The numbers are u, v, z, sx, sy, sz: image position of the 3D centre, its depth, and the full
extents, as cells of `n3d.language.grid`, four digits each. Two forms:

* aligned, without `up`: the box axes are the camera's, sizes along camera x, y, z;
* upright, with `up`: one axis is vertical and a seventh number of three digits is the yaw. sy
  is the height; the yaw turns about the vertical, relative to the viewing ray through the
  (written) centre, within [-45, 45) degrees; sx is the side that then lies more across the
  view and sz the one more along it.

With `up` every box takes the upright form and without it the aligned one, so that one box has
one text, whichever of its 24 descriptions is written. With a `scale` z and the sizes are
relative to it (`grid.Scale`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from n3d.errors import FormatError
from n3d.geometry import Box3D, Camera, axis_rotation, upright
from n3d.language import grid, labels, reading
from n3d.language.grid import Scale
from n3d.language.reading import BoxText, Faults, Parsed
from n3d.scene import Object3D

Tilt = Literal["refuse", "hull", "snap"]
TILT_TOLERANCE = np.radians(0.1)
"""Below this a box counts as aligned: less than half a cell of yaw."""


def write(
    objects: Sequence[Object3D],
    camera: Camera,
    *,
    up=None,
    scale: Scale | None = None,
    tilt: Tilt = "refuse",
) -> str:
    """One line per object; `bbox_i` is `objects[i]`.

    A box that is tilted against the axes of its form is refused, or replaced by the smallest
    box of the form around it (`tilt="hull"`) or by itself turned the shortest way into the
    form ("snap"). Raises FormatError for that, for a length or centre outside the grids
    (nothing is clipped) and for labels with NUL or lone surrogates.
    """
    lines = []
    for i, o in enumerate(objects):
        try:
            numbers = encode(o.box, camera, up=up, tilt=tilt)
            if scale is not None:
                numbers[2:6] = scale.relative(numbers[2:6])
            lines.append(f"bbox_{i}=Bbox({labels.write(o.label)},{_digits(numbers)})\n")
        except FormatError as error:
            raise error.at(field=f"bbox_{i}") from None
    return "".join(lines)


def read(text: str, camera: Camera, *, up=None, scale: Scale | None = None) -> Parsed[Object3D]:
    """The objects of a model's text; what cannot be read is a fault, never an exception.

    An upright box without `up` is a fault ("unknown"): the direction is not guessed.
    """

    def make(found: BoxText, _: Faults) -> Object3D:
        numbers = _numbers(found)
        if len(numbers) == 7 and up is None:
            raise FormatError("an upright box needs `up`", code="unknown")
        if scale is not None:
            numbers[2:6] = scale.absolute(numbers[2:6])
        box = decode(numbers, camera, up=up if len(numbers) == 7 else None)
        return Object3D(id=str(found.number), label=found.label, box=box)

    return reading.boxes(text, (6, 7), make)


def encode(box: Box3D, camera: Camera, *, up=None, tilt: Tilt = "refuse") -> np.ndarray:
    """Absolute numbers (..., 6) of boxes, (..., 7) with `up`; raises FormatError as `write`."""
    box = fit(box, up, tilt)
    out = np.empty((*box.shape, 6 if up is None else 7), int)
    out[..., 2] = grid.length_cells(box.center[..., 2], "depth of the centre")
    out[..., :2] = grid.uv_cells(camera.project(box.center) / [camera.width, camera.height])
    size = box.size
    if up is not None:
        rotation = np.swapaxes(upright(up), -1, -2) @ box.rotation
        yaw = np.arctan2(rotation[..., 0, 2], rotation[..., 2, 2])
        cell, turns = grid.yaw_cells(yaw - _bearing(out, camera, up))
        size = np.where((turns % 2 == 1)[..., None], size[..., ::-1], size)
        out[..., 6] = cell
    out[..., 3:6] = grid.length_cells(size, "size")
    return out


def decode(numbers, camera: Camera, *, up=None) -> Box3D:
    """The boxes of absolute numbers (..., 6), or (..., 7) with `up`."""
    numbers = np.asarray(numbers)
    center = _center(numbers, camera)
    size = grid.lengths(numbers[..., 3:6])
    if up is None:
        return Box3D(center, size)
    yaw = grid.yaws(numbers[..., 6]) + _bearing(numbers, camera, up)
    return Box3D(center, size, upright(up) @ axis_rotation(1, yaw))


def fit(box: Box3D, up=None, tilt: Tilt = "refuse") -> Box3D:
    """The boxes with axes of the written form: x, y, z of the camera, or y vertical with `up`.

    Raises FormatError for a box tilted by more than 0.1 degrees unless `tilt` says what to do.
    """
    if tilt not in ("refuse", "hull", "snap"):
        raise FormatError(
            f"unknown {tilt!r}", code="tilt", field="tilt", limit="refuse, hull, snap"
        )
    if up is None:
        box = box.canonical()
        turned = np.broadcast_to(np.eye(3), box.rotation.shape)
    else:
        box = _vertical_second(box, upright(up))
        turned = _turned_upright(box.rotation, upright(up)[:, 1])
    # The rotation between two orthonormal matrices A and B has |A - B|^2 = 4 (1 - cos angle).
    gap = ((turned - box.rotation) ** 2).sum(axis=(-1, -2))
    angle = np.arccos(np.clip(1 - gap / 4, -1, 1))
    tilted = angle > TILT_TOLERANCE
    if tilt == "refuse" and tilted.any():
        raise FormatError(
            f"is tilted by {np.degrees(angle.max()):.1f} degrees against the "
            f"{'camera axes' if up is None else 'vertical'}",
            code="box-tilted",
            hint="Choose tilt='hull' or tilt='snap'" + (", or give `up`" if up is None else ""),
        )
    size = box.size
    if tilt == "hull":
        shadow = np.abs(np.swapaxes(turned, -1, -2) @ box.rotation) @ size[..., None]
        size = np.where(tilted[..., None], shadow[..., 0], size)
    return Box3D(box.center, size, turned)


def _vertical_second(box: Box3D, frame: np.ndarray) -> Box3D:
    """The description of each box whose second axis is the one nearest to down."""
    along = np.einsum("i,...ij->...j", frame[:, 1], box.rotation)
    k = np.abs(along).argmax(axis=-1)[..., None]
    order = (k + np.array([2, 0, 1])) % 3
    axes = np.take_along_axis(box.rotation, order[..., None, :], axis=-1)
    size = np.take_along_axis(box.size, order, axis=-1)
    up_side_down = np.take_along_axis(along, k, axis=-1) < 0
    flip = np.where(up_side_down, [-1.0, -1.0, 1.0], [1.0, 1.0, 1.0])
    return Box3D(box.center, size, axes * flip[..., None, :])


def _turned_upright(axes: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Axes (..., 3, 3) turned the shortest way so that the second is `down` (Rodrigues)."""
    second = axes[..., 1]
    w = np.cross(second, down)
    k = np.zeros((*w.shape[:-1], 3, 3))
    k[..., 0, 1], k[..., 0, 2], k[..., 1, 2] = -w[..., 2], w[..., 1], -w[..., 0]
    k[..., 1, 0], k[..., 2, 0], k[..., 2, 1] = w[..., 2], -w[..., 1], w[..., 0]
    cosine = (second @ down)[..., None, None]
    return (np.eye(3) + k + k @ k / (1 + cosine)) @ axes


def _center(numbers: np.ndarray, camera: Camera) -> np.ndarray:
    uv = grid.uvs(numbers[..., :2]) * [camera.width, camera.height]
    return camera.lift(uv, grid.lengths(numbers[..., 2]))


def _bearing(numbers: np.ndarray, camera: Camera, up) -> np.ndarray:
    """Yaw (...) of the viewing ray through the written centre, about the vertical."""
    ray = _center(numbers, camera) @ upright(up)
    return np.arctan2(ray[..., 0], ray[..., 2])


def _digits(numbers: np.ndarray) -> str:
    return ",".join(f"{n:03d}" if i == 6 else f"{n:04d}" for i, n in enumerate(numbers))


def _numbers(found: BoxText) -> np.ndarray:
    """The cells of one box; FormatError unless each has its digits and lies on its grid."""
    for i, field in enumerate(found.fields):
        width, cells = (3, grid.YAW_CELLS) if i == 6 else (4, grid.CELLS)
        whole = field.lstrip("-")
        if not whole.isdigit() or (len(field) != width and int(field) in range(cells)):
            raise FormatError(f"{field} is not a number of {width} digits", code="number")
        if int(field) not in range(cells):
            raise FormatError(
                f"{field} is not on the grid", code="out-of-range", limit=f"0 to {cells - 1}"
            )
    return np.array([int(field) for field in found.fields])
