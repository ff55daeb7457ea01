"""Pictures of one size together: what a network runs on at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Camera


def checked(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The images as arrays; InputError for what is no (h, w, 3) uint8 RGB picture."""
    found = []
    for image in images:
        array = np.asarray(image)
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise InputError(
                f"image must be (h, w, 3) uint8 RGB, got {array.shape} {array.dtype}",
                code="image-shape",
                field="image",
            )
        found.append(array)
    return found


def paired(
    images: Sequence[np.ndarray], cameras: Sequence[Camera | None] | None
) -> list[Camera | None]:
    """A camera or None for each image; InputError where numbers or sizes differ."""
    if cameras is None:
        return [None] * len(images)
    if len(cameras) != len(images):
        raise InputError(
            f"{len(cameras)} cameras for {len(images)} images", code="camera-count", field="cameras"
        )
    for image, camera in zip(images, cameras):
        if camera is not None and (camera.height, camera.width) != image.shape[:2]:
            raise InputError(
                f"image is {image.shape[1]}x{image.shape[0]}, "
                f"its camera {camera.width}x{camera.height}",
                code="camera-size",
                field="camera",
                hint="Use Camera.resize for the camera of a resized image",
            )
    return list(cameras)


def by_size(images: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """The places of the images of each size, sizes in the order in which they are first seen."""
    places: dict[tuple[int, ...], list[int]] = {}
    for i, image in enumerate(images):
        places.setdefault(image.shape, []).append(i)
    yield from places.values()
