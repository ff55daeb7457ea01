"""Model directories -> models, checked before and after their weights are read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from n3d.errors import ConfigError, InputError, N3DError, short
from n3d.model import chat, matching, processing, weights
from n3d.model.calibration import Calibration
from n3d.model.configs import ENCODINGS
from n3d.model.networks import FAMILIES, RENAMES
from n3d.model.spatial import SpatialModel
from n3d.sources.files import read_json

RELEASED = "Qwen2_5_VLForConditionalGeneration_pe"
"""The class name in the config of a released N3D-VLM checkpoint, the only thing that tells it."""
_HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.jinja")
_HUB_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_SEED = 0


def load(
    path: Any, layout: str | None = None, *, dtype: Any = "auto", device: Any = None
) -> SpatialModel:
    """The SpatialModel of a directory or hub name: Qwen2.5-VL, Qwen3-VL, ours, released N3D-VLM;
    or "n3d-mini", which ships with n3d.

    `layout` is the point encoding: "upstream" for released weights, which are recognised by
    the class in their config; else what the config says, and "rays" for a stock backbone, whose
    logits it leaves as they are until it is trained. `dtype` is that of the network, by default
    that of the files. Raises InputError naming the file and tensor for weights that are no
    safetensors, cut short, missing, of the wrong shape, or not finite, and for directories that
    bring code; nothing in them is run.
    """
    if layout is not None and layout not in ENCODINGS:
        raise ConfigError(
            f"is {layout!r}", code="config-value", field="layout", limit=", ".join(ENCODINGS)
        )
    folder = _folder(path)
    raw = _read_config(folder)
    family = _family(raw, folder)
    with _quiet():
        config = _config(raw, family, layout, folder)
        entries = weights.read_headers(folder)
        matching.check(entries, config, FAMILIES[family][2], folder, optional=_added(raw))
        network = _read_network(folder, config, family, dtype)
        matching.check_finite(network, folder)
        processor = _read_processor(folder, config)
    network.eval()
    network = network if device is None else network.to(device)
    return SpatialModel(network, processor, Calibration.read(folder))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of transformers: what matters is checked here."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


MINI = "n3d-mini"
"""The name of the model that ships in the package."""


def _folder(path: Any) -> Path:
    folder = Path(__file__).parent / "mini" if str(path) == MINI else Path(path)
    if folder.is_dir():
        return folder
    weights.refuse_pickle(folder)
    if folder.exists() or not _HUB_NAME.fullmatch(str(path)):
        raise InputError(
            "is not a model directory" if folder.exists() else "does not exist",
            code="checkpoint-missing",
            file=path,
            hint="Name a directory with config.json and safetensors, or a hub model as OWNER/NAME",
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(path), allow_patterns=list(_HUB_FILES)))
    except Exception as e:  # no network, no such name, no access
        raise InputError(
            f"is no directory and cannot be had from the hub: {short(e)}",
            code="checkpoint-hub",
            file=path,
        ) from None


def _read_config(folder: Path) -> dict[str, Any]:
    """config.json; InputError for directories that bring code or are no whole model."""
    for name in ("config.json", "tokenizer_config.json", "processor_config.json",
                 "preprocessor_config.json"):  # fmt: skip
        if (folder / name).exists() or name == "config.json":
            found = read_json(folder / name)
            if not isinstance(found, dict):
                raise InputError("must be an object", code="checkpoint-config", file=folder / name)
            if "auto_map" in found:
                raise InputError(
                    "names Python code to be run, which is never done",
                    code="checkpoint-code",
                    file=folder / name,
                    field="auto_map",
                    hint="Remove auto_map if the model is a stock Qwen2.5-VL or Qwen3-VL",
                )
    if (folder / "adapter_config.json").exists():
        raise InputError(
            "holds an adapter, not a whole model",
            code="checkpoint-adapter",
            file=folder,
            hint="Merge it into its base model with peft and save that",
        )
    return read_json(folder / "config.json")


def _family(raw: dict[str, Any], folder: Path) -> str:
    kind = str(raw.get("model_type")).removeprefix("n3d_")
    if kind not in FAMILIES:
        raise InputError(
            f"is {raw.get('model_type')!r}",
            code="checkpoint-family",
            file=folder / "config.json",
            field="model_type",
            limit=", ".join(sorted({*FAMILIES, *RENAMES})),
        )
    return kind


def _added(raw: dict[str, Any]) -> tuple[str, ...]:
    """Prefixes of tensors that the files may lack: the layers that a stock backbone never had."""
    ours = str(raw.get("model_type")).startswith("n3d_")
    return () if ours and raw.get("point_encoding", "rays") == "rays" else ("model.points.",)


def _config(raw: dict[str, Any], family: str, layout: str | None, folder: Path) -> Any:
    """Our configuration; what could choose other code is left out."""
    raw = _without_code(raw)
    raw.pop("model_type")
    if raw.get("architectures") == [RELEASED]:
        raw["point_encoding"] = "upstream"
    if layout is not None:
        raw["point_encoding"] = layout
    try:
        return FAMILIES[family][0].from_dict(raw)
    except N3DError as e:
        raise e.at(file=folder / "config.json") from None
    except Exception as e:  # configurations are validated by their own library
        raise InputError(
            f"is not a configuration: {short(e)}",
            code="checkpoint-config",
            file=folder / "config.json",
        ) from None


def _without_code(value: Any) -> Any:
    """The values of a config without those that name attention kernels and the like."""
    if not isinstance(value, dict):
        return value
    kept = (k for k in value if not k.startswith("_") and not k.endswith("_implementation"))
    return {k: _without_code(value[k]) for k in kept}


def _read_network(folder: Path, config: Any, family: str, dtype: Any) -> nn.Module:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)  # for the layers that a stock backbone lacks
            return FAMILIES[family][2].from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            )
    except Exception as e:  # transformers and its quantizers raise many kinds
        raise InputError(
            f"cannot be loaded: {short(e)}", code="checkpoint-weights", file=folder
        ) from None


def _read_processor(folder: Path, config: Any) -> processing.N3DProcessor:
    """Tokenizer and image processor; they must be those of the network."""
    try:
        processor = processing.load(folder)
    except Exception as e:  # tokenizer and image processor files fail in many ways
        raise InputError(
            f"has no usable tokenizer or image processor: {short(e)}",
            code="checkpoint-processor",
            file=folder,
        ) from None
    size = config.text_config.vocab_size
    if len(processor.tokenizer) > size:
        raise InputError(
            f"its tokenizer has {len(processor.tokenizer)} tokens, its config {size}",
            code="checkpoint-processor",
            file=folder,
        )
    images, vision = processor.image_processor, config.vision_config
    for name, found, expected in (
        (f"the token {chat.PAD}", processor.tokenizer.convert_tokens_to_ids(chat.PAD),
         config.image_token_id),
        ("patch_size", images.patch_size, vision.patch_size),
        ("merge_size", images.merge_size, vision.spatial_merge_size),
    ):  # fmt: skip
        if found != expected:
            raise InputError(
                f"its tokenizer or image processor has {found}, its config {expected}",
                code="checkpoint-processor",
                file=folder,
                field=name,
            )
    return processor
