"""How a camera leans, where boxes are told in a frame that is level with gravity and `up` is not.

First the pitch, in steps, that brings the locations into their 2D boxes; then pitch and roll that
bring the boxes of the best convention over them.
"""

from __future__ import annotations

import numpy as np

from n3d.geometry.pose import axis_rotation, upright
from n3d.sources import candidates
from n3d.sources.candidates import Evidence
from n3d.sources.conventions import Convention

PITCHES = np.radians(np.arange(-45, 46, 5))
"""A camera that leans more is another frame leaning less: axes turned by a quarter."""
TRIED, MOST_KINDS = 4, 6
SPARED = 8
"""How many times the odds of an exclusion spare a convention at a lean that is not settled yet."""
ENOUGH = 0.15
"""The largest error, in parts of a 2D box's side, of boxes that a lean explains."""
CERTAIN, DOUBTFUL = 12.0, 3.0
"""Log odds from which on a camera leans for certain, and under which it is taken to be level: a
lean has two numbers of its own to fit noise with."""
LEAST = 4
"""Boxes needed: a lean is found from no fewer."""


def find(evidence: Evidence, order: str, *, within: float) -> tuple[float, np.ndarray] | None:
    """(error, direction against gravity (3,)) that explains the boxes, None where none does."""
    if len(evidence) < LEAST:
        return None
    outside = [candidates.in_view(evidence, order, upright(_up(p, 0))) for p in PITCHES]
    best: tuple[float, np.ndarray] = (ENOUGH, np.zeros(3))
    for index in np.argsort(outside, kind="stable")[:TRIED]:
        start = np.array([PITCHES[index], 0.0])
        for convention in _conventions(evidence, order, start, within):
            best = min(best, _settled(evidence, convention, start), key=lambda b: b[0])
    return best if best[0] < ENOUGH else None


def _up(pitch: float, roll: float) -> np.ndarray:
    return axis_rotation(0, pitch) @ axis_rotation(2, roll) @ np.array([0.0, -1.0, 0.0])


def _conventions(
    evidence: Evidence, order: str, lean: np.ndarray, within: float
) -> list[Convention]:
    """The best convention of each frame, anchor and kind of sizes at a lean that is nearly right:
    what a small lean and another anchor explain alike must be told apart at its best."""
    tilt = upright(_up(*lean.tolist()))
    found = candidates.search(evidence, within=SPARED * within, order=order, tilt=tilt)
    kinds: dict[tuple, Convention] = {}
    for candidate in found:
        c = candidate.convention
        kinds.setdefault((c.frame, c.anchor, c.half), c)
    return list(kinds.values())[:MOST_KINDS]


def _settled(
    evidence: Evidence, convention: Convention, start: np.ndarray
) -> tuple[float, np.ndarray]:
    """(error, up) of a convention with the pitch and roll that suit it best."""
    from scipy.optimize import minimize

    def error(lean: np.ndarray) -> float:
        return candidates.error(evidence, convention, upright(_up(*lean.tolist())))

    simplex = start + np.array([[0, 0], [0.05, 0], [0, 0.05]])
    options = {"initial_simplex": simplex, "xatol": 1e-5, "fatol": 1e-6, "maxiter": 120}
    done = minimize(error, start, method="Nelder-Mead", options=options)
    return float(done.fun), _up(*done.x.tolist())
