"""The object in a rectangle, told from its surroundings by depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from n3d.errors import InputError
from n3d.scene import RGBD

# Cells along the longer side of the rectangle, and of the margin around it as a share of it.
CELLS = 72
MARGIN = 0.12
# Relative depth step and bend (per cell) that count as one whole edge; share of colour.
JUMP, CREASE, CONTRAST = 0.03, 0.05, 0.15
# Relative gap beyond which a cell is wholly off a plane.
OFF = 0.02
# Cost of a step that crosses nothing.
TOLL = 0.004
# Below this cost nothing in the rectangle stands out from around it.
LEAST = 0.25
# Cost beyond which a cell of the middle surely belongs to the object.
SEED = 0.4
# Cost from the seeds beyond which a cell belongs to something else.
FAR = 1.0
# Smallest patch of seeds, as a share of the largest, that counts; walls between patches.
PATCH, PATCH_WALL = 0.2, 0.3
# Least share of the rectangle that the bounds of the choice fill; else all of it is chosen.
SPAN = 0.35
NEAR_M, FAR_M = 0.05, 200.0


def segment_rectangle(view: RGBD, rectangle: Sequence[float]) -> np.ndarray:
    """Mask (h, w) bool of the object in a rectangle x0, y0, x1, y1 (pixels), by depth.

    Every cell of a grid goes to whichever side reaches it more cheaply: the surroundings (the
    margin around the rectangle) or the part of the rectangle's middle that they reach worst.
    Paths pay for depth jumps, concave creases and a little for colour (geodesic segmentation,
    Bai and Sapiro, ICCV 2007). Cells are large enough to hold samples where depth is sparse; at
    the border of the object every pixel with depth joins the side whose depth it has. Where
    nothing stands out the whole rectangle is the object. Raises InputError without depth or for
    a rectangle beside the image.
    """
    if view.depth is None:
        raise InputError("the view has no depth", code="depth-missing", field="depth")
    x0, y0, x1, y1 = (float(v) for v in rectangle)
    inner = _window(x0, y0, x1, y1, view)
    margin = max(8.0, MARGIN * max(x1 - x0, y1 - y0))
    top, left, height, width = _window(x0 - margin, y0 - margin, x1 + margin, y1 + margin, view)
    depth = view.depth[top : top + height, left : left + width]
    density = np.count_nonzero(depth) / depth.size
    mask = np.zeros((view.height, view.width), bool)
    if density == 0:
        return mask
    cell = max(1, round(max(height, width) / CELLS), math.ceil(0.9 / math.sqrt(density)))
    w, chosen = _cells(view, top, left, height, width, cell, inner)
    fine = np.empty((height, width), bool)
    _kernels().refine(depth, chosen, w, cell, JUMP, fine)
    a, b, c, d = inner
    rows, columns = slice(a - top, a - top + c), slice(b - left, b - left + d)
    mask[a : a + c, b : b + d] = fine[rows, columns]
    return mask


def _kernels():
    from n3d.lift import rectangle_kernels  # numba: imported when first needed

    return rectangle_kernels


def _window(x0, y0, x1, y1, view: RGBD) -> tuple[int, int, int, int]:
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(view.width, math.ceil(x1)), min(view.height, math.ceil(y1))
    if right <= left or bottom <= top:
        raise InputError(
            f"{x0:g}, {y0:g}, {x1:g}, {y1:g} does not touch the {view.width}x{view.height} image",
            code="outside-image",
            field="rectangle",
        )
    return top, left, bottom - top, right - left


def _cells(view: RGBD, top, left, height, width, cell, inner) -> tuple[np.ndarray, np.ndarray]:
    """Inverse depth of the cells (rows, columns), and which belong to the object."""
    kernels = _kernels()
    rows, columns = -(-height // cell), -(-width // cell)
    w, color = np.empty((rows, columns)), np.zeros((rows, columns, 3))
    image = np.ascontiguousarray(view.image)
    kernels.grid(view.depth, image, top, left, cell, NEAR_M, FAR_M, w, color)
    kernels.fill(w, 6)
    gx, gy = np.empty_like(w), np.empty_like(w)
    kernels.slopes(w, gx, gy)
    within, around, u, v = _places(rows, columns, top, left, cell, inner)
    middle = (u < 0.3) & (v < 0.3) & (w > 0)
    noise = _noise(w)
    off = _off_planes(w, around, noise, view, top, left, cell)
    rest = (noise, JUMP, CREASE, CONTRAST)
    out, into = np.empty_like(w), np.empty_like(w)
    kernels.paths(w, off, gx, gy, color, around, *rest, TOLL, out)
    most = float(out[middle].max()) if middle.any() else 0.0
    if most < LEAST:
        return w, within
    seeds = middle & (out >= min(0.5 * most, SEED))
    labels = np.empty(w.shape, np.int32)
    kernels.patches(w, off, gx, gy, color, seeds, *rest, PATCH_WALL, labels)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    seeds &= (sizes >= PATCH * sizes.max())[labels]
    kernels.paths(w, off, gx, gy, color, seeds, *rest, TOLL, into)
    chosen = _whole((into < np.minimum(out, FAR)) & (w > 0), seeds)
    return w, chosen if _spans(chosen, within) else within


def _spans(chosen: np.ndarray, within: np.ndarray) -> bool:
    """Whether a choice reaches across enough of the rectangle that was drawn around it."""
    part = 1.0
    for axis in (0, 1):
        at, full = np.flatnonzero(chosen.any(axis)), np.flatnonzero(within.any(axis))
        part *= (at[-1] - at[0] + 1) / (full[-1] - full[0] + 1) if len(at) and len(full) else 0.0
    return part >= SPAN


def _places(rows, columns, top, left, cell, inner):
    """Which cells have their centre in the rectangle, which lie clearly outside, and how far off
    its middle they are.

    A tight rectangle touches the object: cells on its border hold both sides.
    """
    a, b, c, d = inner
    y = top + (np.arange(rows) + 0.5) * cell
    x = left + (np.arange(columns) + 0.5) * cell
    within = ((y >= a) & (y < a + c))[:, None] & ((x >= b) & (x < b + d))[None, :]
    over_y = np.maximum(np.maximum(a - y, y - a - c), 0)[:, None]
    over_x = np.maximum(np.maximum(b - x, x - b - d), 0)[None, :]
    around = np.maximum(over_y, over_x) > 1.5 * cell
    if not around.any():  # the rectangle fills the image: only its border can be surroundings
        around[[0, -1], :] = True
        around[:, [0, -1]] = True
    return within, around, np.abs((x - b) / d - 0.5)[None, :], np.abs((y - a) / c - 0.5)[:, None]


def _off_planes(w, around, noise: float, view: RGBD, top: int, left: int, cell: int) -> np.ndarray:
    """How far each cell lies off the planes that the surroundings show, 0 on one of them to 1.

    Floor, table or wall: up to two planes of inverse depth, level or upright, each with a
    quarter of the cells around on it, found by random sample consensus with a fixed seed.
    """
    off = np.ones(w.shape)
    ground = np.stack([*np.nonzero(around & (w > 0))])
    rng = np.random.default_rng(0)
    tolerance = max(0.01, 3 * noise)
    total = ground.shape[1]
    full = np.stack([*np.mgrid[: w.shape[0], : w.shape[1]], np.ones(w.shape)])
    for _ in range(2):
        if ground.shape[1] < max(12, 0.25 * total):
            break
        rows = np.concatenate([ground, np.ones((1, ground.shape[1]))])
        values = w[ground[0], ground[1]]
        picks = rng.integers(ground.shape[1], size=(160, 3))
        bases = rows[:, picks].transpose(1, 2, 0)
        sound = np.abs(np.linalg.det(bases)) > 1
        planes = np.linalg.solve(bases[sound], values[picks[sound]][..., None])[..., 0]
        planes = planes[_level_or_upright(planes, view, top, left, cell)]
        if not len(planes):
            break
        near = np.abs(planes @ rows - values) < tolerance * values
        best = near[near.sum(axis=1).argmax()]
        if best.sum() < 0.25 * total:
            break
        plane = np.linalg.lstsq(rows[:, best].T, values[best], rcond=None)[0]
        gap = np.abs(np.tensordot(plane, full, 1) - w) / np.maximum(w, 1e-6)
        off = np.minimum(off, np.clip((gap - tolerance) / OFF, 0, 1))
        ground = ground[:, np.abs(plane @ rows - values) > 2 * tolerance * values]
    return off


def _level_or_upright(planes: np.ndarray, view: RGBD, top: int, left: int, cell: int) -> np.ndarray:
    """Which planes w = a i + b j + c over cells are floors or walls; looser without gravity."""
    camera = view.camera
    i0, j0 = (camera.cy - top) / cell - 0.5, (camera.cx - left) / cell - 0.5
    a, b, c = planes.T
    # The normal n has n . ray = w for every pixel's ray.
    normal = np.stack([b * camera.fx / cell, a * camera.fy / cell, a * i0 + b * j0 + c], axis=1)
    known = view.up is not None
    up = view.up if known else np.array([0.0, -1.0, 0.0])
    lean = np.abs(normal @ up) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    level, upright = (0.97, 0.15) if known else (0.85, 0.35)
    return (lean > level) | (lean < upright)


def _noise(w: np.ndarray) -> float:
    """Relative noise of the grid from its second differences, kept within sensible bounds."""
    a, b, c = w[:, :-2], w[:, 1:-1], w[:, 2:]
    good = (a > 0) & (b > 0) & (c > 0)
    if not good.any():
        return 0.01
    second = np.abs(a - 2 * b + c)[good] / b[good]
    return float(np.clip(np.median(second) * 1.4826 / math.sqrt(6), 5e-4, 0.01))


def _whole(chosen: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The parts of the choice that hold seeds, without pinholes."""
    from scipy import ndimage

    labels = np.empty(chosen.shape, np.int32)
    ndimage.label(chosen, np.ones((3, 3), int), labels)
    if labels.max() > 1:
        kept = np.unique(labels[seeds & chosen])
        chosen = np.isin(labels, kept[kept > 0])
    holes = ndimage.binary_fill_holes(chosen) & ~chosen
    ndimage.label(holes, None, labels)
    if labels.any():
        small = np.bincount(labels.ravel()) <= max(2, 0.01 * chosen.sum())
        small[0] = False
        chosen = chosen | small[labels]
    return chosen
