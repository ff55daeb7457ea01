"""How far the sides of a fitted box can be trusted, beyond the noise of its samples.

The ends of a box come with deviations that noise, blur and pixels explain. Real objects add what
a box does not: handles, cushions, legs, parts behind something nearer. `FACTORS` widens the
deviations so that 90 % intervals hold 90 % of the true sizes of furnished rooms; they were
chosen on 60 scenes of the split "train", with exact and with structured-light depth, as the
narrowest that do, and `python benchmarks/lift_scenes.py --split validation` checks them.
"""

from __future__ import annotations

import math

import numpy as np

# Share of points on the faces, and distance of the 80 % nearest points from the box in shares
# of its mean side, up to which an object counts as a box.
ON_FACES, OFF_BOX = 0.97, 0.03
# Share of an end's outline that something nearer or the image border may cut off.
OPEN = 0.3
# A side whose relative deviation is larger was not measured: its 90 % interval is its half.
UNMEASURED = 0.3
# Kind, whether an end is open -> (factor of the deviation, share of the side) for horizontal
# sides and for the vertical one: deviation = hypot(factor * deviation, share * side).
FACTORS = {
    ("box", False): ((1.5, 0.06), (3.0, 0.02)),
    ("box", True): ((2.0, 0.12), (1.5, 0.06)),
    ("other", False): ((8.0, 0.05), (3.0, 0.04)),
    ("other", True): ((1.5, 0.10), (2.0, 0.04)),
    ("symmetry", False): ((1.5, 0.04), (2.0, 0.03)),
    ("symmetry", True): ((2.0, 0.15), (2.0, 0.10)),
    ("prior", False): ((3.0, 0.05), (3.0, 0.10)),
    ("prior", True): ((3.0, 0.10), (3.0, 0.10)),
}


def like_a_box(agreement: float, misfit: float, seen: int, noise: float) -> bool:
    """Whether points lie on at least two faces; `noise` is their error in mean sides."""
    return agreement > ON_FACES and misfit - 1.5 * noise < OFF_BOX and seen >= 2


def widen(
    source: str, boxy: bool, low: np.ndarray, high: np.ndarray,
    low_sigma: np.ndarray, high_sigma: np.ndarray, open_share: np.ndarray,
) -> str:  # fmt: skip
    """Widen, in place, the deviations of a box's ends; returns where its depth comes from.

    `source` is "faces", "symmetry" or "prior"; faces that leave a horizontal side as good as
    unmeasured are a "prior" too.
    """
    kind = source if source != "faces" else "box" if boxy else "other"
    starts, stops, cuts = low.tolist(), high.tolist(), open_share.tolist()
    for k, (a, b) in enumerate(zip(low_sigma.tolist(), high_sigma.tolist(), strict=True)):
        side = stops[k] - starts[k]
        factor, share = FACTORS[kind, max(cuts[0][k], cuts[1][k]) > OPEN][k == 1]
        floor = share * side / math.sqrt(2)
        a, b = math.hypot(factor * a, floor), math.hypot(factor * b, floor)
        low_sigma[k], high_sigma[k] = a, b
        if source == "faces" and k != 1 and math.hypot(a, b) > UNMEASURED * side:
            source = "prior"
    return source
