"""What is minimised: the dense loss of the vision tower, and that of the text with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from n3d.train import encoding, heads
from n3d.train.batches import Pictures, Texts
from n3d.train.heads import Detector, DetectorConfig, Pointer
from n3d.train.mini import Numbers


@dataclass(frozen=True)
class Weights:
    """Weights of the parts of the loss.

    `kinds` weigh tokens by what they are (those that are missing count 1), `fine` the second
    half of a number; `dense` and `pointing` are beside the mean over tokens.
    """

    kinds: dict[str, float] = field(default_factory=lambda: {"z": 2.0, "yaw": 0.5})
    fine: float = 0.2
    dense: float = 0.1
    pointing: float = 0.2
    detector: DetectorConfig = field(default_factory=DetectorConfig)


class Student(nn.Module):
    """A network with the heads that only training needs."""

    scale: Tensor

    def __init__(self, network: Any, where: Numbers, weights: Weights) -> None:
        super().__init__()
        self.network = network
        self.where = where
        hidden = network.config.text_config.hidden_size
        self.detector = Detector(hidden, weights.detector)
        self.pointer = Pointer(hidden)
        self.middle = max(1, network.config.text_config.num_hidden_layers // 2)
        self.register_buffer("scale", torch.ones(len(encoding.KINDS)), persistent=False)
        self.reweigh(weights)

    def reweigh(self, weights: Weights) -> None:
        """Take other weights from now on."""
        self.weights = weights
        self.detector.config = weights.detector
        self.scale.fill_(1)
        for kind, weight in weights.kinds.items():
            self.scale[encoding.KINDS.index(kind)] = weight

    def forward(
        self, pictures: Pictures, texts: Texts | None = None
    ) -> tuple[Tensor, dict[str, tuple[float, float]]]:
        """The loss, and for each part its sum and number: that of the pictures alone, or with
        the texts about them."""
        seen = self.see(pictures)
        dense, parts = self.detector.loss(seen, pictures, self.rows)
        told = {f"dense/{k}": (v, 1.0) for k, v in parts.items()}
        if texts is None:
            return dense, told | {"loss": (float(dense.detach()), 1.0)}
        text, pointing, more = self._text(seen, pictures, texts)
        w = self.weights
        loss = text + w.dense * dense + w.pointing * pointing
        told |= more | {
            "pointing": (float(pointing.detach()), 1.0),
            "loss": (float(loss.detach()), 1.0),
        }
        return loss, told

    @property
    def rows(self) -> heads.Rows:
        """The rows of the language head for numbers."""
        return heads.Rows.of(self.network.lm_head.weight, self.where)

    def see(self, p: Pictures) -> Tensor:
        """Tokens (t, hidden) of pictures."""
        out = self.network.model.get_image_features(p.pixels, p.grid_thw, p.points)
        return torch.cat(tuple(out.pooler_output))

    def _text(self, seen: Tensor, p: Pictures, t: Texts):
        model = self.network.model
        embedded = model.language_model.embed_tokens(t.ids)
        shown = t.ids == self.network.config.image_token_id
        embedded = embedded.masked_scatter(shown[..., None], seen.to(embedded.dtype))
        out = model.language_model(
            inputs_embeds=embedded,
            attention_mask=t.mask,
            position_ids=t.positions,
            use_cache=False,
            output_hidden_states=True,
        )
        hidden = out.last_hidden_state.flatten(0, 1)
        loss, parts = self.token_loss(self.network.lm_head(hidden[t.places]), t)
        half = out.hidden_states[self.middle].flatten(0, 1)
        length = t.ids.shape[1]
        picture = torch.nonzero(shown.flatten())[:, 0]
        together = (t.asking // length)[:, None] == (picture // length)[None]
        pointing = self.pointer.loss(half[t.asking], half[picture], together, t.seen, t.deciding)
        return loss, pointing, parts

    def token_loss(self, logits: Tensor, t: Texts):
        """The weighted mean over tokens with a loss, and sums and numbers by kind."""
        log = logits.float().log_softmax(dim=-1)
        each = -log.gather(1, t.labels[:, None])[:, 0]
        weight = self.scale[t.kinds]
        w = self.where
        parts = {}
        for first, count, factor in (
            (w.coarse, 100, 1.0), (w.fine, 100, self.weights.fine), (w.yaw, 360, 1.0),
        ):  # fmt: skip
            number = (t.labels >= first) & (t.labels < first + count) & (t.soft.sum(dim=1) > 0)
            at = torch.nonzero(number)[:, 0]
            if len(at):
                soft = -(t.soft[at, :count] * log[at, first : first + count]).sum(dim=1)
                each = each.index_copy(0, at, soft)
                weight = weight.index_copy(0, at, weight[at] * factor)
        fine = (t.labels >= w.fine) & (t.labels < w.yaw)
        for k, name in enumerate(encoding.KINDS):
            of = t.kinds == k
            for mine, called in ((of & ~fine, name), (of & fine, f"{name}-fine")):
                if mine.any():
                    parts[called] = (float(each.detach()[mine].sum()), float(mine.sum()))
        return (each * weight).sum() / weight.sum().clamp(min=1e-6), parts


def mean(parts: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Means of sums and numbers."""
    return {k: s / n for k, (s, n) in parts.items() if n}


def add(total: dict[str, tuple[float, float]], more: dict[str, tuple[float, float]]) -> None:
    """Add sums and numbers, in place."""
    for k, (s, n) in more.items():
        a, b = total.get(k, (0.0, 0.0))
        total[k] = (a + s, b + n)
