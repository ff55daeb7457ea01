"""What the depth around a written box shows, in the frame of that box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.geometry import Box3D, Camera
from n3d.lift import surroundings
from n3d.lift.refine_config import RefineConfig
from n3d.scene import RGBD, BoxSpread

CAMERA_UP = np.array([0.0, -1.0, 0.0])
# A box whose vertical leans further than this (cosine of 5 degrees) from the known up is not
# meant to stand upright: it keeps its rotation.
LEANS = 0.996
# The window reaches this many deviations, and this share of the sides, beyond the written box.
WIDE, MARGIN = 2.5, 0.1
# The most that a window counts for, in areas of the written box's projection.
MOST_AREAS = 6.0
NEAR_M = 0.05
# What a sample's depth shows: nothing known, the room or what the object stands on, or what
# another object's box holds.
FREE, ROOM, OTHER = 0, 1, 2
# How far from another box a sample may lie and still belong to it.
HELD_M = 0.01


@dataclass(frozen=True, eq=False)
class Evidence:
    """Samples of the depth in the frame of a written box: its own axes, y down.

    `frame` (3, 3) has the axes as columns, `order` (3,) says which axis of the box each is;
    `written` (7,) is the box in that frame, `sigma` (7,) its deviations and `ground` the height
    of what it stands on (see `refine_kernels.deviations`), `ends` (3,) the deviation of its
    ends; `rays` (n, 3), `reach`, `tol` and `shows` (n,) are the samples, `pixels` (n, 2) their
    places; `weight` is how many independent observations they count for.
    """

    frame: np.ndarray
    order: np.ndarray
    written: np.ndarray
    sigma: np.ndarray
    ends: np.ndarray
    ground: float
    rays: np.ndarray
    reach: np.ndarray
    tol: np.ndarray
    shows: np.ndarray
    pixels: np.ndarray
    weight: float

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.rays, self.reach, self.tol, self.shows


def gather(
    view: RGBD, box: Box3D, spread: BoxSpread | None, others: Sequence[Box3D],
    planes: np.ndarray, config: RefineConfig,
) -> Evidence | str:  # fmt: skip
    """The evidence for one box, or the reason why there is none (see `refining.REASONS`).

    `others` are the boxes of other objects, `planes` (k, 4) those of the room.
    """
    assert view.depth is not None
    frame, order, upright = _frame(box, view.up)
    center, size = frame.T @ box.center, box.size[order]
    sigma, ends = _deviations(box, spread, view.camera, frame, order, config)
    if not (upright and config.turn):
        sigma[5] = 0.0
    grown = size + 2 * (WIDE * ends + MARGIN * size)
    window = _window(Box3D(box.center, grown[np.argsort(order)], box.rotation), view)
    if box.center[2] <= NEAR_M or window is None:
        return "outside-image"
    pixels, z = _samples(view.depth, window, config)
    if len(z) < config.min_samples:
        return "too-few-samples"
    xyz = view.camera.lift(pixels, z)
    shows = np.full(len(z), FREE)
    _mark_others(xyz, box, others, shows)
    shows[surroundings.behind_planes(xyz, planes)] = ROOM
    own = xyz @ frame
    low, high = center - size / 2, center + size / 2
    ground = surroundings.support(own, low, high, ends) if upright else None
    tol = np.maximum(config.noise_m, config.noise * z)
    if ground is None:
        sigma[6] = 0.0
    else:
        shows[own[:, 1] > ground - tol] = ROOM
    areas = window[2] * window[3] / _area(box, view.camera)
    weight = min(config.evidence, len(z) / areas) * min(areas, MOST_AREAS)
    return Evidence(
        frame, order, np.array([*low, *high, 0.0]), sigma, ends, ground or 0.0,
        own / z[:, None], z, tol, shows, pixels, weight,
    )  # fmt: skip


def to_box(p: np.ndarray, evidence: Evidence, box: Box3D) -> tuple[Box3D, np.ndarray]:
    """The box that `p` (7,) stands for, its axes named as the written box's, and the turn (3, 3)
    of the camera frame that takes the written axes to its own."""
    c, s = math.cos(p[6]), math.sin(p[6])
    axes = evidence.frame @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    turn = axes @ evidence.frame.T
    size = np.empty(3)
    size[evidence.order] = p[3:6] - p[:3]
    return Box3D(axes @ (0.5 * (p[:3] + p[3:6])), size, turn @ box.rotation), turn


def _frame(box: Box3D, up: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """The box's axes as columns across, down, along; their order; whether it stands upright."""
    lean = box.rotation.T @ (CAMERA_UP if up is None else up)
    vertical = int(np.abs(lean).argmax())
    down = -np.sign(lean[vertical]) * box.rotation[:, vertical]
    across = box.rotation[:, (vertical + 1) % 3]
    order = np.array([(vertical + 1) % 3, vertical, (vertical + 2) % 3])
    frame = np.stack([across, down, np.cross(across, down)], axis=1)
    return frame, order, up is None or abs(lean[vertical]) > LEANS


