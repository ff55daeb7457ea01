"""Tiny random networks on disk, each built once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A function: name of a maker in expert_samples, its arguments -> (folder, network)."""
    import expert_samples

    @functools.cache
    def make(name: str, *arguments: Any) -> tuple[Path, Any]:
        folder = tmp_path_factory.mktemp(name)
        return folder, getattr(expert_samples, name)(folder, *arguments)

    return make
