"""What the benchmark asks is true, sound and always the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from evaluate_samples import SMALL

from n3d import reason, synthetic
from n3d.errors import ConfigError, QuestionError
from n3d.evaluate import requests
from n3d.evaluate.synthetic import Benchmark
from n3d.reason import labels
from n3d.scene import records


def every(sittings, request):
    return [(s, i) for s in sittings for i in s.items if i.request == request]


def facts(item):
    qa = None if item.qa is None else records.to_json(item.qa)
    return item.id, item.kind, item.text, [o.id for o in item.true], qa


def test_the_same_benchmark_is_the_same(sittings):
    again = list(Benchmark(scenes=2, config=SMALL))
    later = list(Benchmark(scenes=1, first=1, config=SMALL))
    for a, b in zip((again[0], again[1], later[0]), (sittings[0], sittings[1], sittings[1])):
        assert [facts(i) for i in a.items] == [facts(i) for i in b.items]
        assert (a.view.image == b.view.image).all()


def test_scenes_are_of_their_split(sittings):
    for index, sitting in enumerate(sittings):
        assert {i.seed for i in sitting.items} == {synthetic.split_seed("test", index)}
    (shifted,) = Benchmark("test-shifted", 1, config=SMALL)
    assert synthetic.split_of(shifted.items[0].seed) == "test-shifted"
    assert len({i.id for s in (*sittings, shifted) for i in s.items}) == sum(
        len(s.items) for s in (*sittings, shifted)
    )


def test_every_scene_is_asked_for_everything(sittings):
    counts = Counter(i.kind for s in sittings for i in s.items)
    assert counts["detect"] == counts["class"] == len(sittings)
    assert counts["expression"] >= len(sittings) - 1
    assert counts["several"] >= len(sittings) - 1
    assert counts["absent_class"] + counts["absent_color"] == len(sittings)
    assert counts[requests.ABSENT_QUESTION] >= len(sittings) - 2
    asked = [i for _, i in every(sittings, "ask") if i.qa is not None]
    assert len(asked) > 2 * len(sittings)
    assert all(i.absent == (not i.true) for _, i in every(sittings, "locate"))


def test_phrases_mean_their_objects_among_all_that_can_be_seen(sittings):
    for sitting, item in every(sittings, "locate"):
        detect = sitting.items[0]
        seen = (*detect.true, *detect.ignored)
        if item.kind in ("expression", "several"):
            for phrase, true in zip(item.phrases, item.true, strict=True):
                found = seen[reason.resolve(phrase, seen, sitting.view.up)]
                assert found.id == true.id
        elif item.kind == "class":
            named = [o for o in seen if labels.same_label(o.label, item.phrases[0])]
            assert {o.id for o in named} == {o.id for o in (*item.true, *item.ignored)}


def test_what_is_absent_is_nowhere(sittings):
    for sitting, item in every(sittings, "locate") + every(sittings, "ask"):
        if not item.absent:
            continue
        rendered = synthetic.make(item.seed, SMALL)
        if item.request == "locate":
            with pytest.raises(QuestionError) as e:
                reason.resolve(item.phrases[0], rendered.scene.objects)
        else:
            query = reason.understand(item.question)
            with pytest.raises(QuestionError) as e:
                reason.bind(query, rendered.scene.objects, sitting.view.up)
        assert e.value.code == "object-absent"


def test_references_hold_on_the_true_boxes(sittings):
    for sitting, item in every(sittings, "ask"):
        if item.qa is not None:
            check, values = reason.replay(item.qa.trace, item.around, up=sitting.view.up)
            assert check.agrees
            assert values[-1] == item.qa.answer.value
            assert max(item.qa.objects) < len(item.around)


def test_views_are_what_a_model_may_see(sittings):
    for sitting in sittings:
        assert sitting.view.image.shape == (SMALL.height, SMALL.width, 3)
        assert sitting.view.up is not None
        assert np.count_nonzero(sitting.view.depth)
        assert all(o.region is None for i in sitting.items for o in (*i.true, *i.around))


@pytest.mark.parametrize(
    "options", [{"split": "train"}, {"scenes": 0}, {"first": -1}, {"questions": -1}]
)
def test_a_benchmark_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigError):
        Benchmark(**options)


def test_questions_can_be_left_out():
    (sitting,) = Benchmark(scenes=1, questions=0, config=SMALL)
    assert not every([sitting], "ask")
