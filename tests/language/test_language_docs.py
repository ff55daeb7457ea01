from __future__ import annotations

import doctest
from pathlib import Path


def test_the_examples_of_the_language_page():
    page = Path(__file__).parents[2] / "docs/language.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0
