"""What held-out data say about a network's confidence: how wide its spreads must be, and how
often a box with a given score is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.scene import files, strict_json

NAME = "calibration.json"
PARTS = ("uv", "z", "size", "yaw")
_OF_NUMBER = (0, 0, 1, 2, 2, 2, 3)
SHARE = 0.6827
"""How many errors of a normal distribution are within one standard deviation."""
FEWEST = 20
LOST = 0.02
"""How many right boxes may be left out so that what is not there is refused: whoever asks for a
thing has mostly seen it."""
_LATER = {
    "refine": "none", "detect_from": 0.0, "ground_from": 0.0, "located_raw": (),
    "located_right": (), "shown": (1.0, 1.0, 1.0, 1.0),
}  # fmt: skip
WITHIN_90 = 1.6449
"""How many standard deviations hold 90 % of a normal distribution."""


@dataclass(frozen=True)
class Calibration:
    """Monotone maps of scores, linear between their knots, and a factor for each kind of spread.

    `raw` and `right` are for boxes where all objects were asked for, `located_raw` and
    `located_right`, where they are there, for boxes of things that were named, which may be right
    as boxes and yet not what was meant. `refine` is what boxes go through before they are shown
    where there is depth, unless another way is asked for: "depth" (`lift.refine`) or "none".
    Scores hold for boxes so treated, `factors` for the spreads of boxes as written, `shown` for
    those that they have afterwards. Boxes of a lower score than `detect_from` are left out where
    all objects were asked for, than `ground_from` where some were.
    """

    raw: tuple[float, ...] = (0.0, 1.0)
    right: tuple[float, ...] = (0.0, 1.0)
    factors: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    refine: str = "none"
    detect_from: float = 0.0
    ground_from: float = 0.0
    located_raw: tuple[float, ...] = ()
    located_right: tuple[float, ...] = ()
    shown: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("detect_from", "ground_from"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise ConfigError(f"is {value!r}", code="calibration", field=name, limit="0 to 1")
            object.__setattr__(self, name, float(value))
        if self.refine not in ("depth", "none"):
            raise ConfigError(
                f"is {self.refine!r}", code="calibration", field="refine", limit="depth, none"
            )
        lists = ("raw", "right", "factors", "shown", "located_raw", "located_right")
        for name in lists:
            values = getattr(self, name)
            try:
                if isinstance(values, str):
                    raise TypeError
                values = tuple(float(v) for v in values)
            except (TypeError, ValueError):
                raise ConfigError(
                    "must be a list of numbers", code="calibration", field=name
                ) from None
            object.__setattr__(self, name, values)
            least = 0 if name.startswith("located") else -1
            if not np.isfinite(values).all() or min(values, default=least) < 0:
                raise ConfigError("must be finite and >= 0", code="calibration", field=name)
        for raw, right in (("raw", "right"), ("located_raw", "located_right")):
            x, y = getattr(self, raw), getattr(self, right)
            if len(x) != len(y) or (np.diff(x) <= 0).any():
                raise ConfigError("must rise and have a value each", code="calibration", field=raw)
            if (np.diff(y) < 0).any() or max(y, default=0) > 1:
                raise ConfigError("must not fall, nor exceed 1", code="calibration", field=right)
        for name in ("factors", "shown"):
            if len(getattr(self, name)) != len(PARTS):
                raise ConfigError(
                    "must have one for each part",
                    code="calibration",
                    field=name,
                    limit=", ".join(PARTS),
                )

    def score(self, raw: float, *, located: bool = False) -> float:
        """The chance that a box of this raw score is right; `located` where it was asked for."""
        if located and self.located_raw:
            return float(np.interp(raw, self.located_raw, self.located_right))
        return float(np.interp(raw, self.raw, self.right))

    def widths(self, numbers: int) -> np.ndarray:
        """The factors of the spreads of a box's 6 or 7 numbers."""
        return np.array([self.factors[i] for i in _OF_NUMBER[:numbers]])

    def write(self, folder: Path) -> None:
        """Write it beside the weights that it belongs to."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        files.write_json(
            folder / NAME, {k: list(v) if isinstance(v, tuple) else v for k, v in told.items()}
        )

    @classmethod
    def read(cls, folder: Path) -> Calibration:
        """That of a model directory, or none; ConfigError naming the field that is wrong."""
        path = folder / NAME
        if not path.is_file():
            return cls()
        data: Any = strict_json.load(path)
        if not isinstance(data, dict):
            raise ConfigError("must be an object", code="calibration", file=path)
        try:
            given: dict[str, Any] = {f.name: data.get(f.name) for f in fields(cls)}
            # Files of before these were kept do not have them.
            given |= {name: data.get(name, default) for name, default in _LATER.items()}
            return cls(**given)
        except ConfigError as e:
            raise e.at(file=path) from None


def fit(
    scores: Sequence[float],
    right: Sequence[bool],
    errors: Mapping[str, tuple[Sequence[float], Sequence[float]]],
) -> Calibration:
    """A calibration from uncalibrated scores, whether their boxes were right, and errors.

    Scores are mapped by isotonic regression (at most 32 knots). `errors` holds for "uv", "z",
    "size" and "yaw" the absolute errors and the spreads that were given for them: the factor
    makes 68 % of the errors smaller than their spread. Raises ConfigError for too few boxes.
    """
    if len(scores) < FEWEST or len(scores) != len(right):
        raise ConfigError(
            f"has {len(scores)} boxes",
            code="calibration-few",
            field="scores",
            limit=f"at least {FEWEST}",
        )
    raw, likely = curve(scores, right)
    return Calibration(raw, likely, widths(errors, SHARE, 1.0))


def curve(
    scores: Sequence[float], right: Sequence[bool]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The knots of a monotone map from scores to the share that is right; none for few scores."""
    from scipy.optimize import isotonic_regression

    if len(scores) < FEWEST:
        return (), ()
    order = np.argsort(scores, kind="stable")
    x = np.asarray(scores, dtype=float)[order]
    y = isotonic_regression(np.asarray(right, dtype=float)[order]).x
    # Means of equal shares of the boxes: steps of few boxes would be taken too seriously.
    groups = np.array_split(np.arange(len(x)), min(32, len(x) // 10 + 1))
    knots = np.array([[x[g].mean(), y[g].mean()] for g in groups])
    keep = np.concatenate([[True], np.diff(knots[:, 0]) > 1e-9])
    return tuple(knots[keep, 0]), tuple(np.clip(knots[keep, 1], 0, 1))


def widths(
    errors: Mapping[str, tuple[Sequence[float], Sequence[float]]], share: float, deviations: float
) -> tuple[float, ...]:
    """For each part the factor of spreads with which `deviations` of them hold a share of the
    errors; 1 where fewer than FEWEST are known."""
    factors = []
    for part in PARTS:
        off, given = (np.asarray(v, dtype=float) for v in errors.get(part, ((), ())))
        some = given > 0
        ratio = off[some] / given[some]
        enough = len(ratio) >= FEWEST
        factors.append(float(np.quantile(ratio, share)) / deviations if enough else 1.0)
    return tuple(factors)


def best_f1(scores: Sequence[float], right: Sequence[bool], missing: int = 0) -> float:
    """The score from which boxes should be kept so that F1 is largest: 2 hits / (kept + true).

    `missing` true objects have no right box at all. 0 where leaving out helps nothing.
    """
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    ranked = np.asarray(scores, dtype=float)[order]
    hits = np.cumsum(np.asarray(right, dtype=float)[order])
    if not len(ranked) or hits[-1] == 0:
        return 0.0
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1] + missing)
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # boxes of one score go together
    return _below(ranked, int(f1.argmax()))


def careful_refusal(right: Sequence[float], absent: Sequence[float]) -> float:
    """The score from which boxes should be kept so that what is not there is refused, at the price
    of a share LOST of the right boxes at most.

    `right` and `absent` are the best scores of replies that have boxes, to requests for what is
    there (and whose box is right) and for what is not. 0 where fewer than 10 are known of one, or
    where nothing is refused so.
    """
    if min(len(right), len(absent)) < 10:
        return 0.0
    there = np.sort(right)
    first = float(there[int(LOST * len(there))])
    below = [s for s in (*there, *absent) if s < first]
    if not below or first <= min(absent):
        return 0.0
    return (max(below) + first) / 2


def _below(falling: np.ndarray, last: int) -> float:
    """Between the last of the scores to keep and the next: the same data do not decide twice."""
    if last + 1 >= len(falling):
        return 0.0
    return float(falling[last] + falling[last + 1]) / 2
