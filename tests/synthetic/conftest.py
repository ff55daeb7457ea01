"""A few rendered scenes that several tests of the room look at."""

from __future__ import annotations

import pytest

from n3d.synthetic import Rendered, SceneConfig, make, split_seed

SMALL = SceneConfig(width=200, height=150)


@pytest.fixture(scope="session")
def rendered() -> list[Rendered]:
    seeds = [split_seed(split, i) for split in ("train", "test-shifted") for i in range(12)]
    return [make(seed, SMALL) for seed in seeds]
