"""How a camera leans, where boxes are told in a frame that is level with gravity and `up` is not.

First the pitch, in steps, that brings the locations into their 2D boxes; then pitch and roll that
bring the boxes of the best convention over them.
"""

from __future__ import annotations

import numpy as np

from n3d.geometry.pose import axis_rotation, upright
from n3d.sources import candidates
from n3d.sources.candidates import Evidence

PITCHES = np.radians(np.arange(-45, 46, 5))
"""A camera that leans more is another frame leaning less: axes turned by a quarter."""
TRIED = 4
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
        up = _settled(evidence, order, float(PITCHES[index]), within)
        if up is not None and up[0] < best[0]:
            best = up
    return best if best[0] < ENOUGH else None


def _up(pitch: float, roll: float) -> np.ndarray:
    return axis_rotation(0, pitch) @ axis_rotation(2, roll) @ np.array([0.0, -1.0, 0.0])


def _settled(
    evidence: Evidence, order: str, pitch: float, within: float
) -> tuple[float, np.ndarray] | None:
    """(error, up) of the best convention at a pitch, with pitch and roll that suit it best."""
    from scipy.optimize import minimize

    found = candidates.search(evidence, within=within, order=order, tilt=upright(_up(pitch, 0)))
    if not found:
        return None
    convention = found[0].convention

    def error(lean: np.ndarray) -> float:
        return candidates.error(evidence, convention, upright(_up(*lean.tolist())))

    start = np.array([[pitch, 0.0], [pitch + 0.05, 0.0], [pitch, 0.05]])
    options = {"initial_simplex": start, "xatol": 1e-5, "fatol": 1e-6, "maxiter": 200}
    done = minimize(error, start[0], method="Nelder-Mead", options=options)
    return float(done.fun), _up(*done.x.tolist())
