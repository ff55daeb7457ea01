"""Whether confidences mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n3d.errors import ConfigError

BINS = 15


def ece(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float | None:
    """Expected calibration error over equal-width bins of [0, 1]; None without scores.

    The mean over all scores of |mean score - share right| of their bin (Naeini et al., AAAI
    2015; Guo et al., ICML 2017, equation 3, with 15 bins).
    """
    s, r = _checked(scores, right)
    return _error(s, r, np.minimum((s * bins).astype(int), bins - 1)) if s.size else None


def ece_adaptive(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float | None:
    """The same error over bins that hold equally many scores (Nixon et al., CVPRW 2019).

    Equal scores stay in one bin, so that their order does not matter.
    """
    s, r = _checked(scores, right)
    if not s.size:
        return None
    values, first = np.unique(np.sort(s), return_index=True)
    place = np.minimum(first * bins // s.size, bins - 1)
    return _error(s, r, place[np.searchsorted(values, s)])


def _error(s: np.ndarray, r: np.ndarray, place: np.ndarray) -> float:
    count = np.bincount(place)
    off = np.abs(np.bincount(place, weights=s) - np.bincount(place, weights=r))
    return float(off[count > 0].sum() / s.size)


def brier(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Mean squared difference of score and outcome (Brier 1950, for two outcomes)."""
    s, r = _checked(scores, right)
    return float(np.mean((s - r) ** 2)) if s.size else None


def aurc(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """Area under the risk-coverage curve: the mean, over all k, of the share wrong among the k
    surest (Geifman et al., ICLR 2019). Equal scores stand in no order: each has their share."""
    s, r = _checked(scores, right)
    if not s.size:
        return None
    order = np.argsort(-s, kind="stable")
    s, wrong = s[order], 1.0 - r[order]
    _, block, size = np.unique(-s, return_inverse=True, return_counts=True)
    wrong = (np.bincount(block, weights=wrong) / size)[block]
    return float(np.mean(np.cumsum(wrong) / np.arange(1, s.size + 1)))


def _checked(scores: Sequence[float], right: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    s, r = np.asarray(scores, dtype=float), np.asarray(right, dtype=float)
    if s.shape != r.shape or s.ndim != 1:
        raise ConfigError(
            f"{s.shape} scores but {r.shape} outcomes", code="calibration-shape", field="scores"
        )
    if not ((s >= 0) & (s <= 1)).all():
        raise ConfigError(
            "a confidence is outside its range", code="score-range", field="scores", limit="0 to 1"
        )
    return s, r


def covered(interval: tuple[float, float], true: float, *, period: float | None = None) -> bool:
    """Whether an interval holds a number; on a circle where `period` is given."""
    low, high = interval
    slack = 1e-9 * max(abs(low), abs(high), abs(true))
    if period is None:
        return bool(low - slack <= true <= high + slack)
    return bool((true - low + slack) % period <= high - low + 2 * slack or high - low >= period)
