"""Expert directories -> networks on a device: stock classes of transformers, safetensors only."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.utils import logging

from n3d.errors import ConfigError, InputError, short
from n3d.experts import checking
from n3d.scene import strict_json

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def read_family(folder: Path, families: Collection[str]) -> tuple[str, dict[str, Any]]:
    """The model_type of a directory and its config without what could choose other code.

    Raises InputError for a directory that is damaged, brings code or is of none of the families.
    """
    raw = checking.read_config(folder)
    family = raw.get("model_type")
    if not isinstance(family, str) or family not in families:
        raise InputError(
            f"is {family!r}",
            code="weights-family",
            file=folder / "config.json",
            field="model_type",
            limit=", ".join(sorted(families)),
        )
    checking.require(folder)
    if raw.get("backbone"):
        raise InputError(
            f"names weights of another place, {raw['backbone']!r}",
            code="weights-backbone",
            file=folder / "config.json",
            field="backbone",
            hint="Use weights that hold their backbone, as those of the catalogue do",
        )
    return family, _without_code(raw)


def _without_code(value: Any) -> Any:
    """The values of a config without those that name attention kernels and the like."""
    if not isinstance(value, dict):
        return value
    kept = (k for k in value if not k.startswith("_") and not k.endswith("_implementation"))
    return {k: _without_code(value[k]) for k in kept}


def read_network(
    folder: Path,
    network_class: Any,
    raw: dict[str, Any],
    *,
    device: Any = "auto",
    dtype: Any = "auto",
    half: bool = True,
) -> Any:
    """The network of a directory, ready to be run.

    `dtype` "auto" is float16 on a GPU where `half` says that the network bears it, else
    float32. Raises InputError for weights that are missing, of the wrong shape or not finite.
    """
    device = choose_device(device)
    dtype = choose_dtype(dtype, device, half=half)
    with quiet():
        try:
            # A video model's config serves for its picture model, under the other's model_type.
            kept = {key: value for key, value in raw.items() if key != "model_type"}
            config = network_class.config_class.from_dict(kept)
            network, report = network_class.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
        except Exception as e:  # transformers and its configurations raise many kinds
            raise InputError(
                f"cannot be loaded: {short(e)}", code="weights-unusable", file=folder
            ) from None
    _check_whole(network, report["missing_keys"], folder)
    return network.eval().to(device)


def _check_whole(network: nn.Module, missing: Collection[str], folder: Path) -> None:
    """Parameters that were not in the files would be random numbers."""
    for name, parameter in network.named_parameters():
        # A mask token serves training alone; not every file of an older version has it.
        if name in missing and not name.endswith("mask_token"):
            raise InputError("is in none of the files", code="weights-tensor", file=folder,
                             field=name)  # fmt: skip
        ends = torch.aminmax(parameter.detach()) if parameter.numel() else ()
        if not all(end.isfinite() for end in ends):
            raise InputError(
                "holds NaN or infinity",
                code="weights-not-finite",
                file=folder,
                field=name,
                hint="The weights are damaged, or too large for half precision: "
                "try dtype='float32'",
            )


def read_processor(folder: Path, processor_class: Any, **options: Any) -> Any:
    """An image processor or tokenizer of a directory; InputError where its files are no use."""
    with quiet():
        try:
            return processor_class.from_pretrained(folder, local_files_only=True, **options)
        except Exception as e:  # their files fail in many ways
            raise InputError(
                f"has no usable image processor or tokenizer: {short(e)}",
                code="weights-processor",
                file=folder,
                hint="Download it again",
            ) from None


@dataclass(frozen=True)
class Sizing:
    """What a preprocessor_config.json states, for networks whose processor wants torchvision.

    `size` is (height, width) in pixels; `mean` and `std` are by channel, of values 0 to 1.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def scaled(self, images: list[np.ndarray], device: torch.device) -> torch.Tensor:
        """Pictures of one size as (n, 3, h, w) float32 of mean 0 and deviation 1."""
        pixels = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (self.mean, self.std))
        return (pixels - mean) / std


def read_sizing(folder: Path) -> Sizing:
    """The Sizing of a directory; InputError where it states none."""
    path = folder / "preprocessor_config.json"
    nested = folder / "processor_config.json"  # where transformers 5 writes it
    path = path if path.is_file() or not nested.is_file() else nested
    if not path.is_file():
        raise InputError("has no preprocessor_config.json", code="weights-processor", file=folder)
    raw = strict_json.loads(path.read_bytes(), file=path)
    try:
        raw = raw.get("image_processor", raw)
        size = int(raw["size"]["height"]), int(raw["size"]["width"])
        mean, std = (tuple(float(v) for v in raw[key]) for key in ("image_mean", "image_std"))
        whole = len(mean) == len(std) == 3 and min(*size, *std) > 0
    except (AttributeError, KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise InputError("states no size, mean and deviation", code="weights-processor", file=path)
    return Sizing(size, mean, std)


def choose_device(device: Any) -> torch.device:
    """ "auto" is the GPU where there is one; ConfigError for one that this machine lacks."""
    has_mps = torch.backends.mps.is_available()
    if device is None or str(device) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise ConfigError(
            f"is {device!r}", code="config-value", field="device", limit="auto, cuda, mps or cpu"
        ) from None
    if (chosen.type == "cuda" and not torch.cuda.is_available()) or (
        chosen.type == "mps" and not has_mps
    ):
        raise ConfigError(
            f"is {str(device)!r}, which this machine or its torch does not have",
            code="config-value",
            field="device",
            hint="Use device='auto'",
        )
    return chosen


def choose_dtype(dtype: Any, device: torch.device, *, half: bool) -> torch.dtype:
    """ "auto" is float16 on CUDA where the network bears it; ConfigError for an unknown name."""
    if dtype is None or dtype == "auto":
        return torch.float16 if half and device.type == "cuda" else torch.float32
    if dtype in DTYPES.values():
        return dtype
    if dtype not in DTYPES:
        raise ConfigError(
            f"is {dtype!r}", code="config-value", field="dtype", limit=", ".join(["auto", *DTYPES])
        )
    return DTYPES[dtype]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of transformers: what matters is checked here."""
    before = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
