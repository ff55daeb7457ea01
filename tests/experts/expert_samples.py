"""Tiny random networks of each family, saved as their hub directories are."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as tf

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
STEPS = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}


def picture(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth random colours."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return coarse.repeat(8, 0).repeat(8, 1)


def save(folder: Path, network_class: Any, config: Any, images: dict[str, Any]) -> Any:
    """Save a random network and its preprocessor_config.json; return the network."""
    tf.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    network = network_class(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # norms and biases away from 1 and 0
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.save_pretrained(folder)
    # Fields of older configs, which those on the hub still have.
    path = folder / "config.json"
    raw = json.loads(path.read_text())
    raw |= {"torch_dtype": "float32", "transformers_version": "4.40.0"}
    path.write_text(json.dumps(raw))
    (folder / "preprocessor_config.json").write_text(json.dumps(STEPS | images))
    return network


def depth_anything(folder: Path, kind: str = "metric") -> Any:
    backbone = tf.Dinov2Config(
        image_size=56, patch_size=14, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = tf.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, head_hidden_size=8, depth_estimation_type=kind,
        max_depth=20 if kind == "metric" else None,
    )  # fmt: skip
    images = {
        "image_processor_type": "DPTImageProcessor", "size": {"height": 56, "width": 56},
        "ensure_multiple_of": 14, "keep_aspect_ratio": True, "resample": 3, "do_pad": False,
        "size_divisor": None, **IMAGENET,
    }  # fmt: skip
    network = save(folder, tf.DepthAnythingForDepthEstimation, _max_depth(config), images)
    if kind == "relative":
        with torch.no_grad():  # disparities that are not all cut off by the last ReLU
            network.head.conv3.bias.add_(2)
        network.save_pretrained(folder)
    raw = json.loads((folder / "config.json").read_text())
    raw |= {"backbone": None, "use_pretrained_backbone": False}
    (folder / "config.json").write_text(json.dumps(raw))
    return network


def _max_depth(config: Any) -> Any:
    config.max_depth = config.max_depth or 1
    return config


def zoedepth(folder: Path, heads: int = 1) -> Any:
    backbone = tf.BeitConfig(
        image_size=32, patch_size=16, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
        intermediate_size=16, out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False, use_relative_position_bias=True,
    )  # fmt: skip
    names = (("nyu", 10.0), ("kitti", 80.0))[:heads]
    config = tf.ZoeDepthConfig(
        backbone_config=backbone, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8,
        num_relative_features=8, bottleneck_features=8, bin_embedding_dim=8,
        num_attractors=[4, 4, 4, 1],
        bin_configurations=[
            {"name": name, "n_bins": 8, "min_depth": 0.001, "max_depth": far}
            for name, far in names
        ],
        num_patch_transformer_layers=4, patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=8, patch_transformer_num_attention_heads=2,
    )  # fmt: skip
    images = {
        "image_processor_type": "ZoeDepthImageProcessor", "size": {"height": 64, "width": 96},
        "ensure_multiple_of": 32, "keep_aspect_ratio": True, "resample": 2, "do_pad": True, **HALF,
    }  # fmt: skip
    return save(folder, tf.ZoeDepthForDepthEstimation, config, images)


def depth_pro(folder: Path, fov: bool = True) -> Any:
    encoder = {
        "model_type": "dinov2", "image_size": 16, "patch_size": 4, "hidden_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2,
    }  # fmt: skip
    config = tf.DepthProConfig(
        patch_size=16, fusion_hidden_size=16, intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[10, 8], scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.2], scaled_images_feature_dims=[12, 12],
        use_fov_model=fov, num_fov_head_layers=2, image_model_config=dict(encoder),
        patch_model_config=dict(encoder), fov_model_config=dict(encoder),
    )  # fmt: skip
    images = {
        "image_processor_type": "DepthProImageProcessor", "size": {"height": 32, "width": 32},
        "resample": 2, **HALF,
    }  # fmt: skip
    network = save(folder, tf.DepthProForDepthEstimation, config, images)
    with torch.no_grad():
        network.head.layers[-2].bias.fill_(2)
        if fov:
            network.fov_model.head.layers[-1].bias.fill_(60)
    network.save_pretrained(folder)
    return network


def owlv2(folder: Path) -> Any:
    marks = string.ascii_lowercase + string.digits + ".,"
    tokens = ["!", *marks, *(c + "</w>" for c in marks), "<|startoftext|>", "<|endoftext|>"]
    vision = {
        "image_size": 32, "patch_size": 8, "hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2,
    }  # fmt: skip
    text = {
        "vocab_size": len(tokens), "hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 40,
        "bos_token_id": len(tokens) - 2, "eos_token_id": len(tokens) - 1,
    }  # fmt: skip
    config = tf.Owlv2Config(vision_config=vision, text_config=text, projection_dim=16)
    images = {
        "image_processor_type": "Owlv2ImageProcessor", "size": {"height": 32, "width": 32},
        "do_pad": True, "resample": 2, **HALF,
    }  # fmt: skip
    network = save(folder, tf.Owlv2ForObjectDetection, config, images)
    with torch.no_grad():  # boxes near their patches, so that there are many
        network.box_head.dense2.weight.mul_(0.1)
    network.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": "!", "model_max_length": 40})
    )
    return network


def grounding_dino(folder: Path, kind: str = "grounding-dino", longest: int = 64) -> Any:
    backbone = tf.SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2],
        window_size=2, out_indices=[2, 3, 4],
    )  # fmt: skip
    text = tf.BertConfig(
        vocab_size=1200, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16,
    )  # fmt: skip
    shape = {
        "backbone_config": backbone, "text_config": text, "d_model": 32, "num_queries": 12,
        "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_text_len": longest,
    }  # fmt: skip
    if kind == "grounding-dino":
        network_class, config = tf.GroundingDinoForObjectDetection, tf.GroundingDinoConfig(**shape)
    else:
        network_class = tf.MMGroundingDinoForObjectDetection
        config = tf.MMGroundingDinoConfig(**shape)
    images = {
        "image_processor_type": "GroundingDinoImageProcessor", "do_pad": True, "resample": 2,
        "size": {"shortest_edge": 96, "longest_edge": 160}, **IMAGENET,
    }  # fmt: skip
    network = save(folder, network_class, config, images)
    (folder / "vocab.txt").write_text("\n".join(bert_vocabulary()) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    )
    return network


def bert_vocabulary() -> list[str]:
    """1,200 tokens with those that Grounding DINO knows by number in BERT's places."""
    tokens = [f"[unused{i}]" for i in range(1200)]
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".",
             1029: "?"}  # fmt: skip
    for place, token in fixed.items():
        tokens[place] = token
    letters = string.ascii_lowercase + string.digits
    for i, token in enumerate([*letters, *("##" + c for c in letters), "mug", "red", "table"]):
        tokens[200 + i] = token
    return tokens


