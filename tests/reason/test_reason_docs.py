"""The page on reasoning says what the code does."""

from __future__ import annotations

import doctest
from pathlib import Path

from n3d.reason import tables

PAGE = Path(__file__).parents[2] / "docs" / "reasoning.md"


def test_examples_run():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testfile(str(PAGE), module_relative=False, optionflags=flags).failed == 0


def test_tables_are_those_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert "`distance(box, box)`" in page
    assert tables.filled(page) == page
