"""How sure a network was of the boxes that it wrote, from the probabilities of their tokens.

A number is written place by place, so its distribution is a mixture: at each place the values
that were passed over, with what they could have stood for, and the value that was written.
Quantiles of it give a spread; no further pass of the network is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from n3d.geometry import Box3D, overlap
from n3d.language import boxes, grid
from n3d.language.dialogues import Setting
from n3d.model.calibration import Calibration
from n3d.model.decoding import Picked
from n3d.reason.replay import draw
from n3d.scene import BoxSpread, Object3D

SIDES = (0.158655, 0.841345)
"""One standard deviation to either side of a normal distribution."""
DRAWS = 64


@dataclass(frozen=True, eq=False)
class Doubt:
    """What the tokens of one box say: how likely it was begun and named as it is, and for each
    of its numbers (6, or 7 with yaw) the standard deviation in cells."""

    named: float
    sigma: np.ndarray


def doubts(picked: Sequence[Picked], upright: bool) -> list[Doubt]:
    """The doubt of each box of a reply, in the order they were written."""
    found: list[Doubt] = []
    named, places = 1.0, []
    for p in picked:
        if p.numbers is None:
            if places:  # numbers that are not those of a box
                named, places = 1.0, []
            named *= p.probability
        else:
            # Our own number tokens end the label before them: how likely that was belongs to it.
            named *= p.probability / p.numbers[p.value] if p.numbers[p.value] > 0 else 1.0
            places.append(p)
            if _whole(places, upright):
                found.append(Doubt(named, _sigmas(places)))
                named, places = 1.0, []
    return found


def _counts(places: Sequence[Picked], upright: bool) -> list[int]:
    """How many places each number of a box has, in our own tokens or in digits."""
    own = len(_numbers(places[0])) == 100
    return [2 if own else 4] * 6 + ([1 if own else 3] if upright else [])


def _numbers(p: Picked) -> np.ndarray:
    assert p.numbers is not None
    return p.numbers


def _whole(places: Sequence[Picked], upright: bool) -> bool:
    return len(places) == sum(_counts(places, upright))


def _sigmas(places: Sequence[Picked]) -> np.ndarray:
    upright = len(places) in (13, 27)
    ends = np.cumsum([0, *_counts(places, upright)])
    numbers, values = [_numbers(p) for p in places], [p.value for p in places]
    return np.array([sigma(numbers[a:b], values[a:b]) for a, b in pairwise(ends)])


def sigma(places: Sequence[np.ndarray], values: Sequence[int]) -> float:
    """Half the width, in units of the last place, of the central 68 % of a written number.

    `places` are the probabilities of each place's values, given those written (`values`) before.
    """
    pieces = np.array([[0.0, 1.0, 1.0]])  # where each begins, its width, its share
    unit = 1
    for p, taken in zip(reversed(places), reversed(values), strict=True):
        found = np.flatnonzero(p)
        near = np.abs(found - taken) <= 1 if unit > 1 else np.zeros(len(found), bool)
        far = found[~near]
        even = np.stack([far * unit, np.full(len(far), unit), p[far]], axis=1)
        known = [_under(v, taken, float(p[v]), pieces, unit) for v in found[near].tolist()]
        pieces = np.concatenate([even, *known])
        unit *= len(p)
    left, width, mass = pieces[np.argsort(pieces[:, 0])].T
    edges = np.stack([left, left + width], axis=1).ravel()
    total = np.cumsum(mass) / mass.sum()
    heights = np.stack([np.concatenate([[0.0], total[:-1]]), total], axis=1).ravel()
    low, high = np.interp(SIDES, heights, edges)
    return float(high - low) / 2


def _under(value: int, taken: int, share: float, inner: np.ndarray, unit: int) -> np.ndarray:
    """The pieces of the numbers that have one value at a place, `inner` being those of `taken`.

    How the others would have gone on is not known. Those next to what was written are taken for
    its mirror image, so that a number which lies on the edge between two values is not as wide
    as a value; those further off for even.
    """
    begin, width, mass = inner.T
    if value != taken:
        begin = unit - begin - width
    return np.stack([value * unit + begin, width, mass * share], axis=1)


def with_doubt(
    objects: Sequence[Object3D],
    found: Sequence[Doubt],
    setting: Setting,
    calibration: Calibration | None = None,
    *,
    located: bool = False,
) -> list[Object3D]:
    """Objects with a spread and a score, the calibrated chance that the box is right, and where
    it was asked for (`located`) the one that was meant.

    The raw score is the chance of the box's name times the IoU to be expected of it: the mean
    over boxes drawn within the spread that the network tells. A calibration widens spreads, and
    maps scores, which it was fitted to as they are told.
    """
    calibration = calibration or Calibration()
    out = []
    for o, d in zip(objects, found, strict=True):
        raw = d.named * expected_iou(o, spread(o, d.sigma, setting), setting)
        wide = spread(o, d.sigma * calibration.widths(len(d.sigma)), setting)
        out.append(replace(o, spread=wide, score=calibration.score(raw, located=located)))
    return out


def spread(o: Object3D, sigma: np.ndarray, setting: Setting) -> BoxSpread:
    """The spread of a box from the standard deviations (6 or 7) of its numbers, in cells.

    u and v move the centre across the view, z along its ray; lengths are on a logarithmic grid.
    """
    camera = setting.camera
    x, y, z = o.box.center
    per_cell = (grid.UV_HIGH - grid.UV_LOW) / grid.CELLS
    ratio = math.log(10) / grid.PER_DECADE
    across = sigma[:2] * per_cell * [camera.width / camera.fx, camera.height / camera.fy] * z
    along = sigma[2] * ratio * z
    centre = [math.hypot(across[0], along * x / z), math.hypot(across[1], along * y / z), along]
    yaw = float(sigma[6] * grid.YAW_STEP) if len(sigma) > 6 else 0.0
    size = boxes.fit(o.box, setting.up, "snap").size
    written = sigma[3:6] * ratio * size
    # Spreads are along the box's own axes; the written form may name them in another order.
    order = _axes(o, setting)
    return BoxSpread(np.asarray(centre), written[order], min(yaw, math.pi / 8))


def widened(o: Object3D, factors: Sequence[float]) -> Object3D:
    """The object with a spread that factors of `calibration.PARTS` have widened."""
    if o.spread is None:
        return o
    uv, z, size, yaw = factors
    ray = o.box.center[:2] / o.box.center[2]
    along = o.spread.center[2]
    across = np.sqrt(np.maximum(o.spread.center[:2] ** 2 - (along * ray) ** 2, 0))
    centre = [*np.hypot(across * uv, along * z * ray), along * z]
    wide = BoxSpread(np.array(centre), o.spread.size * size, min(o.spread.yaw * yaw, math.pi / 8))
    return replace(o, spread=wide)


def _axes(o: Object3D, setting: Setting) -> np.ndarray:
    """For each axis of the box, which axis of its written form it is."""
    turned = boxes.fit(o.box, setting.up, "snap").rotation
    return np.abs(o.box.rotation.T @ turned).argmax(axis=1)


def expected_iou(o: Object3D, spread: BoxSpread, setting: Setting) -> float:
    """The mean IoU of a box with boxes drawn within a spread."""
    drawn = draw([replace(o, spread=spread)], DRAWS, 0, up=setting.up)
    return float(overlap.iou(Box3D.stack([o.box]), drawn[0]).mean())
