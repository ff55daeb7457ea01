"""The eight corners of a box: their order, what they span, and the box they belong to."""

from __future__ import annotations

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.arrays import floats

# Half-size signs of the eight corners. v0..v3 go round the near-z face, v4..v7 the far one:
# the order of Omni3D and pytorch3d.
CORNER_SIGNS = np.array(
    [
        [-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1],
        [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1],
    ],
    dtype=float,
)  # fmt: skip
EDGES = (
    (0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7),
)  # fmt: skip
# Faces as corner loops, counter-clockwise seen from outside: -x, +x, -y, +y, -z, +z.
FACES = (
    (0, 4, 7, 3), (1, 2, 6, 5), (0, 1, 5, 4), (3, 7, 6, 2), (0, 3, 2, 1), (4, 5, 6, 7),
)  # fmt: skip
CORNER_ORDER = "v0(-,-,-) v1(+,-,-) v2(+,+,-) v3(-,+,-) v4(-,-,+) v5(+,-,+) v6(+,+,+) v7(-,+,+)"


def fit_corners(corners, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre, size and rotation of the boxes with these corners (..., 8, 3).

    Raises GeometryError when the corners differ from those of the fitted box by more than
    `tolerance` of its diagonal.
    """
    c = floats(corners, (8, 3), field="corners")
    center = c.mean(axis=-2)
    local = c - center[..., None, :]
    spread = np.linalg.svd(local, compute_uv=False)
    if (spread[..., 2] <= 1e-12 * spread[..., 0]).any():
        raise GeometryError("box has no volume", code="box-size", field="corners")
    # Least-squares axes: column k is the mean edge along local axis k.
    axes = np.swapaxes(local, -1, -2) @ CORNER_SIGNS / 8
    half = np.linalg.norm(axes, axis=-2)
    u, _, vt = np.linalg.svd(axes / np.maximum(half, 1e-300)[..., None, :])
    rotation = u @ vt
    wrong = np.linalg.det(rotation) < 0
    fitted = center[..., None, :] + (CORNER_SIGNS * half[..., None, :]) @ np.swapaxes(
        rotation, -1, -2
    )
    diagonal = np.linalg.norm(spread, axis=-1) / np.sqrt(2)
    error = np.abs(fitted - c).max(axis=(-1, -2)) / diagonal
    if np.any(wrong | (error > tolerance)):
        raise GeometryError(
            f"corners are not a box in the expected order (off by {np.max(error):.1%} of its "
            "diagonal)",
            code="corners-order",
            field="corners",
            limit=f"{tolerance:.0%}",
            hint=f"Expected order: {CORNER_ORDER}",
        )
    return center, 2 * half, rotation
