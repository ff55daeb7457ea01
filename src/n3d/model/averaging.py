"""Numbers between two bins: the second half of a number is the mean of what the network believes.

A number is a coarse and a fine token. The likeliest fine token alone forgets what was believed of
the bins beside the one that was written, which tells on which side of its middle the number lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from n3d.model.tongues import Tongue

REACH = 2
"""Bins to either side of the written one that count; what is further off is another belief."""


class Averaging:
    """Watches `decoding.write` and names the fine tokens of numbers in tokens of our own."""

    def __init__(self, tongue: Tongue) -> None:
        own = [g for g in tongue.numbers if len(g) == 100] if tongue.own else [[], []]
        self._coarse, self._fine = np.array(own[0], int), np.array(own[1], int)
        self._bins: dict[int, np.ndarray] = {}

    def __call__(
        self, row: int, written: Sequence[int], logits: Tensor, allowed: np.ndarray | None
    ) -> int | None:
        """The fine token of a number whose coarse one was written last, else None."""
        if allowed is None or not len(self._coarse):
            return None
        bins = self._bins.pop(row, None)
        if bins is not None and written and written[-1] in self._coarse:
            fine = _probabilities(self._fine, logits, allowed)
            if fine is None:
                return None
            place = int(np.flatnonzero(self._coarse == written[-1])[0])
            token = int(self._fine[nearest(mean(bins, place, fine), fine)])
            return token
        found = _probabilities(self._coarse, logits, allowed)
        if found is not None:
            self._bins[row] = found
        return None


def _probabilities(tokens: np.ndarray, logits: Tensor, allowed: np.ndarray) -> np.ndarray | None:
    """Of each of some tokens, given that it is one of them; None where none is allowed."""
    p = np.zeros(len(tokens))
    at = np.searchsorted(allowed, tokens)
    there = (at < len(allowed)) & (allowed[np.minimum(at, len(allowed) - 1)] == tokens)
    if not there.any():
        return None
    p[there] = logits[at[there]].double().softmax(dim=-1).numpy()
    return p


def mean(bins: np.ndarray, written: int, fine: np.ndarray) -> float:
    """The mean, in cells from the beginning of the written bin, of what is believed near it.

    `bins` and `fine` are probabilities (100,). How the bins next to the written one would have gone
    on is not known: they are taken for its mirror image (as `spreads` does), those further off
    for even.
    """
    width = len(fine)
    inner = float(fine @ np.arange(width))
    total = weight = 0.0
    for off in range(-REACH, REACH + 1):
        if not 0 <= written + off < len(bins):
            continue
        share = float(bins[written + off])
        within = {0: inner, 1: width - 1 - inner}.get(abs(off), (width - 1) / 2)
        total += share * (off * width + within)
        weight += share
    return total / weight if weight else inner


def nearest(cell: float, fine: np.ndarray) -> int:
    """The cell that is allowed (of a probability above 0) and nearest."""
    free = np.flatnonzero(fine)
    return int(free[np.abs(free - cell).argmin()])
