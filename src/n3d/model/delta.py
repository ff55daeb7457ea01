"""The delta, as the two backbones share it: points of patches beside their pixels.

A code of the points is added to each patch: after the last block of the vision tower, before
patches are merged into tokens (all encodings), and at the patch embedding ("rays").
"""

from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from transformers import initialization

from n3d.errors import InputError
from n3d.model import orders, rays, sine

_Stock: Any = object
"""The classes here are mixed into stock classes, which stand behind them among the bases."""


class AddingPatchEmbed(_Stock):
    """A patch embedding whose input rows may go on after the pixels with what is to be added."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        pixels = self.proj.weight[0].numel()
        embedded = super().forward(hidden_states[:, :pixels].contiguous())
        more = hidden_states[:, pixels:]
        return embedded + more.to(embedded.dtype) if more.shape[1] else embedded


class PointDelta(_Stock):
    """A network without language head that takes points of patches beside pixels.

    `patch_points` (n, k) float32 has one row for each row of `pixel_values`: for "rays" as
    `rays.of_view` makes them, for "aligned" and "upstream" rounded coordinates
    (`sine.coordinates`), always in the order of `pixel_values`. Rows of NaN belong to pictures
    whose points are unknown, and add nothing; no `patch_points` at all is the stock backbone.
    """

    def __init__(self, config):
        super().__init__(config)
        if config.point_encoding == "rays":
            vision = config.vision_config
            self.points = rays.Encoder(
                config.point_samples, config.point_hidden, config.point_noise, vision.hidden_size
            )
            self.visual.patch_embed = self._adding_patch_embed(vision)
            self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, rays.Zero):
            initialization.zeros_(module.weight)

    def get_image_features(
        self,
        pixel_values: Tensor,
        image_grid_thw: Tensor | None = None,
        patch_points: Tensor | None = None,
        **kwargs,
    ):
        """As the stock method; the points add to what it returns."""
        kwargs["return_dict"] = True
        if patch_points is None or self.config.point_encoding == "none":
            return super().get_image_features(pixel_values, image_grid_thw, **kwargs)
        assert image_grid_thw is not None
        patch_points = self._checked(patch_points, pixel_values)
        if self.config.point_encoding == "rays":
            known = ~patch_points.isnan().any(dim=1, keepdim=True)
            early, late = self.points(patch_points.nan_to_num())
            early, late = early * known, late * known
            pixel_values = torch.cat([pixel_values.to(early.dtype), early], dim=1)
        else:
            late = self._sines(patch_points, image_grid_thw)
        out = super().get_image_features(pixel_values, image_grid_thw, **kwargs)
        out.pooler_output = self._merged(out.last_hidden_state, late, image_grid_thw)
        return out

    def _checked(self, patch_points: Tensor, pixel_values: Tensor) -> Tensor:
        released = self.config.point_encoding != "rays"
        wide = 3 if released else rays.width(self.config.point_samples)
        if patch_points.shape != (len(pixel_values), wide):
            raise InputError(
                f"has shape {tuple(patch_points.shape)}",
                code="patch-points",
                field="patch_points",
                limit=f"({len(pixel_values)}, {wide})",
                hint="It needs one row for each row of pixel_values, made for this encoding",
            )
        if patch_points.dtype != torch.float32:
            raise InputError(
                f"is {patch_points.dtype}",
                code="patch-points",
                field="patch_points",
                limit="float32",
                hint="Half precision moves points by centimetres: keep them float32",
            )
        return patch_points.to(self.visual.device)

    def _sines(self, coordinates: Tensor, grid_thw: Tensor) -> Tensor:
        """The sine code (n, size) of coordinates (n, 3), 0 where they are NaN."""
        if self.config.point_encoding == "upstream":
            # Row k of the tower gets the k-th coordinate of the raster: the order in which the
            # released weights were trained. It is put right by `_merged` for "aligned" only.
            coordinates = coordinates[
                orders.blocks_of_raster(grid_thw, self.visual.spatial_merge_size)
            ]
        code = sine.code(coordinates, self.config.vision_config.hidden_size)
        return code.masked_fill(coordinates.isnan().any(dim=1, keepdim=True), 0)

    def _merged(self, hidden: Tensor, late: Tensor, grid_thw: Tensor) -> tuple[Tensor, ...]:
        """Tokens of each image, merged from patches in tower order and their codes."""
        unit = self.visual.spatial_merge_size**2
        window = self._windows(grid_thw)
        if window is not None and self.config.point_encoding != "upstream":
            late = late.view(-1, unit, late.shape[-1])[window].flatten(0, 1)
        merged = self.visual.merger(hidden + late.to(hidden.dtype))
        if window is not None:
            merged = merged[torch.argsort(window)]
        return torch.split(merged, (grid_thw.prod(-1) // unit).tolist())

    def _windows(self, grid_thw: Tensor) -> Tensor | None:
        """The order of merge blocks in the vision tower, None where it is that of the pixels."""
        if not hasattr(self.visual, "window_size"):
            return None
        return orders.windows(
            grid_thw,
            merge=self.visual.spatial_merge_size,
            window=self.visual.window_size,
            patch=self.visual.patch_size,
        )

    def forward(
        self,
        input_ids=None,
        pixel_values=None,
        image_grid_thw=None,
        patch_points=None,
        mm_token_type_ids=None,
        mm_encoder_outputs=None,
        **kwargs,
    ):
        """As the stock method, with points; token types are derived where they are missing."""
        if pixel_values is not None and mm_encoder_outputs is None:
            features = self.get_image_features(pixel_values, image_grid_thw, patch_points)
            pixel_values, mm_encoder_outputs = None, {"image": features}
        if mm_token_type_ids is None and input_ids is not None:
            mm_token_type_ids = token_types(self.config, input_ids)
        return super().forward(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )


class PointGeneration(_Stock):
    """A network with a language head around one with `PointDelta`."""

    network: type[nn.Module]

    def __init__(self, config):
        with torch.device("meta"):  # the stock network is only a shell here: allocate nothing
            super().__init__(config)
        self.model = self.network(config)
        self.lm_head = nn.Linear(self.lm_head.in_features, self.lm_head.out_features, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        pixel_values=None,
        image_grid_thw=None,
        patch_points=None,
        mm_token_type_ids=None,
        logits_to_keep=0,
        mm_encoder_outputs=None,
        **kwargs,
    ):
        """As the stock method, with `patch_points` (see `PointDelta`)."""
        return super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            labels=labels,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            patch_points=patch_points,
            mm_token_type_ids=mm_token_type_ids,
            logits_to_keep=logits_to_keep,
            mm_encoder_outputs=mm_encoder_outputs,
            **kwargs,
        )

    def generate(self, inputs=None, *args, **kwargs):
        """As the stock method; token types are derived where they are missing."""
        ids = kwargs.get("input_ids") if inputs is None else inputs
        if ids is not None and kwargs.get("mm_token_type_ids") is None:
            kwargs["mm_token_type_ids"] = token_types(self.config, ids)
        return super().generate(inputs, *args, **kwargs)


def token_types(config, input_ids: Tensor) -> Tensor:
    """1 where an image token stands, 2 where a video token does, else 0.

    Without them Qwen2.5-VL falls back to one-dimensional positions in silence.
    """
    return (input_ids == config.image_token_id).int() + 2 * (
        input_ids == config.video_token_id
    ).int()
