"""Targets for numbers: near is better than far.

A number is a coarse and a fine token of 100 cells each. Its target is a normal distribution
around the true cell: what of it falls into each coarse bin is the target of the coarse token,
and what falls on each cell of the bin that was written the target of the fine one. A share of
the coarse tokens that are written is drawn from their targets, so that the fine token after a
neighbouring bin is learned too: at the border it leads back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from n3d.language import grid
from n3d.train.encoding import FORCED, UV, YAW
from n3d.train.mini import Numbers

WIDE = 100


@dataclass(frozen=True)
class Smoothing:
    """Standard deviations in cells of the grids, and the share of coarse tokens that are drawn."""

    coarse: float = 35.0
    fine: float = 10.0
    yaw: float = 8.0
    drawn: float = 0.3


def coarse_targets(cells: np.ndarray, sigma: float) -> np.ndarray:
    """Targets (n, 100) float32 of coarse tokens for true cells (n,)."""
    edges = np.arange(101) * WIDE
    below = ndtr((edges - cells[:, None] - 0.5) / sigma)
    found = np.diff(below, axis=1)
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def fine_targets(cells: np.ndarray, coarse: np.ndarray, sigma: float) -> np.ndarray:
    """Targets (n, 100) float32 of fine tokens for true cells after written coarse tokens (n,)."""
    off = coarse[:, None] * WIDE + np.arange(WIDE) - cells[:, None]
    log = -0.5 * (off / sigma) ** 2
    found = np.exp(log - log.max(axis=1, keepdims=True))
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def yaw_targets(cells: np.ndarray, sigma: float) -> np.ndarray:
    """Targets (n, 360) float32 of yaw tokens, which go round."""
    half = grid.YAW_CELLS // 2
    off = (np.arange(grid.YAW_CELLS) - cells[:, None] + half) % grid.YAW_CELLS - half
    found = np.exp(-0.5 * (off / sigma) ** 2)
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def soften(
    ids: np.ndarray,
    kinds: np.ndarray,
    where: Numbers,
    rng: np.random.Generator,
    smoothing: Smoothing,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids (b, l) with some coarse tokens drawn, and soft targets (s, 360) of the s tokens with a
    loss, in flat order: (coarse and fine take the first 100), 0 for other tokens."""
    flat, kind = ids.reshape(-1).copy(), kinds.reshape(-1)
    places = np.flatnonzero(kind != FORCED)
    row_of = np.full(len(flat), -1)
    row_of[places] = np.arange(len(places))
    soft = np.zeros((len(places), grid.YAW_CELLS), np.float32)
    number = (kind >= UV) & (kind < YAW)
    coarse = np.flatnonzero(number & (flat >= where.coarse) & (flat < where.fine))
    if len(coarse):
        cells = (flat[coarse] - where.coarse) * WIDE + flat[coarse + 1] - where.fine
        target = coarse_targets(cells, smoothing.coarse)
        soft[row_of[coarse], :WIDE] = target
        drawn = rng.random(len(coarse)) < smoothing.drawn
        chosen = (target.cumsum(axis=1) < rng.random((len(coarse), 1))).sum(axis=1)
        written = np.where(drawn, np.minimum(chosen, WIDE - 1), cells // WIDE)
        soft[row_of[coarse + 1], :WIDE] = fine_targets(cells, written, smoothing.fine)
        flat[coarse] = where.coarse + written
        # What is read after a neighbouring bin is the cell of it that is nearest to the truth.
        near = np.clip(cells - written * WIDE, 0, WIDE - 1)
        flat[coarse + 1] = where.fine + near
    yaws = np.flatnonzero(kind == YAW)
    if len(yaws):
        soft[row_of[yaws]] = yaw_targets(flat[yaws] - where.yaw, smoothing.yaw)
    return flat.reshape(ids.shape), soft
