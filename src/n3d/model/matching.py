"""Whether the tensors in a directory are those of the network that its config describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from n3d.errors import InputError, short
from n3d.model.networks import RENAMES
from n3d.model.weights import Entry


def check(
    entries: dict[str, Entry],
    config: Any,
    network_class: type[nn.Module],
    folder: Path,
    *,
    optional: tuple[str, ...] = (),
) -> None:
    """Raise InputError where names or shapes in the files are not those of the network.

    Nothing is allocated. Tensors whose names begin with one of `optional` may be absent.
    """
    layers = max(config.text_config.num_hidden_layers, config.vision_config.depth)
    if layers > len(entries):
        raise InputError(
            f"states {layers} layers, the files hold {len(entries)} tensors",
            code="checkpoint-config",
            file=folder / "config.json",
        )
    try:
        with torch.device("meta"):
            network = network_class(config)
    except Exception as e:  # sizes that do not divide, unknown activations
        raise InputError(
            f"describes no network: {short(e)}",
            code="checkpoint-config",
            file=folder / "config.json",
        ) from None
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    missing = {name for name, _ in network.named_parameters()}
    for name, entry in entries.items():
        inside = name
        for pattern, replacement in RENAMES[config.model_type]:
            inside = re.sub(pattern, replacement, inside)
        missing.discard(inside)
        if inside not in expected and not inside.startswith("model.points."):
            raise _tensor("has no place in the network", name, entry.file)
        if expected.get(inside, entry.shape) != entry.shape:
            raise _tensor(
                f"has shape {list(entry.shape)}, the network {list(expected[inside])}",
                name,
                entry.file,
            )
    missing = {name for name in missing if not name.startswith(optional)}
    if missing:
        raise _tensor("is in none of the files", min(missing), folder)
    if config.tie_word_embeddings:
        _check_tied(entries)


def _check_tied(entries: dict[str, Entry]) -> None:
    """A head that is stored although it is tied must be what it is tied to."""
    from safetensors import safe_open

    head = entries.get("lm_head.weight")
    table = next((n for n in entries if n.endswith("embed_tokens.weight")), None)
    if head is None or table is None:
        return
    with safe_open(head.file, "pt") as a, safe_open(entries[table].file, "pt") as b:
        if not torch.equal(a.get_tensor("lm_head.weight"), b.get_tensor(table)):
            raise _tensor(
                f"differs from {table}, to which the config ties it", "lm_head.weight", head.file
            )


def check_finite(network: nn.Module, folder: Path) -> None:
    """Raise InputError naming a parameter that holds NaN or infinity."""
    for name, parameter in network.named_parameters():
        ends = torch.aminmax(parameter.detach()) if parameter.numel() else ()
        if not all(end.isfinite() for end in ends):
            raise InputError(
                "holds NaN or infinity",
                code="checkpoint-not-finite",
                file=folder,
                field=name,
                hint="The weights are damaged, or overflowed when they were converted",
            )


def _tensor(message: str, name: str, file: Path) -> InputError:
    return InputError(message, code="checkpoint-tensor", file=file, field=name)
