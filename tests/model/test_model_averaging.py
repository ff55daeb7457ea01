from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from n3d.model import averaging  # noqa: E402

EVEN = np.full(100, 0.01)


def bell(cell: float, sigma: float) -> np.ndarray:
    """What a network believes of a number's 10,000 cells."""
    p = np.exp(-0.5 * ((np.arange(10_000) - cell) / sigma) ** 2)
    return p / p.sum()


@given(st.floats(300.0, 9699.0), st.floats(2.0, 60.0))
def test_a_network_that_knows_both_halves_writes_its_mean(cell, sigma):
    p = bell(cell, sigma).reshape(100, 100)
    bins = p.sum(axis=1)
    written = int(bins.argmax())
    fine = p[written] / bins[written]
    found = averaging.mean(bins, written, fine)
    # Mirror images of the bins beside are nearly what a bell there is.
    assert written * 100 + found == pytest.approx(cell, abs=2 + sigma / 4)
    likeliest = int(fine.argmax())
    assert averaging.nearest(found, fine) == pytest.approx(likeliest, abs=2 + sigma / 2)


@given(st.floats(300.0, 9699.0), st.floats(40.0, 110.0))
def test_a_network_that_knows_one_half_is_nearer_than_the_middle_of_its_bin(cell, sigma):
    bins = bell(cell, sigma).reshape(100, 100).sum(axis=1)
    written = int(bins.argmax())
    found = averaging.nearest(averaging.mean(bins, written, EVEN), EVEN)
    off = cell - written * 100
    assert abs(found - off) <= max(abs(49.5 - off), 12) + 1
    if sigma >= 60:
        assert found == pytest.approx(np.clip(off, 0, 99), abs=16)


def test_beliefs_far_off_do_not_pull():
    bins = np.zeros(100)
    bins[[10, 80]] = 0.6, 0.4
    assert averaging.mean(bins, 10, EVEN) == pytest.approx(49.5)


def test_the_edge_of_the_grid_is_no_bin():
    bins = np.zeros(100)
    bins[0], bins[1] = 0.5, 0.5
    assert averaging.mean(bins, 0, EVEN) == pytest.approx(99.5)


def test_only_what_is_allowed_is_named():
    fine = np.zeros(100)
    fine[[3, 90]] = 0.5
    assert averaging.nearest(60.0, fine) == 90
    assert averaging.nearest(20.0, fine) == 3


class _Tongue:
    own = True
    numbers = ([], list(range(200, 300)), list(range(300, 400)), [])


def test_fine_tokens_are_named_after_coarse_ones_only():
    watch = averaging.Averaging(_Tongue())  # pyright: ignore
    coarse, both = np.arange(200, 300), np.arange(150, 300)
    logits = torch.full((100,), -30.0)
    logits[40], logits[41] = 1.0, 0.999
    assert watch(0, [7], torch.zeros(3), None) is None
    assert watch(0, [7], torch.zeros(3), np.array([1, 2, 3])) is None
    assert watch(0, [7], logits, coarse) is None
    assert watch(0, [7, 240], torch.zeros(100), np.arange(300, 400)) == 399
    # Another row, where labels were allowed beside numbers, and then a label was written.
    assert watch(1, [7], torch.cat([torch.zeros(50), logits]), both) is None
    assert watch(1, [7, 151], torch.zeros(3), np.array([1, 2, 3])) is None
    assert watch(1, [7, 151, 2], torch.zeros(100), np.arange(300, 400)) is None
