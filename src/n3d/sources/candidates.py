"""Which conventions explain a table of 3D boxes: each is projected and held against the 2D boxes.

An image does not tell the scale of what it shows, so that the unit is found apart: see
`sources.solids`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from n3d.geometry import Camera
from n3d.geometry.corners import CORNER_SIGNS
from n3d.sources import conventions, turning
from n3d.sources.conventions import Convention
from n3d.sources.foreign import Row

FLOOR_PX = 0.75  # a 2D box is not known better: pixels are rounded
NEAR = 1e-3
MOST_BOXES = 32
MOST_VIEWS = 24
SIZES = tuple("".join(p) for p in itertools.permutations("xyz"))
FRAMES = tuple(
    "".join(letters)
    for axes in itertools.permutations(("rl", "du", "fb"))
    for letters in itertools.product(*axes)
)
"""All 48 frames, mirrored ones too."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The rows of a table that have a 2D box and a camera: arrays of n.

    `location`, `sizes` (n, 3), `turns` (n, k) as they stand in the file, `corners` (n, 8, 3) where
    the file has those instead; `rectangle` (n, 4) as it stands there; `camera` (n, 6) = fx, fy,
    cx, cy, width, height.
    """

    location: np.ndarray
    sizes: np.ndarray
    turns: np.ndarray
    rectangle: np.ndarray
    camera: np.ndarray
    corners: np.ndarray | None = None

    @classmethod
    def of(cls, rows: list[Row], cameras: list[Camera]) -> Evidence:
        """The evidence of rows that all have a 2D box, and of their cameras."""
        corners = [r.corners for r in rows if r.corners is not None]
        return cls(
            np.array([r.location for r in rows]),
            np.array([r.sizes for r in rows]),
            np.array([r.turns for r in rows]).reshape(len(rows), -1),
            np.array([r.rectangle for r in rows]),
            np.array([[c.fx, c.fy, c.cx, c.cy, c.width, c.height] for c in cameras]),
            np.stack(corners) if corners else None,
        )

    def __len__(self) -> int:
        return len(self.location)

    def some(self, most: int = MOST_BOXES) -> Evidence:
        """At most `most` rows, evenly spread."""
        if len(self) <= most:
            return self
        at = np.linspace(0, len(self) - 1, most).astype(int)
        return Evidence(
            self.location[at], self.sizes[at], self.turns[at], self.rectangle[at],
            self.camera[at], None if self.corners is None else self.corners[at],
        )  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """One convention (its unit left open) and how far its boxes are off the 2D boxes.

    `error` is the mean distance of the edges in parts of the 2D boxes' sides, at most 1 a box;
    `floor` is what of it means nothing.
    """

    convention: Convention
    error: float
    floor: float

    def odds(self, other: Candidate, boxes: int) -> float:
        """Log odds against `other`: edges with Laplace errors of unknown scale, two free a box."""
        return 2 * boxes * math.log((other.error + other.floor) / (self.error + self.floor))


def search(
    evidence: Evidence,
    *,
    within: float,
    order: str = "",
    tilt: np.ndarray | None = None,
    most: float = 1.0,
) -> list[Candidate]:
    """The candidates whose odds against the best are at most `within`, the best first.

    `order` is the order of 2D boxes where a name tells it. `tilt` (3, 3) turns a level camera's
    axes into those of the camera: the frames are then those of the level one. Errors over `most`
    are left out.
    """
    level, tilt = tilt is not None, np.eye(3) if tilt is None else tilt
    found: list[Candidate] = []
    best = math.inf
    for rectangle, xyxy in _rectangles(evidence, order):
        seen = _clip(xyxy, evidence.camera)
        side = np.maximum((seen[:, 2:] - seen[:, :2]).mean(axis=1), 1)
        floor = float((FLOOR_PX / side).mean())
        for frame in _views(evidence, seen, tilt):
            for anchor, ways, solids in _solids(evidence, frame):
                axes = tilt @ conventions.axes_of(frame)
                errors = _errors(solids, axes, seen, side, evidence.camera)
                low = float(errors.min())
                best = min(best, low + floor)
                limit = best * math.exp(within / (2 * len(evidence)))
                for index in np.flatnonzero(errors.ravel() <= min(limit - floor, most)):
                    at = np.unravel_index(index, errors.shape)
                    size, half, way = ways(*at)
                    found.append(
                        Candidate(
                            Convention(frame, level, "m", anchor, size, half, way, rectangle),
                            float(errors[at]), floor,
                        )
                    )  # fmt: skip
    limit = best * math.exp(within / (2 * len(evidence)))
    kept = [c for c in found if c.error + c.floor <= limit]
    return sorted(kept, key=lambda c: (c.error, plainness(c.convention)))


def error(evidence: Evidence, convention: Convention, tilt: np.ndarray) -> float:
    """The error of one convention's boxes, turned by `tilt`, in parts of the 2D boxes' sides."""
    camera = evidence.camera
    if evidence.corners is not None:
        corners = evidence.corners @ convention.axes.T
    else:
        level = replace(convention, level=False, unit="m")
        corners = level.boxes(evidence.location, evidence.sizes, evidence.turns).corners
    given = conventions.rectangles(
        evidence.rectangle, convention.rectangle, camera[:, 4], camera[:, 5]
    )
    seen = _clip(given, camera)
    side = np.maximum((seen[:, 2:] - seen[:, :2]).mean(axis=1), 1)
    return float(_errors(corners, tilt, seen, side, camera))


def in_view(evidence: Evidence, order: str, tilt: np.ndarray) -> float:
    """How far locations lie outside of their 2D boxes in the best frame, in parts of those."""
    return min(
        (
            _outside(evidence, frame, _clip(xyxy, evidence.camera), tilt)
            for _, xyxy in _rectangles(evidence, order)
            for frame in FRAMES
        ),
        default=3.0,
    )


def plainness(c: Convention) -> tuple:
    """How usual a convention is: of those that say the same, the most usual is named."""
    frames = list(conventions.FRAME_NAMES)
    slots = c.rotation.split(":")
    return (
        c.half,
        frames.index(c.frame) if c.frame in frames else len(frames),
        c.anchor != "center",
        "deg" in slots or "pi" in slots,
        ("xyz", "zyx", "zxy").index(c.size) if c.size in ("xyz", "zyx", "zxy") else 3,
        slots[1:2] not in ([], ["+y"], ["xyz"], ["wxyz"]),
        "-" in c.rotation,
        c.rotation,
    )


# -- 2D boxes -----------------------------------------------------------------------------


def _rectangles(evidence: Evidence, order: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each order and unit that the 2D boxes may have, and their pixels (n, 4)."""
    largest = evidence.rectangle.max()
    units = ["unit"] if largest <= 1.5 else ["px", *(["thousand"] if largest <= 1000 else [])]
    width, height = evidence.camera[:, 4], evidence.camera[:, 5]
    forms = [order, *conventions.RECTANGLES] if order else conventions.RECTANGLES
    for number, (form, unit) in enumerate(itertools.product(forms, units)):
        xyxy = conventions.rectangles(evidence.rectangle, f"{form}:{unit}", width, height)
        cut = _clip(xyxy, evidence.camera)
        area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
        shown = (cut[:, 2:] - cut[:, :2]).clip(0).prod(axis=1)
        ordered = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        # An annotated 2D box reaches out of the image a little at most.
        if (ordered & (shown > 0.3 * area)).mean() > 0.9:
            yield f"{form}:{unit}", xyxy
            if order and number < len(units):
                return  # what the name says is right


