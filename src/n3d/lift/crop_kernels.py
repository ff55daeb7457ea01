"""The cleaning of one region, composed of the compiled loops over its pixels."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from n3d.lift.layer_kernels import blurred, keep, peel
from n3d.lift.outline_kernels import grow, outline, place, scatter
from n3d.lift.pixel_kernels import bounds, cut, edges, noise, rim, sample, smooth
from n3d.lift.surface_kernels import choose, split

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

PAD = 12
# Depth noise below this share of depth cannot be told from rounding.
LEAST_NOISE = 5e-4
# Above this share depth edges are looked for in a 3x3 mean.
SMOOTH_ABOVE = 6e-3
# A jump between neighbouring pixels that surely parts two surfaces; between sparse samples.
PART, PART_SPARSE = 0.03, 0.05
RIM_DEEP, RIM_LINES = 5, 100
LEAST_SURFACE = 6
# Parts up to this many layers thicker than the blurred rim are looked at as thin.
THIN = 3


@nb.njit(**_options)
def clean(
    depth, mask, near, far, focal, sparse, drawn, edge_jump, most_layers, slack, refine, most
):
    """The points, rim and outline of a Crop, its noise, and as counts the mask's pixels, those
    with depth, those trusted, the layers taken off, the outline's points on the image border.

    Without trusted pixels the arrays are empty.
    """
    w, inside, top, left, pixels, valid = window(depth, mask, near, far)
    core, share = np.empty(w.shape, np.uint8), np.empty(w.shape, np.float32)
    expected, behind = np.empty(w.shape, np.float32), np.empty(w.shape, np.float32)
    grown = expected, share, behind
    kept = eroded = 0
    error = 0.0
    if valid > 0 and sparse:
        spacing = max(1, math.ceil(math.sqrt(pixels / valid)))
        kept, error = sparse_surfaces(w, inside, spacing, focal, drawn, core, grown)
    elif valid > 0:
        kept, error, eroded = dense_surfaces(
            w, inside, focal, edge_jump, most_layers, slack, refine, core, grown
        )
    if kept == 0:
        empty = np.empty((0, 3)), np.empty((0, 5)), np.empty((0, 6))
        return (*empty, error, (pixels, valid, 0, eroded, 0))
    points = np.empty((most + 1, 3))
    points = points[: sample(w, core, kept, most, left, top, points)]
    outer = np.empty((4 * (RIM_LINES + 1) * RIM_DEEP, 5))
    outer = outer[: rim(w, core, RIM_DEEP, RIM_LINES, left, top, outer)]
    line = np.empty((2 * (w.shape[0] + w.shape[1]), 6))
    line = line[: outline(share, expected, behind, line)]
    # The crop may end where the image does not.
    bottom, right = top + w.shape[0], left + w.shape[1]
    whole = left == 0, right == mask.shape[1], top == 0, bottom == mask.shape[0]
    border = place(line, left, top, whole)
    return points, outer, line, error, (pixels, valid, kept, eroded, border)


@nb.njit(**_options)
def window(depth, mask, near, far):
    """The inverse depth and the mask PAD around the mask, where that lies, and the counts of
    mask pixels and of those with depth."""
    height, width = mask.shape
    ends = np.zeros(4, np.int64)
    if not bounds(mask, ends):
        return np.empty((0, 0), np.float32), np.empty((0, 0), np.uint8), 0, 0, 0, 0
    top, left = max(0, ends[0] - PAD), max(0, ends[2] - PAD)
    size = min(height, ends[1] + 1 + PAD) - top, min(width, ends[3] + 1 + PAD) - left
    w, inside = np.empty(size, np.float32), np.empty(size, np.uint8)
    pixels, valid = cut(depth, mask, top, left, near, far, w, inside)
    return w, inside, top, left, pixels, valid


@nb.njit(**_options)
def dense_surfaces(w, inside, focal, edge_jump, most_layers, slack, refine, core, grown):
    """Off the depth edges and the blurred rim. How many pixels are kept, noise, layers off."""
    error = max(noise(w, inside, 400), LEAST_NOISE)
    jump = max(edge_jump, 5 * math.sqrt(6.0) * error)
    eroded = trusted(w, inside, error, jump, edge_jump, most_layers, core)
    kept = surfaces(w, core, max(0.5 * jump, PART), 1, focal)
    if kept:
        step = max(2 * edge_jump, 6 * error) if refine else np.inf
        grow(w, inside, core, jump, step, eroded + slack + 1, 4, 2, *grown)
    return kept, error, eroded


@nb.njit(**_options)
def trusted(w, inside, error, jump, edge_jump, most_layers, core):
    """Mark the pixels away from depth edges and the blurred rim; how many layers that takes off."""
    edge, layer = np.empty(w.shape, np.uint8), np.empty(w.shape, np.uint8)
    noisy = error > SMOOTH_ABOVE
    if noisy:
        soft = np.empty(w.shape, np.float32)
        smooth(w, soft)
        # Nine values: a third of the noise; missing an edge is worse here than marking one.
        edges(soft, max(edge_jump, 0.8 * jump / 3), edge)
    else:
        edges(w, jump, edge)
    peel(inside, most_layers + THIN, layer)
    eroded = blurred(edge, layer, 2 if noisy else 0, most_layers)
    keep(w, edge, layer, eroded, core)
    return eroded


@nb.njit(**_options)
def sparse_surfaces(w, inside, spacing, focal, drawn, core, grown):
    """Samples: no edges to erode; surfaces join across gaps, a drawn mask gives the outline.

    How many samples are kept, and their noise.
    """
    h, n = w.shape
    for i in range(h):
        for j in range(n):
            core[i, j] = (w[i, j] > 0) & (inside[i, j] > 0)
    kept = surfaces(w, core, PART_SPARSE, 2 * spacing, focal)
    if kept == 0:
        return kept, 0.0
    samples = np.empty(w.shape, np.float32)
    for i in range(h):
        for j in range(n):
            samples[i, j] = w[i, j] if core[i, j] else np.float32(0)
    error = max(scatter(samples, core, kept, 3 * spacing, 300), LEAST_NOISE)
    reach = 4 * spacing if drawn else max(1, spacing // 2)
    grow(samples, inside, core, 0.02, np.inf, reach, 4 * spacing, 1, *grown)
    return kept, error


@nb.njit(**_options)
def surfaces(w, core, jump, gap, focal):
    """Leave only the object's surfaces in `core`; how many pixels they have."""
    h, n = w.shape
    runs, parent = np.empty((h * (n // 2 + 1), 5), np.int32), np.empty(h * (n // 2 + 1), np.int32)
    count = split(w, core, jump, gap, runs, parent)
    return choose(w, core, runs, count, focal, LEAST_SURFACE) if count else 0
