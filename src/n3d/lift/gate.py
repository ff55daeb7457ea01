"""Which lifted boxes are kept, and the reason for each that is not."""

from __future__ import annotations

from collections.abc import Sequence

from n3d.lift.cleaning import Crop
from n3d.lift.config import LiftConfig

REASONS = {
    "no-depth": "no valid depth in the region",
    "mask-shape": "the mask has another size than the image",
    "outside-image": "the region does not touch the image",
    "not-segmented": "no object stands out in the rectangle",
    "too-few-points": "fewer trusted points than `min_points`",
    "low-density": "less valid depth in the mask than `min_valid_share`",
    "behind-camera": "the box reaches behind the camera",
    "too-large": "the longest side exceeds `max_size`",
    "too-small": "the longest side is below `min_size`",
    "aspect": "the longest side exceeds `max_aspect` times the shortest",
    "truncated": "more of the outline lies on the image border than `max_truncation`",
    "low-reprojection": "the projected box misses the region (`min_reprojection_iou`)",
    "low-score": "the overall score is below `min_score`",
}


def of_points(crop: Crop | None, config: LiftConfig) -> tuple[str, str] | None:
    """Why a cleaned region cannot be fitted, as reason and detail, or None."""
    if crop is None or crop.valid == 0:
        return "no-depth", "0 valid pixels"
    share = crop.valid / max(crop.pixels, 1)
    least = config.min_valid_share * (config.sparse_below / 2 if crop.sparse else 1)
    if crop.kept < config.min_points or len(crop.core) < 4:
        return "too-few-points", f"{crop.kept} of {config.min_points}"
    if share < least:
        return "low-density", f"{share:.3f} of {least:.3f}"
    return None


def of_box(
    size: Sequence[float], nearest: float, quality: dict[str, float], config: LiftConfig
) -> tuple[str, str] | None:
    """Why a fitted box is set aside, as reason and detail, or None.

    `size` are its sides, `nearest` is the z of its nearest corner.
    """
    longest, shortest = max(size), min(size)
    if nearest <= 0:
        return "behind-camera", f"nearest corner at z = {nearest:.2f} m"
    if longest > config.max_size:
        return "too-large", f"{longest:.2f} of {config.max_size:g} m"
    if longest < config.min_size:
        return "too-small", f"{longest:.4f} of {config.min_size:g} m"
    if longest > config.max_aspect * shortest:
        return "aspect", f"{longest / shortest:.0f} of {config.max_aspect:g}"
    if 1 - quality["truncation"] > config.max_truncation:
        return "truncated", f"{1 - quality['truncation']:.2f} of {config.max_truncation:g}"
    if quality["reprojection_iou"] < config.min_reprojection_iou:
        return (
            "low-reprojection",
            f"{quality['reprojection_iou']:.2f} of {config.min_reprojection_iou:g}",
        )
    if quality["score"] < config.min_score:
        return "low-score", f"{quality['score']:.2f} of {config.min_score:g}"
    return None
