"""Our point code: where each patch looks, and how far away a few of its parts are.

A patch is told by the direction of its ray, how steeply that rises where gravity is known, and
the depths of a grid of sub-patches, as logarithms relative to the scene scale, with a flag where
no depth was measured. A ray needs no depth, so a picture without depth still tells its field of
view.

What a network would have to work out from these is told too, in a frame that stands upright where
gravity is known (the camera's where not): where the middle of the patch is and how high over the
lowest thing seen, how far the parts lie from there, and which way their surfaces face.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from n3d.geometry import Camera
from n3d.geometry.pose import upright
from n3d.language import grid
from n3d.scene import RGBD

DEPTH_PERIOD = 8.0
"""Longest period of the features of log depth: e^8 is more than 1 cm to 30 m."""
RAY_PERIODS = (2.0, 1.0, 0.5, 0.25, 0.125)
"""Periods of the features of ray directions: down to about six patches of a common camera."""
HALF = math.pi * math.sqrt(2 / math.log(2))
"""A wave of this many standard deviations of Gaussian noise keeps half of its amplitude."""


def depth_periods(noise: float) -> tuple[float, ...]:
    """Periods of the features of log depth: halves of 8 while the noise leaves half of a wave.

    Noise of standard deviation s shrinks a wave of period P by exp(-2 (pi s / P)^2).
    """
    count = 1 + max(0, math.floor(math.log2(DEPTH_PERIOD / (HALF * noise))))
    return tuple(DEPTH_PERIOD / 2**i for i in range(count))


RAY = 5
"""Numbers of a ray: its unit vector, its part along up, and a flag, both 0 where up is unknown."""
MIDDLE = 5
"""Numbers of the middle of a patch: right, down and forward, height over the lowest part of the
view, each relative to the scene scale, and a flag, all 0 where no part has depth."""
PLACES = (3.2, 1.6, 0.8, 0.4, 0.2)
"""Periods of the features of middles and heights."""
PART = 9
"""Numbers of a part beside its depth and flag: log depth and place relative to the middle of the
patch (4); how much its surface faces up, right and forward (3), and the cosine and sine of four
times the horizontal angle, times how upright it stands (2): walls of a box all tell the same,
its yaw."""
GAIN = 10.0
"""Differences within a patch are about a tenth of the scene scale."""
EDGE = 0.08
"""A step of log depth between neighbouring parts beyond which no surface joins them."""


def width(samples: int) -> int:
    """Numbers per patch: ray and middle, then depths, flags and shapes of samples x samples
    parts."""
    return RAY + MIDDLE + (2 + PART) * samples**2


def of_view(view: RGBD, rows: int, columns: int, samples: int) -> Tensor:
    """Rays and depths (rows * columns, width) float32 of the patches of a view, in raster order.

    The depth of a part is the lower median of its valid pixels: one that was measured, never a
    mean over an edge.
    """
    depth = np.zeros((rows * samples, columns * samples))
    if view.depth is not None:
        unit = grid.scene_scale(view.depth).metres
        depth = _medians(view.depth, rows * samples, columns * samples) / unit
    size = view.width / columns, view.height / rows
    return torch.from_numpy(of_depths(depth, view.camera, size, view.up, samples))


def of_depths(
    depth: np.ndarray,
    camera: Camera,
    size: tuple[float, float],
    up: np.ndarray | None,
    samples: int,
) -> np.ndarray:
    """What `of_view` gives, from depths (rows * samples, columns * samples) of parts in scene
    scales, 0 where unknown; `size` is the width and height of a patch in pixels of the camera."""
    high, wide = depth.shape
    rows, columns = high // samples, wide // samples
    rays = _directions(camera, size, rows, columns)
    unit = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    out = np.zeros((rows * columns, width(samples)), np.float32)
    out[:, :3] = unit.reshape(-1, 3)
    if up is not None:
        out[:, 3] = out[:, :3] @ up
        out[:, 4] = 1
    if not depth.any():
        return out

    def blocks(parts: np.ndarray) -> np.ndarray:
        """Parts (high, wide, ...) by patch: (rows * columns, samples**2, ...)."""
        split = parts.reshape(rows, samples, columns, samples, *parts.shape[2:]).swapaxes(1, 2)
        return split.reshape(rows * columns, samples**2, *parts.shape[2:])

    there = depth > 0
    log = np.log(np.where(there, depth, 1))
    part_size = size[0] / samples, size[1] / samples
    turned = np.eye(3) if up is None else upright(up)
    xyz = _directions(camera, part_size, high, wide) * depth[..., None] @ turned
    valid, logs, places = blocks(there), blocks(log), blocks(xyz)
    # The middle is the lower median part by depth: a place that was measured.
    count = valid.sum(axis=1)
    order = np.where(valid, logs, np.inf).argsort(axis=1, kind="stable")
    pick = order[np.arange(len(order)), np.maximum(count - 1, 0) // 2]
    each = np.arange(len(pick))
    middle, level = places[each, pick], logs[each, pick]
    known = (count > 0)[:, None]
    low = np.quantile(xyz[there][:, 1], 0.98)
    told = np.concatenate([middle, low - middle[:, 1:2], known], axis=1)
    at = RAY + MIDDLE
    out[:, RAY:at] = np.where(known, told, 0)
    out[:, at : at + samples**2] = np.where(valid, logs, 0)
    out[:, at + samples**2 : at + 2 * samples**2] = valid
    off = np.concatenate([(logs - level[:, None])[..., None], places - middle[:, None]], axis=2)
    off = np.where(valid[..., None], np.clip(off * GAIN, -3, 3), 0)
    faces = blocks(_facing(xyz, log, there))
    parts = np.concatenate([off, faces], axis=2)
    out[:, at + 2 * samples**2 :] = parts.reshape(len(out), -1)
    return out


def _directions(camera: Camera, size: tuple[float, float], rows: int, columns: int) -> np.ndarray:
    """Rays (rows, columns, 3) of depth 1 through the centres of cells of a size in pixels."""
    x = ((np.arange(columns) + 0.5) * size[0] - camera.cx) / camera.fx
    y = ((np.arange(rows) + 0.5) * size[1] - camera.cy) / camera.fy
    return np.stack([*np.meshgrid(x, y), np.ones((rows, columns))], axis=-1)


def _facing(xyz: np.ndarray, log: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Which way the surface at parts (h, w, 3) faces (h, w, 5), as `PART` says; 0 where unknown.

    Along each axis the neighbour whose depth is nearer is taken, so that edges stay sharp.
    """
    across, joined = _steps(xyz, log, there, 1)
    down, met = _steps(xyz, log, there, 0)
    normal = np.cross(down, across)
    long = np.linalg.norm(normal, axis=-1, keepdims=True)
    ok = (joined & met)[..., None] & (long > 0)
    normal = np.where(ok, normal / np.where(long > 0, long, 1), 0)
    # A surface that is seen faces the camera.
    normal *= np.where((normal * xyz).sum(axis=-1, keepdims=True) > 0, -1, 1)
    right, low, forward = np.moveaxis(normal, -1, 0)
    flat = np.hypot(right, forward)
    four = 4 * np.arctan2(forward, right)
    return np.stack([-low, right, forward, flat * np.cos(four), flat * np.sin(four)], axis=-1)


