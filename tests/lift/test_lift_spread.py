"""Deviations that follow from what is not a box."""

from __future__ import annotations

import numpy as np
import pytest

from n3d.lift import spread


def widened(source="faces", boxy=True, cut=0.0, sigma=0.004):
    low_sigma, high_sigma = np.full(3, sigma), np.full(3, sigma)
    open_share = np.zeros((2, 3))
    open_share[1, 0] = cut
    found = spread.widen(source, boxy, np.zeros(3), np.ones(3), low_sigma, high_sigma, open_share)
    return found, np.hypot(low_sigma, high_sigma)


def test_boxes_keep_narrow_intervals():
    source, box = widened()
    assert source == "faces"
    assert (box < 0.08).all()
    assert (widened(boxy=False)[1] > box).any()


def test_an_end_that_is_cut_off_is_wider_on_its_side_only():
    open_, closed = widened(cut=1.0)[1], widened()[1]
    assert open_[0] > 1.5 * closed[0]
    assert open_[1:] == pytest.approx(closed[1:])


def test_what_is_as_good_as_unmeasured_is_called_a_prior():
    assert widened(sigma=0.2)[0] == "prior"
    assert widened("symmetry", sigma=0.2)[0] == "symmetry"


@pytest.mark.parametrize("source", ["faces", "symmetry", "prior"])
def test_deviations_never_shrink(source):
    for boxy in (True, False):
        for cut in (0.0, 1.0):
            sigma = widened(source, boxy, cut)[1]
            assert (sigma >= np.hypot(0.004, 0.004)).all()


def test_noise_is_no_misfit():
    assert spread.like_a_box(0.99, 0.05, 2, 0.03)
    assert not spread.like_a_box(0.99, 0.05, 2, 0.001)
    assert not spread.like_a_box(0.9, 0.001, 2, 0.0)
    assert not spread.like_a_box(0.99, 0.001, 1, 0.0)
