"""Predicted boxes in the image against true rectangles, by the two rules of clipping.

"n3d_rule": corners behind the camera are dropped, the rest is not cut to the image (the N3D-VLM
demo). "clipped": edges are cut at z = 1 mm and the rectangle to the image.
"""

from __future__ import annotations

import numpy as np

from n3d.evaluate.boxes import omni3d
from n3d.evaluate.boxes.tables import Table, Truth
from n3d.geometry import Camera

RULES = ("n3d_rule", "clipped")


def rectangles(table: Table, true: Truth, rule: str) -> np.ndarray:
    """The rectangles (n, 4) of the boxes in their images, NaN behind the camera, outside the
    image, or without a camera."""
    out = np.full((len(table), 4), np.nan)
    for camera, rows in _by_camera(table, true):
        seen = table.box[rows].project(camera, drop_behind=rule == "n3d_rule")
        out[rows] = clip(seen, camera) if rule == "clipped" else seen
    return out


def clip(rectangle: np.ndarray, camera: Camera) -> np.ndarray:
    """Rectangles cut to the image, NaN where nothing is left."""
    out = rectangle.copy()
    out[:, [0, 2]] = np.clip(out[:, [0, 2]], 0, camera.width)
    out[:, [1, 3]] = np.clip(out[:, [1, 3]], 0, camera.height)
    out[~((out[:, 2] > out[:, 0]) & (out[:, 3] > out[:, 1]))] = np.nan
    return out


def centers(table: Table, true: Truth) -> np.ndarray:
    """Where the 3D centres are in the image (n, 2), pixels; NaN behind the camera."""
    out = np.full((len(table), 2), np.nan)
    for camera, rows in _by_camera(table, true):
        out[rows] = camera.project(table.box.center[rows])
    return out


def sizes(table: Table, true: Truth) -> np.ndarray:
    """Width and height (n, 2) of each box's image, NaN without a camera."""
    out = np.full((len(table), 2), np.nan)
    for camera, rows in _by_camera(table, true):
        out[rows] = camera.width, camera.height
    return out


def _by_camera(table: Table, true: Truth):
    """(camera, rows of its images): few cameras see many images."""
    places: dict[Camera, int] = {}
    number = np.array(
        [-1 if c is None else places.setdefault(c, len(places)) for c in true.cameras], int
    )
    of_row = number[table.image]
    for camera, k in places.items():
        rows = np.flatnonzero(of_row == k)
        if len(rows):
            yield camera, rows


def true_rectangles(true: Truth) -> np.ndarray:
    """The annotated rectangles, and the clipped projection where there is none."""
    shown = rectangles(true.boxes, true, "clipped")
    shown[~true.boxes.known] = np.nan
    given = ~np.isnan(true.boxes.rectangle[:, 0])
    return np.where(given[:, None], true.boxes.rectangle, shown)


def ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU (n,) of rectangles row by row, 0 where one is missing."""
    return omni3d.flat_ious(a, b)


def middle(rectangle: np.ndarray) -> np.ndarray:
    """Centres (n, 2) of rectangles."""
    return (rectangle[:, :2] + rectangle[:, 2:]) / 2
