"""Detectors as experts: a picture and phrases in, labelled rectangles out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from n3d.errors import ConfigError, InputError
from n3d.experts import batching, loading, store
from n3d.experts.vocabulary import VOCABULARY
from n3d.scene import Region

__all__ = ["VOCABULARY", "Detector", "load_detector", "suppress"]

FAMILIES = ("grounding-dino", "mm-grounding-dino", "owlv2")
DUPLICATE_IOU = 0.7
"""Above this overlap two rectangles of one label are of one object."""
_NARROWEST = 1.0


class Found(NamedTuple):
    """What a network found: rectangles (n, 4) in pixels, places of phrases (n,), scores (n,)."""

    rectangles: np.ndarray
    phrases: np.ndarray
    scores: np.ndarray


class Detector(ABC):
    """Finds what phrases name; `threshold` is its default least score."""

    threshold: float

    def __init__(self, network: Any, images: Any, tokenizer: Any) -> None:
        self.network = network
        self.images = images
        self.tokenizer = tokenizer

    def find(
        self, image: np.ndarray, phrases: Sequence[str], *, threshold: float | None = None
    ) -> list[Region]:
        """Regions of an (h, w, 3) uint8 picture, the surest first.

        Each rectangle has one label: the phrase, as it was given, that fits it best. Rectangles
        are clipped to the picture. Raises InputError for phrases that are no text.
        """
        return self.find_all([image], phrases, threshold=threshold)[0]

    def find_all(
        self,
        images: Sequence[np.ndarray],
        phrases: Sequence[str],
        *,
        threshold: float | None = None,
    ) -> list[list[Region]]:
        """As `find` for each picture; those of one size run as one batch on the device."""
        images = batching.checked(images)
        phrases = _checked_phrases(phrases)
        least = self.threshold if threshold is None else _checked_threshold(threshold)
        regions: list[list[Region]] = [[] for _ in images]
        if not phrases:
            return regions
        for places in batching.by_size(images):
            with torch.inference_mode():
                found = self._run([images[i] for i in places], phrases, least)
            for i, one in zip(places, found):
                regions[i] = _regions(one, phrases, images[i].shape[:2])
        return regions

    @abstractmethod
    def _run(self, images: list[np.ndarray], phrases: list[str], threshold: float) -> list[Found]:
        """What is found in pictures of one size with scores above a threshold."""


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes (..., 4) given by centre and size, by their low and high corner."""
    center, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([center - size / 2, center + size / 2], -1)


def kept(
    boxes: torch.Tensor, labels: torch.Tensor, scores: torch.Tensor, threshold: float
) -> list[Found]:
    """What exceeds a threshold in each picture of a batch: (b, n, 4), (b, n) and (b, n)."""
    found = []
    for one in zip(boxes, labels, scores):
        keep = one[2] > threshold
        found.append(Found(*(t[keep].cpu().numpy() for t in one)))
    return found


def suppress(
    rectangles: np.ndarray, labels: np.ndarray, scores: np.ndarray, limit: float = DUPLICATE_IOU
) -> np.ndarray:
    """Places of the rectangles (n, 4) that stay, the surest first.

    One goes where it overlaps a surer one of the same label with an IoU above `limit`.
    """
    order = np.argsort(-scores, kind="stable")
    left = rectangles[order]
    overlap = _iou(left) > limit
    same = labels[order][:, None] == labels[order][None, :]
    stays = np.ones(len(order), bool)
    for i in range(len(order)):
        if stays[i]:
            stays[i + 1 :] &= ~(overlap & same)[i, i + 1 :]
    return order[stays]


def _iou(boxes: np.ndarray) -> np.ndarray:
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return shared / np.maximum(areas[:, None] + areas[None, :] - shared, 1e-12)


def _regions(found: Found, phrases: list[str], size: tuple[int, int]) -> list[Region]:
    """Regions inside the picture and without duplicates; slivers below a pixel are left out."""
    height, width = size
    boxes = found.rectangles.astype(float).clip(0, [width, height, width, height])
    wide = (boxes[:, 2:] - boxes[:, :2] >= _NARROWEST).all(-1) & np.isfinite(boxes).all(-1)
    boxes, labels, scores = boxes[wide], found.phrases[wide], found.scores[wide]
    return [
        Region(phrases[labels[i]], tuple(boxes[i].tolist()), score=float(scores[i]))
        for i in suppress(boxes, labels, scores)
    ]


def _checked_phrases(phrases: Sequence[str]) -> list[str]:
    """The phrases, each once."""
    if isinstance(phrases, str):
        phrases = [phrases]
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.strip():
            raise InputError(f"must be words, got {phrase!r}", code="phrase-type", field="phrases")
    return list(dict.fromkeys(phrases))


def _checked_threshold(threshold: float) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        threshold = float("nan")
    if not 0 <= threshold <= 1:
        raise ConfigError(
            f"is {threshold!r}", code="config-value", field="threshold", limit="0 to 1"
        )
    return float(threshold)


def load_detector(
    name_or_path: str | Path, *, device: Any = "auto", dtype: Any = "auto"
) -> Detector:
    """The detector of a directory, a name of the catalogue or a hub name already fetched.

    OWLv2, Grounding DINO and MM Grounding DINO. `device` "auto" is a GPU where there is one;
    `dtype` "auto" is half precision there, where the network bears it. Raises InputError for
    weights that are missing, damaged, of another family, or that bring code.
    """
    folder = store.folder(name_or_path)
    family, raw = loading.read_family(folder, FAMILIES)
    options = {"device": device, "dtype": dtype}
    if family == "owlv2":
        from n3d.experts.owlv2 import OWLv2

        return OWLv2.load(folder, raw, **options)
    from n3d.experts.grounding_dino import GroundingDINO

    return GroundingDINO.load(folder, raw, **options)
