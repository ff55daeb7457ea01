"""The settings of refining, beside what they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from n3d.errors import ConfigError


@dataclass(frozen=True)
class Costs:
    """What one sample costs a box, by where it lies and what it shows, in nats.

    `beside` and `before` the box where the room or another object explains it; the same
    `_free` where nothing does, as for `behind_free`. `behind`: how much more than `beside` a
    sample costs that is seen through the box; the share `open` of that is multiplied by how far
    the box is filled, because a cone or a plant leaves much of its box open, a cabinet does not.
    In the box: `room` for the room's points, `deep` for points far behind the near surface
    (those on it cost nothing), `other` more where another object explains it too. `near`: how
    far off the box, in shares of its sides, the cost of a free sample is halfway to that of an
    explained one.
    """

    beside: float = 0.94
    beside_free: float = 1.076
    before: float = 0.936
    before_free: float = 1.113
    behind: float = 0.4
    behind_free: float = 0.975
    room: float = 0.979
    deep: float = 0.312
    other: float = 0.5
    near: float = 0.816
    open: float = 0.5

    def __post_init__(self) -> None:
        _check(self, {f.name: (0.0, 1e3) for f in fields(self)} | {"near": (1e-3, 1e3)})


@dataclass(frozen=True)
class RefineConfig:
    """How far written boxes err, what depth says, and when a refined box is accepted.

    Deviations of written boxes that come without a spread, with Student's t tails of `tail`
    degrees of freedom: `sigma_depth` of the distance along the line of sight, `sigma_image`
    across it as a share of the image's width, `sigma_size` of each side, `sigma_yaw` in
    radians; `sigma_support` in metres of the foot from what the object stands on. `noise` is
    the depth's, as a share of depth and at least `noise_m` metres. `samples`: pixels looked at
    for each box, of which `evidence` count as independent; `min_samples` are needed. `starts`:
    shares of the distance by which the search's first boxes are moved along the line of sight;
    `turns`: radians by which it is begun again where yaw may err by more than `lost`;
    `step`, `rounds`: its first step in shares of the sides, and how often it halves. `passes`:
    how often all boxes are gone through, later ones with the others as refined. `turn`: may yaw
    change.

    The gate: `min_gain` in nats over the written box; `min_support`, the share of samples
    in the box's projection that lie on the object and not behind it or on the room;
    `min_reprojection_iou` of the box's rectangle and that of the object's samples;
    `max_deviation` from the written box in any one number, in deviations.
    """

    sigma_depth: float = 0.029
    sigma_image: float = 0.0165
    sigma_size: float = 0.112
    sigma_yaw: float = 0.064
    sigma_support: float = 0.0145
    tail: float = 2.1
    noise: float = 0.0072
    noise_m: float = 0.011
    samples: int = 1200
    evidence: float = 45.0
    min_samples: int = 24
    starts: tuple[float, ...] = (0.0, -0.12, 0.12)
    turns: tuple[float, ...] = (-math.pi / 6, math.pi / 6)
    lost: float = 0.15
    step: float = 0.12
    rounds: int = 4
    passes: int = 2
    turn: bool = True
    min_gain: float = 1.0
    min_support: float = 0.2
    min_reprojection_iou: float = 0.2
    max_deviation: float = 12.0
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        _check(self, _RANGES)
        if not isinstance(self.turn, bool):
            raise ConfigError(
                f"must be true or false, got {self.turn!r}", code="config-type", field="turn"
            )
        if not isinstance(self.costs, Costs):
            raise ConfigError("must be Costs", code="config-type", field="costs")
        starts = self.starts
        if not isinstance(starts, tuple) or not starts or not all(-0.9 < s < 9 for s in starts):
            raise ConfigError(f"is {starts!r}", code="config-range", field="starts")
        turns = self.turns
        if not isinstance(turns, tuple) or not all(-3.2 < t < 3.2 for t in turns):
            raise ConfigError(f"is {turns!r}", code="config-range", field="turns")


# Field -> smallest and largest value that make sense.
_RANGES: dict[str, tuple[float, float]] = {
    "sigma_depth": (1e-4, 1.0),
    "sigma_image": (1e-4, 1.0),
    "sigma_size": (1e-4, 2.0),
    "sigma_yaw": (1e-4, 3.2),
    "sigma_support": (1e-4, 10.0),
    "tail": (0.1, 1e3),
    "noise": (1e-5, 0.5),
    "noise_m": (1e-5, 1.0),
    "samples": (32, 1e6),
    "evidence": (0.0, 1e6),
    "min_samples": (4, 1e6),
    "lost": (0.0, 10.0),
    "step": (1e-3, 1.0),
    "rounds": (1, 12),
    "passes": (1, 8),
    "min_gain": (0.0, 1e6),
    "min_support": (0.0, 1.0),
    "min_reprojection_iou": (0.0, 1.0),
    "max_deviation": (0.0, 1e6),
}


_WHOLE = {"samples", "min_samples", "rounds", "passes"}


def _check(config: object, ranges: dict[str, tuple[float, float]]) -> None:
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        whole = name in _WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise ConfigError(
                f"must be a {'whole ' if whole else ''}number, got {value!r}",
                code="config-type",
                field=name,
            )
        if not (math.isfinite(value) and low <= value <= high):
            raise ConfigError(
                f"is {value:g}", code="config-range", field=name, limit=f"{low:g} to {high:g}"
            )
