"""Rendered views with exact truth for the lifting tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from n3d.geometry import Box3D, Camera, Pose, axis_rotation, euler
from n3d.scene import RGBD, Region
from n3d.synthetic import raycast
from n3d.synthetic.boxes import degrade, dilate
from n3d.synthetic.primitives import Primitives

CAMERA = Camera(525, 525, 320, 240, 640, 480)


@dataclass(frozen=True, eq=False)
class Shot:
    """A view of boxes, their masks and true boxes."""

    view: RGBD
    masks: list[np.ndarray]
    boxes: list[Box3D]

    @property
    def regions(self) -> list[Region]:
        return [Region(f"box {i}", rectangle(m), m) for i, m in enumerate(self.masks)]

    @property
    def bare(self) -> list[Region]:
        return [Region(r.label, r.rectangle) for r in self.regions]


def rectangle(mask: np.ndarray) -> tuple[float, float, float, float]:
    y, x = np.nonzero(mask)
    return float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)


def shoot(
    boxes, *, wall: float = 6.0, floor: float | None = None, pitch: float = 0.0, up: bool = True,
    blur: float = 1.2, noise: float = 0.003, grow: int = 1, seed: int = 0, camera: Camera = CAMERA,
    keep: float = 1.0,
) -> Shot:  # fmt: skip
    """Boxes (center, size, yaw) of a level world, seen by a camera pitched down."""
    rng = np.random.default_rng(seed)
    tilt = Pose(euler(pitch=pitch), np.zeros(3))
    parts = [Primitives.plane((0, 0, wall), (0, 0, -1))]
    if floor is not None:
        parts.append(Primitives.plane((0, floor, 0), (0, -1, 0)))
    truth = []
    for i, (center, size, yaw) in enumerate(boxes):
        parts.append(Primitives.box(center, size, axis_rotation(1, yaw), i))
        truth.append(Box3D(center, size, axis_rotation(1, yaw)).transform(tilt))
    cast = raycast.cast(Primitives.join(parts).transform(tilt), camera)
    depth = degrade(cast.depth, rng, blur, noise)
    if keep < 1:
        depth = np.where(rng.random(depth.shape) < keep, depth, 0)
    masks = [dilate(cast.ids == i, grow) for i in range(len(truth))]
    image = np.full((camera.height, camera.width, 3), 128, np.uint8)
    direction = tilt.rotation @ np.array([0.0, -1.0, 0.0]) if up else None
    return Shot(RGBD(image, camera, depth, up=direction), masks, truth)


@pytest.fixture(scope="session")
def take():
    """The function that renders boxes to a Shot."""
    return shoot


@pytest.fixture(scope="session")
def two_boxes() -> Shot:
    """Two boxes of which two vertical faces are seen, before a wall."""
    return shoot(
        [([-0.5, 0.3, 2.6], [0.6, 0.8, 0.5], 0.5), ([0.7, 0.4, 3.2], [0.5, 0.5, 0.9], -0.7)]
    )
