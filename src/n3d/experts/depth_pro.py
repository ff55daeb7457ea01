"""Depth Pro, metric, with the focal length that it predicts or that of a known camera."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DepthProForDepthEstimation

from n3d.experts import loading
from n3d.experts.depth import DepthNetwork, resized
from n3d.geometry import Camera
from n3d.scene import DepthEstimate

_NEAREST, _FARTHEST = 1e-4, 1e4


class DepthPro(DepthNetwork):
    """Depth Pro; its canonical inverse depth times width / focal length is 1 / metres.

    The focal length is that of the camera, else what the network predicts, then returned as a
    camera with square pixels and a centred principal point. A network without that head, asked
    without a camera, has no unit: `metric` is False. What lies beyond 10 km is 0.
    """

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], name: str, **options: Any) -> DepthPro:
        """The expert of a directory that `loading.read_family` has read."""
        network = loading.read_network(folder, DepthProForDepthEstimation, raw, **options)
        return cls(name, network, loading.read_sizing(folder))

    def _run(self, images: list[np.ndarray], cameras: list[Camera | None]) -> list[DepthEstimate]:
        outputs = self.network(pixel_values=self._pixels(images))
        angles = outputs.field_of_view
        angles = [None] * len(images) if angles is None else angles.float().tolist()
        height, width = images[0].shape[:2]
        inverses = resized(outputs.predicted_depth, (height, width), "bilinear")
        found = []
        for inverse, angle, camera in zip(inverses, angles, cameras):
            camera = camera or _camera(angle, width, height, f"predicted:{self.name}")
            if camera is not None:
                inverse = inverse * (width / camera.fx)
            depth = 1 / inverse.clamp(_NEAREST, _FARTHEST)
            depth[inverse <= _NEAREST] = 0  # the bound, not a measurement
            found.append(self._told(depth, camera, metric=camera is not None))
        return found

    def _pixels(self, images: list[np.ndarray]) -> torch.Tensor:
        # transformers' DepthProImageProcessor wants torchvision; its steps, in their order, are
        # these: scaled to -1 to 1 first, then resized without regard to the aspect ratio.
        pixels = self.processor.scaled(images, self.network.device)
        pixels = torch.nn.functional.interpolate(
            pixels, size=self.processor.size, mode="bilinear", align_corners=False
        )
        return pixels.to(self.network.dtype)


def _camera(angle: float | None, width: int, height: int, source: str) -> Camera | None:
    """The camera of a horizontal field of view in degrees; None for what is none."""
    if angle is None or not math.isfinite(angle) or not 1 <= angle <= 179:
        return None
    return Camera.from_fov(angle, width, height, source=source)
