from __future__ import annotations

from types import SimpleNamespace

import pytest

from n3d.evaluate import following, programs
from n3d.evaluate.synthetic import Benchmark
from n3d.reason.answering import concerned
from n3d.scene import Answer, Quantity


@pytest.fixture(scope="module")
def sittings():
    return list(Benchmark(scenes=3, questions=8))


class Replays:
    """Answers with the trace of the reference on the boxes that it is given, or on others."""

    def __init__(self, sittings, *, looks_away: bool = False) -> None:
        self.items = {i.question: i for s in sittings for i in s.items if i.qa is not None}
        self.looks_away = looks_away

    def answer(self, view, question, *, objects, computed):
        item = self.items[question]
        order = concerned(item.qa.trace)
        trace = programs.moved(item.qa.trace, {n: k for k, n in enumerate(order)})
        if self.looks_away:
            objects = [item.around[i] for i in order]
        value = programs.rerun(trace, objects, view.up).answer
        return SimpleNamespace(answer=Answer("", value))


def test_edits_change_one_box_and_the_answer(sittings):
    count = 0
    for sitting in sittings:
        for edit in following.edits(sitting):
            order = concerned(edit.item.qa.trace)
            true = [edit.item.around[i] for i in order]
            changed = [a.box.size.tolist() != b.box.size.tolist()
                       or a.box.center.tolist() != b.box.center.tolist()
                       for a, b in zip(true, edit.objects, strict=True)]  # fmt: skip
            assert sum(changed) == 1
            assert not following.same(edit.value, edit.item.qa.trace.answer, following.CHANGE / 2)
            count += 1
    asked = sum(i.qa is not None for s in sittings for i in s.items)
    assert count > 0.7 * asked


def test_who_replays_follows_and_who_looks_away_does_not(sittings):
    assert all(right for _, right in following.follow(Replays(sittings), sittings))
    away = [right for _, right in following.follow(Replays(sittings, looks_away=True), sittings)]
    assert not any(away)


def test_a_fault_is_no_answer(sittings):
    class Faults:
        def answer(self, view, question, *, objects, computed):
            return SimpleNamespace(answer=None)

    found = [right for _, right in following.follow(Faults(), sittings)]
    assert found
    assert not any(found)


def test_numbers_are_the_same_within_a_share():
    a, b = Quantity(1.0, "m"), Quantity(1.04, "m")
    assert following.same(a, b, 0.05)
    assert not following.same(a, b, 0.03)
    assert not following.same(a, Quantity(1.0, "rad"), 0.05)
    assert not following.same(None, a, 0.05)
    assert following.same(True, True, 0.05)
