"""The network and processor that a recipe trains, and their export as a model directory."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer

from n3d.errors import ConfigError
from n3d.model.processing import N3DProcessor
from n3d.model.spatial import SpatialModel
from n3d.train import mini, sharding, vocabulary
from n3d.train.mini import Numbers
from n3d.train.objectives import Student, Weights
from n3d.train.recipes import Backbone, Recipe

TOKENIZER = "tokenizer"


def tokenizer(recipe: Recipe, run: Path) -> Any:
    """The tokenizer of a run: made when the run begins, then read from its folder."""
    home = run / TOKENIZER
    if not (home / "tokenizer.json").exists():
        made = vocabulary.build(recipe.backbone.vocabulary)
        part = run / f".{TOKENIZER}.{os.getpid()}"
        made.save_pretrained(part)
        shutil.rmtree(home, ignore_errors=True)
        part.rename(home)
    return AutoTokenizer.from_pretrained(home)


def build(recipe: Recipe, run: Path) -> tuple[Any, N3DProcessor]:
    """The network as it is before training, and its processor."""
    backbone = recipe.backbone
    if not backbone.path:
        made = tokenizer(recipe, run)
        network = mini.network(backbone.eyes, backbone.size, made, recipe.seed)
        processor = mini.processor(backbone.eyes, made)
    else:
        network, processor = _pretrained(backbone, recipe.seed)
    flatten(network)
    if backbone.checkpointing:
        network.gradient_checkpointing_enable({"use_reentrant": False})
    return network, processor


class FlatConv(nn.Conv3d):
    """A convolution whose kernel covers its input: a product of matrices, which is several times
    faster to train on a CPU. Pixels get no gradient."""

    def forward(self, input: Tensor) -> Tensor:
        out = F.linear(input.detach().flatten(1), self.weight.flatten(1), self.bias)
        return out[..., None, None, None]


def flatten(network: Any) -> None:
    """Let the patch embedding be a product of matrices; parameters stay what they are."""
    network.model.visual.patch_embed.proj.__class__ = FlatConv


def _pretrained(backbone: Backbone, seed: int) -> tuple[Any, N3DProcessor]:
    """A network that was trained before, with rows for the tokens of our own."""
    from n3d import model
    from n3d.language import tokens

    # What is trained is kept in single precision: steps are too small for half.
    frozen = getattr(torch, backbone.precision) if backbone.lora_rank else torch.float32
    loaded = model.load(backbone.path, dtype=frozen)
    network, processor = loaded.network, loaded.processor
    if processor.image_processor.merge_size != backbone.eyes.merge:
        raise ConfigError(
            f"is {backbone.eyes.merge}",
            code="config-value",
            field="backbone.eyes.merge",
            limit=str(processor.image_processor.merge_size),
        )
    # Pictures are as large as the recipe says, in training and ever after.
    processor.image_processor.size = mini.image_processor(backbone.eyes).size
    new = processor.tokenizer.add_special_tokens(
        {"additional_special_tokens": tokens.special_tokens()}, replace_extra_special_tokens=False
    )
    rows = len(processor.tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if rows > network.config.text_config.vocab_size:
            network.resize_token_embeddings(-(-rows // 64) * 64, mean_resizing=False)
        where = Numbers.of(processor.tokenizer)
        if new:  # a network that has our tokens goes on with what it knows of them
            mini.begin_numbers(network, where)
    if backbone.lora_rank:
        network = _adapted(network, backbone)
    return network, processor


def _adapted(network: Any, backbone: Backbone) -> Any:
    """The network with adapters; the point layers and the tokens are trained in full."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=backbone.lora_rank,
        lora_alpha=backbone.lora_alpha,
        target_modules=list(backbone.lora_targets),
    )
    network.requires_grad_(False)
    inject_adapter_in_model(config, network)
    for name, parameter in network.named_parameters():
        ours = ("lora_", "model.points.", "embed_tokens.", "lm_head.")
        if any(part in name for part in ours):
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
    return network


def student(recipe: Recipe, network: Any, processor: N3DProcessor, weights: Weights) -> Student:
    """The network with the heads of training, initialised by the recipe's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed + 1)
        return Student(network, Numbers.of(processor.tokenizer), weights)


def export(
    network: Any, processor: N3DProcessor, folder: Path, state: dict[str, Tensor] | None = None
) -> None:
    """Write a model directory in half precision that loads in single; it appears whole.

    `state` are its tensors, by default those of the network, adapters merged.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    state = dict(merged(network) if state is None else state)
    precise = {k: v for k, v in state.items() if v.dtype == torch.float32}
    for k, v in precise.items():
        state[k] = v.half()
    network.save_pretrained(part, state_dict=state)
    processor.save_pretrained(part)
    for file in part.glob("*.safetensors"):
        save_file(load_file(file), file, {"format": "pt", "made_by": "n3d train"})
    if precise:
        raw = json.loads((part / "config.json").read_text())
        raw["dtype"] = "float32"
        (part / "config.json").write_text(json.dumps(raw, indent=2, sort_keys=True) + "\n")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def merged(network: Any) -> dict[str, Tensor]:
    """A copy of the tensors of a network, adapters added to what they adapt.

    Of a network that processes share, all must ask, and get it in main memory.
    """
    parts = network.state_dict()
    shared = any(hasattr(v, "full_tensor") for v in parts.values())
    state = {k: sharding.whole(v) for k, v in parts.items()}
    state = {k: v.cpu() if shared else v.clone() for k, v in state.items()}
    for name, module in network.named_modules():
        if hasattr(module, "get_delta_weight"):
            base = state[f"{name}.base_layer.weight"]
            for adapter in module.active_adapters:
                base += _delta(module, adapter).to(base)
    return {k.replace(".base_layer.", "."): v for k, v in state.items() if ".lora_" not in k}


def _delta(module: Any, adapter: str) -> Tensor:
    """What an adapter adds to the weight that it adapts."""
    a, b = (sharding.whole(m[adapter].weight) for m in (module.lora_A, module.lora_B))
    return module.scaling[adapter] * (b @ a)


def spatial(network: Any, processor: N3DProcessor) -> SpatialModel:
    """The network as `n3d.model` uses it, not a copy."""
    return SpatialModel(network, processor)
