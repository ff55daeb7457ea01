"""A calibration -> the Camera of an image, whatever size the calibration was made for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.sources import exif, files, shapes

ASSUMED_FOV_DEG = 60.0
# Where a principal point must lie, as a share of each side. A calibration that states no
# image size must fit closely; one that does may be of a crop.
CENTRE_UNSTATED = (0.3, 0.7)
CENTRE_STATED = (-0.5, 1.5)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a camera file states: K or a field of view, and the image size if it is stated."""

    matrix: np.ndarray | None = None
    fov: float | None = None
    size: tuple[int, int] | None = None
    pixel_center: float = 0.5
    normalized: bool = False
    y_up: bool = False
    source: str = "given"
    file: Any = None

    def camera(self, width: int, height: int) -> Camera:
        """The camera if the calibration is of a `width` x `height` image."""
        if self.matrix is None:
            assert self.fov is not None
            return Camera.from_fov(self.fov, width, height, source=self.source)
        return Camera.from_matrix(
            self.matrix,
            width,
            height,
            source=self.source,
            pixel_center=self.pixel_center,
            normalized=self.normalized,
            y_up=self.y_up,
        )


def fit(
    stated: Calibration, size: tuple[int, int], stored: tuple[int, int], orientation: int
) -> Camera:
    """The camera of an upright image of `size` that its file holds as `stored`.

    A calibration of the upright size or shape is used as it is, one that only fits the stored
    image is turned with it. Raises InputError naming both sizes where neither fits.
    """
    try:
        if stated.size is not None:
            return _resized(stated, size, stored, orientation)
        if stated.matrix is None or stated.normalized:
            return stated.camera(*size)
        camera = stated.camera(*size)
        if _centred(camera, CENTRE_UNSTATED):
            return camera
        lying = stated.camera(*stored)
        if size != stored and _centred(lying, CENTRE_UNSTATED):
            return exif.turn_camera(lying, orientation)
        raise _misfit(camera, stated)
    except N3DError as e:
        raise (e.at(file=stated.file) if stated.file is not None else e) from None


def _resized(
    stated: Calibration, size: tuple[int, int], stored: tuple[int, int], orientation: int
) -> Camera:
    assert stated.size is not None
    camera = stated.camera(*stated.size)
    if not _centred(camera, CENTRE_STATED):
        raise _misfit(camera, stated)
    if shapes.same_picture(stated.size, size):
        return camera if stated.size == size else camera.resize(*size)
    if shapes.same_picture(stated.size, stored):
        return exif.turn_camera(camera.resize(*stored), orientation)
    raise InputError(
        f"is for {shapes.name(stated.size)}, the image is {shapes.name(size)}",
        code="camera-size",
        field="camera",
        limit="the image's aspect ratio within 1 pixel",
        hint="Camera.crop and Camera.resize make the camera of a changed image",
    )


def _centred(camera: Camera, limits: tuple[float, float]) -> bool:
    shares = (camera.cx / camera.width, camera.cy / camera.height)
    return all(limits[0] <= s <= limits[1] for s in shares)


def _misfit(camera: Camera, stated: Calibration) -> InputError:
    likely = f"{2 * camera.cx:.6g}x{2 * camera.cy:.6g}"
    hint = "State width and height of the image that K belongs to"
    if stated.matrix is not None and np.abs(stated.matrix[:2]).max() < 8:
        hint = "K looks normalised by the image size: declare normalized=True"
    return InputError(
        f"principal point ({camera.cx:g}, {camera.cy:g}) fits an image of about "
        f"{likely}, this one is {shapes.name((camera.width, camera.height))}",
        code="camera-resolution",
        field="camera",
        hint=hint,
    )


def assumed(width: int, height: int, fov_deg: float = ASSUMED_FOV_DEG) -> Camera:
    """The camera taken for granted where nothing is known: `fov_deg` along the longer side."""
    f = max(width, height) / (2 * math.tan(math.radians(fov_deg) / 2))
    return Camera(f, f, width / 2, height / 2, width, height, f"assumed:fov-{fov_deg:g}")


def write(path: Any, camera: Camera) -> None:
    """Write the JSON form that `read` takes."""
    import json

    record = {
        "K": camera.matrix.tolist(),
        "width": camera.width,
        "height": camera.height,
        "source": camera.source,
    }
    files.write_text(path, json.dumps(record, indent=1) + "\n")
