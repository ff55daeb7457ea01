"""Samples -> tensors: one picture, and many requests about it that do not see one another.

A row is the prefix of a view and then branches, each of which goes on from the prefix: it attends
to the prefix and to itself, and its positions begin where the prefix ends. So the picture is
encoded once for all that is asked about it, with the same result as one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from n3d.errors import InputError
from n3d.train import encoding, numbers
from n3d.train.encoding import Branch, Coder
from n3d.train.mini import Eyes
from n3d.train.shards import Sample
from n3d.train.targets import NOBODY

NO_OBJECT = -1
"""In place of a target: there is none."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What a vision tower reads of b views, and its dense targets over all their tokens.

    `pixels` (n, k) float32 normalised, `points` (n, c), `grid_thw` (b, 3). `own` and `main` (t,)
    are rows of `numbers` (m, 7) and `kinds` (m, 2), or below 0 (see `targets`).
    """

    pixels: Tensor
    points: Tensor
    grid_thw: Tensor
    own: Tensor
    main: Tensor
    numbers: Tensor
    kinds: Tensor

    def to(self, device: torch.device) -> Pictures:
        """The same on a device."""
        return _moved(self, device)


@dataclass(frozen=True, eq=False)
class Texts:
    """b rows of l tokens. `mask` (b, 1, l, l) is True where a row's token sees another.

    `places` (s,) are where a loss is taken, in the flat rows; `labels` (s,) the tokens that follow
    there, `kinds` (s,) what they are; `soft` (s, 360) the targets of number tokens. `asking` (h,)
    are the flat places from which a token of a box is written, or where it is decided on a box
    (`deciding`, (h,)), and `seen` (h,) the picture token, counted over all pictures, that shows
    its object, as many as there are for no object, or -1.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    places: Tensor
    labels: Tensor
    kinds: Tensor
    soft: Tensor
    asking: Tensor
    seen: Tensor
    deciding: Tensor
    tokens: int

    def to(self, device: torch.device) -> Texts:
        """The same on a device."""
        return _moved(self, device)


def _moved(batch: Any, device: torch.device) -> Any:
    found = {k: v.to(device) for k, v in vars(batch).items() if isinstance(v, Tensor)}
    return replace(batch, **found)


def pictures(samples: Sequence[Sample], eyes: Eyes) -> Pictures:
    """The pictures of some samples; InputError where they were made for other eyes."""
    counts = np.array([len(s.targets.numbers) for s in samples])
    starts = np.cumsum(counts) - counts
    pixels = torch.from_numpy(np.concatenate([s.patches for s in samples]))
    grid = torch.tensor([(1, *s.grid) for s in samples])

    def rows(name: str) -> Tensor:
        found = []
        for s, start in zip(samples, starts):
            of = getattr(s.targets, name).astype(np.int64)
            found.append(np.where(of >= 0, of + start, of))
        return torch.from_numpy(np.concatenate(found))

    def stacked(name: str) -> Tensor:
        found = [getattr(s.targets, name).astype(np.int64) for s in samples]
        return torch.from_numpy(np.concatenate(found))

    return Pictures(
        normalised(pixels, eyes),
        torch.from_numpy(np.concatenate([s.points for s in samples])),
        grid,
        rows("own"),
        rows("main"),
        stacked("numbers"),
        stacked("kinds"),
    )


def normalised(patches: Tensor, eyes: Eyes) -> Tensor:
    """Pixels (n, k) float32 of patches (n, k) uint8, as the image processor makes them."""
    each = eyes.temporal * eyes.patch**2
    if patches.shape[1] != 3 * each:
        raise InputError(
            f"has patches of {patches.shape[1]} numbers",
            code="data-eyes",
            field="data",
            limit=str(3 * each),
            hint="It was made for another network: make it again in another folder",
        )
    mean = torch.tensor(eyes.mean).repeat_interleave(each)
    std = torch.tensor(eyes.std).repeat_interleave(each)
    return (patches.float() / 255 - mean) / std


