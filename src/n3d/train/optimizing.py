"""What is stepped, and how fast."""

from __future__ import annotations

import torch
from torch import nn

from n3d.train.recipes import Stage

_VISION = ("network.model.visual.", "network.model.points.", "detector.")


def rate(stage: Stage, step: int) -> float:
    """The factor of the learning rate at a step of a stage, counted from 0."""
    up = min(1.0, (step + 1) / max(stage.warmup, 1))
    left = stage.steps - step
    down = min(1.0, left / (stage.decay + 1)) if stage.decay else 1.0
    return max(min(up, down), 0.0)


def optimizer(student: nn.Module, stage: Stage) -> torch.optim.AdamW:
    """AdamW over what is trained; vectors, embeddings and norms do not decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, p in student.named_parameters():
        if p.requires_grad:
            vision = name.removeprefix("module.").startswith(_VISION)
            decays = p.ndim > 1 and "embed" not in name and "lm_head" not in name
            groups.setdefault((vision, decays), []).append(p)
    return torch.optim.AdamW(
        [
            {
                "params": params,
                "base": stage.rate * (stage.vision_rate if vision else 1.0),
                "lr": 0.0,
                "weight_decay": stage.weight_decay if decays else 0.0,
            }
            for (vision, decays), params in sorted(groups.items())
        ],
        betas=(0.9, 0.98),
        fused=True,
    )