def _steps(xyz: np.ndarray, log: np.ndarray, there: np.ndarray, axis: int):
    """Steps (h, w, 3) along an axis to the neighbour nearer in depth, and where there is one."""

    def ends(a: np.ndarray, fill: float) -> np.ndarray:
        gap = np.full_like(np.take(a, [0], axis=axis), fill)
        return np.concatenate([gap, a, gap], axis=axis)

    pair = np.take(there, range(1, there.shape[axis]), axis) & np.take(
        there, range(there.shape[axis] - 1), axis
    )
    size = ends(np.where(pair, np.abs(np.diff(log, axis=axis)), np.inf), np.inf)
    step = ends(np.diff(xyz, axis=axis), 0.0)
    n = there.shape[axis]
    before, after = np.take(size, range(n), axis), np.take(size, range(1, n + 1), axis)
    back = (before < after)[..., None]
    found = np.where(back, np.take(step, range(n), axis), np.take(step, range(1, n + 1), axis))
    return found, np.minimum(before, after) < EDGE


def _medians(depth: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Lower medians (rows, columns) of the valid pixels of each cell; 0 where there is none.

    Where cells are smaller than pixels, a pixel counts for each cell whose centre it holds.
    """
    h, w = depth.shape
    if h < rows or w < columns:  # a small picture was enlarged for the network
        depth = depth.repeat(-(-rows // h), axis=0).repeat(-(-columns // w), axis=1)
        h, w = depth.shape
    v, u = np.nonzero(depth)
    cell = ((v * 2 + 1) * rows // (2 * h)) * columns + (u * 2 + 1) * columns // (2 * w)
    top = float(depth.max()) * (1 + 1e-6)
    keys = np.sort(cell + depth[v, u].astype(float) / top)  # by cell, then by depth
    count = np.bincount(cell, minlength=rows * columns)
    middle = np.cumsum(count) - count + (count - 1) // 2
    out = np.zeros(rows * columns)
    some = count > 0
    out[some] = (keys[middle[some]] - np.flatnonzero(some)) * top
    return out.reshape(rows, columns)


class Zero(nn.Linear):
    """A linear layer that begins as zero; the networks' weight initialisation knows it."""


class Encoder(nn.Module):
    """Rays and depths of patches -> what is added at the patch embedding and before the merger.

    Both outputs are 0 until they are trained.
    """

    def __init__(self, samples: int, hidden: int, noise: float, size: int) -> None:
        super().__init__()
        self.samples = samples
        self.depth_periods = depth_periods(noise)
        depths = samples**2 * 2 * (1 + len(self.depth_periods)) + PART * samples**2
        rays = RAY + 3 * 2 * len(RAY_PERIODS)
        middle = MIDDLE + 4 * 2 * len(PLACES)
        self.inner = nn.Linear(depths + rays + middle, hidden)
        self.outer = nn.Linear(hidden, hidden)
        self.early = Zero(hidden, size)
        self.late = Zero(hidden, size)

    def features(self, patches: Tensor) -> Tensor:
        """Waves (n, features) float32 of patches (n, width): computed in float32 always."""
        patches = patches.float()
        parts = self.samples**2
        ray, middle, depth, valid, shape = patches.split(
            [RAY, MIDDLE, parts, parts, PART * parts], dim=-1
        )
        waves = [valid[..., None] * w for w in _waves(depth, self.depth_periods)]
        rises = [ray[:, 4:, None] * w for w in _waves(ray[:, 3:4], RAY_PERIODS)]
        places = [middle[:, 4:, None] * w for w in _waves(middle[:, :4], PLACES)]
        looks = _waves(ray[:, :2], RAY_PERIODS)
        told = [ray, middle, depth, valid, shape, *waves, *rises, *places, *looks]
        return torch.cat([p.flatten(1) for p in told], dim=-1)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(patches).to(self.inner.weight.dtype)
        x = F.gelu(self.outer(F.gelu(self.inner(x))))
        return self.early(x), self.late(x)


def _waves(values: Tensor, periods: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Sines and cosines (..., periods) of values (...)."""
    angle = values[..., None] * (2 * math.pi / values.new_tensor(periods))
    return angle.sin(), angle.cos()
