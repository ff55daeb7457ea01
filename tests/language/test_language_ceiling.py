"""How much IoU the dialects cost by rounding alone: the promises of the box language."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.geometry import Box3D, Camera, axis_rotation, upright
from n3d.geometry.overlap import iou_pairs
from n3d.language import boxes, upstream
from n3d.language.upstream import Normalizer

CAMERA = Camera(525.0, 525.0, 320.0, 240.0, 640, 480)
UP = np.array([0.05, -0.95, -0.3])
N = 4000


def sample(rng, depth, sizes=(0.05, 1.5), up=None):
    size = np.exp(rng.uniform(*np.log(sizes), (N, 3)))
    center = CAMERA.lift(rng.uniform(0, [640, 480], (N, 2)), rng.uniform(*depth, N))
    if up is None:
        return Box3D(center, size)
    return Box3D(center, size, upright(up) @ axis_rotation(1, rng.uniform(-np.pi, np.pi, N)))


def ours(box, up=None):
    return iou_pairs(box, boxes.decode(boxes.encode(box, CAMERA, up=up), CAMERA, up=up))


def theirs(box, norm, nearest=False):
    bins = upstream.encode(box, norm, CAMERA, nearest=nearest)
    return iou_pairs(box, upstream.decode(bins, norm, CAMERA))


@pytest.mark.parametrize("up", [None, UP])
def test_the_promised_ceiling(up):
    """Median >= .97 and 5th percentile >= .88 for 5 cm to 1.5 m at 0.5 to 10 m."""
    iou = ours(sample(np.random.default_rng(0), (0.5, 10), up=up), up)
    assert np.median(iou) >= 0.97
    assert np.percentile(iou, 5) >= 0.88


@pytest.mark.parametrize(("mean", "floor", "rounded"), [(3.0, 0.957, 0.970), (15.0, 0.801, 0.862)])
def test_upstream_loses_what_was_measured(mean, floor, rounded):
    """Medians of an independent measurement; its camera is not known, hence the tolerance."""
    box = sample(np.random.default_rng(1), (0.5 * mean, 1.5 * mean))
    norm = Normalizer([-mean, -mean, 0.4 * mean], 1 / mean)
    assert np.median(theirs(box, norm)) == pytest.approx(floor, abs=0.015)
    assert np.median(theirs(box, norm, nearest=True)) == pytest.approx(rounded, abs=0.015)


@pytest.mark.parametrize(
    ("mean", "sizes"),
    [
        (0.7, (0.05, 0.1)),
        (0.7, (0.2, 0.4)),
        (1.5, (0.05, 0.1)),
        (1.5, (0.4, 0.8)),
        (3.0, (0.05, 0.1)),
        (3.0, (0.8, 1.5)),
        (15.0, (0.05, 0.1)),
        (15.0, (0.8, 1.5)),
    ],
)
def test_never_below_upstream_where_that_does_not_clip(mean, sizes):
    box = sample(np.random.default_rng(2), (0.5 * mean, 1.5 * mean), sizes)
    norm = Normalizer([-mean, -mean, 0.4 * mean], 1 / mean)
    box = box[~np.asarray(upstream.clipped(box, norm, CAMERA))]
    assert len(box) > 1000
    mine, other = ours(box), theirs(box, norm, nearest=True)
    assert np.median(mine) >= np.median(other)
    assert np.percentile(mine, 5) >= np.percentile(other, 5)
