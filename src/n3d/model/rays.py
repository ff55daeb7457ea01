"""Our point code: where each patch looks, and how far away a few of its parts are.

A patch is told by the direction of its ray, how steeply that rises where gravity is known, and
the depths of a grid of sub-patches, as logarithms relative to the scene scale, with a flag where
no depth was measured. A ray needs no depth, so a picture without depth still tells its field of
view.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

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


def width(samples: int) -> int:
    """Numbers per patch: a ray, then log depths and flags of samples x samples parts."""
    return RAY + 2 * samples**2


def of_view(view: RGBD, rows: int, columns: int, samples: int) -> Tensor:
    """Rays and depths (rows * columns, width) float32 of the patches of a view, in raster order.

    The depth of a part is the lower median of its valid pixels: one that was measured, never a
    mean over an edge.
    """
    out = np.zeros((rows * columns, width(samples)), np.float32)
    out[:, :3] = _rays(view, rows, columns)
    if view.up is not None:
        out[:, 3] = out[:, :3] @ view.up
        out[:, 4] = 1
    if view.depth is not None:
        depth = _medians(view.depth, rows * samples, columns * samples)
        parts = depth.reshape(rows, samples, columns, samples).swapaxes(1, 2)
        parts = parts.reshape(rows * columns, samples**2)
        valid = parts > 0
        log = np.log(np.where(valid, parts, 1) / grid.scene_scale(view.depth).metres)
        out[:, RAY : RAY + samples**2] = np.where(valid, log, 0)
        out[:, RAY + samples**2 :] = valid
    return torch.from_numpy(out)


def _rays(view: RGBD, rows: int, columns: int) -> np.ndarray:
    """Unit vectors (rows * columns, 3) from the camera through the centres of the patches."""
    camera = view.camera
    x = ((np.arange(columns) + 0.5) * (view.width / columns) - camera.cx) / camera.fx
    y = ((np.arange(rows) + 0.5) * (view.height / rows) - camera.cy) / camera.fy
    ray = np.stack([*np.meshgrid(x, y), np.ones((rows, columns))], axis=-1).reshape(-1, 3)
    return ray / np.linalg.norm(ray, axis=1, keepdims=True)


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
        depths = samples**2 * 2 * (1 + len(self.depth_periods))
        rays = RAY + 3 * 2 * len(RAY_PERIODS)
        self.inner = nn.Linear(depths + rays, hidden)
        self.outer = nn.Linear(hidden, hidden)
        self.early = Zero(hidden, size)
        self.late = Zero(hidden, size)

    def features(self, patches: Tensor) -> Tensor:
        """Waves (n, features) float32 of patches (n, width): computed in float32 always."""
        patches = patches.float()
        ray, depth, valid = patches.split([RAY, self.samples**2, self.samples**2], dim=-1)
        waves = [valid[..., None] * w for w in _waves(depth, self.depth_periods)]
        rises = [ray[:, 4:, None] * w for w in _waves(ray[:, 3:4], RAY_PERIODS)]
        parts = [ray, depth, valid, *waves, *rises, *_waves(ray[:, :2], RAY_PERIODS)]
        return torch.cat([p.flatten(1) for p in parts], dim=-1)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(patches).to(self.inner.weight.dtype)
        x = F.gelu(self.outer(F.gelu(self.inner(x))))
        return self.early(x), self.late(x)


def _waves(values: Tensor, periods: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Sines and cosines (..., periods) of values (...)."""
    angle = values[..., None] * (2 * math.pi / values.new_tensor(periods))
    return angle.sin(), angle.cos()
