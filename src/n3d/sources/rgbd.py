"""An image, its depth and its camera -> one RGBD."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from n3d.errors import ConfigError, InputError, N3DError, printable
from n3d.geometry import Camera
from n3d.scene import RGBD
from n3d.sources import camera_files, cameras, exif, shapes
from n3d.sources import depth as depths
from n3d.sources import image as images
from n3d.sources.files import InputWarning, is_path
from n3d.sources.image import ImageLimits, Photo


def read_rgbd(
    image: Any,
    depth: Any = None,
    camera: Any = None,
    *,
    depth_scale: float | None = None,
    depth_unit: str | None = None,
    depth_encoding: str | None = None,
    depth_source: str | None = None,
    up: Any = None,
    up_source: str | None = None,
    fov: float | None = None,
    y_up: bool = False,
    pixel_center: float = 0.5,
    normalized: bool = False,
    scale_sigma: float | None = None,
    turn: bool = True,
    limits: ImageLimits | None = None,
) -> RGBD:
    """Read a picture, with depth and camera where they are known.

    `image` is a path, a PIL image or an (h, w, 3) uint8 array. `depth` is a 16-bit PNG
    (millimetres), a .npy or .npz (metres) or an array (metres), unless `depth_scale` (steps
    per metre) or `depth_unit` ("m", "cm", "mm", "unknown") says otherwise; another resolution
    of the same shape is brought to the image grid by nearest neighbour. `camera` is a file, a
    mapping with a camera file's keys, a Camera or a 3x3 matrix; `fov` is the horizontal field
    of view in degrees in its place. With neither, K comes from the depth file, from EXIF
    ("exif"), or is assumed ("assumed:fov-60") and flagged through `scale_sigma`. `up` is the
    direction against gravity in the frame of the upright picture.

    EXIF orientation turns the picture (not with `turn=False`); depth and camera that already
    fit the upright size stay, those that fit the stored size are turned with it.

    Raises N3DError for all that cannot be used and warns with InputWarning of what was taken
    for granted. docs/files.md describes every form.
    """
    photo = images.read(image, limits=limits, turn=turn)
    try:
        given = None
        if depth is not None:
            given = depths.read(
                depth,
                scale=depth_scale,
                unit=depth_unit,
                encoding=depth_encoding or "plain",
                limits=limits,
            )
        found, sigma = _camera(
            camera,
            photo,
            given,
            fov=fov,
            pixel_center=None if pixel_center == 0.5 else pixel_center,
            normalized=normalized or None,
            y_up=y_up or None,
        )
        placed = None if given is None else _place(given.depth, photo)
        return RGBD(
            image=photo.pixels,
            camera=found,
            depth=placed,
            depth_source=depth_source or "given",
            metric=given is None or given.metric,
            up=_direction(up),
            up_source=up_source or ("unknown" if up is None else "given"),
            scale_sigma=sigma if scale_sigma is None else scale_sigma,
        )
    except N3DError as e:
        file = depth if e.field == "depth" and is_path(depth) else image
        raise (e.at(file=file) if is_path(file) else e) from None


def _direction(up: Any) -> np.ndarray | None:
    if up is None:
        return None
    try:
        return np.asarray(up, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"must be three numbers, got {up!r}", code="up", field="up") from None


def _place(depth: np.ndarray, photo: Photo) -> np.ndarray:
    """Depth on the grid of the upright picture, turned with it where it fits only the stored."""
    size = (depth.shape[1], depth.shape[0])
    if photo.orientation != 1:
        if not shapes.same_picture(size, photo.size) and shapes.same_picture(size, photo.stored):
            depth = exif.turn_array(depth, photo.orientation)
        elif shapes.same_picture(size, photo.stored):
            warnings.warn(
                f"{printable(photo.file or 'image')}: EXIF turns the picture and the depth fits it "
                "turned or not; the depth is taken as upright already",
                InputWarning,
                stacklevel=3,
            )
    return depths.fit(depth, *photo.size)


def _camera(
    camera: Any, photo: Photo, depth: depths.DepthMap | None, *, fov: float | None, **declared: Any
) -> tuple[Camera, float]:
    """The picture's camera from the first source that has one, and its relative error."""
    if camera is not None and fov is not None:
        raise ConfigError("camera and fov are both given", code="camera-conflict", field="fov")
    if camera is not None:
        stated = camera_files.read(camera, **declared)
        return cameras.fit(stated, photo.size, photo.stored, photo.orientation), 0.0
    option = next((name for name, value in declared.items() if value is not None), None)
    if option is not None:
        raise ConfigError(
            f"{option} describes a camera, and none is given", code="camera-missing", field=option
        )
    if fov is not None:
        return Camera.from_fov(fov, *photo.size), 0.0
    if depth is not None and depth.intrinsics is not None:
        stated = cameras.Calibration(depth.intrinsics, size=depth.size, normalized=True)
        return cameras.fit(stated, photo.size, photo.stored, photo.orientation), 0.0
    return _from_exif(photo) or (cameras.assumed(*photo.size), 0.0)


def _from_exif(photo: Photo) -> tuple[Camera, float] | None:
    focal = exif.focal(photo.tags, *photo.stored)
    if focal is None:
        return None
    if focal.refused:
        warnings.warn(
            f"{printable(photo.file or 'image')}: focal length not used: {focal.refused}",
            InputWarning,
            stacklevel=4,
        )
        return None
    w, h = photo.stored
    camera = Camera(focal.fx, focal.fy, w / 2, h / 2, w, h, "exif")
    return exif.turn_camera(camera, photo.orientation), focal.sigma


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a stored picture that `read_rgbd` takes; InputError for any other."""
    for name in options:
        if name not in OPTIONS:
            raise InputError(
                f"unknown option {name!r}", code="picture-option", limit=", ".join(OPTIONS)
            )
    return options


OPTIONS = (
    "depth_scale", "depth_unit", "depth_encoding", "depth_source", "up", "up_source", "fov",
    "y_up", "pixel_center", "normalized", "scale_sigma", "turn", "camera", "size",
)  # fmt: skip
