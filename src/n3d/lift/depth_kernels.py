"""Compiled loops that settle how far a box reaches behind the faces that were seen."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_options = {"cache": True, "error_model": "numpy", "fastmath": {"nsz", "contract", "arcp"}}

# A face narrower than this, in pixels, cannot be told from the outline.
FAINT_PX = 4.0


@nb.njit(**_options)
def room(rays, behind, along, vertical, low, top, bottom):
    """How far behind the near face the background stands that is seen just past the outline."""
    gaps = np.empty(rays.shape[0])
    k = 0
    for i in range(rays.shape[0]):
        if behind[i] > 0:
            t = 1 / behind[i]
            height = t * (
                vertical[0] * rays[i, 0] + vertical[1] * rays[i, 1] + vertical[2] * rays[i, 2]
            )
            gap = t * (along[0] * rays[i, 0] + along[1] * rays[i, 1] + along[2] * rays[i, 2]) - low
            if top < height < bottom - 0.1 * (bottom - top) and gap > 0:
                gaps[k] = gap
                k += 1
    if k < 8:
        return np.inf
    return np.quantile(gaps[:k], 0.3)


@nb.njit(**_options)
def unseen(axes, seen, cut, low, main, pixel):
    """The depth beyond which another face turned to the camera would have been noticed.

    A face at distance c beside the camera that begins at depth z and is d deep fills an angle of
    c d / (c^2 + z^2); below FAINT_PX pixels it cannot be told from the outline.
    """
    z = low[main]
    size = math.sqrt((pixel[0] ** 2).sum())
    least = np.inf
    for k in range(3):
        if k != main and not seen[k] and not cut[0, k] and low[k] > 0:
            least = min(least, FAINT_PX * size * (low[k] * low[k] + z * z) / low[k])
    return least


@nb.njit(**_options)
def settle_depth(
    out_rays, out_reach, hit, behind, pixel, axes, seen, cut, share, depth_prior,
    low, high, low_sigma, high_sigma,
):  # fmt: skip
    """Weigh the measured depth of a box behind its main face against an assumed one.

    Only the outline off that face measures it: on other faces it is the sharper the less they
    turn away. What is assumed is a share of the face's smaller side, less where the background
    stands nearer. Returns the axis if the assumption outweighs the measurement, else -1.
    """
    m = out_rays.shape[0]
    result = -1
    for k in range(3):
        other = 2 - k if k != 1 else 0
        third = 3 - k - other
        # Only what stands behind a seen face, and for the top only where nothing else is seen.
        if not seen[k] or (k == 1 and (seen[0] or seen[2])):
            continue
        size = high[k] - low[k]
        far = 0
        for i in range(m):
            if hit[i] != k:
                at = axes[k, 0] * out_rays[i, 0] + axes[k, 1] * out_rays[i, 1]
                at = (at + axes[k, 2] * out_rays[i, 2]) * out_reach[i]
                far += at > low[k] + 0.5 * size
        sigma = math.hypot(high_sigma[k], low_sigma[k])
        others = seen[other] or seen[third]
        alone = not others and share > 0.85 and far < 0.1 * m
        if far < 0.01 * m or size < 3 * low_sigma[k] or alone:
            sigma = 1e9
        prior = depth_prior * min(high[third] - low[third], high[other] - low[other])
        loose = 0.4 * prior
        limit = 0.5 * unseen(axes, seen, cut, low, k, pixel) if share > 0.85 else np.inf
        if k != 1:
            limit = min(limit, room(out_rays, behind, axes[k], axes[1], low[k], low[1], high[1]))
        prior = max(min(prior, limit), 0.02 * prior)
        if alone:
            prior = max(prior, min(size, limit))
        prior_sigma = 0.3 * prior + loose
        weight = 1 / (1 + (sigma / prior_sigma) ** 2)
        high[k] = low[k] + weight * size + (1 - weight) * prior
        if weight < 0.99:
            high_sigma[k] = prior_sigma * math.sqrt(1 - weight)
        if weight < 0.5:
            result = k
    return result
