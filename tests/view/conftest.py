"""A small RGB-D scene drawn with numpy: a wall, a table and things on it."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.geometry import Box3D, Camera, euler
from n3d.scene import (
    RGBD,
    Answer,
    Check,
    Object3D,
    Prediction,
    Quantity,
    Ref,
    Step,
    Trace,
    Var,
)


@pytest.fixture
def camera() -> Camera:
    return Camera(300.0, 300.0, 160.0, 120.0, 320, 240)


@pytest.fixture
def rgbd(camera) -> RGBD:
    """A grey wall at 4 m with a nearer block at 2 m and a hole in the depth."""
    image = np.full((240, 320, 3), 120, np.uint8)
    depth = np.full((240, 320), 4.0, np.float32)
    image[80:180, 100:200] = (170, 90, 60)
    depth[80:180, 100:200] = 2.0
    depth[:20, :40] = 0
    return RGBD(image, camera, depth, depth_source="sensor", up=np.array([0.0, -1.0, 0.0]))


@pytest.fixture
def objects() -> list[Object3D]:
    return [
        Object3D("a", "block", Box3D([-0.05, 0.05, 2.2], [0.6, 0.5, 0.4], euler(0.4)), score=0.9),
        Object3D("b", "lamp", Box3D([0.7, -0.2, 2.8], [0.3, 0.6, 0.3]), score=0.7),
        Object3D("c", "far box", Box3D([-1.2, 0.1, 3.6], [0.4, 0.4, 0.4], euler(-0.3))),
    ]


@pytest.fixture
def prediction(objects, rgbd) -> Prediction:
    apart = float(np.linalg.norm(objects[0].box.center - objects[1].box.center))
    steps = (
        Step("distance", (Ref(0), Ref(1)), Quantity(apart, "m", of=Ref(0)), "a"),
        Step("height", (Ref(1),), Quantity(0.6, "m", of=Ref(1)), "b"),
        Step("greater", (Var("a"), Var("b")), True),
    )
    return Prediction(
        "Is the block farther from the lamp than the lamp is tall?",
        objects=tuple(objects),
        trace=Trace(steps),
        answer=Answer("Yes", True, probability=0.97),
        check=Check(True),
        notes=("boxes were given",),
        provenance=rgbd.provenance,
    )
