"""COCO segmentations (polygons, run lengths) -> masks, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from n3d.errors import InputError
from n3d.sources import rle


def check(segmentation: Any, width: int, height: int) -> None:
    """Raise InputError for a segmentation that is malformed, or that covers no pixel."""
    _counts(segmentation, width, height)


def decode(segmentation: Any, width: int, height: int) -> np.ndarray:
    """The mask (height, width) bool of polygons or run lengths; InputError where it is empty."""
    return rle.decode(_counts(segmentation, width, height), width, height)


def _counts(segmentation: Any, width: int, height: int) -> np.ndarray:
    lengths = segmentation
    if not isinstance(segmentation, Mapping):
        lengths = _drawn(segmentation, width, height)
    found = rle.counts(lengths, width, height)
    if not rle.area(found):
        raise InputError("the mask covers no pixel", code="mask-empty")
    return found


def present(segmentation: Any) -> bool:
    """False where an annotation has no segmentation: absent, null or an empty list."""
    return segmentation is not None and segmentation != []


def _drawn(polygons: Any, width: int, height: int) -> Any:
    """The union of checked polygons as pycocotools' run lengths."""
    from pycocotools import mask as coco_mask

    draw = cast(Any, coco_mask.frPyObjects)  # its type hints know run lengths only
    return coco_mask.merge(draw(_polygons(polygons, width, height), height, width))


def _polygons(polygons: Any, width: int, height: int) -> list[list[float]]:
    if not isinstance(polygons, (list, tuple)) or not polygons:
        raise InputError("must be polygons or run lengths", code="polygon-type")
    out = []
    for polygon in polygons:
        if not isinstance(polygon, (list, tuple)) or len(polygon) < 6 or len(polygon) % 2:
            raise InputError(
                "a polygon must be a list of at least three x, y pairs", code="polygon-type"
            )
        if not set(map(type, polygon)) <= {int, float}:
            raise InputError("polygon coordinates must be numbers", code="polygon-type")
        try:
            points = np.array(polygon, dtype=float).reshape(-1, 2)
        except OverflowError:
            points = np.array([np.inf])
        if not np.isfinite(points).all():
            raise InputError("polygon coordinates must be finite", code="polygon-not-finite")
        # Rasterising costs memory with the length of the outline, so outlines far outside are
        # refused and not clipped.
        low, high = points.min(axis=0), points.max(axis=0)
        if (low < [-width, -height]).any() or (high > [2 * width, 2 * height]).any():
            raise InputError(
                f"a polygon reaches to {low.tolist()}..{high.tolist()}",
                code="polygon-outside",
                limit=f"one image size around {width}x{height}",
            )
        out.append(points.ravel().tolist())
    return out
