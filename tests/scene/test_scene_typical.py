"""How long things usually are: figures and ranges that agree."""

from __future__ import annotations

import math

import pytest

from n3d.scene import typical


def test_every_figure_lies_in_the_range_of_its_class():
    both = typical.LONGEST.keys() & typical.RANGES.keys()
    assert len(both) > 40
    for name in both:
        low, high = typical.RANGES[name]
        assert low <= typical.LONGEST[name] <= high, name
        assert 0 < low < high, name


def test_lengths_are_told_by_labels_however_they_are_spelt():
    assert typical.longest("Night_Stand") == typical.LONGEST["night stand"]
    assert typical.longest("flux capacitor") is None


def test_a_common_factor_is_read_from_things_that_are_known():
    mean, known = typical.log_ratio(["chair", "unknown"], [100 * typical.LONGEST["chair"], 3.0])
    assert known == 1
    assert mean == pytest.approx(math.log(100))
    assert typical.log_ratio([], []) == (0.0, 0)
