"""Exact overlap of oriented 3D boxes: every box of one stack with every box of another."""

from __future__ import annotations

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.box import Box3D


def iou(a: Box3D, b: Box3D) -> np.ndarray:
    """Intersection over union of every box of `a` with every box of `b`, (n, m) float64.

    Exact up to rounding for any orientation and size, also where boxes touch, share faces or
    nearly coincide far from the origin. A single box counts as a stack of one.
    """
    return _matrix(a, b, as_iou=True)


def intersection(a: Box3D, b: Box3D) -> np.ndarray:
    """Volume that every box of `a` shares with every box of `b`, (n, m) cubic metres."""
    return _matrix(a, b, as_iou=False)


def iou_pairs(a: Box3D, b: Box3D) -> np.ndarray:
    """Intersection over union of box i of `a` with box i of `b`, (n,) float64.

    A single box is paired with every box of the other stack.
    """
    from n3d.geometry import overlap_kernels  # numba: imported when first needed

    shape = a.shape or b.shape or (1,)
    for name, box in (("a", a), ("b", b)):
        if box.shape not in ((), shape) or len(shape) != 1:
            raise GeometryError(
                f"pairs need stacks of one length, got shapes {a.shape} and {b.shape}",
                code="overlap-shape",
                field=name,
            )
    out = np.empty(shape)
    overlap_kernels.pairs(*_arrays(a, shape), *_arrays(b, shape), True, out)
    return out


def giou(a: Box3D, b: Box3D) -> np.ndarray:
    """Generalised IoU of every box of `a` with every box of `b`, (n, m), in (-1, 1].

    IoU minus the share of the convex hull of both boxes that neither fills (Rezatofighi et
    al., CVPR 2019, algorithm 1), with the true hull, not a box around both.
    """
    shared, share = intersection(a, b), iou(a, b)
    a, b = _stacked(a, "a"), _stacked(b, "b")
    corners_a, corners_b = a.corners, b.corners
    volume_a, volume_b = a.volume, b.volume
    out = np.empty(shared.shape)
    for i, j in np.ndindex(shared.shape):
        union = volume_a[i] + volume_b[j] - shared[i, j]
        hull = max(_hull_volume(np.concatenate([corners_a[i], corners_b[j]])), union)
        out[i, j] = share[i, j] - (hull - union) / hull
    return out


def _hull_volume(points: np.ndarray) -> float:
    from scipy.spatial import ConvexHull

    # Made round first: Qhull gives up on sets a million times longer than thick.
    u, spread, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return ConvexHull(u).volume * float(spread.prod())


def _matrix(a: Box3D, b: Box3D, *, as_iou: bool) -> np.ndarray:
    from n3d.geometry import overlap_kernels  # numba: imported when first needed

    a, b = _stacked(a, "a"), _stacked(b, "b")
    out = np.empty((*a.shape, *b.shape))
    overlap_kernels.matrix(*_arrays(a, a.shape), *_arrays(b, b.shape), as_iou, out)
    return out


def _stacked(box: Box3D, name: str) -> Box3D:
    if not box.shape:
        return Box3D(box.center[None], box.size[None], box.rotation)
    if len(box.shape) != 1:
        raise GeometryError(
            f"needs one box or a stack of shape (n,), got {box.shape}",
            code="overlap-shape",
            field=name,
        )
    return box


def _arrays(box: Box3D, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre, half size and rotation with the leading axes `shape`, as the kernels read them."""
    rotation = np.ascontiguousarray(np.broadcast_to(box.rotation, (*shape, 3, 3)))
    center = np.ascontiguousarray(np.broadcast_to(box.center, (*shape, 3)))
    return center, np.ascontiguousarray(np.broadcast_to(box.size / 2, (*shape, 3))), rotation
