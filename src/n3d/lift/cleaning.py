"""One region of a depth image, cleaned: trusted points and the outline of what is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.lift.config import LiftConfig


@dataclass(frozen=True, eq=False)
class Crop:
    """What was seen of one region.

    `core` (n, 3) holds u, v (pixels of the whole image) and inverse depth of trusted pixels,
    `rim` (k, 5) those of the outermost few along rows and columns with their side and steps
    inwards, `outline` (m, 6) the outline with the inverse depth beyond it (-1 unknown), the
    side (0 left, 1 right, 2 top, 3 bottom) and 1 where the image ends there. `noise` is the
    relative depth noise; `pixels`, `valid`, `kept` count the mask, its depth, what was trusted,
    `border` the points of the outline on the image border; `eroded` layers were taken off.
    """

    core: np.ndarray
    rim: np.ndarray
    outline: np.ndarray
    noise: float
    pixels: int
    valid: int
    kept: int
    eroded: int
    border: int
    sparse: bool


def clean(
    depth: np.ndarray,
    mask: np.ndarray,
    focal: float,
    config: LiftConfig,
    *,
    sparse: bool = False,
    drawn: bool = True,
) -> Crop | None:
    """The trusted points and the outline of one mask; None where it holds no valid depth.

    `drawn` is False for a mask made from the depth itself: its outline says no more than its
    samples do where these are sparse.
    """
    from n3d.lift import crop_kernels as crops  # numba: imported when first needed

    core, rim, outline, noise, (pixels, valid, kept, eroded, border) = crops.clean(
        depth, np.ascontiguousarray(mask).view(np.uint8), float(config.near), float(config.far),
        float(focal), sparse, drawn, float(config.edge_jump), config.max_erode_px,
        config.mask_slack_px, config.refine_outline, config.max_fit_points,
    )  # fmt: skip
    if kept == 0:
        return None
    return Crop(core, rim, outline, noise, pixels, valid, kept, eroded, border, sparse)


def without_leaks(depth: np.ndarray, mask: np.ndarray, config: LiftConfig) -> np.ndarray:
    """The mask (h, w) without what it holds of the surfaces beside the object.

    Up to `mask_slack_px` pixels deep, and two for the blur between, pixels go that lie on a plane
    with what is beyond the border and not with what is further inside: floor below a foot, the
    table under a cup.
    """
    if not config.refine_outline or config.mask_slack_px == 0:
        return mask
    from n3d.lift import leak_kernels  # numba: imported when first needed

    return leak_kernels.without_leaks(
        depth, np.ascontiguousarray(mask).view(np.uint8), config.mask_slack_px + 2
    ).view(bool)
