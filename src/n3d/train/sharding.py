"""One network over several devices: each keeps a share of every tensor (FSDP2).

Layers are gathered when they are used and dropped again; what is outside of them is one group.
Checkpoints hold whole tensors, so a run goes on with any number of processes, sharded or not.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn


def shard(student: nn.Module, device: torch.device) -> None:
    """Let the processes of this launch share a student's parameters; they move to `device`."""
    from torch.distributed import device_mesh, get_world_size
    from torch.distributed.fsdp import fully_shard

    mesh = device_mesh.init_device_mesh(device.type, (get_world_size(),))
    network: Any = student.network
    for layer in (*network.model.visual.blocks, *network.model.language_model.layers):
        fully_shard(layer, mesh=mesh)
    # Rows of the language head and of the tokens are read outside of their modules.
    fully_shard(student, mesh=mesh, reshard_after_forward=False)
    student.to(device)


@contextlib.contextmanager
def gathered(student: Any):
    """The parameters outside of layers whole, for passes that do not begin at the student. All
    processes must enter, and make the same passes."""
    is_shared = hasattr(student, "unshard")
    if is_shared:
        student.unshard()
    try:
        yield
    finally:
        if is_shared:
            student.reshard()


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which processes may have shares. All of them must ask."""
    full = getattr(tensor, "full_tensor", None)
    return tensor.detach() if full is None else full().detach()


@torch.no_grad()
def put(target: Tensor, value: Tensor) -> None:
    """Set a tensor, or this process's share of it, from a whole one."""
    target.copy_(shared_as(target, value))


def shared_as(like: Tensor, value: Tensor) -> Tensor:
    """A whole tensor, shared among processes as another one of its shape is."""
    if not hasattr(like, "full_tensor") or value.shape != like.shape:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)
