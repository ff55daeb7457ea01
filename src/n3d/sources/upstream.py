"""Point maps of the released N3D-VLM: x left, y up, z forward, K normalised by the image size."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Camera
from n3d.scene import RGBD
from n3d.sources import files

LONG_SIDE = 640


def depth_of_points(points: np.ndarray, file: Any = None) -> np.ndarray:
    """z-depth (h, w) float32 of a point map (h, w, 4) = x, y, z, mask; 0 where mask is 0."""
    if points.ndim != 3 or points.shape[2] != 4 or points.dtype.kind != "f":
        raise InputError(
            f"pcd must be (h, w, 4) floats, got {points.shape} {points.dtype}",
            code="points-shape",
            file=file,
            field="pcd",
        )
    z = points[..., 2].astype(np.float32)
    return np.where((points[..., 3] > 0) & np.isfinite(z), z, np.float32(0))


def write_points(path: Any, view: RGBD) -> None:
    """Write the point map that the released model reads: float16, invalid points inf, mask 0.

    It has the picture's size with the long side at most 640 pixels. Depths that float16
    cannot hold become invalid. Raises InputError without depth.
    """
    if view.depth is None:
        raise InputError("the view has no depth", code="depth-missing", field="depth")
    scale = min(1.0, LONG_SIDE / max(view.width, view.height))
    width, height = int(view.width * scale), int(view.height * scale)
    rows = ((np.arange(height) + 0.5) * view.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * view.width / width).astype(int)
    camera = view.camera.resize(width, height)
    points = points_of_depth(view.depth[rows[:, None], columns], camera)
    data = io.BytesIO()
    np.savez_compressed(data, pcd=points, intr=normalised(camera))
    files.write_bytes(path, data.getvalue())


def points_of_depth(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """The (h, w, 4) float16 point map of a z-depth (h, w)."""
    z = depth.astype(np.float64)
    u, v = np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5
    x = -(u[None, :] - camera.cx) / camera.fx * z
    y = -(v[:, None] - camera.cy) / camera.fy * z
    with np.errstate(over="ignore"):
        points = np.stack([x, y, z], axis=-1).astype(np.float16)
    valid = (depth > 0) & np.isfinite(points).all(axis=-1)
    points[~valid] = np.inf
    return np.concatenate([points, valid[..., None].astype(np.float16)], axis=-1)


def normalised(camera: Camera) -> np.ndarray:
    """K (3, 3) float32 with the first row over the width and the second over the height."""
    k = camera.matrix
    k[0] /= camera.width
    k[1] /= camera.height
    return k.astype(np.float32)
