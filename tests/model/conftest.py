"""Tiny random backbones, saved as their hub directories are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from model_samples import tiny_config, tiny_processor


@pytest.fixture(scope="session")
def stock(tmp_path_factory) -> dict[str, Path]:
    """By family a directory of a stock backbone with random weights and a processor."""
    import torch
    import transformers

    out = {}
    for family, name in (
        ("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration"),
        ("qwen3_vl", "Qwen3VLForConditionalGeneration"),
    ):
        torch.manual_seed(0)
        config = tiny_config(family)
        network = getattr(transformers, name)(config)
        with torch.no_grad():
            for parameter in network.parameters():  # norms and biases away from 1 and 0
                parameter.add_(0.05 * torch.randn_like(parameter))
        out[family] = tmp_path_factory.mktemp(family)
        network.save_pretrained(out[family])
        tiny_processor(config.vision_config.patch_size).save_pretrained(out[family])
    return out


@pytest.fixture(params=["qwen2_5_vl", "qwen3_vl"])
def family(request) -> str:
    return request.param


@pytest.fixture
def load(stock, family):
    """`load(layout)`: the tiny backbone of this family; with rays its added layers are not zero."""
    import torch

    from n3d import model

    def made(layout: str = "rays", **options):
        loaded = model.load(stock[family], layout=layout, **options)
        if layout == "rays":
            torch.manual_seed(1)
            with torch.no_grad():
                for layer in (loaded.network.model.points.early, loaded.network.model.points.late):
                    layer.weight.normal_(0, 0.5)
                    layer.bias.normal_(0, 0.5)
        return loaded

    return made


@pytest.fixture
def copy_of(stock, family, tmp_path):
    """A copy of the stock directory, to be damaged."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(stock[family], folder)
    return folder
