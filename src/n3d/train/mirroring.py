"""A view and its exercises in a mirror: twice the data for nothing.

Written numbers mirror exactly, since the cells of u and of yaws lie evenly about their middles.
Exercises that speak of left and right, sides or clocks are left out.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import torch

from n3d.language import grid
from n3d.model import orders, rays
from n3d.train.exercises import Exercise
from n3d.train.mini import Eyes
from n3d.train.shards import Sample
from n3d.train.targets import Targets

_SIDED = re.compile(r"left|right|side|clock|hour|turn|bearing", re.IGNORECASE)
_BOX = re.compile(
    r"<\|bbox_(\d+)\|>([^<]*)<\|c(\d\d)\|><\|f(\d\d)\|>((?:<\|[cf]\d\d\|>){10})(?:<\|y(\d{3})\|>)?"
)
_PARTED = "; "


def mirrored(sample: Sample, eyes: Eyes) -> Sample:
    """A sample, made for a network with such eyes, as its view looks in a mirror."""
    rows, columns = sample.grid
    order = orders.raster_of_blocks(torch.tensor([[1, rows, columns]]), eyes.merge).numpy()
    where = np.empty(len(order), np.intp)
    where[order] = np.arange(len(order))
    row, column = np.divmod(order, columns)
    taken = where[row * columns + columns - 1 - column]
    exercises = (mirrored_exercise(e) for e in sample.exercises)
    return replace(
        sample,
        patches=_patches(sample.patches[taken], eyes.patch),
        points=_points(sample.points[taken], eyes.samples),
        targets=_targets(sample.targets, columns // eyes.merge),
        exercises=tuple(e for e in exercises if e is not None),
    )


def _patches(patches: np.ndarray, side: int) -> np.ndarray:
    """Pixels (n, k) of patches of some pixels a side, each in a mirror."""
    return patches.reshape(len(patches), -1, side)[:, :, ::-1].reshape(patches.shape)


def _points(points: np.ndarray, samples: int) -> np.ndarray:
    """Rays, depths and shapes (n, c) of patches as `rays.of_view` has them, in a mirror."""
    out = points.copy()
    out[:, 0] *= -1
    out[:, rays.RAY] *= -1
    at = rays.RAY + rays.MIDDLE
    parts = samples**2
    for first in (at, at + parts):
        block = out[:, first : first + parts].reshape(-1, samples, samples)
        out[:, first : first + parts] = block[:, :, ::-1].reshape(-1, parts)
    shape = out[:, at + 2 * parts :].reshape(-1, samples, samples, rays.PART)[:, :, ::-1].copy()
    # Of a part: right of the middle, faces right, and the sine of four times its angle.
    shape[..., [1, 5, 8]] *= -1
    out[:, at + 2 * parts :] = shape.reshape(len(out), -1)
    return out


def _targets(targets: Targets, columns: int) -> Targets:
    def flipped(tokens: np.ndarray) -> np.ndarray:
        return tokens.reshape(-1, columns)[:, ::-1].ravel()

    numbers = targets.numbers.copy()
    numbers[:, 0] = grid.CELLS - 1 - numbers[:, 0]
    yaw = numbers[:, 6]
    numbers[:, 6] = np.where(yaw >= 0, grid.YAW_CELLS - 1 - yaw, yaw)
    return replace(targets, own=flipped(targets.own), main=flipped(targets.main), numbers=numbers)


def mirrored_exercise(e: Exercise) -> Exercise | None:
    """An exercise in a mirror; None where its words would no longer be true."""
    text = e.text
    if e.kind == "place" or _SIDED.search(e.request) or _SIDED.search(text):
        return None
    if not e.objects:
        return e
    found = list(_BOX.finditer(text))
    if len(found) != len(e.objects):
        return None
    bodies, objects = [_mirrored_box(m) for m in found], e.objects
    if e.kind == "several":
        # Boxes of one phrase are told from left to right; which those are is not kept.
        if len(found) != e.request.count(_PARTED) + 1 or len({m[2] for m in found}) < len(found):
            return None
    elif e.kind in ("detect", "locate"):
        bodies, objects = bodies[::-1], objects[::-1]
    told = {int(m[1]): body for m, body in zip(found, bodies)}

    def again(m: re.Match[str]) -> str:
        return f"<|bbox_{m[1]}|>{told[int(m[1])]}"

    reply = tuple((_BOX.sub(again, t), chosen) for t, chosen in e.reply)
    return replace(e, reply=reply, objects=objects)


def _mirrored_box(m: re.Match[str]) -> str:
    """The label and numbers of a box in a mirror."""
    u = grid.CELLS - 1 - int(m[3] + m[4])
    yaw = "" if m[6] is None else f"<|y{grid.YAW_CELLS - 1 - int(m[6]):03d}|>"
    return f"{m[2]}<|c{u // 100:02d}|><|f{u % 100:02d}|>{m[5]}{yaw}"
