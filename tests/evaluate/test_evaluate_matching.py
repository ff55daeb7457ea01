"""Matching: hand-made cases, and laws against trying every pairing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from evaluate_samples import thing
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from n3d.errors import ConfigError
from n3d.evaluate import matching
from n3d.evaluate.matching import Counts

MATRICES = st.tuples(st.integers(0, 5), st.integers(0, 5)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.6, 0.9]))
)


def along(x: float, label: str = "mug", score: float = 1.0):
    """A unit cube at x: cubes d apart have IoU (1 - d) / (1 + d)."""
    return thing(label, (x, 0, 5), (1, 1, 1), score=score)


def test_counts_add_up_and_have_no_share_of_nothing():
    total = Counts(3, 1, 2) + Counts(1, 0, 1)
    assert total == Counts(4, 1, 3)
    assert (total.precision, total.recall, total.f1) == (4 / 5, 4 / 7, 8 / 12)
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert Counts(0, 2, 0).f1 == 0


def test_perfect_empty_and_superfluous_predictions(room):
    for rule in ("greedy", "hungarian"):
        assert matching.count(room, room, 0.5, rule=rule) == Counts(4, 0, 0)
        assert matching.count((), room, 0.5, rule=rule) == Counts(0, 0, 4)
        assert matching.count(room, (), 0.5, rule=rule) == Counts(0, 4, 0)
        assert matching.count((*room, room[0]), room, 0.5, rule=rule) == Counts(4, 1, 0)


def test_classes_matter_when_asked():
    predicted, true = [along(0, "cup")], [along(0, "mug")]
    assert matching.count(predicted, true, 0.5) == Counts(0, 1, 1)
    assert matching.count(predicted, true, 0.5, by_class=False) == Counts(1, 0, 0)
    assert matching.count([along(0, "red mug")], true, 0.5) == Counts(1, 0, 0)


def test_the_threshold_itself_is_reached():
    iou = matching.ious([along(0.6)], [along(0)])[0, 0]
    assert iou == pytest.approx(0.25)
    assert matching.count([along(0.6)], [along(0)], iou) == Counts(1, 0, 0)
    assert matching.count([along(0.6)], [along(0)], iou + 1e-9) == Counts(0, 1, 1)


def test_greedy_and_hungarian_differ_where_the_sure_box_takes_what_another_needs():
    # The surer prediction overlaps both, the other one only the first true box.
    predicted = [along(0.1, score=0.9), along(-0.4, score=0.5)]
    true = [along(0.0), along(0.4)]
    assert matching.count(predicted, true, 0.4, rule="greedy") == Counts(1, 1, 1)
    assert matching.count(predicted, true, 0.4, rule="hungarian") == Counts(2, 0, 0)


def test_a_visible_object_that_is_no_target_counts_neither_way():
    true, ignored = [along(0)], [along(5)]
    assert matching.count([along(0), along(5)], true, 0.5, ignored=ignored) == Counts(1, 0, 0)
    assert matching.count([along(5), along(5)], true, 0.5, ignored=ignored) == Counts(0, 1, 1)
    other = matching.count([along(5, "cup")], true, 0.5, ignored=ignored)
    assert other == Counts(0, 1, 1)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ConfigError, match="greedy, hungarian"):
        matching.count([], [], 0.5, rule="best")  # pyright: ignore[reportArgumentType]


@given(MATRICES, st.sampled_from([0.0, 0.2, 0.5]))
def test_hungarian_finds_the_most_pairs_and_of_those_the_best(worth, threshold):
    pairs = matching.hungarian(worth, threshold)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    n, m = worth.shape
    best = (0, 0.0)
    for k in range(1, min(n, m) + 1):
        for rows in itertools.combinations(range(n), k):
            for columns in itertools.permutations(range(m), k):
                values = worth[list(rows), list(columns)]
                if (values >= threshold).all():
                    best = max(best, (k, round(float(values.sum()), 9)))
    assert (len(pairs), round(sum(worth[i, j] for i, j in pairs), 9)) == best


@given(MATRICES, st.data())
def test_greedy_is_one_to_one_and_does_not_depend_on_the_order(worth, data):
    n = len(worth)
    jitter = np.arange(worth.size).reshape(worth.shape) * 1e-6  # no two are equal
    iou, scores = (
        worth + jitter,
        data.draw(st.lists(st.sampled_from([0.1, 0.9]), min_size=n, max_size=n)),
    )
    pairs = matching.greedy(iou, scores, 0.25)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(iou[i, j] >= 0.25 for i, j in pairs)
    order = data.draw(st.permutations(range(n)))
    again = matching.greedy(iou[order], [scores[i] for i in order], 0.25)
    assert sorted((order[i], j) for i, j in again) == pairs


def test_permuting_everything_changes_no_count(sittings):
    rng = np.random.default_rng(0)
    for sitting in sittings:
        true = sitting.items[0].true
        predicted = [replace(o, score=float(rng.random())) for o in true[1:]]
        mixed = [predicted[i] for i in rng.permutation(len(predicted))]
        assert matching.count(mixed, true, 0.5) == Counts(len(predicted), 0, 1)
