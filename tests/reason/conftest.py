"""Random scenes for the reasoning tests."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.geometry import Box3D
from n3d.scene import BoxSpread, Object3D, Scene

LABELS = (
    *("chair", "table", "lamp", "mug", "laptop", "person", "night_stand", "lemon/lime"),
    *("dog", "sofa", "tv_monitor", "box", "knife", "shelf", "duck", "Person", "glasses", "bus"),
    *("chest of drawers", "salt and pepper shaker", "traffic light", "Cell Phone"),
)
UP = np.array([0.0, -1.0, 0.2])


@pytest.fixture
def make_object():
    def make(label, center, size=(0.2, 0.2, 0.2), yaw=0.0, **fields) -> Object3D:
        box = Box3D.from_euler(center, size, yaw)
        return Object3D(fields.pop("id", ""), label, box, **fields)

    return make


@pytest.fixture(scope="session")
def make_scene():
    def make(seed: int, count: int | None = None, up=UP, spread: float = 0.0, **fields) -> Scene:
        rng = np.random.default_rng(seed)
        objects = []
        for i in range(rng.integers(2, 12) if count is None else count):
            center = [rng.uniform(-2, 2), rng.uniform(-1, 1), rng.uniform(1, 6)]
            front = rng.normal(size=3) * [1, 0, 1]
            colored = rng.random() < 0.3
            box = Box3D.from_euler(center, rng.uniform(0.1, 1.5, 3), rng.uniform(-3, 3))
            objects.append(
                Object3D(
                    f"o{i}",
                    LABELS[rng.integers(len(LABELS))],
                    box,
                    attributes={"color": str(rng.choice(["red", "blue"]))} if colored else {},
                    front=front / np.linalg.norm(front) if rng.random() < 0.5 else None,
                    spread=BoxSpread([spread] * 3, [spread] * 3, spread) if spread else None,
                )
            )
        return Scene(f"scene{seed}", f"picture{seed}", tuple(objects), up=up, **fields)

    return make


@pytest.fixture
def desk(make_object):
    """mug, lamp, laptop, two chairs; level camera."""
    return (
        make_object("mug", (-0.5, 0.2, 1.0), (0.1, 0.12, 0.1), attributes={"color": "red"}),
        make_object("lamp", (0.5, 0.0, 1.5), (0.2, 0.5, 0.2)),
        make_object("laptop", (0.1, 0.2, 1.2), (0.35, 0.25, 0.3)),
        make_object("chair", (-1.0, 0.5, 2.5), (0.5, 1.0, 0.6)),
        make_object("chair", (1.0, 0.5, 3.0), (0.5, 0.8, 0.6), front=np.array([-1.0, 0, 0])),
    )
