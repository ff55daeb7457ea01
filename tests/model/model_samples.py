"""Configurations and a processor of a few thousand parameters, and views to show them."""

from __future__ import annotations

import numpy as np

from n3d.geometry import Camera
from n3d.scene import RGBD

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
VOCABULARY = 256 + len(SPECIAL)
IDS = {token: 256 + i for i, token in enumerate(SPECIAL)}
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 2048,
    "initializer_range": 0.3,
    "pad_token_id": IDS["<|endoftext|>"],
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 2,
    "out_hidden_size": 32,
    "initializer_range": 0.1,
}


def tiny_config(family: str, special: dict[str, int] = IDS):
    """A configuration of the stock backbone, a few thousand parameters; `special` are the
    numbers of all tokens that are no text."""
    import transformers

    ids = {
        "image_token_id": special["<|image_pad|>"],
        "video_token_id": special["<|video_pad|>"],
        "vision_start_token_id": special["<|vision_start|>"],
        "vision_end_token_id": special["<|vision_end|>"],
    }
    text = TEXT | {
        "vocab_size": max(special.values()) + 1,
        "pad_token_id": special["<|endoftext|>"],
        "bos_token_id": special["<|endoftext|>"],
        "eos_token_id": special["<|im_end|>"],
    }
    if family == "qwen2_5_vl":
        rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}
        return transformers.Qwen2_5_VLConfig(
            text_config=text | {"rope_parameters": rope},
            vision_config=VISION | {"depth": 2, "fullatt_block_indexes": [1], "patch_size": 14},
            **ids,
        )
    rope = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [3, 3, 2],
        "mrope_interleaved": True,
    }
    return transformers.Qwen3VLConfig(
        text_config=text | {"rope_parameters": rope, "head_dim": 16},
        vision_config=VISION
        | {
            "depth": 2,
            "deepstack_visual_indexes": [0, 1],
            "num_position_embeddings": 64,
            "patch_size": 16,
        },
        **ids,
    )


def tiny_processor(patch_size: int):
    """A byte-level tokenizer without merges, and Qwen's image processor."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    return processor_of(raw, patch_size)


def processor_of(raw, patch_size: int):
    """A `tokenizers.Tokenizer` as transformers know it, and Qwen's image processor."""
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    from n3d.model import N3DProcessor

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    images = Qwen2VLImageProcessorPil(
        patch_size=patch_size, size={"shortest_edge": 28 * 28, "longest_edge": 512 * 512}
    )
    return N3DProcessor(images, tokenizer)


def tiny_model(family: str, own: bool, layout: str = "rays"):
    """A random model with a tokenizer that has merges, and our own tokens if `own`."""
    import torch

    import tokenizer_samples
    from n3d.model import SpatialModel
    from n3d.model.networks import FAMILIES

    stock = tiny_config(family, tokenizer_samples.ids(own))
    config, _, generating = FAMILIES[family]
    torch.manual_seed(0)
    network = generating(config.from_dict(stock.to_dict() | {"point_encoding": layout})).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # norms and biases away from 1 and 0
            parameter.add_(0.05 * torch.randn_like(parameter))
    raw = tokenizer_samples.build(own)
    return SpatialModel(network, processor_of(raw, stock.vision_config.patch_size))


def make_view(width: int, height: int, seed: int = 0, depth: bool = True) -> RGBD:
    """A random picture of a slanted plane with a hole in its depth."""
    rng = np.random.default_rng(seed)
    z = np.linspace(1, 3, width)[None, :] + np.linspace(0, 1, height)[:, None]
    z = (z + 0.01 * rng.standard_normal(z.shape)).astype(np.float32)
    z[: height // 4, : width // 4] = 0
    camera = Camera(width, width, width / 2, height / 2, width, height)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return RGBD(image, camera, z if depth else None)
