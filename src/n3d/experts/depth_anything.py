"""Depth Anything (V1 and V2), metric and relative."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DepthAnythingForDepthEstimation
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from n3d.experts import loading
from n3d.experts.depth import DepthNetwork, resized
from n3d.geometry import Camera
from n3d.scene import DepthEstimate

FARTHEST = 100.0
"""How many times the nearest relative depth the farthest one is: beyond, disparities are noise."""


class DepthAnything(DepthNetwork):
    """Depth Anything; in metres only where its config says "metric".

    A relative model gives disparity up to a scale and a shift. Its depth is the inverse of the
    disparity divided by the largest in the picture, at least 1 / FARTHEST: 1 at the nearest
    point, without a unit, its order right and its ratios not. `metric` is then False.
    """

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], name: str, **options: Any) -> DepthAnything:
        """The expert of a directory that `loading.read_family` has read."""
        network = loading.read_network(folder, DepthAnythingForDepthEstimation, raw, **options)
        # The PIL form by name: the torchvision form gives slightly other pixels where it is there.
        return cls(name, network, loading.read_processor(folder, DPTImageProcessorPil))

    @property
    def metric(self) -> bool:
        """Whether its depths are metres."""
        return self.network.config.depth_estimation_type == "metric"

    def _run(self, images: list[np.ndarray], cameras: list[Camera | None]) -> list[DepthEstimate]:
        values = self.network(pixel_values=self._pixels(images)).predicted_depth
        values = resized(values, images[0].shape[:2], "bicubic")
        if not self.metric:
            values = inverse_of(values)
        return [self._told(v, c, metric=self.metric) for v, c in zip(values, cameras)]


def inverse_of(disparity: torch.Tensor) -> torch.Tensor:
    """Relative depth (n, h, w), 1 at the nearest point; 0 throughout where no disparity is > 0."""
    largest = disparity.amax(dim=(1, 2), keepdim=True)
    share = (disparity / largest.clamp_min(1e-12)).clamp_min(1 / FARTHEST)
    return torch.where(largest > 0, 1 / share, torch.zeros_like(share))
