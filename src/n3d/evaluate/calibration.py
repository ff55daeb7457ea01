"""Whether confidences mean what they say, and a map that makes them so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Calibration:
    """A monotone map from raw scores to chances, linear between its knots and constant beyond.

    `raw` rises, `chance` never falls and lies in [0, 1].
    """

    raw: tuple[float, ...]
    chance: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("raw", "chance"):
            object.__setattr__(self, name, tuple(float(v) for v in getattr(self, name)))
        raw, chance = np.array(self.raw), np.array(self.chance)
        if raw.size == 0 or raw.shape != chance.shape or not np.isfinite([*raw, *chance]).all():
            raise ConfigError("needs a finite chance for every raw score", code="calibration-knots")
        if (np.diff(raw) <= 0).any():
            raise ConfigError("must rise", code="calibration-knots", field="raw")
        if (np.diff(chance) < 0).any() or chance[0] < 0 or chance[-1] > 1:
            raise ConfigError(
                "must not fall", code="calibration-knots", field="chance", limit="0 to 1"
            )

    def __call__(self, scores: Any) -> np.ndarray:
        """The chances (...) of raw scores (...)."""
        return np.interp(np.asarray(scores, dtype=float), self.raw, self.chance)

    def to_json(self) -> dict[str, list[float]]:
        return {"raw": list(self.raw), "chance": list(self.chance)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """What `to_json` wrote; ConfigError for anything else."""
        try:
            return cls(tuple(data["raw"]), tuple(data["chance"]))
        except (KeyError, TypeError, ValueError) as e:
            raise ConfigError(
                f"is no calibration: {e}", code="calibration-form", field="calibration"
            ) from None


def isotonic(
    scores: Iterable[float], right: Iterable[bool], *, most: int = 32, prior: float = 1.0
) -> Calibration:
    """The monotone map that fits outcomes best in least squares (Zadrozny and Elkan, KDD 2002).

    The fit's steps become knots at the mean score of each, at most `most` of them, so that the
    map is continuous. `prior` outcomes of the overall share are added to every step: a few
    boxes do not make a chance of 0 or 1.
    """
    from scipy.optimize import isotonic_regression

    s, r = np.asarray(list(scores), dtype=float), np.asarray(list(right), dtype=float)
    if s.size == 0 or s.shape != r.shape or not np.isfinite(s).all():
        raise ConfigError("needs finite scores with outcomes", code="calibration-empty")
    order = np.argsort(s, kind="stable")
    s, r = s[order], r[order]
    values, which = np.unique(s, return_inverse=True)
    weight = np.bincount(which).astype(float)
    fit = isotonic_regression(np.bincount(which, weights=r) / weight, weights=weight)
    step = np.concatenate([[0], np.cumsum(np.diff(fit.x) > 1e-12)])
    step = step * most // max(int(step[-1]) + 1, most)  # merge neighbours where there are many
    count = np.bincount(step, weights=weight)
    kept = count > 0
    mean = np.bincount(step, weights=weight * values)[kept] / count[kept]
    hits = np.bincount(step, weights=weight * fit.x)[kept] + prior * r.mean()
    chance = np.maximum.accumulate(hits / (count[kept] + prior))
    return Calibration(tuple(mean), tuple(np.clip(chance, 0, 1)))
