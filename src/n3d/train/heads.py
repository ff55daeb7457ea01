"""Heads that are trained beside the network and then dropped.

`Detector` reads tokens of the vision tower as a detector would: whose token it is, what that is
and its box; what numbers and yaws it says is told by the rows of the language head, so that those
of the vision tower and of the text mean the same from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from n3d.synthetic import categories, palette
from n3d.train import numbers
from n3d.train.batches import Pictures
from n3d.train.mini import Numbers
from n3d.train.targets import IGNORED

SLOTS = ("u", "v", "z", "sx", "sy", "sz")
YAWS = 360
_WEIGHTS = (1.0, 1.0, 2.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class DetectorConfig:
    """`blur` and `blur_yaw` are the standard deviations of the targets of numbers and yaws in
    cells, `main` the weight of tokens that show a target beside its own token; the others weigh
    what a token says, each number counting 1 and z 2."""

    blur: float = 35.0
    blur_yaw: float = 8.0
    main: float = 0.5
    there: float = 4.0
    label: float = 3.0
    colour: float = 1.0
    yaw: float = 0.5


class Detector(nn.Module):
    """Dense predictions on tokens (t, hidden) of the vision tower."""

    def __init__(self, hidden: int, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.LayerNorm(hidden)
        kinds = 1 + len(categories.NAMES) + len(palette.NAMES)
        self.own = nn.Linear(hidden, kinds)
        self.main = nn.Linear(hidden, kinds)
        self.own_numbers = nn.Linear(hidden, (len(SLOTS) + 1) * hidden)
        self.main_numbers = nn.Linear(hidden, (len(SLOTS) + 1) * hidden)

    def loss(
        self, tokens: Tensor, pictures: Pictures, rows: Rows
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of tokens (t, hidden) and its parts."""
        x = self.norm(tokens)
        own, parts = self._part("own", x, pictures, rows)
        main, _ = self._part("main", x, pictures, rows)
        return own + self.config.main * main, parts

    def _said(self, name: str, x: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """Logits of numbers (t, slots, 100) and yaws (t, 360) of normalised tokens."""
        said = getattr(self, f"{name}_numbers")(x).view(len(x), len(SLOTS) + 1, -1)
        return said[:, :-1] @ rows.coarse.T, said[:, -1] @ rows.yaw.T

    def _part(self, name: str, x: Tensor, p: Pictures, rows: Rows):
        whose = getattr(p, name)
        out = getattr(self, name)(x)
        known = whose != IGNORED
        present = (whose >= 0).float()
        there = F.binary_cross_entropy_with_logits(out[known, 0], present[known])
        mine = torch.nonzero(whose >= 0)[:, 0]
        if not len(mine):
            return there, {"there": float(there.detach())}
        of, out = whose[mine], out[mine]
        split = [1, len(categories.NAMES), len(palette.NAMES)]
        _, kind, colour = out.split(split, dim=1)
        label, colours = _told(kind, p.kinds[of, 0]), _told(colour, p.kinds[of, 1])
        said, turn = self._said(name, x[mine], rows)
        yaw = p.numbers[of, 6]
        true = numbers.yaw_targets(yaw.clamp(min=0).cpu().numpy(), self.config.blur_yaw)
        turned = -(torch.from_numpy(true).to(x.device) * turn.log_softmax(dim=-1)).sum(dim=-1)
        turned = (turned * (yaw >= 0)).mean()
        log = said.log_softmax(dim=-1)
        cells = p.numbers[of, :6]
        soft = numbers.coarse_targets(cells.flatten().cpu().numpy(), self.config.blur)
        soft = torch.from_numpy(soft).to(x.device).view(len(mine), len(SLOTS), -1)
        each = -(soft * log).sum(dim=-1).mean(dim=0)
        boxes = (each * each.new_tensor(_WEIGHTS)).sum()
        w = self.config
        loss = w.there * there + w.label * label + w.colour * colours + w.yaw * turned + boxes
        found = {"there": there, "label": label, "colour": colours, "yaw": turned}
        parts = {k: float(v.detach()) for k, v in found.items()}
        parts |= {slot: float(e) for slot, e in zip(SLOTS, each.detach())}
        return loss, parts

    @torch.no_grad()
    def judge(self, tokens: Tensor, p: Pictures, rows: Rows) -> dict[str, float]:
        """How right the own tokens of targets are: sums over targets, with their number `n`.

        `uv` counts the image, `z` and `size` are relative errors, `yaw` degrees; numbers are
        means over the distribution that is told.
        """
        x = self.norm(tokens)
        mine = torch.nonzero(p.own >= 0)[:, 0]
        of, out = p.own[mine], self.own(x)
        kind = out[mine, 1 : 1 + len(categories.NAMES)].argmax(dim=1)
        colour = out[mine, 1 + len(categories.NAMES) :].argmax(dim=1)
        said, turn = self._said("own", x[mine], rows)
        told = expected(said)
        off = (told - p.numbers[of, :6]).abs()
        logs = off[:, 2:] * (np.log(10) / 2500)
        yaw = middle(turn) - p.numbers[of, 6]
        yaw = ((yaw + 180) % 360 - 180).abs() / 4
        found = out[:, 0] > 0
        return {
            "n": len(mine),
            "label": float((kind == p.kinds[of, 0]).sum()),
            "colour": float((colour == p.kinds[of, 1]).sum()),
            "uv": float(off[:, :2].mean(dim=1).sum()) * 0.0002,
            "z": float(logs[:, 0].sum()),
            "size": float(logs[:, 1:].mean(dim=1).sum()),
            "yaw": float(yaw[p.numbers[of, 6] >= 0].sum()),
            "hits": float(found[mine].sum()),
            "alarms": float((found & (p.own == -1)).sum()),
        }


def _told(logits: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of what is known (not -1); 0 where nothing is."""
    if not (true >= 0).any():
        return logits.sum() * 0
    return F.cross_entropy(logits, true, ignore_index=-1)


def expected(logits: Tensor) -> Tensor:
    """Cells (...) of the means of distributions over coarse bins, around their likeliest bin."""
    p = logits.softmax(dim=-1)
    best = p.argmax(dim=-1, keepdim=True)
    bins = torch.arange(p.shape[-1], device=p.device)
    p = p * ((bins - best).abs() <= 2)
    middle = bins * 100.0 + 49.5
    return (p * middle).sum(dim=-1) / p.sum(dim=-1)


def middle(logits: Tensor) -> Tensor:
    """Cells (...) of the circular means of distributions over yaws (..., 360)."""
    angle = torch.arange(logits.shape[-1], device=logits.device) * (2 * np.pi / logits.shape[-1])
    p = logits.softmax(dim=-1)
    found = torch.atan2((p * angle.sin()).sum(dim=-1), (p * angle.cos()).sum(dim=-1))
    return found * (logits.shape[-1] / (2 * np.pi))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of the language head: of coarse numbers (100, hidden) and of yaws (360, hidden)."""

    coarse: Tensor
    yaw: Tensor

    @classmethod
    def of(cls, head: Tensor, where: Numbers) -> Rows:
        """Those of a head (vocabulary, hidden)."""
        return cls(head[where.coarse : where.fine], head[where.yaw : where.yaw + YAWS])


class Pointer(nn.Module):
    """Which picture token shows an object, halfway through the network: asked wherever a token of
    its box is written, and wherever a reply decides on the next object, or that there is none."""

    def __init__(self, hidden: int, width: int = 64) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width)
        self.nobody = nn.Parameter(torch.zeros(width))

    def loss(
        self, asking: Tensor, pictures: Tensor, together: Tensor, seen: Tensor, deciding: Tensor
    ) -> Tensor:
        """Cross-entropy for askers (h, hidden) among picture tokens (t, hidden) and nobody:
        `together` (h, t) is True where both are of one view, `seen` (h,) the right token, t for
        nobody, or -1; `deciding` (h,) is True for those that decide, who weigh as much as the
        others together."""
        known = seen >= 0
        query = self.query(asking[known])
        score = query @ self.key(pictures).T
        score = score.masked_fill(~together[known], -1e9)
        score = torch.cat([score, (query @ self.nobody)[:, None]], dim=1)
        each = F.cross_entropy(score / self.key.out_features**0.5, seen[known], reduction="none")
        decides = deciding[known]
        parts = [each[of].mean() for of in (decides, ~decides) if of.any()]
        return torch.stack(parts).mean() if parts else asking.sum() * 0
