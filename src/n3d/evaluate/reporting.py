"""From values to a report: flat keys, each overall and by kind of request or question.

Shares are fractions of 0 to 1; None (null) stands where nothing was counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, TypeAlias

import numpy as np

from n3d.evaluate import bootstrap, calibration, items, scoring
from n3d.evaluate.items import Item
from n3d.evaluate.matching import Counts
from n3d.geometry import Camera
from n3d.scene import Prediction

Reduce: TypeAlias = Callable[[list[Any]], Any]


def _mean(values: list[Any]) -> float | None:
    return fmean(float(v) for v in values) if values else None


def _median(values: list[float]) -> float | None:
    return float(median(values)) if values else None


def _of_counts(name: str) -> Reduce:
    return lambda values: getattr(sum(values, Counts()), name)


def _calibrated(measure: Callable[..., float | None], threshold: float) -> Reduce:
    """A measure of confidences against "the IoU is at least the threshold"."""
    return lambda values: measure([s for s, _ in values], [v >= threshold for _, v in values])


def _share_of(word: str) -> Reduce:
    return lambda values: _mean([v == word for v in values])


MEASURES: dict[str, tuple[str, Reduce]] = {
    # boxes asked for by phrases
    "acc25": ("acc25", _mean),
    "acc50": ("acc50", _mean),
    "mean_iou": ("mean_iou", _mean),
    # boxes of everything in the view
    "f1_25": ("boxes_25", _of_counts("f1")),
    "precision_25": ("boxes_25", _of_counts("precision")),
    "recall_25": ("boxes_25", _of_counts("recall")),
    "f1_50": ("boxes_50", _of_counts("f1")),
    "f1_25_locate": ("boxes_25_locate", _of_counts("f1")),
    "f1_50_locate": ("boxes_50_locate", _of_counts("f1")),
    "absent_refused": ("absent_refused", _mean),
    "present_refused": ("present_refused", _mean),
    "z_rel_median": ("z_rel", _median),
    "size_rel_median": ("size_rel", _median),
    "center_px_median": ("center_px", _median),
    "yaw_deg_median": ("yaw_deg", _median),
    # answers
    "answered": ("answered", _mean),
    "answer_right": ("answer_right", _mean),
    "answer_right_10pct": ("answer_right_10pct", _mean),
    "answer_right_within_1": ("answer_right_within_1", _mean),
    "relative_error_median": ("relative_error", _median),
    "clock_exact": ("clock_exact", _mean),
    "clock_within_1": ("clock_within_1", _mean),
    "program_right": ("program_right", _mean),
    "chain_right": ("chain_right", _mean),
    "boxes_right": ("boxes_right", _mean),
    "joint": ("joint", _mean),
    "coverage_90": ("covered", _mean),
    **{
        f"blame_{word}": ("blame", _share_of(word))
        for word in ("format", "grounding", "program", "arithmetic")
    },
    # confidences: of boxes that their IoU is at least 0.25 (0.5), of answers that they are right
    "ece": ("confidence", _calibrated(calibration.ece, 0.25)),
    "ece_adaptive": ("confidence", _calibrated(calibration.ece_adaptive, 0.25)),
    "brier": ("confidence", _calibrated(calibration.brier, 0.25)),
    "ece_50": ("confidence", _calibrated(calibration.ece, 0.50)),
    "ece_answers": ("probability", _calibrated(calibration.ece, 1.0)),
    "seconds": ("seconds", _mean),
}
"""What a report holds: each key with the values that it is made of and how."""


@dataclass(eq=False)
class Tally:
    """The values of the items seen so far; `report` sums them up at any time."""

    _values: dict[str, dict[str, list[Any]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    _views: dict[str, dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    _faults: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        item: Item,
        prediction: Prediction,
        camera: Camera,
        up=None,
        seconds: float | None = None,
    ) -> None:
        """Count one prediction. A fault other than a refusal is counted by its code, and the
        prediction for what is left of it."""
        self._values["items"][item.kind].append(1)
        code = items.code_of(prediction.fault)
        if code not in (None, items.ABSENT):
            self._faults[str(code)] += 1
        if seconds is not None:
            self._values["seconds"][item.kind].append(seconds)
        for measure, value in scoring.score(item, prediction, camera, up):
            self._values[measure][item.kind].append(value)
            self._views[measure][item.kind].append(item.seed)

    def report(self, **about: Any) -> dict[str, Any]:
        """The report; `about` are facts of the caller (commit, seeds, model) put beside it.

        `items` counts requests, `faults` by their codes those whose prediction has one.
        """
        out: dict[str, Any] = dict(about)
        for key, (measure, reduce) in MEASURES.items():
            out[key] = _by_kind(self._values.get(measure, {}), reduce)
        out["items"] = _by_kind(self._values.get("items", {}), len)
        out["faults"] = {
            "overall": self._faults.total(),
            "by_kind": dict(sorted(self._faults.items())),
        }
        return out

    def intervals(self, seed: int = 0) -> dict[str, Any]:
        """The 95 % intervals of shares and means (and of precision, recall and F1, by draws of
        their counts), overall and by kind; all from the same draws of whole views."""
        views = sorted({v for found in self._views.values() for own in found.values() for v in own})
        place = {v: i for i, v in enumerate(views)}
        draws = bootstrap.Draws(range(len(views)), seed)
        out: dict[str, Any] = {}
        for key, (measure, reduce) in MEASURES.items():
            values, seen = self._values.get(measure, {}), self._views.get(measure, {})
            of = _sums(key, reduce)
            if of is None or not seen:
                continue
            told = {
                kind: (of(found), np.array([place[v] for v in seen[kind]]))
                for kind, found in sorted(values.items())
            }
            every = tuple(np.concatenate([t[i] for t in told.values()], axis=1 - i) for i in (0, 1))
            out[key] = {
                "overall": draws.ratio(every[1], *every[0]),
                "by_kind": {kind: draws.ratio(at, *sums) for kind, (sums, at) in told.items()},
            }
        return out


def _sums(key: str, reduce: Reduce) -> Callable[[list[Any]], np.ndarray] | None:
    """From values to (2, n): parts and wholes whose sums' ratio is the measure; None for medians
    and calibration."""
    if reduce is _mean:
        return lambda values: np.array([[float(v) for v in values], [1.0] * len(values)])
    if key.startswith("blame_"):
        word = key.removeprefix("blame_")
        return lambda values: np.array([[float(v == word) for v in values], [1.0] * len(values)])
    for name, (gain, loss) in _OF_COUNTS.items():
        if key.startswith(name):
            return lambda values: np.array([[gain(c) for c in values], [loss(c) for c in values]])
    return None


_OF_COUNTS: dict[str, tuple[Callable[[Counts], float], Callable[[Counts], float]]] = {
    "f1_": (lambda c: 2.0 * c.hits, lambda c: 2.0 * c.hits + c.extra + c.missing),
    "precision_": (lambda c: c.hits, lambda c: c.hits + c.extra),
    "recall_": (lambda c: c.hits, lambda c: c.hits + c.missing),
}


def _by_kind(values: Mapping[str, list[Any]], reduce: Reduce) -> dict[str, Any]:
    return {
        "overall": reduce([v for found in values.values() for v in found]),
        "by_kind": {kind: reduce(found) for kind, found in sorted(values.items())},
    }
