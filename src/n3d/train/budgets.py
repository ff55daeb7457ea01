"""What a run will need: memory by formula, before anything is downloaded or allocated.

These are estimates, not measurements. Weights and the state of the optimiser are exact up to
rounding; activations follow the usual count of what a transformer layer keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from n3d.train.recipes import Recipe, Stage

GB = 1e9
KEPT = 34
"""Bytes that a layer keeps per token and hidden unit in half precision without checkpointing
(Korthikanti et al. 2022, "Reducing activation recomputation", eq. 1, without attention maps)."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a backbone's language model, and how many parameters its vision tower has."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    tied: bool
    vision: float

    @property
    def parameters(self) -> float:
        """All parameters, norms and biases left out."""
        table = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return self.vision + table + self.layers * sum(a * b for a, b in self.linears)

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of the linear layers of one block."""
        q, kv = self.heads * self.head, self.kv_heads * self.head
        up = (self.hidden, self.inner)
        return (self.hidden, q), (self.hidden, kv), (self.hidden, kv), (q, self.hidden), up, up, (
            self.inner, self.hidden)  # fmt: skip


QWEN25_3B = Shape(2048, 11008, 36, 16, 2, 128, 152_576, True, 0.669e9)
QWEN25_7B = Shape(3584, 18944, 28, 28, 4, 128, 152_704, False, 0.676e9)


@dataclass(frozen=True)
class Memory:
    """Gigabytes on one device."""

    weights: float
    optimizer: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """All of it, with a tenth for the allocator and temporaries."""
        return 1.1 * (self.weights + self.optimizer + self.activations + self.logits)


def memory(
    shape: Shape, recipe: Recipe, stage: Stage, *, picture_tokens: int, devices: int = 1
) -> Memory:
    """The memory of one of `devices` that share weights and optimiser evenly (FSDP).

    `picture_tokens` are those of one view; its texts take `stage.room` and about 60 tokens.
    """
    backbone = recipe.backbone
    if backbone.lora_rank:
        table = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
        sides = sum(a + b for a, b in shape.linears)
        trained = table + shape.layers * backbone.lora_rank * sides
        weights = 2 * (shape.parameters - table) + 4 * trained
    else:
        trained = shape.parameters
        weights = 4 * trained
    state = 12 * trained  # gradient and two moments, single precision
    tokens = stage.views * (picture_tokens + 60 + stage.room)
    per_token = 4 * shape.layers if backbone.checkpointing else KEPT * shape.layers
    activations = tokens * shape.hidden * (per_token + (KEPT if backbone.checkpointing else 0))
    logits = 0.5 * stage.views * stage.room * shape.vocabulary * 12
    return Memory(weights / devices / GB, state / devices / GB, activations / GB, logits / GB)
