"""ZoeDepth, metric."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import ZoeDepthForDepthEstimation
from transformers.models.zoedepth.image_processing_pil_zoedepth import ZoeDepthImageProcessorPil

from n3d.experts import loading
from n3d.experts.depth import DepthNetwork, resized
from n3d.geometry import Camera
from n3d.scene import DepthEstimate


class ZoeDepth(DepthNetwork):
    """ZoeDepth with one head, or with one for rooms and one for streets."""

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], name: str, **options: Any) -> ZoeDepth:
        """The expert of a directory that `loading.read_family` has read."""
        # Half precision loses the differences of its log-binomials, which are over 64 bins.
        network = loading.read_network(
            folder, ZoeDepthForDepthEstimation, raw, half=False, **options
        )
        return cls(name, network, loading.read_processor(folder, ZoeDepthImageProcessorPil))

    def _run(self, images: list[np.ndarray], cameras: list[Camera | None]) -> list[DepthEstimate]:
        pixels = self._pixels(images)
        # Of several heads a batch elects one for all its pictures: then each goes alone.
        parts = pixels.split(1 if len(self.network.config.bin_configurations) > 1 else len(images))
        values = torch.cat([self.network(pixel_values=p).predicted_depth for p in parts])
        return [
            self._told(v, camera, metric=True)
            for v, camera in zip(self._cropped(values, images[0].shape[:2]), cameras)
        ]

    def _cropped(self, values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Depth at the size of the picture, without the mirrored border that was put around it.

        The processor's own step of this name wants torchvision.
        """
        height, width = size
        y = x = 0
        if self.processor.do_pad:
            y, x = int(math.sqrt(height / 2) * 3), int(math.sqrt(width / 2) * 3)
        values = resized(values, (height + 2 * y, width + 2 * x), "bicubic")
        return values[:, y : y + height, x : x + width]
