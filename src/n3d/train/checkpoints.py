"""The state of a run on disk: tensors as safetensors, the rest as JSON, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from n3d.errors import InputError

LATEST = "latest.json"


def save(folder: Path, module: nn.Module, optimizer: Any, state: dict[str, Any]) -> Path:
    """Write a checkpoint named by `state["step"]` and make it the latest; the one before the
    latest is deleted."""
    home = folder / f"step-{state['step']:07d}"
    part = folder / f".{home.name}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors, rest = _flat(optimizer.state_dict())
    save_file(_own(trained(module)), part / "weights.safetensors")
    save_file(_own(tensors), part / "optimizer.safetensors")
    (part / "state.json").write_text(json.dumps({**state, "optimizer": rest}))
    shutil.rmtree(home, ignore_errors=True)
    part.rename(home)
    point(folder, home.name)
    for old in sorted(folder.glob("step-*"))[:-2]:
        shutil.rmtree(old, ignore_errors=True)
    return home


def point(folder: Path, name: str) -> None:
    """Make a checkpoint the latest."""
    temporary = folder / f".{LATEST}.{os.getpid()}"
    temporary.write_text(json.dumps({"checkpoint": name}))
    temporary.replace(folder / LATEST)


def latest(folder: Path) -> Path | None:
    """The latest checkpoint of a run, None before there is one."""
    try:
        name = json.loads((folder / LATEST).read_text())["checkpoint"]
    except FileNotFoundError:
        return None
    home = folder / name
    if not (home / "state.json").exists():
        raise InputError("is not there", code="checkpoint-missing", file=home)
    return home


def state(home: Path) -> dict[str, Any]:
    """What a checkpoint says beside tensors."""
    return json.loads((home / "state.json").read_text())


def restore(home: Path, module: nn.Module, optimizer: Any | None) -> dict[str, Any]:
    """Put a checkpoint's tensors in place and return its state; InputError where they do not
    fit."""
    weights = load_file(home / "weights.safetensors")
    expected = trained(module)
    if set(weights) != set(expected):
        odd = sorted(set(weights) ^ set(expected))[:3]
        raise InputError(
            f"is of another network: {', '.join(odd)}", code="checkpoint-tensor", file=home
        )
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(weights[name])
    found = state(home)
    if optimizer is not None:
        tensors = load_file(home / "optimizer.safetensors")
        optimizer.load_state_dict(_deep(tensors, found["optimizer"]))
    return found


def trained(module: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def _own(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().contiguous().clone() for k, v in tensors.items()}


def _flat(state_dict: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by "parameter/name", and what is no tensor."""
    tensors, rest = {}, {}
    for index, values in state_dict["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}/{name}"] = value
            else:
                rest[f"{index}/{name}"] = value
    return tensors, {"groups": state_dict["param_groups"], "values": rest}


def _deep(tensors: dict[str, Tensor], rest: dict[str, Any]) -> dict[str, Any]:
    found: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *rest["values"].items()]:
        index, name = key.split("/")
        found.setdefault(int(index), {})[name] = value
    return {"state": found, "param_groups": rest["groups"]}
