"""The numbers of the `n3d` dialect: cells of three grids, written as integers of fixed width.

Every number names a cell and stands for its middle, so a value is off by half a step at most
and a number that is read and written again stays the same.

* Lengths (depth and sizes): 10 000 cells from 1 cm to 100 m, each 0.092 % longer than the one
  before. Why this many: shifting a box by d along an axis of length s costs 2 d / s of IoU.
  At 10 m a depth cell is 9.2 mm, 2.3 mm off on average: 9 % for an object of 5 cm, 0.5 % for
  one of 1 m. Sizes lie on the same grid, so one number means one length everywhere; at this
  step they cost 0.07 % (3 axes, a quarter of a step each), which a linear grid of 1000 steps
  reaches only at the top of its range.
* Image position: 10 000 cells from -0.5 to 1.5 of the image, 0.0002 each. With a horizontal
  field of view of 63 degrees that is 2.4 mm at 10 m, 0.6 mm off on average: below the depth.
* Yaw: 360 cells of a quarter degree over the canonical quarter turn. Turning by e costs
  e (a/b + b/a) / 2 for sides a and b: at most 0.2 % at 1:1 and 1.8 % at 1:16, on average half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from n3d.errors import FormatError

CELLS = 10_000
PER_DECADE = 2500
SHORTEST, LONGEST = 0.01, 100.0
UV_LOW, UV_HIGH = -0.5, 1.5
YAW_CELLS = 360
YAW_STEP = math.pi / 2 / YAW_CELLS
ANCHOR = 7500
"""The relative number of a length that equals the scene scale."""


def length_cells(metres, name: str = "length") -> np.ndarray:
    """Cells (...) of lengths (...); FormatError outside 1 cm to 100 m."""
    metres = np.asarray(metres, dtype=float)
    if not ((metres >= SHORTEST) & (metres <= LONGEST)).all():
        bad = metres[~((metres >= SHORTEST) & (metres <= LONGEST))].flat[0]
        raise FormatError(
            f"{name} is {bad:.4g} m",
            code="out-of-range",
            limit=f"{SHORTEST:g} to {LONGEST:g} m",
        )
    cells = np.floor((np.log10(metres) + 2) * PER_DECADE).astype(int)
    return np.clip(cells, 0, CELLS - 1)  # 100 m itself belongs to the last cell


def lengths(cells) -> np.ndarray:
    """Lengths (...) in metres of the middles of cells (...)."""
    return 10 ** ((np.asarray(cells) + 0.5) / PER_DECADE - 2)


def uv_cells(uv) -> np.ndarray:
    """Cells (...) of image positions (...) in units of the image; FormatError outside."""
    uv = np.asarray(uv, dtype=float)
    if not ((uv >= UV_LOW) & (uv < UV_HIGH)).all():
        raise FormatError(
            "the centre projects too far outside the image",
            code="out-of-range",
            limit=f"{UV_LOW:g} to {UV_HIGH:g} of the image",
        )
    cells = np.floor((uv - UV_LOW) / (UV_HIGH - UV_LOW) * CELLS).astype(int)
    return np.clip(cells, 0, CELLS - 1)


def uvs(cells) -> np.ndarray:
    """Image positions (...) in units of the image of the middles of cells (...)."""
    return UV_LOW + (np.asarray(cells) + 0.5) * ((UV_HIGH - UV_LOW) / CELLS)


def yaw_cells(yaw) -> tuple[np.ndarray, np.ndarray]:
    """Cell (...) within the canonical quarter [-45, 45) degrees, and quarter turns taken out."""
    t = np.asarray(yaw, dtype=float) / YAW_STEP + YAW_CELLS / 2
    # The 24 descriptions of one box differ in the last bits: rounded so that they fall together.
    cells = np.floor(np.round(t, 6)).astype(int)
    return cells % YAW_CELLS, cells // YAW_CELLS


def yaws(cells) -> np.ndarray:
    """Yaw (...) in radians of the middles of cells (...)."""
    return (np.asarray(cells) + 0.5 - YAW_CELLS / 2) * YAW_STEP


@dataclass(frozen=True)
class Scale:
    """A scene's unit of length: the line `index` of the length grid.

    Relative numbers are those of the scene zoomed so that its scale is 10 m: absolute number
    minus `index` plus 7500. They reach from 1/1000 of the scale to 10 times the scale.
    """

    index: int

    def __post_init__(self) -> None:
        if not 0 <= self.index <= CELLS:
            raise FormatError(
                f"is {self.index}", code="out-of-range", field="scale", limit=f"0 to {CELLS}"
            )

    @classmethod
    def of_length(cls, metres: float) -> Scale:
        """The grid line nearest to a length."""
        if not SHORTEST <= metres <= LONGEST:
            raise FormatError(
                f"is {metres:.4g} m",
                code="out-of-range",
                field="scale",
                limit=f"{SHORTEST:g} to {LONGEST:g} m",
            )
        return cls(round((math.log10(metres) + 2) * PER_DECADE))

    @classmethod
    def of_depth(cls, depth) -> Scale:
        """The median of the valid depths (finite, > 0), snapped to the grid."""
        depth = np.asarray(depth)
        valid = depth[np.isfinite(depth) & (depth > 0)]
        if not valid.size:
            raise FormatError("no valid depth", code="depth-empty", field="scale")
        return cls.of_length(float(np.median(valid)))

    @property
    def metres(self) -> float:
        return 10 ** (self.index / PER_DECADE - 2)

    def relative(self, cells) -> np.ndarray:
        """Relative numbers of absolute ones; FormatError where they leave four digits."""
        out = np.asarray(cells) - self.index + ANCHOR
        if not ((out >= 0) & (out < CELLS)).all():
            raise FormatError(
                f"a length cannot be written relative to the scene scale of {self.metres:.3g} m",
                code="out-of-range",
                field="scale",
                limit="1/1000 to 10 times the scale",
                hint="Write absolute numbers",
            )
        return out

    def absolute(self, numbers) -> np.ndarray:
        """Absolute numbers of relative ones; FormatError where they leave the grid."""
        out = np.asarray(numbers) + self.index - ANCHOR
        if not ((out >= 0) & (out < CELLS)).all():
            raise FormatError(
                f"a length leaves the grid at the scene scale of {self.metres:.3g} m",
                code="out-of-range",
                field="scale",
                limit=f"{SHORTEST:g} to {LONGEST:g} m",
            )
        return out


def scene_scale(depth: np.ndarray) -> Scale:
    """The scene scale of a depth image with 0 where invalid, at most 100 m, at least 1 cm."""
    metres = float(np.median(depth[depth > 0]))
    return Scale.of_length(min(max(metres, SHORTEST), LONGEST))
