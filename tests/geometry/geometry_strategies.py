"""Random cameras, motions and boxes for the laws of the geometry room."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from n3d.geometry import Box3D, Camera, Pose, euler

unit = st.floats(-1, 1, allow_subnormal=False)


@st.composite
def rotations(draw):
    """Any rotation, with those of whole and half right angles well represented."""
    if draw(st.booleans()):
        quarter = st.integers(-4, 4).map(lambda k: k * np.pi / 4)
        return euler(draw(quarter), draw(quarter), draw(quarter))
    angle = st.floats(-np.pi, np.pi)
    return euler(draw(angle), draw(angle), draw(angle))


@st.composite
def poses(draw, reach: float = 10.0):
    return Pose(draw(rotations()), np.array([draw(unit) for _ in range(3)]) * reach)


@st.composite
def boxes(draw, smallest: float = 0.1, largest: float = 4.0, reach: float = 2.0):
    """One box with sizes spread evenly over the decades between `smallest` and `largest`."""
    decades = st.floats(np.log10(smallest), np.log10(largest))
    size = 10.0 ** np.array([draw(decades) for _ in range(3)])
    center = np.array([draw(unit) for _ in range(3)]) * reach
    return Box3D(center, size, draw(rotations()))


@st.composite
def cameras(draw):
    width, height = draw(st.integers(2, 24)), draw(st.integers(2, 24))
    focal = st.floats(5, 60)
    return Camera(
        draw(focal),
        draw(focal),
        width * draw(st.floats(0.2, 0.8)),
        height * draw(st.floats(0.2, 0.8)),
        width,
        height,
    )


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
