"""Intervals of shares and means from draws of whole images.

An interval holds 95 % of the draws (Efron and Tibshirani 1993, chapter 13: percentiles). All
intervals of one `Draws` come from the same draws, so that they can be compared.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

DRAWS = 2000
LEVEL = 0.95
MOST_NUMBERS = 40_000_000
"""Fewer are drawn where images times draws would be more."""


class Draws:
    """How often each cluster (an image) is in each draw with replacement."""

    def __init__(self, clusters: Sequence[Hashable] | np.ndarray, seed: int = 0) -> None:
        names = np.asarray(clusters)
        self.cluster = np.unique(names, return_inverse=True)[1] if len(names) else np.zeros(0, int)
        n = int(self.cluster.max()) + 1 if len(names) else 0
        rng = np.random.default_rng(seed)
        draws = min(DRAWS, max(MOST_NUMBERS // max(n, 1), 100))
        self.counts = np.zeros((draws, n), np.float32)
        if n:
            self.counts[:] = rng.multinomial(n, np.full(n, 1 / n), size=draws)

    def interval(self, chosen: np.ndarray, values: np.ndarray) -> list[float] | None:
        """The interval of the mean of `values`, those of the rows `chosen`; None for fewer than
        two."""
        if len(chosen) < 2:
            return None
        n = self.counts.shape[1]
        total = np.bincount(self.cluster[chosen], weights=values, minlength=n)
        count = np.bincount(self.cluster[chosen], minlength=n)
        among = count > 0
        drawn, size = self.counts[:, among] @ total[among], self.counts[:, among] @ count[among]
        means = drawn[size > 0] / size[size > 0]
        tail = (1 - LEVEL) / 2
        return [round(float(q), 6) for q in np.quantile(means, [tail, 1 - tail])]

    def ratio(self, cluster: np.ndarray, part: np.ndarray, whole: np.ndarray) -> list[float] | None:
        """The interval of sum(part) / sum(whole) over rows (n,) of the numbered clusters they are
        of; None for fewer than two clusters, and where a whole is never there."""
        if len(np.unique(cluster)) < 2:
            return None
        n = self.counts.shape[1]
        parts = self.counts @ np.bincount(cluster, weights=part, minlength=n)
        wholes = self.counts @ np.bincount(cluster, weights=whole, minlength=n)
        found = parts[wholes > 0] / wholes[wholes > 0]
        if not len(found):
            return None
        tail = (1 - LEVEL) / 2
        return [round(float(q), 6) for q in np.quantile(found, [tail, 1 - tail])]
