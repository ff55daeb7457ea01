"""Compiled loops of the geometry room; each has a NumPy twin in the tests."""

from __future__ import annotations

import numba as nb


@nb.njit(
    nb.void(
        nb.types.Array(nb.float32, 2, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.float32[:, :, ::1],
        nb.boolean[:, ::1],
    ),
    cache=True,
)
def unproject(depth, ray_x, ray_y, planes, valid):
    h, w = depth.shape
    infinity = nb.float32(3.4028235e38)
    zero = nb.float32(0)
    for i in range(h):
        ry = ray_y[i]
        for j in range(w):
            z = depth[i, j]
            ok = (z > zero) & (z <= infinity)
            z = z if ok else zero
            valid[i, j] = ok
            planes[0, i, j] = ray_x[j] * z
            planes[1, i, j] = ry * z
            planes[2, i, j] = z
