"""One region of a depth image, cleaned: trusted points and the outline of what is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.lift.config import LiftConfig

PAD = 12
# Depth noise below this share of depth cannot be told from rounding.
LEAST_NOISE = 5e-4
# Above this share depth edges are looked for in a 3x3 mean.
SMOOTH_ABOVE = 6e-3
# A jump between neighbouring pixels that surely parts two surfaces; between sparse samples.
PART, PART_SPARSE = 0.03, 0.05
RIM_DEEP, RIM_LINES = 5, 100
_LEAST_SURFACE = 6
# Parts up to this many layers thicker than the blurred rim are looked at as thin.
THIN = 3


@dataclass(frozen=True, eq=False)
class Crop:
    """What was seen of one region.

    `core` (n, 3) holds u, v (pixels of the whole image) and inverse depth of trusted pixels,
    `rim` (k, 5) those of the outermost few along rows and columns with their side and steps
    inwards, `outline` (m, 6) the outline with the inverse depth beyond it (-1 unknown), the
    side (0 left, 1 right, 2 top, 3 bottom) and 1 where the image ends there. `noise` is the
    relative depth noise; `pixels`, `valid`, `kept` count the mask, its depth, what was trusted.
    """

    core: np.ndarray
    rim: np.ndarray
    outline: np.ndarray
    noise: float
    pixels: int
    valid: int
    kept: int
    eroded: int
    sparse: bool


@dataclass(eq=False)
class _Window:
    """The pixels around one mask while they are worked on."""

    w: np.ndarray
    inside: np.ndarray
    top: int
    left: int
    shape: tuple[int, int]
    pixels: int
    valid: int

    def map(self, dtype: Any = np.float32) -> np.ndarray:
        return np.empty(self.w.shape, dtype)


def clean(
    depth: np.ndarray,
    mask: np.ndarray,
    focal: float,
    config: LiftConfig,
    *,
    sparse: bool = False,
    drawn: bool = True,
) -> Crop | None:
    """The trusted points and the outline of one mask; None where it holds no valid depth.

    `drawn` is False for a mask made from the depth itself: its outline says no more than its
    samples do where these are sparse.
    """
    window = _cut(depth, mask, config)
    if window is None or window.valid == 0:
        return None
    if sparse:
        return _sparse(window, focal, config, drawn)
    return _dense(window, focal, config)


def _cut(depth: np.ndarray, mask: np.ndarray, config: LiftConfig) -> _Window | None:
    from n3d.lift import pixel_kernels as pixels  # numba: imported when first needed

    mask = np.ascontiguousarray(mask).view(np.uint8)
    ends = np.empty(4, np.int64)
    if not pixels.bounds(mask, ends):
        return None
    y0, y1, x0, x1 = ends.tolist()
    top, left = max(0, y0 - PAD), max(0, x0 - PAD)
    size = min(mask.shape[0], y1 + 1 + PAD) - top, min(mask.shape[1], x1 + 1 + PAD) - left
    w, inside = np.empty(size, np.float32), np.empty(size, np.uint8)
    count, valid = pixels.cut(depth, mask, top, left, config.near, config.far, w, inside)
    return _Window(w, inside, top, left, mask.shape, int(count), int(valid))


def _dense(window: _Window, focal: float, config: LiftConfig) -> Crop | None:
    from n3d.lift import outline_kernels as outlines
    from n3d.lift import pixel_kernels as pixels

    noise = max(pixels.noise(window.w, window.inside, 400), LEAST_NOISE)
    jump = max(config.edge_jump, 5 * math.sqrt(6.0) * noise)
    core, eroded = _trusted(window, noise, jump, config)
    kept = _surfaces(window, core, max(0.5 * jump, PART), 1, focal)
    if kept == 0:
        return None
    share, expected, behind = window.map(), window.map(), window.map()
    step = max(2 * config.edge_jump, 6 * noise) if config.refine_outline else math.inf
    reach = eroded + config.mask_slack_px + 1
    outlines.grow(window.w, window.inside, core, jump, step, reach, 4, 2, expected, share, behind)
    facts = {"noise": noise, "kept": kept, "eroded": eroded, "sparse": False}
    return _crop(window, core, (share, expected, behind), config, facts)


def _trusted(window: _Window, noise: float, jump: float, config: LiftConfig):
    """The pixels away from depth edges and the blurred rim, and the layers taken off."""
    from n3d.lift import layer_kernels as layers
    from n3d.lift import pixel_kernels as pixels

    edge, layer, core = window.map(np.uint8), window.map(np.uint8), window.map(np.uint8)
    noisy = noise > SMOOTH_ABOVE
    if noisy:
        soft = window.map()
        pixels.smooth(window.w, soft)
        # Nine values: a third of the noise; missing an edge is worse here than marking one.
        pixels.edges(soft, max(config.edge_jump, 0.8 * jump / 3), edge)
    else:
        pixels.edges(window.w, jump, edge)
    most = config.max_erode_px
    layers.peel(window.inside, most + THIN, layer)
    eroded = layers.blurred(edge, layer, 2 if noisy else 0, most)
    layers.keep(window.w, edge, layer, eroded, core)
    return core, eroded


def _sparse(window: _Window, focal: float, config: LiftConfig, drawn: bool) -> Crop | None:
    """Samples: no edges to erode; surfaces join across gaps, a drawn mask gives the outline."""
    from n3d.lift import outline_kernels as outlines

    spacing = max(1, math.ceil(math.sqrt(window.pixels / window.valid)))
    core = ((window.w > 0) & (window.inside > 0)).astype(np.uint8)
    kept = _surfaces(window, core, PART_SPARSE, 2 * spacing, focal)
    if kept == 0:
        return None
    samples = np.where(core, window.w, np.float32(0))
    noise = max(outlines.scatter(samples, core, kept, 3 * spacing, 300), LEAST_NOISE)
    reach = 4 * spacing if drawn else max(1, spacing // 2)
    share, expected, behind = window.map(), window.map(), window.map()
    outlines.grow(
        samples, window.inside, core, 0.02, math.inf, reach, 4 * spacing, 1,
        expected, share, behind,
    )  # fmt: skip
    facts = {"noise": noise, "kept": kept, "eroded": 0, "sparse": True}
    return _crop(window, core, (share, expected, behind), config, facts)


def _surfaces(window: _Window, core: np.ndarray, jump: float, gap: int, focal: float) -> int:
    """Leave only the object's surfaces in `core`; how many pixels they have."""
    from n3d.lift import surface_kernels as surfaces

    h, n = window.w.shape
    runs, parent = np.empty((h * (n // 2 + 1), 5), np.int32), np.empty(h * (n // 2 + 1), np.int32)
    count = surfaces.split(window.w, core, jump, gap, runs, parent)
    return surfaces.choose(window.w, core, runs, count, focal, _LEAST_SURFACE) if count else 0


def _crop(window: _Window, core: np.ndarray, grown, config: LiftConfig, facts: dict) -> Crop:
    from n3d.lift import outline_kernels as outlines
    from n3d.lift import pixel_kernels as pixels

    h, n = window.w.shape
    outline = np.empty((2 * (h + n), 6))
    share, expected, behind = grown
    outline = outline[: outlines.outline(share, expected, behind, outline)]
    points = np.empty((config.max_fit_points + 1, 3))
    most, left, top = config.max_fit_points, window.left, window.top
    points = points[: pixels.sample(window.w, core, facts["kept"], most, left, top, points)]
    rim = np.empty((4 * (RIM_LINES + 1) * RIM_DEEP, 5))
    rim = rim[: pixels.rim(window.w, core, RIM_DEEP, RIM_LINES, left, top, rim)]
    # The crop may end where the image does not.
    bottom, right = top + h, left + n
    ends = (left == 0, right == window.shape[1], top == 0, bottom == window.shape[0])
    outlines.place(outline, left, top, ends)
    return Crop(points, rim, outline, pixels=window.pixels, valid=window.valid, **facts)
