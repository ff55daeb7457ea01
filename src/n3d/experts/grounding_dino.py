"""Grounding DINO and MM Grounding DINO: a picture against one text of all phrases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    BertTokenizer,
    GroundingDinoForObjectDetection,
    MMGroundingDinoForObjectDetection,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)

from n3d.errors import InputError
from n3d.experts import detecting, loading
from n3d.experts.detecting import Detector, Found, corners, kept

_CLASSES = {
    "grounding-dino": GroundingDinoForObjectDetection,
    "mm-grounding-dino": MMGroundingDinoForObjectDetection,
}
# These end a phrase for the network: within one they would cut it in two.
_STOPS = re.compile(r"[.?]")
_FRAME = 2  # tokens that open and close a text
SAME_IOU = 0.9
"""Above this overlap rectangles that two texts gave are one, and the surer phrase names it."""


class GroundingDINO(Detector):
    """Grounding DINO; a phrase's score is that of its best token.

    Phrases that do not fit into one text are asked for in several, each a run of its own.
    """

    threshold = 0.3

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], **options: Any) -> GroundingDINO:
        """The detector of a directory that `loading.read_family` has read."""
        # Half precision is not tried by itself: its attention samples at fractions of a pixel.
        network = loading.read_network(
            folder, _CLASSES[raw["model_type"]], raw, half=False, **options
        )
        images = loading.read_processor(folder, GroundingDinoImageProcessorPil)
        return cls(network, images, loading.read_processor(folder, BertTokenizer))

    def _run(self, images: list[np.ndarray], phrases: list[str], threshold: float) -> list[Found]:
        pictures = self.images(images=images, return_tensors="pt").to(self.network.device)
        pictures["pixel_values"] = pictures["pixel_values"].to(self.network.dtype)
        chunks = self._chunks(phrases)
        size = images[0].shape[:2]
        runs = [self._run_chunk(pictures, phrases, c, threshold, size) for c in chunks]
        if len(runs) == 1:
            return runs[0]
        return [_merged(parts) for parts in zip(*runs)]

    def _run_chunk(
        self,
        pictures: Any,
        phrases: list[str],
        places: list[int],
        threshold: float,
        size: tuple[int, int],
    ) -> list[Found]:
        """What the phrases at some places give; labels are places in the whole list."""
        tokens, owner = self._text([phrases[i] for i in places])
        tokens = {k: v.repeat(len(pictures["pixel_values"]), 1) for k, v in tokens.items()}
        outputs = self.network(**pictures, **tokens)
        probabilities = outputs.logits.float().sigmoid()
        columns = [
            probabilities[..., [t for t, o in enumerate(owner) if o == p]].amax(-1)
            for p in range(len(places))
        ]
        scores, best = torch.stack(columns, -1).max(-1)
        height, width = size
        scale = torch.tensor([width, height, width, height], device=scores.device)
        boxes = corners(outputs.pred_boxes.float()) * scale
        labels = torch.tensor(places, device=best.device)[best]
        return kept(boxes, labels, scores, threshold)

    def _text(self, phrases: list[str]) -> tuple[dict[str, torch.Tensor], list[int]]:
        """One text of phrases as tokens (1, n), and whose phrase each token is, -1 for none's."""
        text, ends = "", []
        for phrase in phrases:
            start = len(text)
            text += _plain(phrase)
            ends.append((start, len(text)))
            text += ". "
        found = self.tokenizer(text.rstrip(), return_offsets_mapping=True, return_tensors="pt")
        owner = [
            next((p for p, (low, high) in enumerate(ends) if low <= a < b <= high), -1)
            for a, b in found.pop("offset_mapping")[0].tolist()
        ]
        return dict(found.to(self.network.device)), owner

    def _chunks(self, phrases: list[str]) -> list[list[int]]:
        """Places of the phrases of each text: as many as fit into the network's longest."""
        room = self.network.config.max_text_len - _FRAME
        chunks: list[list[int]] = [[]]
        used = 0
        for i, phrase in enumerate(phrases):
            tokens = self.tokenizer(_plain(phrase), add_special_tokens=False)["input_ids"]
            count = len(tokens) + 1  # its full stop
            if not tokens or count > room:
                raise InputError(
                    f"{phrase!r} has {len(tokens)} words and word parts",
                    code="phrase-long" if tokens else "phrase-empty",
                    field="phrases",
                    limit=f"1 to {room - 1}",
                )
            if used + count > room:
                chunks.append([])
                used = 0
            chunks[-1].append(i)
            used += count
        return chunks


def _plain(phrase: str) -> str:
    """A phrase in the small letters, without stops, that the network was trained on."""
    return " ".join(_STOPS.sub(" ", phrase).lower().split())


def _merged(parts: tuple[Found, ...]) -> Found:
    """What several texts gave: of nearly the same rectangles the surest one stays."""
    boxes, labels, scores = (np.concatenate(values) for values in zip(*parts))
    stay = detecting.suppress(boxes, np.zeros(len(boxes), int), scores, SAME_IOU)
    return Found(boxes[stay], labels[stay], scores[stay])
