"""Configurations: those of the stock backbones, and how 3D points enter."""

from dataclasses import dataclass
from typing import Any

from transformers import Qwen2_5_VLConfig, Qwen3VLConfig

from n3d.errors import ConfigError

ENCODINGS = ("rays", "aligned", "upstream", "none")


_Stock: Any = object
"""`PointFields` is mixed into stock configurations, which stand behind it among the bases."""


@dataclass(kw_only=True)
class PointFields(_Stock):
    """How the 3D points of patches enter the backbone.

    `point_encoding` is "rays" (ours), "aligned" (the sine code of the released weights, each
    patch with its own coordinate), "upstream" (the same code in the order that the released
    weights were trained with) or "none". The other fields belong to "rays": a patch is cut
    into `point_samples` squared parts, `point_hidden` is the width of the MLP, and
    `point_noise` the relative error of depth that its features must survive.
    """

    point_encoding: str = "rays"
    point_samples: int = 2
    point_hidden: int = 256
    point_noise: float = 0.02

    def __post_init__(self, **kwargs):
        if self.point_encoding not in ENCODINGS:
            raise ConfigError(
                f"is {self.point_encoding!r}",
                code="config-value",
                field="point_encoding",
                limit=", ".join(ENCODINGS),
            )
        for name, low, high in (
            ("point_samples", 1, 8),
            ("point_hidden", 1, 65536),
            ("point_noise", 1e-4, 1.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(
                    f"is {getattr(self, name)!r}",
                    code="config-value",
                    field=name,
                    limit=f"{low:g} to {high:g}",
                )
        super().__post_init__(**kwargs)


class N3DQwen25Config(PointFields, Qwen2_5_VLConfig):
    """Qwen2.5-VL with 3D points."""

    model_type = "n3d_qwen2_5_vl"


class N3DQwen3Config(PointFields, Qwen3VLConfig):
    """Qwen3-VL with 3D points."""

    model_type = "n3d_qwen3_vl"
