"""What the released N3D-VLM weights see: pictures and point maps with a long side of 640."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.sources import image as images
from n3d.sources.numpy_files import Archive
from n3d.sources.upstream import depth_of_points, resized


def resize(image: np.ndarray) -> np.ndarray:
    """The (h, w, 3) picture with a long side of 640; the other side is cut to a whole number."""
    width, height = resized(image.shape[1], image.shape[0])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def read(image_file: Any, points_file: Any) -> tuple[np.ndarray, np.ndarray]:
    """The picture (h, w, 3) at its size for the weights, and the point map (h, w, 4) of a file.

    Raises InputError for a file that is no picture or has no point map of that size.
    """
    picture = resize(images.read(image_file).pixels)
    with Archive(points_file) as archive:
        found = archive.get("pcd")
    if found is None:
        raise InputError("holds no point map", code="points-missing", file=points_file, field="pcd")
    depth_of_points(found, points_file)
    # Upstream cuts the picture's short side and rounds the map's: they may differ by a pixel.
    if np.abs(np.subtract(found.shape[:2], picture.shape[:2])).max() > 1:
        raise InputError(
            f"is {found.shape[1]}x{found.shape[0]}, its picture "
            f"{picture.shape[1]}x{picture.shape[0]}",
            code="points-shape",
            file=points_file,
            field="pcd",
        )
    return picture, found