def _deviations(
    box: Box3D, spread: BoxSpread | None, camera: Camera, frame: np.ndarray, order: np.ndarray,
    config: RefineConfig,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """`sigma` (7,) of `refine_kernels.deviations`, and the deviation (3,) of the box's ends.

    A spread that the box came with widens the configured deviations; it never narrows them
    below half.
    """
    far = float(np.linalg.norm(box.center))
    ray = box.center / far
    along = config.sigma_depth * far
    across = config.sigma_image * camera.width / camera.fx * box.center[2]
    sides, yaw = np.full(3, config.sigma_size), config.sigma_yaw
    if spread is not None:
        told = float(np.linalg.norm(ray * spread.center))
        rest = max(float((spread.center**2).sum()) - told**2, 0.0) / 2
        along = max(along / 2, told)
        across = max(across / 2, math.sqrt(rest))
        sides = np.maximum(sides / 2, (spread.size / box.size)[order])
        yaw = max(yaw / 2, spread.yaw)
    share = (frame.T @ ray) ** 2
    center = share * along**2 + (1 - share) * across**2
    ends = np.sqrt(center + (0.5 * sides * box.size[order]) ** 2)
    return np.array([along, across, *sides, yaw, config.sigma_support]), ends


def _window(box: Box3D, view: RGBD) -> tuple[int, int, int, int] | None:
    """Left, top, width and height in pixels of a box's projection, or None beside the image."""
    x0, y0, x1, y1 = box.project(view.camera, near=NEAR_M)
    if not (x1 > 0 and y1 > 0 and x0 < view.width and y0 < view.height):
        return None
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(view.width, math.ceil(x1)), min(view.height, math.ceil(y1))
    return left, top, right - left, bottom - top


def _samples(depth: np.ndarray, window, config: RefineConfig):
    """Pixel centres (n, 2) and depths (n,) on a grid, about `samples` of them."""
    left, top, width, height = window
    part = depth[top : top + height, left : left + width]
    valid = int(np.count_nonzero(part))
    step = max(1, math.ceil(math.sqrt(valid / config.samples)))
    part = part[step // 2 :: step, step // 2 :: step]
    rows, columns = np.nonzero(part)
    z = part[rows, columns].astype(float)
    first = np.array([left, top]) + step // 2 + 0.5
    return first + step * np.stack([columns, rows], axis=1), z


def _mark_others(xyz: np.ndarray, box: Box3D, others: Sequence[Box3D], shows: np.ndarray) -> None:
    """Mark what other boxes hold; what lies in both boxes belongs to the smaller one."""
    own = box.contains(xyz, HELD_M)
    for other in others:
        held = other.contains(xyz, HELD_M)
        if other.volume > box.volume:
            held &= ~own
        shows[held] = OTHER


def _area(box: Box3D, camera: Camera) -> float:
    """The area of a box's projected rectangle within the image, at least one pixel."""
    x0, y0, x1, y1 = box.project(camera, near=NEAR_M)
    width = min(x1, camera.width) - max(x0, 0.0)
    height = min(y1, camera.height) - max(y0, 0.0)
    return max(1.0, float(max(width, 0.0) * max(height, 0.0)))
