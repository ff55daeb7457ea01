"""A model by name, on a device: where it runs, and by what it is known again."""

from __future__ import annotations

import hashlib
from typing import Any

from n3d.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
_SAMPLES = 1024


def load(name: str, *, device: str = "auto", dtype: str = "auto") -> Any:
    """The SpatialModel of a directory or name; `device` "auto" takes an accelerator if there is
    one, `dtype` "auto" is that of the files.

    Raises ConfigError for a device that this machine lacks and where the packages of models are
    not installed, InputError as `n3d.load` does.
    """
    for field, value, known in (("device", device, DEVICES), ("dtype", dtype, DTYPES)):
        if value not in known:
            raise ConfigError(
                f"is {value!r}", code="config-value", field=field, limit=", ".join(known)
            )
    try:
        import llguidance as _  # noqa: F401
        import torch
        from transformers.utils import logging

        from n3d import model
    except ModuleNotFoundError as e:
        raise ConfigError(
            f"needs the package {e.name}",
            code="extra-missing",
            field="model",
            hint='Install them: pip install "n3d[model]"',
        ) from None
    logging.disable_progress_bar()
    place = _device(torch, device)
    return model.load(name, dtype=dtype if dtype == "auto" else getattr(torch, dtype), device=place)


def _device(torch: Any, name: str) -> str:
    found = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(d for d, there in found.items() if there)
    if not found[name]:
        raise ConfigError(
            f"this machine has no {name}",
            code="device-missing",
            field="device",
            limit=", ".join(d for d, there in found.items() if there),
        )
    return name


def known_as(model: Any) -> dict[str, Any]:
    """What a model is known by, wherever its files lie: its kind and a sha256 of the form and up
    to 1024 numbers of every tensor, and of the calibration; the same on every device."""
    found = hashlib.sha256(f"{model.layout} {model.calibration!r}".encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        step = max(1, flat.numel() // _SAMPLES)
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(flat[::step].cpu().double().numpy().tobytes())
    config = model.network.config
    return {"type": config.model_type, "points": model.layout, "sha256": found.hexdigest()}
