"""What makes a benchmark: quotas in proportion, and no side that crowds out another."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError
from n3d.evaluate import choosing
from n3d.evaluate.choosing import GROUPS, Candidate


def pool(rng, kinds, count=400, yes=0.8, guessed=0.7):
    """Candidates of which most are answered by yes, about a chair, and guessed."""
    found = []
    for i in range(count):
        kind = kinds[rng.integers(len(kinds))]
        told = "yes" if rng.random() < yes else "no"
        label = "chair" if rng.random() < 0.6 else f"thing {rng.integers(12)}"
        view = "opposite" if rng.random() < 0.5 else "camera"
        sides = (("scene", f"s{i // 4}"), ("kind", kind), ("answer", f"{kind} {told}"),
                 ("label", label), ("view", view), ("objects", f"{i % 3 + 1}"))  # fmt: skip
        found.append(Candidate(f"{kind}-{i}", kind, sides, bool(rng.random() < guessed)))
    return found


def test_the_shape_is_that_of_n3d_bench():
    assert len(GROUPS) == 11
    assert sum(g.count for g in GROUPS if not g.numeric) == 1200
    assert sum(g.count for g in GROUPS if g.numeric) == 800
    assert len(set(choosing.KINDS)) == len(choosing.KINDS)
    assert choosing.quotas(2000) == {g.name: g.count for g in GROUPS}


@given(st.integers(11, 5000))
def test_quotas_add_up_and_are_in_proportion(questions):
    found = choosing.quotas(questions)
    assert sum(found.values()) == pytest.approx(questions, abs=11 if questions < 100 else 0)
    for g in GROUPS:
        assert abs(found[g.name] - g.count * questions / 2000) <= 1


def test_quotas_have_a_least():
    with pytest.raises(ConfigError, match="11"):
        choosing.quotas(10)


def test_sides_are_taken_alike():
    rng = np.random.default_rng(0)
    candidates = pool(rng, ("left_right", "left_right_choice"), 1200)
    chosen = choosing.choose(candidates, 1000)
    by_id = {c.id: c for c in candidates}
    taken = [by_id[i] for i in chosen]
    assert len(taken) == len(set(chosen)) == 100
    for what, low, high in (("kind", 0.45, 0.55), ("view", 0.2, 0.35)):
        counts = Counter(v for c in taken for w, v in c.sides if w == what)
        share = min(counts.values()) / len(taken)
        assert low <= share <= high, (what, counts)
    answers = Counter(v.split()[-1] for c in taken for w, v in c.sides if w == "answer")
    assert 0.42 <= answers["yes"] / len(taken) <= 0.6
    assert 0.4 <= sum(bool(c.guess) for c in taken) / len(taken) <= 0.6
    labels = Counter(v for c in taken for w, v in c.sides if w == "label")
    assert labels["chair"] / len(taken) < 0.35  # of 0.6 in the pool
    assert max(Counter(c.sides[0][1] for c in taken).values()) <= 4


def test_numbers_that_can_be_guessed_are_rare():
    rng = np.random.default_rng(1)
    candidates = pool(rng, ("distance",), 1200, guessed=0.5)
    by_id = {c.id: c for c in candidates}
    taken = [by_id[i] for i in choosing.choose(candidates, 1000)]
    assert sum(bool(c.guess) for c in taken) / len(taken) < 0.2


def test_a_scene_gives_only_so_many_and_too_few_are_all_that_there_are():
    rng = np.random.default_rng(2)
    few = pool(rng, ("clock",), 12)
    assert len(choosing.choose(few, 2000, per_scene=2)) == 6
    assert len(choosing.choose(few, 2000)) == 12
    assert choosing.choose([], 100) == []
    other = [Candidate("x", "volume", (("scene", "s"),))]
    assert choosing.choose(other, 100) == []


def test_the_choice_is_the_same_for_the_same_seed():
    candidates = pool(np.random.default_rng(3), choosing.KINDS, 600)
    one, two, other = (choosing.choose(candidates, 100, seed=s) for s in (5, 5, 6))
    assert one == two
    assert one != other
