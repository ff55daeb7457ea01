"""The point code of the released N3D-VLM weights: sines of rounded, scene-normalised coordinates.

Source: inference code of N3D-VLM (`position_encoding.py`, `modeling_qwen2_5_vl_pe.py`); the
paper sums the axes (section 3.2), the code concatenates them.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from n3d.errors import InputError
from n3d.language.upstream import Normalizer

TEMPERATURE = 10_000
STEP = 0.001
LONG_SIDE = 640


def code(coordinates: Tensor, width: int) -> Tensor:
    """The code (..., width) float32 of coordinates (..., 3).

    Each axis takes width // 3 features: feature i is the sine (even i) or cosine (odd i) of
    p / 10000^(2 (i // 2) / (width // 3)); what is left of the width is 0.
    """
    per_axis = width // 3
    feature = torch.arange(per_axis, dtype=torch.float32, device=coordinates.device)
    period = TEMPERATURE ** (2 * torch.div(feature, 2, rounding_mode="floor") / per_axis)
    angle = coordinates.float()[..., None] / period
    waves = torch.where(feature % 2 == 0, angle.sin(), angle.cos())
    return F.pad(waves.flatten(-2), (0, width - 3 * per_axis))


def coordinates(
    points: np.ndarray,
    rows: int,
    columns: int,
    *,
    released: bool,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Rounded coordinates (rows * columns, 3) float32 of the patches, in raster order.

    `points` is an (h, w, 4) map as `n3d.language.upstream.point_map` makes it. `released`
    shapes the map as the released code does: 640 wide if the grid has more columns than rows,
    else 640 high, so that near-square landscape pictures are cut up wrongly. It also rounds the
    points to the `dtype` of its network. Raises InputError where `released` is set and the long
    side of the map is not 640, FormatError without two different valid points.
    """
    norm = Normalizer.of(points)
    valid = torch.from_numpy(points[..., 3] > 0)
    xyz = torch.from_numpy(norm.apply(points[..., :3]).astype(np.float32))
    if released:
        xyz = xyz.to(dtype)
    xyz = torch.where(valid[..., None], xyz, xyz[valid].mean(dim=0)).float()
    if released:
        if max(points.shape[:2]) != LONG_SIDE:
            raise InputError(
                f"the point map is {points.shape[1]}x{points.shape[0]}",
                code="points-shape",
                field="pcd",
                limit=f"long side {LONG_SIDE} pixels",
            )
        xyz = xyz.reshape((-1, LONG_SIDE, 3) if rows < columns else (LONG_SIDE, -1, 3))
    pooled = F.adaptive_avg_pool2d(xyz.permute(2, 0, 1), (rows, columns))
    pooled = pooled.permute(1, 2, 0).reshape(-1, 3)
    return ((pooled - pooled.mean()) / STEP).round()
