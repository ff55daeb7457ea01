"""Stock Qwen2.5-VL and Qwen3-VL with the delta: configurations, networks, registration.

Importing this module makes the classes known to the Auto* classes of transformers.
"""

import torch.nn as nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
)
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionPatchEmbed
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchEmbed

from n3d.model.configs import N3DQwen3Config, N3DQwen25Config
from n3d.model.delta import AddingPatchEmbed, PointDelta, PointGeneration

RENAMES = {
    "n3d_qwen2_5_vl": (
        (r"^visual", "model.visual"),
        (r"^model(?!\.(language_model|visual|points))", "model.language_model"),
    ),
    "n3d_qwen3_vl": (),
}
"""Names in checkpoint files -> names in the networks, as (pattern, replacement)."""


class AddingPatchEmbed25(AddingPatchEmbed, Qwen2_5_VisionPatchEmbed):
    """Qwen2.5-VL's."""


class AddingPatchEmbed3(AddingPatchEmbed, Qwen3VLVisionPatchEmbed):
    """Qwen3-VL's."""


class N3DQwen25Model(PointDelta, Qwen2_5_VLModel):
    """Qwen2.5-VL without a language head."""

    config: N3DQwen25Config
    config_class = N3DQwen25Config

    def _adding_patch_embed(self, vision) -> nn.Module:
        return AddingPatchEmbed25(
            patch_size=vision.patch_size,
            temporal_patch_size=vision.temporal_patch_size,
            in_channels=vision.in_channels,
            embed_dim=vision.hidden_size,
        )


class N3DQwen25ForConditionalGeneration(PointGeneration, Qwen2_5_VLForConditionalGeneration):
    """Qwen2.5-VL that reads 3D points and writes text."""

    config: N3DQwen25Config
    config_class = N3DQwen25Config
    network = N3DQwen25Model


class N3DQwen3Model(PointDelta, Qwen3VLModel):
    """Qwen3-VL without a language head."""

    config: N3DQwen3Config
    config_class = N3DQwen3Config

    def _adding_patch_embed(self, vision) -> nn.Module:
        return AddingPatchEmbed3(vision)


class N3DQwen3ForConditionalGeneration(PointGeneration, Qwen3VLForConditionalGeneration):
    """Qwen3-VL that reads 3D points and writes text."""

    config: N3DQwen3Config
    config_class = N3DQwen3Config
    network = N3DQwen3Model


FAMILIES = {
    "qwen2_5_vl": (N3DQwen25Config, N3DQwen25Model, N3DQwen25ForConditionalGeneration),
    "qwen3_vl": (N3DQwen3Config, N3DQwen3Model, N3DQwen3ForConditionalGeneration),
}
"""Stock `model_type` -> our configuration, network without and with a language head."""

for _config, _model, _generating in FAMILIES.values():
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
    AutoModel.register(_config, _model, exist_ok=True)
    AutoModelForImageTextToText.register(_config, _generating, exist_ok=True)
    for _name in (_model.__name__, _generating.__name__):
        _renames: list[WeightConverter | WeightRenaming] = [
            WeightRenaming(*pair) for pair in RENAMES[_config.model_type]
        ]
        register_checkpoint_conversion_mapping(_name, _renames, overwrite=True)
