"""Nouns as JSON: they come back, and what JSON cannot hold is refused with its field."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import InputError, N3DError
from n3d.geometry import Box3D, Camera
from n3d.scene import (
    Object3D,
    Picture,
    PictureFiles,
    Prediction,
    Provenance,
    Quantity,
    Ref,
    Region,
    Scene,
    Step,
    Trace,
    Var,
    records,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["bbox_0", "bbox_", "bbox_007", "true", "a"]
)
refs = st.builds(Ref, st.integers(0, 40))
quantities = st.builds(
    Quantity,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["m", "m2", "m3", "rad", "h", "1"]),
    st.none() | st.floats(0, 9),
    st.none() | refs,
)
values = st.recursive(
    st.booleans() | words | refs | quantities,
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)
args = st.recursive(
    words | refs | quantities | st.builds(Var, words),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)
steps = st.builds(Step, words, st.lists(args, max_size=3).map(tuple), values, st.none() | words)


def through_text(data):
    return json.loads(json.dumps(data, allow_nan=False))


@given(st.lists(steps, min_size=1, max_size=4))
def test_any_trace_comes_back(same, made):
    trace = Trace(tuple(made))
    data = through_text(records.to_json(trace))
    assert same(records.from_json(Trace, data), trace)


def test_every_noun_comes_back(nouns, same):
    everything = [
        *(make(full) for make in (nouns.region, nouns.thing, nouns.scene, nouns.qa,
          nouns.prediction) for full in (True, False)),
        nouns.box(), nouns.thing().spread, nouns.trace(), nouns.answer(), nouns.qa().query,
        nouns.prediction().check, Provenance(), Camera(1.1, 2.2, 3, 4, 5, 6, "exif"),
        nouns.picture("files"), PictureFiles("x.png"), Picture("p", files=PictureFiles("x.png")),
    ]  # fmt: skip
    assert {type(n) for n in everything} == set(records.kinds())
    for noun in everything:
        again = records.from_json(type(noun), through_text(records.to_json(noun)))
        assert same(again, noun), type(noun)


def test_a_stack_of_boxes_comes_back(same):
    boxes = Box3D(np.arange(12.0).reshape(4, 3), np.ones(3))
    assert same(records.from_json(Box3D, through_text(records.to_json(boxes))), boxes)


def test_the_documented_form_of_values():
    form = records.value_to_json
    assert form(Quantity(1.56)) == {"value": 1.56, "unit": "m"}
    assert form(Quantity(2, "rad", 0.5, Ref(1))) == {
        "value": 2.0, "unit": "rad", "sigma": 0.5, "of": "bbox_1",
    }  # fmt: skip
    assert form(Ref(0)) == "bbox_0"
    assert form("left") == "left"
    assert form("bbox_0") == {"text": "bbox_0"}
    assert form(Var("a")) == {"var": "a"}
    assert form((True, "x", Ref(2))) == [True, "x", "bbox_2"]


def test_an_object_has_its_box_among_its_fields(nouns):
    data = records.to_json(nouns.thing(False))
    assert list(data)[:6] == ["id", "label", "center", "size", "rotation", "score"]
    assert np.shape(data["rotation"]) == (3, 3)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": math.nan}, "objects[1].score"),
        ({"visibility": math.inf}, "objects[1].visibility"),
        ({"quality": {"a": math.nan}}, "objects[1].quality.a"),
        ({"attributes": {"a": [1, math.nan]}}, "objects[1].attributes.a[1]"),
        ({"attributes": {"a": object()}}, "objects[1].attributes.a"),
        ({"attributes": {1: 2}}, "objects[1].attributes"),
        ({"front": np.array([0, math.nan, 1])}, "objects[1].front"),
        ({"label": "\ud800"}, "objects[1].label"),
        ({"label": None}, "objects[1].label"),
        ({"score": True}, "objects[1].score"),
    ],
)
def test_nonsense_is_not_written(nouns, change, field):
    bad = dataclasses.replace(nouns.thing(), **change)
    with pytest.raises(InputError) as e:
        records.to_json(Scene("s", "p", (nouns.thing(), bad)))
    assert e.value.field == field


def test_nan_in_answers_is_not_written(nouns):
    answer = dataclasses.replace(nouns.answer(), interval=(0.0, math.inf))
    with pytest.raises(InputError) as e:
        records.to_json(dataclasses.replace(nouns.qa(), answer=answer))
    assert e.value.field == "interval"
    with pytest.raises(InputError):
        records.value_to_json(Quantity(math.nan))


def test_a_decoded_view_has_no_json(nouns):
    with pytest.raises(InputError, match="shards") as e:
        records.to_json(nouns.picture("view"))
    assert e.value.code == "record-arrays"
    with pytest.raises(InputError, match="JSON form"):
        records.to_json(3)


def spoil(data, path, value):
    *parents, last = path
    for key in parents:
        data = data[key]
    if value is None:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("id",), None, "id"),
        (("objects", 1, "center"), None, "objects[1].center"),
        (("objects", 1, "center"), [1, 2], "objects[1].center"),
        (("objects", 1, "center"), [1, 2, "3"], "objects[1].center"),
        (("objects", 1, "center"), [1, 2, math.nan], "objects[1].center"),
        (("objects", 1, "size"), [1, 2, 0], "objects[1].size"),
        (("objects", 1, "rotation"), [[1, 2, 3]] * 3, "objects[1].rotation"),
        (("objects", 1, "rotation"), [[1, 2], [3]], "objects[1].rotation"),
        (("objects", 0, "region", "rectangle"), [0, 0, 1, 0], "objects[0].region.rectangle"),
        (("objects", 0, "region", "mask", "counts"), "0", "objects[0].region.mask"),
        (("objects", 0, "extent"), "most", "objects[0].extent"),
        (("objects", 0, "scoer"), 1, "objects[0].scoer"),
        (("objects",), {}, "objects"),
        (("provenance", "metric"), 1, "provenance.metric"),
        (("up",), [0, 0, 0], "up"),
    ],
)
def test_wrong_json_is_refused_with_its_field(nouns, path, value, field):
    data = through_text(records.to_json(nouns.scene()))
    spoil(data, path, value)
    with pytest.raises(N3DError) as e:
        records.from_json(Scene, data)
    assert e.value.field == field


def test_an_unknown_field_names_the_nearest(nouns):
    data = {**records.to_json(nouns.thing()), "visibilty": 1.0}
    with pytest.raises(InputError, match="visibility"):
        records.from_json(Object3D, data)


@pytest.mark.parametrize(
    "bad",
    [
        {"unit": "m"}, {"value": 1, "unit": "ft"}, {"value": "1", "unit": "m"}, None, 3.5,
        {"value": 1, "unit": "m", "of": "a"}, {"var": 1}, {"text": "a", "x": 1}, [[None]],
    ],
)  # fmt: skip
def test_values_that_are_none_are_refused(bad):
    with pytest.raises(N3DError):
        records.value_from_json(bad)


def test_deep_nesting_is_refused():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InputError, match="deep"):
        records.value_from_json(deep)


@pytest.mark.parametrize("kind", [Scene, Prediction, Region, Trace, Camera])
def test_anything_but_the_right_json_is_refused(kind):
    for data in (None, 3, "x", [], {}, [3]):
        with pytest.raises(N3DError):
            records.from_json(kind, data)
