"""Depth models as experts: a colour picture in, z-depth in its own resolution out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from n3d.experts import batching, checking, loading, store
from n3d.experts.catalogue import find
from n3d.geometry import Camera
from n3d.scene import DepthEstimate

SCALE_SIGMA = 0.12
"""Relative error that all lengths of a view share where its metres were predicted: the order of
the mean absolute relative errors published for such models on indoor data that they were not
trained on (ZoeDepth: 0.12 on SUN RGB-D)."""

FAMILIES = {
    "depth_anything": "depth-anything",
    "zoedepth": "zoedepth",
    "depth_pro": "depth-pro",
}
MOGE = "moge-2"


class DepthNetwork(ABC):
    """A scene.DepthExpert that can also take many pictures at once.

    `name` is what stands after "predicted:" in the sources of its depths and cameras.
    """

    def __init__(self, name: str, network: Any, processor: Any = None) -> None:
        self.name = name
        self.network = network
        self.processor = processor

    def estimate(self, image: np.ndarray, camera: Camera | None = None) -> DepthEstimate:
        """Depth of an (h, w, 3) uint8 picture; `camera` is used where the model can use it."""
        return self.estimate_all([image], [camera])[0]

    def estimate_all(
        self,
        images: Sequence[np.ndarray],
        cameras: Sequence[Camera | None] | None = None,
    ) -> list[DepthEstimate]:
        """As `estimate` for each picture; those of one size run as one batch on the device."""
        images = batching.checked(images)
        known = batching.paired(images, cameras)
        found: list[DepthEstimate | None] = [None] * len(images)
        for places in batching.by_size(images):
            with torch.inference_mode():
                estimates = self._run([images[i] for i in places], [known[i] for i in places])
            for i, estimate in zip(places, estimates):
                found[i] = estimate
        return [estimate for estimate in found if estimate is not None]

    @abstractmethod
    def _run(self, images: list[np.ndarray], cameras: list[Camera | None]) -> list[DepthEstimate]:
        """Estimates of pictures of one size."""

    def _told(self, depth: Any, camera: Camera | None, *, metric: bool) -> DepthEstimate:
        """An estimate with the numbers that cannot be depths set to 0."""
        array = torch.as_tensor(depth).detach().float().cpu().numpy()
        array = np.where((array > 0) & (array < np.inf), array, np.float32(0))
        return DepthEstimate(
            depth=np.ascontiguousarray(array, dtype=np.float32),
            camera=camera,
            metric=metric,
            source=f"predicted:{self.name}",
            scale_sigma=SCALE_SIGMA if metric else 0.0,
        )

    def _pixels(self, images: list[np.ndarray]) -> torch.Tensor:
        """What the image processor makes of pictures, where and as the network wants it."""
        pixels = self.processor(images=images, return_tensors="pt")["pixel_values"]
        return pixels.to(self.network.device, self.network.dtype)


def resized(values: torch.Tensor, size: tuple[int, int], mode: str) -> torch.Tensor:
    """Maps (n, h, w) at another size, in float32."""
    found = torch.nn.functional.interpolate(
        values.float()[:, None], size=size, mode=mode, align_corners=False
    )
    return found[:, 0]


def load_depth(
    name_or_path: str | Path, *, device: Any = "auto", dtype: Any = "auto"
) -> DepthNetwork:
    """The depth expert of a directory, a name of the catalogue or a hub name already fetched.

    Depth Anything, ZoeDepth and Depth Pro are read by transformers, MoGe-2 by its own package.
    `device` "auto" is a GPU where there is one; `dtype` "auto" is half precision there, where
    the network bears it. Depths are z-depths; a model that assumes nothing about the camera
    returns the one it was given, or None. Raises InputError for weights that are missing,
    damaged, of another family, or that bring code.
    """
    folder = store.folder(name_or_path)
    known = find(str(name_or_path))
    name = known.name if known else None
    options = {"device": device, "dtype": dtype}
    if not (folder / "config.json").is_file() and (folder / checking.PACKED).is_file():
        from n3d.experts.moge import MoGe

        return MoGe.load(folder, name or MOGE, **options)
    family, raw = loading.read_family(folder, FAMILIES)
    return _adapter(family).load(folder, raw, name or FAMILIES[family], **options)


def _adapter(family: str) -> Any:
    """The class of a family; only what is used is imported, since each takes a while."""
    if family == "depth_anything":
        from n3d.experts.depth_anything import DepthAnything as adapter
    elif family == "zoedepth":
        from n3d.experts.zoedepth import ZoeDepth as adapter
    else:
        from n3d.experts.depth_pro import DepthPro as adapter
    return adapter
