"""Which true boxes Omni3D's evaluation ignores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from n3d.evaluate.boxes.columns import rectangle

VISIBILITY, TRUNCATION, LEAST_HEIGHT, MOST_HEIGHT = 1 / 3, 1 / 3, 0.0625, 1.5
NO_NAMES = ("dontcare", "ignore", "void")


def is_ignored(raw: Mapping[str, Any], height: float | None, name: str) -> bool:
    """Whether Omni3D's evaluation ignores a true box: as `ignore3D` says, else by its rules
    (omni3d, `is_ignore`, with the limits of its evaluation)."""
    if raw.get("ignore3D") is not None:
        return bool(raw["ignore3D"])
    if name.casefold() in NO_NAMES or raw.get("ignored") is True:
        return True
    if "valid3D" not in raw and "center_cam" not in raw:
        return False  # no annotation of Omni3D
    if raw.get("behind_camera") is True or raw.get("valid3D") is False:
        return True
    if raw.get("lidar_pts") == 0 or raw.get("segmentation_pts") == 0:
        return True
    if _number(raw, "depth_error", -1) > 0.5:
        return True
    _, y0, _, y1 = rectangle(raw)
    full = np.nan if height is None else height
    if y1 - y0 <= LEAST_HEIGHT * full or y1 - y0 >= MOST_HEIGHT * full:
        return True
    truncation, visibility = _number(raw, "truncation", -1), _number(raw, "visibility", -1)
    return truncation >= TRUNCATION or 0 <= visibility <= VISIBILITY


def _number(raw: Mapping[str, Any], key: str, default: float) -> float:
    value = raw.get(key)
    return float(value) if isinstance(value, (int, float)) else default
