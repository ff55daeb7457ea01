"""OWLv2: each patch of the picture against any number of phrases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import CLIPTokenizer, Owlv2ForObjectDetection
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

from n3d.experts import loading
from n3d.experts.detecting import Detector, Found, corners, kept

_CHUNK = 64
_ARTICLE = re.compile(r"(?:an?|the)\s+", re.IGNORECASE)


class OWLv2(Detector):
    """OWLv2; phrases are encoded once and in chunks, which changes no score."""

    # Its published examples use 0.1, so as to miss nothing; a grounder must be surer.
    threshold = 0.2

    @classmethod
    def load(cls, folder: Path, raw: dict[str, Any], **options: Any) -> OWLv2:
        """The detector of a directory that `loading.read_family` has read."""
        network = loading.read_network(folder, Owlv2ForObjectDetection, raw, **options)
        images = loading.read_processor(folder, Owlv2ImageProcessorPil)
        return cls(network, images, loading.read_processor(folder, CLIPTokenizer))

    _known: tuple[list[str], torch.Tensor] | None = None

    def _run(self, images: list[np.ndarray], phrases: list[str], threshold: float) -> list[Found]:
        net = self.network
        pixels = self.images(images=images, return_tensors="pt")["pixel_values"]
        features = net.image_embedder(pixels.to(net.device, net.dtype))[0]
        patches = features.flatten(1, 2)
        queries = self._encoded(phrases).expand(len(images), -1, -1)
        scores = net.class_predictor(patches, queries)[0].float().sigmoid()
        scores, best = scores.max(-1)
        # The picture is padded to a square at the right and below before it is resized.
        boxes = corners(net.box_predictor(patches, features).float())
        boxes = boxes * max(images[0].shape[:2])
        return kept(boxes, best, scores, threshold)

    def _encoded(self, phrases: list[str]) -> torch.Tensor:
        """Phrases as vectors (n, d); those of the last call are kept, a vocabulary comes again."""
        if self._known is None or self._known[0] != phrases:
            chunks = [phrases[i : i + _CHUNK] for i in range(0, len(phrases), _CHUNK)]
            self._known = list(phrases), torch.cat([self._encoded_chunk(c) for c in chunks])
        return self._known[1]

    def _encoded_chunk(self, phrases: list[str]) -> torch.Tensor:
        tokens = self.tokenizer(
            [_prompt(p) for p in phrases],
            padding="max_length",
            max_length=self.network.config.text_config.max_position_embeddings,
            truncation=True,
            return_tensors="pt",
        ).to(self.network.device)
        return self.network.owlv2.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output


def _prompt(phrase: str) -> str:
    """The first of the prompts that CLIP and OWL-ViT were evaluated with."""
    return f"a photo of a {_ARTICLE.sub('', phrase.strip(), count=1)}"
