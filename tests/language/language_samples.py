"""Cameras, boxes and an operation table that several tests of the language share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from n3d.geometry import Box3D, Camera, upright
from n3d.scene import Object3D, Signature

CAMERA = Camera(525.0, 525.0, 319.5, 239.5, 640, 480)
SIGNATURES = {
    s.op: s
    for s in (
        Signature("distance", ("box", "box"), "quantity"),
        Signature("nearer", ("quantity", "quantity"), "box"),
        Signature("height", ("box",), "quantity"),
        Signature("clock", ("box", "box", "text?"), "quantity", words=("floor", "nearest")),
        Signature("order", ("boxes", "text"), "boxes", words=("near", "far")),
        Signature("sizes", ("boxes",), "quantities"),
        Signature("largest", ("quantities",), "quantity"),
        Signature("left_of", ("box", "box"), "bool"),
        Signature("side", ("box", "box"), "text"),
        Signature("both", ("bool", "bool"), "bool"),
        Signature("given", ("any",), "any"),
    )
}


def named(label: str, box: Box3D, number: int = 0) -> Object3D:
    return Object3D(str(number), label, box)


lengths = st.floats(0.011, 60.0)
labels_any = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
ups = st.sampled_from([None, [0, -1, 0], [0.05, -0.9, -0.3], [0, -0.6, 0.8], [0.7, -0.7, 0.1]])


@st.composite
def boxes(draw, up=None) -> Box3D:
    """A box whose centre the grids hold: camera-aligned, or any yaw about `up`."""
    u, v = draw(st.floats(-0.45, 1.45)), draw(st.floats(-0.45, 1.45))
    center = CAMERA.lift([u * 640, v * 480], draw(st.floats(0.05, 90)))
    size = [draw(lengths) for _ in range(3)]
    if up is None:
        return Box3D(center, size)
    yaw = draw(st.floats(-np.pi, np.pi))
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    return Box3D(center, size, upright(up) @ np.array(turn))
