"""Exact depth, instance ids and normals of solids seen by a pinhole camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from n3d.geometry import Camera
from n3d.synthetic.primitives import BACKGROUND, Primitives


@dataclass(frozen=True, eq=False)
class Cast:
    """What the rays through the pixel centres met first.

    `depth` (h, w) float32 z-depth, 0 where nothing; `ids` (h, w) int32 object ids, -1 for the
    background and where nothing; `parts` (h, w) int32 rows of the primitives, -1 where
    nothing; `normals` (h, w, 3) float32 unit vectors towards the camera if asked for.
    """

    depth: np.ndarray
    ids: np.ndarray
    parts: np.ndarray
    normals: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Primitives mapped to their unit forms, as the kernels take them.

    `to_unit` (n, 3, 3) and `origin` (n, 3) take a camera-frame point p to to_unit p + origin;
    `half_axes` (n, 3, 3) are the half axes as columns.
    """

    primitives: Primitives
    to_unit: np.ndarray
    origin: np.ndarray
    half_axes: np.ndarray


@dataclass(frozen=True, eq=False)
class Hits:
    """`depth` (h, w) float64, inf where nothing, and `parts` (h, w) int32 rows, -1 there."""

    depth: np.ndarray
    parts: np.ndarray


def prepare(primitives: Primitives) -> Prepared:
    """The unit-form maps of primitives in the camera frame."""
    half = primitives.size / 2
    back = np.swapaxes(primitives.rotation, -1, -2)
    to_unit = np.ascontiguousarray(back / half[:, :, None])
    origin = -(to_unit @ primitives.center[:, :, None])[..., 0]
    half_axes = np.ascontiguousarray(primitives.rotation * half[:, None, :])
    return Prepared(primitives, to_unit, np.ascontiguousarray(origin), half_axes)


def cast(primitives: Primitives | Prepared, camera: Camera, *, normals: bool = False) -> Cast:
    """The first hit of the ray through every pixel centre, computed in float64.

    `primitives` stand in the camera frame. A camera inside a solid sees its inner surface.
    """
    from n3d.synthetic import raycast_kernels as kernels  # numba: imported when first needed

    ready = primitives if isinstance(primitives, Prepared) else prepare(primitives)
    hits = hit(ready, camera)
    depth, parts = hits.depth, hits.parts
    solids = ready.primitives
    out = None
    if normals:
        out = np.empty((*depth.shape, 3), np.float32)
        kernels.normals(
            solids.kind,
            ready.to_unit,
            ready.origin,
            solids.ends,
            solids.caps,
            *rays(camera),
            depth,
            parts,
            out,
        )
    owner = np.append(solids.object_id, np.int32(BACKGROUND))  # row -1 is nothing
    return Cast(np.where(parts >= 0, depth, 0).astype(np.float32), owner[parts], parts, out)


def hit(ready: Prepared, camera: Camera) -> Hits:
    """The first hits, as the kernels give them."""
    from n3d.synthetic import raycast_kernels as kernels

    depth = np.empty((camera.height, camera.width))
    parts = np.empty((camera.height, camera.width), np.int32)
    solids = ready.primitives
    kernels.cast(
        solids.kind,
        ready.to_unit,
        ready.origin,
        solids.ends,
        solids.caps,
        _rectangles(ready, camera, (0, 0, camera.width, camera.height)),
        *rays(camera),
        depth,
        parts,
    )
    return Hits(depth, parts)


def _rectangles(ready: Prepared, camera: Camera, window, rows=slice(None)) -> np.ndarray:
    from n3d.synthetic import raycast_kernels as kernels

    kind = ready.primitives.kind[rows]
    out = np.empty((len(kind), 4), np.int64)
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    kernels.rectangles(
        kind,
        ready.half_axes[rows],
        ready.primitives.center[rows],
        intrinsics,
        np.array(window, np.int64),
        out,
    )
    return out


def rays(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """x/z of every column (w,) and y/z of every row (h,) at pixel centres, float64."""
    x = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(camera.height) + 0.5 - camera.cy) / camera.fy
    return x, y


def coverage(
    ready: Prepared, rows: slice, camera: Camera, visible: np.ndarray, *, samples: int = 40_000
) -> tuple[int, int]:
    """How many pixels of an object are `visible` (h, w) bool, and how many it would cover alone.

    `rows` are its primitives. The second count goes on beyond the image, up to one image size
    on each side, so that the ratio is the share that neither other objects nor the border
    hide. Where the object's rectangle has more than `samples` pixels both count every n-th
    pixel only.
    """
    from n3d.synthetic import raycast_kernels as kernels

    w, h = camera.width, camera.height
    rectangles = _rectangles(ready, camera, (-w, -h, 2 * w, 2 * h), rows)
    full = rectangles[(rectangles[:, 2:] > rectangles[:, :2]).all(axis=1)]
    if len(full) == 0:
        return 0, 0
    low, high = full[:, :2].min(axis=0), full[:, 2:].max(axis=0)
    stride = max(1, math.ceil(math.sqrt(np.prod(high - low) / samples)))
    # On the image's own grid of every n-th pixel, so that both counts see the same pixels.
    start = low - low % stride
    grid = np.empty(tuple((high - start + stride - 1) // stride)[::-1], bool)
    solids = ready.primitives
    kernels.cover(
        solids.kind[rows],
        ready.to_unit[rows],
        ready.origin[rows],
        solids.ends[rows],
        solids.caps[rows],
        rectangles,
        np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        start,
        stride,
        grid,
    )
    x0, y0 = np.maximum(start, 0)
    seen = visible[y0 : max(high[1], 0) : stride, x0 : max(high[0], 0) : stride]
    return int(np.count_nonzero(seen)), int(np.count_nonzero(grid))
