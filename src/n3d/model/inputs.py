"""Views and prompts -> the tensors that a network reads: any sizes, several pictures per prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import BatchFeature

from n3d.errors import InputError
from n3d.language import upstream
from n3d.model import chat, orders, rays, released, sine
from n3d.model.delta import token_types
from n3d.model.processing import N3DProcessor
from n3d.scene import RGBD
from n3d.sources.upstream import points_of


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture as a network sees it; `n` rows, one for each patch, in merge-block order.

    `pixels` (n, k) float32, `grid_thw` (3,) int64, `points` (n, c) float32 or None.
    """

    pixels: Tensor
    grid_thw: Tensor
    points: Tensor | None

    def tokens(self, merge: int) -> int:
        """How many image tokens its patches become."""
        return int(self.grid_thw.prod()) // merge**2


def see(
    view: RGBD, processor: N3DProcessor, config: Any, dtype: torch.dtype = torch.float32
) -> Seen:
    """A view for a network of this configuration; without depth it has rays at most.

    Points are float32; only the released weights see them rounded to the network's `dtype`.
    """
    if config.point_encoding == "upstream":
        image = released.resize(view.image)
        points = None if view.depth is None else points_of(view)[0]
        return see_released(image, points, processor, dtype)
    pixels, grid = _pixels(view.image, processor)
    rows, columns = grid.tolist()[1:]
    points = None
    if config.point_encoding == "rays":
        points = rays.of_view(view, rows, columns, config.point_samples)
    elif config.point_encoding == "aligned" and view.depth is not None:
        seen = view.points
        own = np.dstack([seen.xyz * upstream.LEFT_UP, seen.valid])
        points = sine.coordinates(own, rows, columns, released=False)
    return Seen(pixels, grid, _in_blocks(points, grid, processor))


def see_released(
    image: np.ndarray,
    points: np.ndarray | None,
    processor: N3DProcessor,
    dtype: torch.dtype = torch.float32,
) -> Seen:
    """A picture and its point map (h, w, 4), as the released weights see them."""
    pixels, grid = _pixels(image, processor)
    rows, columns = grid.tolist()[1:]
    code = None
    if points is not None:
        code = sine.coordinates(points, rows, columns, released=True, dtype=dtype)
    return Seen(pixels, grid, _in_blocks(code, grid, processor))


def batch(
    prompts: Sequence[str],
    seen: Sequence[Sequence[Seen]],
    processor: N3DProcessor,
    config: Any,
) -> BatchFeature:
    """The tensors of prompts (see `chat.write`), padded on the left, and of their pictures.

    `seen` holds for each prompt its pictures in order. Pictures without points go beside
    pictures with them. Raises InputError for a prompt without a place for each picture.
    """
    if len(prompts) != len(seen) or not prompts:
        raise InputError(
            f"{len(prompts)} prompts and the pictures of {len(seen)}",
            code="batch-size",
            field="prompts",
        )
    merge = config.vision_config.spatial_merge_size
    texts = [
        chat.expand(prompt, [s.tokens(merge) for s in pictures])
        for prompt, pictures in zip(prompts, seen, strict=True)
    ]
    found = processor.tokenizer(texts, padding=True, padding_side="left", return_tensors="pt")
    out = {
        "input_ids": found["input_ids"],
        "attention_mask": found["attention_mask"],
        "mm_token_type_ids": token_types(config, found["input_ids"]),
    }
    pictures = [s for of_prompt in seen for s in of_prompt]
    if pictures:
        out["pixel_values"] = torch.cat([s.pixels for s in pictures])
        out["image_grid_thw"] = torch.stack([s.grid_thw for s in pictures])
        points = _points(pictures)
        if points is not None:
            out["patch_points"] = points
    return BatchFeature(out)


def _points(pictures: Sequence[Seen]) -> Tensor | None:
    """The points of all pictures, NaN where a picture has none; None where none has any."""
    wide = next((s.points.shape[1] for s in pictures if s.points is not None), None)
    if wide is None:
        return None
    return torch.cat(
        [torch.full((len(s.pixels), wide), torch.nan) if s.points is None else s.points
         for s in pictures]
    )  # fmt: skip


def _pixels(image: np.ndarray, processor: N3DProcessor) -> tuple[Tensor, Tensor]:
    done = processor.image_processor(
        images=[image], return_tensors="pt", input_data_format="channels_last"
    )
    return done["pixel_values"], done["image_grid_thw"][0]


def _in_blocks(points: Tensor | None, grid: Tensor, processor: N3DProcessor) -> Tensor | None:
    if points is None:
        return None
    return points[orders.raster_of_blocks(grid[None], processor.image_processor.merge_size)]
