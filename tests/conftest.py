"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The default suite tries the same examples every time; `make test-thorough` looks for new ones.
settings.register_profile(
    "n3d",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("N3D_HYPOTHESIS", "n3d"))

SHARED = Path(os.environ.get("N3D_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and samples beside the project, or a skip."""
    if not SHARED.is_dir():
        pytest.skip("needs the developers' folder of reference data (../shared or N3D_SHARED)")
    return SHARED