def _clip(xyxy: np.ndarray, camera: np.ndarray) -> np.ndarray:
    size = camera[:, [4, 5, 4, 5]]
    return np.clip(xyxy, 0, size)


# -- frames -------------------------------------------------------------------------------


def _views(evidence: Evidence, seen: np.ndarray, tilt: np.ndarray) -> list[str]:
    """The frames in which locations lie before the camera and project to their 2D boxes."""
    scores = [(_outside(evidence, frame, seen, tilt), frame) for frame in FRAMES]
    best = min(s for s, _ in scores)
    return [f for s, f in sorted(scores)[:MOST_VIEWS] if s <= best + 0.4]


def _outside(evidence: Evidence, frame: str, seen: np.ndarray, tilt: np.ndarray) -> float:
    """How far locations lie outside of their 2D boxes, in parts of those; 3 behind the camera."""
    size = (seen[:, 2:] - seen[:, :2]).clip(1)
    p = evidence.location @ (tilt @ conventions.axes_of(frame)).T
    before = p[:, 2] > 0
    z = np.where(before, p[:, 2], 1)
    uv = p[:, :2] / z[:, None] * evidence.camera[:, :2] + evidence.camera[:, 2:4]
    off = np.maximum(seen[:, :2] - uv, uv - seen[:, 2:]).clip(0) / size
    return float(np.where(before, off.max(axis=1).clip(0, 3), 3).mean())


