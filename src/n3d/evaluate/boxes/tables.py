"""Boxes of many images as columns, and the images and categories that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from n3d.geometry import Box3D, Camera


@dataclass(frozen=True, eq=False)
class Table:
    """n boxes: `image` and `category` (n,) are places in the lists of a `Truth`.

    `rectangle` (n, 4) is x0, y0, x1, y1 in pixels, NaN where there is none. `depth` (n,) is what
    the depth ranges of Omni3D go by. `known` (n,) is False where there is no 3D box: `box` then
    holds a unit cube. `ignored` (n,) true boxes count neither way. `scored` tells whether
    confidences were given, and differ.
    """

    image: np.ndarray
    category: np.ndarray
    box: Box3D
    score: np.ndarray
    rectangle: np.ndarray
    depth: np.ndarray
    ignored: np.ndarray
    known: np.ndarray
    scored: bool = True

    def __len__(self) -> int:
        return len(self.image)

    def take(self, chosen: np.ndarray) -> Table:
        """The rows that an index or mask chooses."""
        return Table(
            self.image[chosen],
            self.category[chosen],
            self.box[np.arange(len(self))[chosen]],
            self.score[chosen],
            self.rectangle[chosen],
            self.depth[chosen],
            self.ignored[chosen],
            self.known[chosen],
            self.scored or not len(self.image[chosen]),
        )

    def moved(self, box: Box3D) -> Table:
        """The same rows with other boxes."""
        return replace(self, box=box, depth=box.center[:, 2])


@dataclass(frozen=True, eq=False)
class Truth:
    """True boxes with their images and categories; a camera is None where none is known.

    `aliases` are the names that predictions may call an image or category by. `subsets` names a
    part of the benchmark for each image ("unique"), "" for none. `ignored_2d` is what counts
    neither way for AP2D, where it differs from the boxes' own. `by_class` is False where images are
    queries in words, whose predictions may be called anything.
    """

    boxes: Table
    images: tuple[str, ...]
    categories: tuple[str, ...]
    cameras: tuple[Camera | None, ...]
    image_alias: dict[str, int] = field(default_factory=dict)
    category_alias: dict[str, int] = field(default_factory=dict)
    subsets: tuple[str, ...] = ()
    dataset: str = ""
    ignored_2d: np.ndarray | None = None
    by_class: bool = True


def make(
    image: Sequence[int] | np.ndarray,
    category: Sequence[int] | np.ndarray,
    box: Box3D,
    *,
    score: Sequence[float] | np.ndarray | None = None,
    rectangle: np.ndarray | None = None,
    depth: np.ndarray | None = None,
    ignored: np.ndarray | None = None,
    known: np.ndarray | None = None,
) -> Table:
    """A table of columns; what is left out is unknown, 1 for scores."""
    n = len(image)
    given = np.ones(n) if score is None else np.asarray(score, float)
    scored = n == 0 or (score is not None and (n == 1 or float(np.ptp(given)) > 0))
    return Table(
        np.asarray(image, int),
        np.asarray(category, int),
        box,
        given,
        np.full((n, 4), np.nan) if rectangle is None else np.asarray(rectangle, float),
        box.center[:, 2] if depth is None else np.asarray(depth, float),
        np.zeros(n, bool) if ignored is None else np.asarray(ignored, bool),
        np.ones(n, bool) if known is None else np.asarray(known, bool),
        scored,
    )


@dataclass(frozen=True, eq=False)
class Groups:
    """Predictions and true boxes of one image and category side by side.

    `detections` are places of predictions, those of group g from `det_start[g]` to
    `det_start[g + 1]`, surest first (stable, as COCO sorts); `truths` likewise. `pair_start`
    begins each group's row-major block of pairs (`pair_det`, `pair_truth`: places in tables).
    """

    image: np.ndarray
    category: np.ndarray
    detections: np.ndarray
    det_start: np.ndarray
    truths: np.ndarray
    truth_start: np.ndarray
    pair_start: np.ndarray
    pair_det: np.ndarray
    pair_truth: np.ndarray
    rank: np.ndarray

    @property
    def det_group(self) -> np.ndarray:
        """The group of each entry of `detections`."""
        return np.repeat(np.arange(len(self.image)), np.diff(self.det_start))


def groups(found: Table, true: Table, *, most: int | None = 100, by_class: bool = True) -> Groups:
    """All pairs of an image and a category that have any box, by image within category.

    `most` keeps the surest predictions of each group. Without `by_class` all categories are one.
    """
    keys = [
        (t.category if by_class else np.zeros(len(t), int)) * (1 << 40) + t.image
        for t in (found, true)
    ]
    every = np.unique(np.concatenate(keys))
    det_group, truth_group = (np.searchsorted(every, k) for k in keys)
    order = np.lexsort((-found.score, det_group))  # lexsort is stable
    start = np.searchsorted(det_group[order], np.arange(len(every) + 1))
    rank = np.arange(len(order)) - start[det_group[order]]
    if most is not None:
        order, rank = order[rank < most], rank[rank < most]
        start = np.searchsorted(det_group[order], np.arange(len(every) + 1))
    truths = np.argsort(truth_group, kind="stable")
    truth_start = np.searchsorted(truth_group[truths], np.arange(len(every) + 1))
    n_det, n_truth = np.diff(start), np.diff(truth_start)
    pair_start = np.concatenate([[0], np.cumsum(n_det * n_truth)])
    of_det = np.repeat(n_truth, n_det)
    pair_det = np.repeat(order, of_det)
    first = np.repeat(np.repeat(truth_start[:-1], n_det), of_det)
    step = np.arange(len(pair_det)) - np.repeat(np.cumsum(of_det) - of_det, of_det)
    return Groups(
        every % (1 << 40), every >> 40, order, start, truths, truth_start, pair_start, pair_det,
        truths[first + step] if len(pair_det) else np.zeros(0, int), rank,
    )  # fmt: skip
