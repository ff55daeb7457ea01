"""All thresholds of lifting, beside what they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from n3d.errors import ConfigError

# Field -> smallest and largest value that make sense.
_RANGES: dict[str, tuple[float, float]] = {
    "near": (0.0, 1e3),
    "far": (1e-3, 1e6),
    "min_points": (4, 1e7),
    "min_valid_share": (0.0, 1.0),
    "max_erode_px": (0, 64),
    "mask_slack_px": (0, 32),
    "edge_jump": (1e-3, 1.0),
    "sparse_below": (0.0, 1.0),
    "max_fit_points": (64, 1e6),
    "depth_prior": (0.01, 10.0),
    "min_size": (0.0, 1e3),
    "max_size": (1e-3, 1e6),
    "max_aspect": (1.0, 1e6),
    "max_truncation": (0.0, 1.0),
    "min_reprojection_iou": (0.0, 1.0),
    "min_score": (0.0, 1.0),
    "floor_share": (0.01, 1.0),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class LiftConfig:
    """Thresholds of cleaning, fitting and the gate; the defaults suit rooms and streets.

    `near`, `far`: depths outside are invalid. `min_points`, `min_valid_share`: valid mask pixels
    an object needs, as a count and a share of its mask (the share scales with the density of a
    sparse depth). `max_erode_px`: most layers taken off a mask whose rim is blurred.
    `mask_slack_px`: how far the true outline may lie from the mask's. `edge_jump`: smallest
    relative depth step that counts as an edge; noise raises it. `sparse_below`: share of valid
    pixels under which depth counts as sparse samples. `max_fit_points`: points used per box.
    `depth_prior`: depth of a box whose depth was not seen, as a share of the smaller side of its
    seen face. `min_size`, `max_size`: bounds of the longest side in metres; `max_aspect`:
    longest over shortest side. `max_truncation`: share of the outline on the image border.
    `min_reprojection_iou`, `min_score`: lower bounds of those qualities. `find_floor`: look for
    a floor where gravity is not given; `floor_share`: share of all points it must hold. `seed`:
    of the floor search. `refine_outline`: let depth steps correct the mask's outline.
    `size_priors`: where the depth of a box was not seen, take it from how long things of its label
    usually are (`scene.typical`).
    """

    near: float = 0.05
    far: float = 200.0
    min_points: int = 24
    min_valid_share: float = 0.1
    max_erode_px: int = 3
    mask_slack_px: int = 3
    edge_jump: float = 0.02
    sparse_below: float = 0.35
    max_fit_points: int = 1000
    depth_prior: float = 0.75
    min_size: float = 0.01
    max_size: float = 50.0
    max_aspect: float = 200.0
    max_truncation: float = 0.5
    min_reprojection_iou: float = 0.3
    min_score: float = 0.0
    find_floor: bool = True
    floor_share: float = 0.15
    seed: int = 0
    refine_outline: bool = True
    size_priors: bool = False

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.type == "bool":
                if not isinstance(value, bool):
                    raise ConfigError(
                        f"must be true or false, got {value!r}", code="config-type", field=f.name
                    )
                continue
            whole = f.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise ConfigError(
                    f"must be a {'whole ' if whole else ''}number, got {value!r}",
                    code="config-type",
                    field=f.name,
                )
            low, high = _RANGES[f.name]
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(
                    f"is {value:g}",
                    code="config-range",
                    field=f.name,
                    limit=f"{low:g} to {high:g}",
                )
        for small, large in (("near", "far"), ("min_size", "max_size")):
            if getattr(self, small) >= getattr(self, large):
                raise ConfigError(
                    f"{small} {getattr(self, small):g} is not below {large} "
                    f"{getattr(self, large):g}",
                    code="config-range",
                    field=small,
                )