# -- solids -------------------------------------------------------------------------------


def _solids(evidence: Evidence, frame: str):
    """For each anchor: (anchor, names of a place, corners (sizes, ways, n, 8, 3)) in file axes."""
    if evidence.corners is not None:
        yield "center", lambda s, w: ("xyz", False, "none"), evidence.corners[None, None]
        return
    ways, turned = _ways(evidence.turns)
    up = Convention(frame).up
    options = [(size, half) for half in (False, True) for size in SIZES]
    lengths = np.stack([Convention(size=s, half=h).lengths(evidence.sizes) for s, h in options])
    offsets = np.einsum("wnij,snkj->swnki", turned, CORNER_SIGNS * lengths[:, :, None] / 2)
    for anchor in conventions.ANCHORS:
        rise = 0.0 if anchor == "center" else (lengths @ np.abs(up))[..., None] * up / 2
        center = evidence.location + rise
        center = np.broadcast_to(center, lengths.shape)
        yield (
            anchor,
            lambda s, w: (*options[s], ways[w]),
            offsets + center[:, None, :, None],
        )


def _ways(turns: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The ways to read turning numbers that differ on these, and their rotations (w, n, 3, 3)."""
    found: dict[bytes, tuple[str, np.ndarray]] = {}
    for way in turning.every(turns.shape[1]):
        turned = turning.rotations(way, turns)
        if np.isfinite(turned).all() and _orthonormal(turned):
            found.setdefault((turned.round(5) + 0.0).tobytes(), (way, turned))
    if not found:
        return ["none"], np.broadcast_to(np.eye(3), (1, len(turns), 3, 3))
    return [w for w, _ in found.values()], np.stack([t for _, t in found.values()])


def _orthonormal(turned: np.ndarray) -> bool:
    gram = np.swapaxes(turned, 1, 2) @ turned
    return bool(np.abs(gram - np.eye(3)).max() < 1e-2 and (np.linalg.det(turned) > 0).all())


def _errors(
    solids: np.ndarray, axes: np.ndarray, seen: np.ndarray, side: np.ndarray, camera: np.ndarray
) -> np.ndarray:
    """Mean distance (...) of the edges of projected solids (..., n, 8, 3) from the 2D boxes."""
    x, y, z = np.moveaxis(solids @ axes.T, -1, 0)
    whole = (z > NEAR).all(axis=-1)
    z = np.where(z > NEAR, z, np.inf)
    u = x / z * camera[:, None, 0] + camera[:, None, 2]
    v = y / z * camera[:, None, 1] + camera[:, None, 3]
    edges = np.stack([u.min(-1), v.min(-1), u.max(-1), v.max(-1)], axis=-1)
    edges = np.clip(edges, 0, camera[:, [4, 5, 4, 5]])
    off = np.abs(edges - seen).mean(axis=-1) / side
    return np.where(whole, off.clip(0, 1), 1).mean(axis=-1)
