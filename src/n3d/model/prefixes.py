"""What a network has read, kept so that many requests go on from it: pictures are encoded once."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature, DynamicCache, Qwen2_5_VLModel
from transformers.cache_utils import DynamicLayer

MEMORY = (
    "cache"
    if "cache" in inspect.signature(Qwen2_5_VLModel.forward).parameters
    else "past_key_values"
)
"""What transformers calls the memory of a network; it was renamed after 5.23."""


class Growing(DynamicLayer):
    """Keys and values of a layer with room to grow: what was read before is not copied whenever a
    token is read."""

    _room: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any):
        """The keys and values (rows, heads, length, size) of all so far and of these."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        length = self.get_seq_length()
        end = length + key_states.shape[-2]
        if self._room is None or end > self._room[0].shape[-2]:
            self._room = (
                self._larger(key_states, length, end),
                self._larger(value_states, length, end),
            )
            if length and self.keys is not None and self.values is not None:
                self._room[0][..., :length, :] = self.keys
                self._room[1][..., :length, :] = self.values
        for kept, new in zip(self._room, (key_states, value_states)):
            kept[..., length:end, :] = new
        self.keys, self.values = (kept[..., :end, :] for kept in self._room)
        return self.keys, self.values

    @staticmethod
    def _larger(like: Tensor, length: int, end: int) -> Tensor:
        size = end + max(length // 2, MARGIN)
        return like.new_empty((*like.shape[:-2], size, like.shape[-1]))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows: in tensors of their own."""
        super().batch_select_indices(indices)
        self._room = None


MARGIN = 64
"""Tokens for which a layer has room at least when it is begun."""


@dataclass(eq=False)
class Prefix:
    """Rows of a network's memory: keys and values, and where each row goes on.

    `mask` (rows, length) is 0 where the memory holds padding, `position` (rows,) the next
    position of each row, `hidden` (rows, size) the last hidden state of each.
    """

    cache: DynamicCache
    mask: Tensor
    position: Tensor
    hidden: Tensor

    def __len__(self) -> int:
        return len(self.mask)

    def select(self, rows: Sequence[int] | Tensor) -> Prefix:
        """A copy of some rows, each as often as it is named; the original stays as it is."""
        chosen = torch.as_tensor(rows, device=self.mask.device)
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(chosen)  # makes new tensors: nothing is shared
        return Prefix(cache, self.mask[chosen], self.position[chosen], self.hidden[chosen])


@torch.no_grad()
def read(network: Any, made: BatchFeature) -> Prefix:
    """Read prompts with their pictures, padded on the left (see `inputs.batch`)."""
    inner = network.model
    mask = made["attention_mask"]
    positions, _ = inner.get_rope_index(
        made["input_ids"],
        mm_token_type_ids=made["mm_token_type_ids"],
        image_grid_thw=made.get("image_grid_thw"),
        attention_mask=mask,
    )
    cache = DynamicCache(config=network.config.text_config)
    out = inner(**made, position_ids=positions, use_cache=True, **{MEMORY: cache})
    return Prefix(
        cache,
        mask,
        positions.masked_fill(mask[None] == 0, 0).amax(dim=(0, 2)) + 1,
        out.last_hidden_state[:, -1],
    )


@torch.no_grad()
def extend(network: Any, prefix: Prefix, tokens: Sequence[Sequence[int]]) -> None:
    """Let every row of the prefix read its next tokens, in place; a row may have none.

    Rows differ in length: the holes that this leaves in the memory are masked.
    """
    length = max(map(len, tokens))
    if length == 0:
        return
    device = prefix.mask.device
    ids = torch.zeros((len(tokens), length), dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for row, chosen in enumerate(tokens):
        ids[row, : len(chosen)] = torch.as_tensor(chosen, device=device)
        mask[row, : len(chosen)] = 1
    count = mask.sum(dim=1)
    positions = prefix.position[:, None] + torch.arange(length, device=device)
    prefix.mask = torch.cat([prefix.mask, mask.to(prefix.mask.dtype)], dim=1)
    hidden = network.model(
        input_ids=ids,
        attention_mask=prefix.mask,
        position_ids=positions.expand(3, *positions.shape),
        use_cache=True,
        **{MEMORY: prefix.cache},
    ).last_hidden_state
    last = hidden[torch.arange(len(tokens), device=device), (count - 1).clamp(min=0)]
    prefix.hidden = torch.where((count > 0)[:, None], last, prefix.hidden)
    prefix.position = prefix.position + count


def join(parts: Sequence[Prefix], network: Any) -> Prefix:
    """One prefix with the rows of several, which stay as they are; shorter ones get holes."""
    length = max(p.mask.shape[1] for p in parts)

    def padded(values: Tensor, dim: int) -> Tensor:
        short = length - values.shape[dim]
        if not short:
            return values
        shape = list(values.shape)
        shape[dim] = short
        return torch.cat([values.new_zeros(shape), values], dim=dim)

    cache = DynamicCache(config=network.config.text_config)
    for i in range(len(parts[0].cache.layers)):
        if type(cache.layers[i]) is DynamicLayer:  # not one with a window, say
            cache.layers[i] = Growing()
        layers: list[Any] = [p.cache.layers[i] for p in parts]
        cache.update(
            torch.cat([padded(layer.keys, 2) for layer in layers]),
            torch.cat([padded(layer.values, 2) for layer in layers]),
            i,
        )
    return Prefix(
        cache,
        torch.cat([padded(p.mask, 1) for p in parts]),
        torch.cat([p.position for p in parts]),
        torch.cat([p.hidden for p in parts]),
    )
