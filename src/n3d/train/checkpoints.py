"""The state of a run on disk: tensors as safetensors, the rest as JSON, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from n3d.errors import InputError
from n3d.train import sharding

LATEST = "latest.json"


@dataclass(frozen=True)
class Snapshot:
    """The tensors of a run, whole: what is trained, and the state of its optimiser."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    rest: dict[str, Any]

    @classmethod
    def of(cls, module: nn.Module, optimizer: Any) -> Snapshot:
        """That of a module and its optimiser; where processes share it all of them must ask."""
        tensors, rest = _flat(optimizer.state_dict())
        return cls(_own(trained(module)), _own(tensors), rest)


def save(folder: Path, snapshot: Snapshot, state: dict[str, Any]) -> Path:
    """Write a checkpoint named by `state["step"]` and make it the latest; the one before the
    latest is deleted."""
    home = folder / f"step-{state['step']:07d}"
    part = folder / f".{home.name}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_file(snapshot.weights, part / "weights.safetensors")
    save_file(snapshot.moments, part / "optimizer.safetensors")
    (part / "state.json").write_text(json.dumps({**state, "optimizer": snapshot.rest}))
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
    for name, tensor in expected.items():
        sharding.put(tensor, weights[name])
    found = state(home)
    if optimizer is not None:
        tensors = load_file(home / "optimizer.safetensors")
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        shared = {
            key: sharding.shared_as(parameters[int(key.split("/")[0])], value)
            for key, value in tensors.items()
        }
        optimizer.load_state_dict(_deep(shared, found["optimizer"]))
    return found


def trained(module: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def _own(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: sharding.whole(v).cpu().contiguous().clone() for k, v in tensors.items()}


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
