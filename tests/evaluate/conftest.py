"""Objects made by hand, and a few scenes of the benchmark in small."""

from __future__ import annotations

import pytest
from evaluate_samples import SMALL, thing

from n3d.evaluate.items import Sitting
from n3d.evaluate.synthetic import Benchmark
from n3d.geometry import Camera
from n3d.scene import Object3D


@pytest.fixture(scope="session")
def camera() -> Camera:
    return Camera(fx=300, fy=300, cx=160, cy=120, width=320, height=240)


@pytest.fixture(scope="session")
def bench() -> Benchmark:
    return Benchmark(scenes=6, config=SMALL)


@pytest.fixture(scope="session")
def sittings(bench) -> list[Sitting]:
    return list(bench)


@pytest.fixture
def room() -> tuple[Object3D, ...]:
    """A mug, a lamp, two chairs: apart from each other by more than their size."""
    return (
        thing("mug", (-0.6, 0.2, 1.5), (0.1, 0.12, 0.1)),
        thing("lamp", (0.5, 0.0, 2.0), (0.2, 0.5, 0.2)),
        thing("chair", (-1.0, 0.5, 3.0), (0.5, 1.0, 0.6), yaw=0.3),
        thing("chair", (1.0, 0.5, 3.5), (0.5, 0.8, 0.6), yaw=-0.2, id="chair 2"),
    )
