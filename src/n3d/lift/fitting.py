"""The oriented box of one region: yaw, the faces that are seen, extents, hidden depth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from n3d.geometry import Camera
from n3d.lift import spread
from n3d.lift.cleaning import Crop
from n3d.lift.config import LiftConfig
from n3d.scene import typical

SWEEP = 30
# A face shorter than this share of a thing's usual length does not hold its longest side.
SHORT = 0.7
# Standard deviation, in pixels, of an outline that a depth step refined.
EDGE_PX = 0.4


@dataclass(frozen=True, eq=False)
class Fit:
    """A box in the gravity frame: `axes` rows (across, up or down, along), each turned so that
    its low end is nearer to the camera, with `low` and `high` ends and their deviations.

    `seen` says which low ends are faces that were measured; `visible` (2, 3) bounds the seen
    surface along the camera axes; `depth_from` is "faces", "symmetry", "prior" or "class", and
    `hidden` the axis whose length was assumed, -1 where none was; `agreement` is the share of
    points on the faces, `gap` their median distance from the box's near surface along the ray, in
    shares of its mean side, `misfit` the 80 % quantile of that. `open_share` (2, 3): how much of
    the outline at each low and high end is not the object's edge but that of something nearer, or
    the image border.
    """

    axes: np.ndarray
    low: np.ndarray
    high: np.ndarray
    low_sigma: np.ndarray
    high_sigma: np.ndarray
    seen: np.ndarray
    visible: np.ndarray
    yaw_sigma: float
    depth_from: str
    agreement: float
    gap: float
    misfit: float
    open_share: np.ndarray
    hidden: int = -1


def fit(
    crop: Crop, camera: Camera, turn: np.ndarray, config: LiftConfig, ground: float = np.inf
) -> Fit:
    """The box of a crop; `turn` (3, 3) holds the gravity frame's axes as columns."""
    from n3d.lift import box_kernels as boxes  # numba: imported when first needed

    turn = np.ascontiguousarray(turn)
    rows = np.empty((11, 3))
    axes, low, high, low_sigma, high_sigma, visible, open_share = (
        rows[:3], rows[3], rows[4], rows[5], rows[6], rows[7:9], rows[9:11],
    )  # fmt: skip
    seen = np.empty(3, bool)
    yaw_sigma, agreement, assumed, gap, misfit = boxes.solve(
        crop.core, crop.rim, crop.outline, _intrinsics(camera), turn, crop.noise, SWEEP, EDGE_PX,
        float(config.depth_prior), float(ground), axes, low, high, low_sigma, high_sigma,
        open_share, visible, seen,
    )  # fmt: skip
    source = "faces" if assumed < 0 else "symmetry" if assumed == boxes.SYMMETRY else "prior"
    ends = list(zip(low.tolist(), high.tolist(), strict=True))  # faster than arrays of three
    away = math.hypot(*(max(abs(a), abs(b)) for a, b in ends))
    side = sum(b - a for a, b in ends) / 3
    boxy = spread.like_a_box(agreement, misfit, sum(seen.tolist()), crop.noise * away / side)
    source = spread.widen(source, boxy, low, high, low_sigma, high_sigma, open_share)
    return Fit(
        axes, low, high, low_sigma, high_sigma, seen, visible, yaw_sigma, source, agreement, gap,
        misfit, open_share, int(assumed) if source == "prior" else -1,
    )  # fmt: skip


def class_share(found: Fit, label: str) -> float | None:
    """How long the hidden side usually is for things of this label, as a share of the smaller side
    of the seen face; None where the label tells nothing.

    A face that is as long as the thing usually is says nothing about the side behind it.
    """
    usual = typical.longest(label)
    if usual is None or found.hidden not in (0, 2):
        return None
    face = np.delete(found.high - found.low, found.hidden)
    if face.max() > SHORT * usual:
        return None
    return float(np.clip(usual / face.min(), 0.01, 10))


@dataclass(frozen=True, eq=False)
class Described:
    """A fit in the camera frame, in numbers that are not yet checked.

    Rows of `numbers` (9, 3): centre, size and rotation (3 rows; x across, y down, z along) of
    the whole box, deviations of its centre and size, centre and size of the seen surface's
    bounds. `projected` is the box's rectangle in the image, `nearest` the z of its nearest corner.
    """

    numbers: np.ndarray
    projected: tuple[float, float, float, float]
    nearest: float


def describe(found: Fit, camera: Camera, turn: np.ndarray) -> Described:
    """What a fit is in the camera frame. The ends of each axis count as independent; a wrong yaw
    adds to the deviations of sizes."""
    from n3d.lift import box_kernels as boxes

    numbers = np.empty((9, 3))
    x0, y0, x1, y1, nearest = boxes.describe(
        found.axes, found.low, found.high, found.low_sigma, found.high_sigma, found.yaw_sigma,
        found.visible, np.ascontiguousarray(turn), _intrinsics(camera), numbers,
    )  # fmt: skip
    return Described(numbers, (x0, y0, x1, y1), nearest)


def _intrinsics(camera: Camera) -> np.ndarray:
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy])


def stretch(
    found: Fit, rectangle: tuple[float, float, float, float], camera: Camera, turn: np.ndarray
) -> Fit:
    """Lengthen a box along the vertical until it fills the rectangle that was drawn around it.

    For regions without a mask: parts that depth alone did not join to the object still lie
    within the rectangle. An end moves by at most half of the box's height; a side of the
    rectangle on the image border says nothing.
    """
    low, high = found.low.copy(), found.high.copy()
    height = high[1] - low[1]
    rows = [y for y in rectangle[1::2] if 2 < y < camera.height - 2]
    vertical = turn @ found.axes[1]
    for row in rows:
        upper = (row == rectangle[1]) == (vertical[1] > 0)
        end = low[1] if upper else high[1]
        corners = np.array([[a, end, b] for a in (low[0], high[0]) for b in (low[2], high[2])])
        # The plane through the camera and this image row: points on it project onto the row.
        normal = np.array([0.0, camera.fy, camera.cy - row])
        lean = float(normal @ vertical)
        if abs(lean) < 1e-9:
            continue
        moves = -(corners @ found.axes @ turn.T @ normal) / lean
        if upper:
            low[1] += max(min(moves.max(), 0.0), -0.5 * height)
        else:
            high[1] += min(max(moves.min(), 0.0), 0.5 * height)
    return replace(found, low=low, high=high)
