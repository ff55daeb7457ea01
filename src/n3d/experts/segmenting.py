"""Segment Anything as an expert: a picture and rectangles in, masks out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from n3d.errors import InputError
from n3d.experts import batching, checking, loading, store
from n3d.scene import Region

_CHUNK = 32
_SAM3 = ("sam3", "sam3_tracker", "sam3_tracker_video", "sam3_video")


class Segmenter(ABC):
    """Puts masks into regions, each prompted by its rectangle."""

    def __init__(self, network: Any, processor: Any) -> None:
        self.network = network
        self.processor = processor

    def masks(self, image: np.ndarray, regions: Sequence[Region]) -> list[Region]:
        """The regions in their order with masks (h, w) bool; rectangles and labels stay.

        Of the three masks that the network offers for a rectangle the one of the highest
        predicted IoU is taken. A region whose mask is empty, or whose rectangle lies outside
        the (h, w, 3) uint8 picture, has no mask.
        """
        image = batching.checked([image])[0]
        height, width = image.shape[:2]
        rectangles = np.array([r.rectangle for r in regions], float).reshape(-1, 4)
        rectangles = rectangles.clip(0, [width, height, width, height])
        inside = np.flatnonzero((rectangles[:, 2:] > rectangles[:, :2]).all(-1))
        found = [replace(region, mask=None) for region in regions]
        if not len(inside):
            return found
        with torch.inference_mode():
            embeddings = self.network.get_image_embeddings(self._pixels(image))
            for start in range(0, len(inside), _CHUNK):
                places = inside[start : start + _CHUNK]
                masks = self._masks(embeddings, rectangles[places], (height, width))
                for i, mask in zip(places, masks):
                    if mask.any():
                        found[i] = replace(found[i], mask=mask)
        return found

    def _masks(self, embeddings: Any, rectangles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Masks (n, h, w) bool of rectangles (n, 4) in pixels of a picture of (h, w)."""
        boxes = torch.from_numpy(rectangles * self._scale(size)).float()
        outputs = self.network(
            image_embeddings=embeddings,
            input_boxes=boxes[None].to(self.network.device),
            multimask_output=True,
        )
        best = outputs.iou_scores[0].argmax(-1)
        chosen = outputs.pred_masks[0][torch.arange(len(best), device=best.device), best]
        return (self._enlarged(chosen.float()[:, None], size)[:, 0] > 0).cpu().numpy()

    @abstractmethod
    def _pixels(self, image: np.ndarray) -> torch.Tensor:
        """A picture as the network wants it."""

    @abstractmethod
    def _scale(self, size: tuple[int, int]) -> np.ndarray:
        """Pixels of the network's picture for one of the given, along x, y, x and y."""

    @abstractmethod
    def _enlarged(self, masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """The network's masks (n, 1, ...) at the size of the picture."""


class SAM(Segmenter):
    """SAM: pictures keep their aspect ratio and are padded to a square at the right and below."""

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], **options: Any) -> SAM:
        """The segmenter of a directory that `loading.read_family` has read."""
        from transformers import SamModel
        from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

        network = loading.read_network(folder, SamModel, raw, **options)
        return cls(network, loading.read_processor(folder, SamImageProcessorPil))

    def _pixels(self, image: np.ndarray) -> torch.Tensor:
        pixels = self.processor(images=[image], return_tensors="pt")["pixel_values"]
        return pixels.to(self.network.device, self.network.dtype)

    def _reached(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of the picture inside the square."""
        scale = self.processor.size["longest_edge"] / max(size)
        return int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)

    def _scale(self, size: tuple[int, int]) -> np.ndarray:
        height, width = self._reached(size)
        return np.tile([width / size[1], height / size[0]], 2)

    def _enlarged(self, masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        square = self.processor.pad_size["height"], self.processor.pad_size["width"]
        height, width = self._reached(size)
        return _resized(_resized(masks, square)[..., :height, :width], size)


class SAM2(Segmenter):
    """SAM 2: pictures are stretched to a square."""

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], **options: Any) -> SAM2:
        """The segmenter of a directory that `loading.read_family` has read."""
        from transformers import Sam2Model

        network = loading.read_network(folder, Sam2Model, raw, **options)
        return cls(network, loading.read_sizing(folder))

    def _pixels(self, image: np.ndarray) -> torch.Tensor:
        # transformers' Sam2ImageProcessor wants torchvision; it resizes first, and rounds there.
        pixels = self.processor.scaled([image], self.network.device)
        pixels = _resized(pixels, self.processor.size, antialias=True)
        return pixels.to(self.network.dtype)

    def _scale(self, size: tuple[int, int]) -> np.ndarray:
        height, width = self.processor.size
        return np.tile([width / size[1], height / size[0]], 2)

    def _enlarged(self, masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        return _resized(masks, size)


_FAMILIES = {"sam": SAM, "sam2": SAM2, "sam2_video": SAM2}


def _resized(
    values: torch.Tensor, size: tuple[int, int], *, antialias: bool = False
) -> torch.Tensor:
    return torch.nn.functional.interpolate(
        values, size, mode="bilinear", align_corners=False, antialias=antialias
    )


def load_segmenter(
    name_or_path: str | Path, *, device: Any = "auto", dtype: Any = "auto"
) -> Segmenter:
    """The segmenter of a directory, a name of the catalogue or a hub name already fetched.

    SAM and SAM 2. `device` "auto" is a GPU where there is one; `dtype` "auto" is half precision
    there. Raises InputError for weights that are missing, damaged, of another family, or that
    bring code.
    """
    folder = store.folder(name_or_path)
    if checking.read_config(folder).get("model_type") in _SAM3:
        raise InputError(
            "is SAM 3, whose picture processor needs torchvision, which n3d does without",
            code="weights-family",
            file=folder / "config.json",
            field="model_type",
            limit=", ".join(sorted(_FAMILIES)),
            hint="Use `sam`, or a SAM 2 such as facebook/sam2.1-hiera-small",
        )
    family, raw = loading.read_family(folder, _FAMILIES)
    return _FAMILIES[family].load(folder, raw, device=device, dtype=dtype)
