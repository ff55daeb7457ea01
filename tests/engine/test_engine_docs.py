"""The examples of docs/datasets.md."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_page_on_data_sets_is_true():
    page = Path(__file__).parents[2] / "docs" / "datasets.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0
