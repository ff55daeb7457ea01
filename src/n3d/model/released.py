"""What the released N3D-VLM weights see: pictures and point maps with a long side of 640."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.language import upstream
from n3d.scene import RGBD
from n3d.sources import image as images
from n3d.sources.numpy_files import Archive
from n3d.sources.upstream import depth_of_points

LONG_SIDE = 640


def resize(image: np.ndarray) -> np.ndarray:
    """The (h, w, 3) picture with a long side of 640; the other side is cut to a whole number."""
    width, height = _size(image.shape[1], image.shape[0])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def points(view: RGBD) -> np.ndarray:
    """The (h, w, 4) float16 point map of a view with depth, with a long side of 640."""
    if view.depth is None:
        raise InputError("the view has no depth", code="depth-missing", field="depth")
    width, height = _size(view.width, view.height)
    rows = ((np.arange(height) + 0.5) * view.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * view.width / width).astype(int)
    camera = view.camera.resize(width, height)
    return upstream.point_map(camera.unproject(view.depth[rows[:, None], columns]))


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


def _size(width: int, height: int) -> tuple[int, int]:
    short = max(1, min(width, height) * LONG_SIDE // max(width, height))
    return (LONG_SIDE, short) if width >= height else (short, LONG_SIDE)