def sam(folder: Path) -> Any:
    config = tf.SamConfig(
        vision_config={
            "hidden_size": 16, "output_channels": 16, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 64, "patch_size": 8, "window_size": 4,
            "global_attn_indexes": [1], "num_pos_feats": 8, "mlp_dim": 16,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    images = {
        "image_processor_type": "SamImageProcessor", "size": {"longest_edge": 64},
        "pad_size": {"height": 64, "width": 64}, "mask_size": {"longest_edge": 16},
        "mask_pad_size": {"height": 16, "width": 16}, "do_pad": True, "resample": 2, **IMAGENET,
    }  # fmt: skip
    return save(folder, tf.SamModel, config, images)


def sam2(folder: Path) -> Any:
    backbone = tf.Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, image_size=[64, 64], patch_kernel_size=[7, 7],
        patch_stride=[4, 4], patch_padding=[3, 3], query_stride=[2, 2],
        window_positional_embedding_background_size=[2, 2], num_query_pool_stages=3,
        blocks_per_stage=[1, 1, 1, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1], window_size_per_stage=[4, 4, 2, 2],
        global_attention_blocks=[],
    )  # fmt: skip
    config = tf.Sam2Config(
        vision_config=tf.Sam2VisionConfig(
            backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8],
            backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]], fpn_hidden_size=16,
        ),
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    images = {
        "image_processor_type": "Sam2ImageProcessor", "size": {"height": 64, "width": 64},
        "resample": 2, **IMAGENET,
    }  # fmt: skip
    return save(folder, tf.Sam2Model, config, images)
