"""A network with its processor: what `load` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature

from n3d.errors import InputError
from n3d.language import labels, upstream
from n3d.model import chat, inputs, released
from n3d.model.inputs import Seen
from n3d.model.processing import N3DProcessor
from n3d.scene import RGBD


@dataclass(frozen=True, eq=False)
class SpatialModel:
    """A network that reads views with 3D points, and the processor that makes its tensors."""

    network: Any
    processor: N3DProcessor

    @property
    def layout(self) -> str:
        """How points enter: "rays", "aligned", "upstream" or "none"."""
        return self.network.config.point_encoding

    def see(self, view: RGBD) -> Seen:
        """A view as the network sees it; to be kept where several prompts share it."""
        return inputs.see(view, self.processor, self.network.config, self.network.dtype)

    def batch(self, prompts: Sequence[str], seen: Sequence[Sequence[Seen]]) -> BatchFeature:
        """The tensors of prompts (see `chat.write`) and their pictures, on the network's device."""
        made = inputs.batch(prompts, seen, self.processor, self.network.config)
        return made.to(self.network.device)

    def save(self, folder: Any) -> None:
        """Write a directory that `load` and the Auto* classes read."""
        self.network.save_pretrained(Path(folder))
        self.processor.save_pretrained(Path(folder))

    def upstream_inputs(self, image_file: Any, points_file: Any, user_text: str) -> BatchFeature:
        """The tensors of a prompt of the released weights (`user_text` without vision tokens)."""
        if self.layout != "upstream":
            raise InputError(
                f"is {self.layout!r}",
                code="layout",
                field="layout",
                limit="upstream",
                hint='Load released N3D-VLM weights, or with layout="upstream"',
            )
        image, points = released.read(image_file, points_file)
        text = labels.neutralize(user_text.removeprefix(chat.IMAGE))
        prompt = chat.write([("system", upstream.SYSTEM), ("user", chat.IMAGE + text)])
        seen = inputs.see_released(image, points, self.processor, self.network.dtype)
        return self.batch([prompt], [[seen]])

    @torch.no_grad()
    def upstream_first_pass_logits(
        self, image_file: Any, points_file: Any, user_text: str
    ) -> Tensor:
        """Logits (1, length, vocabulary) float32 of a whole prompt of the released weights.

        `points_file` is an npz with `pcd` as upstream writes it; `user_text` is what follows
        the picture in the user's turn. Raises InputError for weights of another layout.
        """
        made = self.upstream_inputs(image_file, points_file, user_text)
        return self.network(**made).logits.float().cpu()
