"""n3d-mini: a small network of the stock Qwen3-VL architecture, and the processor that feeds it.

Why Qwen3-VL and not Qwen2.5-VL: its vision tower has a learned table of positions, stretched over
the picture, so that a patch knows where it stands without any detour, which (u, v) of a box need;
and its attention normalises queries and keys, so that training from scratch bears higher rates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from n3d.errors import ConfigError
from n3d.language import tokens
from n3d.model.configs import N3DQwen3Config
from n3d.model.networks import N3DQwen3ForConditionalGeneration
from n3d.model.processing import N3DProcessor


@dataclass(frozen=True)
class Eyes:
    """How pictures are cut up: `patch` pixels a side and `temporal` copies deep, `merge` x `merge`
    patches to a token, `samples` x `samples` depths in a patch; how many pixels a picture is
    resized to, `least` to `most`; `mean` and `std` of its colours from 0 to 1. Of a network that
    was trained before, they are its own."""

    patch: int = 20
    merge: int = 1
    samples: int = 5
    least: int = 16_000
    most: int = 20_000
    temporal: int = 1
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Size:
    """How large the network is."""

    hidden: int = 256
    heads: int = 4
    vision_layers: int = 4
    vision_inner: int = 768
    layers: int = 4
    inner: int = 768
    positions: int = 256
    point_hidden: int = 256


def image_processor(eyes: Eyes) -> Any:
    """Qwen's image processor for these eyes; any picture becomes one of their size."""
    return Qwen2VLImageProcessorPil(
        patch_size=eyes.patch,
        merge_size=eyes.merge,
        temporal_patch_size=eyes.temporal,
        size={"shortest_edge": eyes.least, "longest_edge": eyes.most},
        image_mean=list(eyes.mean),
        image_std=list(eyes.std),
    )


def processor(eyes: Eyes, tokenizer: Any) -> N3DProcessor:
    """Eyes and tokenizer as `n3d.model.load` reads them."""
    return N3DProcessor(image_processor(eyes), tokenizer)


def config(eyes: Eyes, size: Size, tokenizer: Any) -> N3DQwen3Config:
    """The configuration of a network of this size for this tokenizer."""

    def token(name: str) -> int:
        return tokenizer.convert_tokens_to_ids(name)

    wide = size.hidden // size.heads
    part = wide // 2 * 5 // 16
    return N3DQwen3Config(
        point_encoding="rays",
        point_samples=eyes.samples,
        point_hidden=size.point_hidden,
        text_config={
            "vocab_size": -(-len(tokenizer) // 64) * 64,
            "hidden_size": size.hidden,
            "intermediate_size": size.inner,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.heads,
            "head_dim": wide,
            "max_position_embeddings": 8192,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [wide // 2 - 2 * part, part, part],
                "mrope_interleaved": True,
            },
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.hidden,
            "intermediate_size": size.vision_inner,
            "num_heads": size.heads,
            "patch_size": eyes.patch,
            "spatial_merge_size": eyes.merge,
            "temporal_patch_size": eyes.temporal,
            "out_hidden_size": size.hidden,
            "num_position_embeddings": size.positions,
            "deepstack_visual_indexes": [],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=False,
    )


def network(eyes: Eyes, size: Size, tokenizer: Any, seed: int) -> Any:
    """A new network with random weights; tokens of near numbers begin near each other."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = N3DQwen3ForConditionalGeneration(config(eyes, size, tokenizer)).float()
        _begin(made, size)
        begin_numbers(made, Numbers.of(tokenizer))
    return made


def _begin(network: Any, size: Size) -> None:
    """Weights that keep the size of what passes: the stock 0.02 is made for wide networks, and
    would hide depth, which goes through three small layers before it meets the pixels."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and module is not network.lm_head:
            std = 1 / math.sqrt(module.in_features)
            if name.endswith(("o_proj", "down_proj", "attn.proj", "linear_fc2")):
                std /= math.sqrt(2 * max(size.layers, size.vision_layers))
            nn.init.normal_(module.weight, std=std)
    visual, side = network.model.visual, math.isqrt(size.positions)
    nn.init.normal_(visual.patch_embed.proj.weight, std=0.04)
    rows, columns = smooth(side, size.hidden, False), smooth(side, size.hidden, False)
    with torch.no_grad():
        table = (rows[:, None] + columns[None]).view(side * side, -1) / 2
        visual.pos_embed.weight.copy_(0.5 * table)
        network.model.points.late.weight.mul_(0.1)


def begin_numbers(network: Any, where: Numbers) -> None:
    """Let the rows of number tokens begin as smooth curves, of the spread of the other rows."""
    tables = (network.get_input_embeddings().weight, network.get_output_embeddings().weight)
    for table in tables[:1] if tables[0] is tables[1] else tables:
        std = float(table.detach()[: where.box].std())
        for first, count, circular in (
            (where.coarse, 100, False), (where.fine, 100, False), (where.yaw, 360, True),
        ):  # fmt: skip
            rows = smooth(count, table.shape[1], circular)
            common = torch.randn(table.shape[1])
            with torch.no_grad():
                table[first : first + count] = ((rows + 0.5 * common) * std).to(table.dtype)


def smooth(count: int, width: int, circular: bool) -> torch.Tensor:
    """Rows (count, width) of random waves of unit variance: near rows are alike."""
    longest = 2 * math.pi * torch.arange(count) / (count if circular else 2 * count)
    most = count // 4 if circular else count // 2
    waves = torch.exp(torch.rand(width) * math.log(most)).round().clamp(min=1)
    return math.sqrt(2) * torch.cos(longest[:, None] * waves + 2 * math.pi * torch.rand(width))


@dataclass(frozen=True)
class Numbers:
    """Where the number tokens of a tokenizer begin: each kind stands in one run."""

    coarse: int
    fine: int
    yaw: int
    box: int

    @classmethod
    def of(cls, tokenizer: Any) -> Numbers:
        """Those of a tokenizer with tokens of our own; ConfigError for one without."""
        ids = tokenizer.convert_tokens_to_ids(tokens.special_tokens())
        if None in ids or ids != list(range(ids[0], ids[0] + len(ids))):
            raise ConfigError(
                "has no tokens of our own in one run", code="tokenizer", field="tokenizer"
            )
        return cls(ids[100], ids[200], ids[300], ids[0])
