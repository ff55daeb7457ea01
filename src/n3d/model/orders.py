"""Where a patch stands: raster order, merge-block order, window order.

An image processor hands patches over in merge blocks (2x2 neighbours one after another);
Qwen2.5-VL's vision tower then sorts the blocks into attention windows and keeps that order
until its patches are merged into tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.vision_utils import get_vision_window_index


def raster_of_blocks(grid_thw: Tensor, merge: int) -> Tensor:
    """For each row (n,) of pixel values, the place of its patch in raster order.

    `grid_thw` (images, 3) counts frames, rows and columns of patches; the images follow one
    another.
    """
    found, start = [], 0
    for t, h, w in grid_thw.tolist():
        index = torch.arange(start, start + t * h * w, device=grid_thw.device)
        index = index.view(t, h // merge, merge, w // merge, merge)
        found.append(index.transpose(2, 3).flatten())
        start += t * h * w
    return torch.cat(found)


def blocks_of_raster(grid_thw: Tensor, merge: int) -> Tensor:
    """For each patch (n,) in raster order, the row of pixel values that holds it."""
    return torch.argsort(raster_of_blocks(grid_thw, merge))


def windows(grid_thw: Tensor, *, merge: int, window: int, patch: int) -> Tensor:
    """For each place (blocks,) in window order, the merge block that stands there.

    `window` and `patch` are sides in pixels.
    """
    index, _ = get_vision_window_index(
        grid_thw, spatial_merge_size=merge, window_size=window, patch_size=patch
    )
    return index.to(grid_thw.device)


def raster_of_windows(grid_thw: Tensor, *, merge: int, window: int, patch: int) -> Tensor:
    """For each patch (n,) in window order, its place in raster order."""
    blocks = raster_of_blocks(grid_thw, merge).view(-1, merge * merge)
    return blocks[windows(grid_thw, merge=merge, window=window, patch=patch)].flatten()