def texts(
    samples: Sequence[Sample],
    branches: Sequence[Sequence[Branch]],
    coder: Coder,
    merge: int,
    rng: np.random.Generator,
    smoothing: numbers.Smoothing,
) -> Texts:
    """The rows of some samples with the branches chosen for each."""
    prefixes = [coder.prefix(s.opening, encoding.picture_tokens(s.grid, merge)) for s in samples]
    lengths = [len(p) + sum(map(len, b)) for p, b in zip(prefixes, branches, strict=True)]
    rows, longest = len(samples), max(lengths)
    ids = np.full((rows, longest), coder.tokenizer.pad_token_id, np.int64)
    segment = np.full((rows, longest), -1, np.int32)
    positions = np.zeros((3, rows, longest), np.int64)
    kinds = np.zeros((rows, longest), np.uint8)
    heads, seen, deciding = [], [], []
    first_token = 0
    shown = sum(encoding.picture_tokens(s.grid, merge) for s in samples)
    for r, (sample, prefix, own) in enumerate(zip(samples, prefixes, branches)):
        at = len(prefix)
        ids[r, :at], segment[r, :at] = prefix, 0
        positions[:, r, :at], following = place(prefix, sample.grid, merge, coder.pad)
        patch_of = _patches_of(sample)
        for k, b in enumerate(own):
            end = at + len(b)
            ids[r, at:end], segment[r, at:end], kinds[r, at:end] = b.ids, k + 1, b.kinds
            positions[:, r, at:end] = following + np.arange(len(b))
            for decides, (asks, objects) in enumerate((asking(b), decisions(b))):
                patch = np.append(patch_of, -1)[objects]  # the last one for nobody
                found = np.where(patch >= 0, first_token + patch, -1)
                heads += (r * longest + at + asks).tolist()
                seen += np.where(objects == NO_OBJECT, shown, found).tolist()
                deciding += [bool(decides)] * len(asks)
            at = end
        first_token += encoding.picture_tokens(sample.grid, merge)
    ids, soft = numbers.soften(ids, kinds, coder.numbers, rng, smoothing)
    flat = np.flatnonzero(kinds)
    following_ids = ids.reshape(-1)[flat]
    return Texts(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        visible(torch.from_numpy(segment)),
        torch.from_numpy(flat - 1),
        torch.from_numpy(following_ids),
        torch.from_numpy(kinds.reshape(-1)[flat].astype(np.int64)),
        torch.from_numpy(soft),
        torch.tensor(heads, dtype=torch.long),
        torch.tensor(seen, dtype=torch.long),
        torch.tensor(deciding, dtype=torch.bool),
        sum(lengths),
    )


def asking(branch: Branch) -> tuple[np.ndarray, np.ndarray]:
    """The places in a branch before each token of a box that is learned, and whose box it is."""
    inside = (branch.kinds >= encoding.LABEL) & (branch.kinds <= encoding.YAW)
    following = np.flatnonzero(inside)
    box = np.searchsorted(branch.heads, following, side="right") - 1
    return following - 1, branch.objects[box]


def decisions(branch: Branch) -> tuple[np.ndarray, np.ndarray]:
    """The places in a branch before each box that is learned, and before the token that says that
    there is no further one, and whose box it is: NO_OBJECT for none."""
    learned = branch.kinds[branch.heads] == encoding.STRUCTURE
    heads, objects = branch.heads[learned], branch.objects[learned]
    rest = np.setdiff1d(np.flatnonzero(branch.kinds == encoding.STRUCTURE), heads)[:1]
    places = np.concatenate([heads, rest]).astype(np.int64) - 1
    return places, np.concatenate([objects, np.full(len(rest), NO_OBJECT)]).astype(np.int64)


def _patches_of(sample: Sample) -> np.ndarray:
    """The token that is each target's own, -1 where it has none."""
    out = np.full(len(sample.targets.numbers), -1, np.int64)
    own = sample.targets.own
    mine = np.flatnonzero(own > NOBODY)
    out[own[mine]] = mine
    return out


def place(
    prefix: np.ndarray, grid: tuple[int, int], merge: int, pad: int
) -> tuple[np.ndarray, int]:
    """Positions (3, p) of a prefix with one picture, and the position that follows: what
    `get_rope_index` of the backbones gives."""
    before = int((prefix == pad).argmax())
    rows, columns = grid[0] // merge, grid[1] // merge
    out = np.empty((3, len(prefix)), np.int64)
    out[:, :before] = np.arange(before)
    row, column = np.divmod(np.arange(rows * columns), columns)
    out[:, before : before + rows * columns] = before + np.stack([0 * row, row, column])
    rest = len(prefix) - before - rows * columns
    start = before + max(rows, columns)
    out[:, len(prefix) - rest :] = start + np.arange(rest)
    return out, start + rest


def visible(segment: Tensor) -> Tensor:
    """Which tokens (b, 1, l, l) each token sees, from its segment (b, l): 0 is the prefix, -1
    padding, which sees itself alone."""
    length = segment.shape[1]
    here, there = segment[:, :, None], segment[:, None, :]
    seen = ((there == here) | (there == 0)) & (there >= 0) & (here >= 0)
    seen = seen & torch.ones(length, length, dtype=torch.bool).tril()
    return (seen | torch.eye(length, dtype=torch.bool))[:, None]
