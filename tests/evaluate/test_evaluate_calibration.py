"""Confidence against outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError
from n3d.evaluate import calibration

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def split(pairs):
    return [s for s, _ in pairs], [r for _, r in pairs]


def test_known_errors():
    assert calibration.ece([1.0, 1.0, 0.0], [True, True, False]) == 0
    assert calibration.ece([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)
    assert calibration.ece([0.9] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.4)
    # Two bins of 15: (0.95 against 0.5) and (0.05 against 0), weighted 2 to 1.
    assert calibration.ece([0.95, 0.95, 0.05], [True, False, False]) == pytest.approx(
        (2 * 0.45 + 0.05) / 3
    )
    assert calibration.brier([1.0, 0.5], [True, False]) == pytest.approx(0.125)
    assert calibration.ece([], []) is calibration.brier([], []) is None
    assert calibration.ece_adaptive([], []) is None


def test_what_is_no_confidence_is_refused():
    with pytest.raises(ConfigError, match="0 to 1"):
        calibration.ece([1.5], [True])
    with pytest.raises(ConfigError):
        calibration.ece([float("nan")], [True])
    with pytest.raises(ConfigError):
        calibration.ece([0.5], [True, False])


@given(PAIRS, st.randoms(use_true_random=False))
def test_errors_do_not_depend_on_the_order(pairs, random):
    mixed = list(pairs)
    random.shuffle(mixed)
    for measure in (calibration.ece, calibration.ece_adaptive, calibration.brier):
        first = measure(*split(pairs))
        assert first == pytest.approx(measure(*split(mixed)))
        assert 0 <= first <= 1
    one_bin = abs(np.mean(split(pairs)[0]) - np.mean(split(pairs)[1]))
    assert calibration.ece(*split(pairs), bins=1) == pytest.approx(one_bin)
    assert calibration.ece(*split(pairs)) >= one_bin - 1e-9


@given(st.floats(-10, 10), st.floats(0, 6), st.floats(0, 1))
def test_intervals_on_the_circle_hold_what_is_inside(low, length, share):
    inside = low + share * length
    for turns in (-1, 0, 2):
        true = inside + turns * 2 * np.pi
        assert calibration.covered((low, low + length), true, period=2 * np.pi)
    outside = low + length + 0.5 * (2 * np.pi - length)
    assert not calibration.covered((low, low + length), outside, period=2 * np.pi)
    assert calibration.covered((low, low + length), inside)
