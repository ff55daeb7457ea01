"""Which predicted box stands for which true one, and what is right, too much and missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from n3d.errors import ConfigError
from n3d.geometry import Box3D, overlap
from n3d.reason import labels
from n3d.scene import Object3D

Rule = Literal["greedy", "hungarian"]
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Counts:
    """Right, superfluous and missing boxes; sums of them give micro averages."""

    hits: int = 0
    extra: int = 0
    missing: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits, self.extra + other.extra, self.missing + other.missing
        )

    @property
    def precision(self) -> float | None:
        """Share of the predicted boxes that are right; None where nothing was predicted."""
        return _share(self.hits, self.hits + self.extra)

    @property
    def recall(self) -> float | None:
        """Share of the true boxes that were found; None where there are none."""
        return _share(self.hits, self.hits + self.missing)

    @property
    def f1(self) -> float | None:
        """2 hits / (2 hits + extra + missing): the harmonic mean of precision and recall."""
        return _share(2 * self.hits, 2 * self.hits + self.extra + self.missing)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def ious(predicted: Sequence[Object3D], true: Sequence[Object3D]) -> np.ndarray:
    """Exact oriented IoU of every predicted box with every true one, (n, m)."""
    if not predicted or not true:
        return np.zeros((len(predicted), len(true)))
    return overlap.iou(Box3D.stack(o.box for o in predicted), Box3D.stack(o.box for o in true))


def same_class(predicted: Sequence[Object3D], true: Sequence[Object3D]) -> np.ndarray:
    """Whether the label of a predicted object names that of a true one, (n, m) bool.

    A label with words before it ("red mug") still names it.
    """
    out = np.zeros((len(predicted), len(true)), bool)
    for i, p in enumerate(predicted):
        for j, t in enumerate(true):
            out[i, j] = labels.match(p.label, t.label) > 0
    return out


def greedy(iou: np.ndarray, scores: Sequence[float], threshold: float) -> Pairs:
    """Predictions in the order of their scores each take the free true box with the largest IoU
    of at least `threshold` (the rule of PASCAL VOC and COCO).

    Of equal scores the one with the larger best IoU comes first, so that the order in which
    predictions are written does not matter.
    """
    n, m = iou.shape
    if not n or not m:
        return []
    order = np.lexsort((-iou.max(axis=1), -np.asarray(scores, dtype=float)))
    free = np.ones(m, bool)
    pairs = []
    for i in order:
        left = np.where(free, iou[i], -1.0)
        j = int(left.argmax())
        if left[j] >= threshold and left[j] >= 0:
            free[j] = False
            pairs.append((int(i), j))
    return sorted(pairs)


def hungarian(worth: np.ndarray, threshold: float = 0.0) -> Pairs:
    """The pairs with the largest total worth; those of less than `threshold` are left out.

    With a threshold the number of pairs that reach it counts first, then their worth.
    """
    from scipy.optimize import linear_sum_assignment

    if not worth.size:
        return []
    reach = worth >= threshold
    most = float(np.abs(worth).sum()) + 1.0
    rows, columns = linear_sum_assignment(np.where(reach, worth + most, 0.0), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns) if reach[i, j]]


def count(
    predicted: Sequence[Object3D],
    true: Sequence[Object3D],
    threshold: float,
    *,
    ignored: Sequence[Object3D] = (),
    rule: Rule = "greedy",
    by_class: bool = True,
) -> Counts:
    """Hits, extra and missing boxes at an IoU threshold.

    A prediction that hits no true box but one of `ignored` (each serves once) counts for
    nothing. `by_class` lets only boxes of one class match.
    """
    if rule not in ("greedy", "hungarian"):
        raise ConfigError(
            f"unknown rule {rule!r}", code="match-rule", field="rule", limit="greedy, hungarian"
        )
    pairs = _match(predicted, true, threshold, rule, by_class)
    taken = {i for i, _ in pairs}
    rest = [p for i, p in enumerate(predicted) if i not in taken]
    forgiven = len(_match(rest, ignored, threshold, rule, by_class))
    return Counts(len(pairs), len(rest) - forgiven, len(true) - len(pairs))


def _match(
    predicted: Sequence[Object3D],
    true: Sequence[Object3D],
    threshold: float,
    rule: Rule,
    by_class: bool,
) -> Pairs:
    iou = ious(predicted, true)
    if by_class:
        iou = np.where(same_class(predicted, true), iou, -1.0)
    if rule == "greedy":
        return greedy(iou, [o.score for o in predicted], threshold)
    return hungarian(iou, threshold)
