"""Phrases mean one object, and every expression leads back to its object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import QuestionError
from n3d.reason import labels, refer
from n3d.reason.phrases import parse


@pytest.mark.parametrize(
    ("phrase", "index"),
    [
        ("the mug", 0),
        ("Mugs", 0),
        ("the red mug", 0),
        ("my lamp", 1),
        ("bbox_2", 2),
        ("bbox 2", 2),
        ("2_laptop", 2),
        ("0_Mug", 0),
        ("the left chair", 3),
        ("the leftmost chair", 3),
        ("the chair on the left", 3),
        ("the chair on the right side", 4),
        ("the rightmost chair", 4),
        ("the second chair from the left", 4),
        ("the 2nd chair from the left", 4),
        ("the first chair from the right", 4),
        ("the closest chair", 3),
        ("the chair furthest from the camera", 4),
        ("the chair closest to me", 3),
        ("the tallest chair", 3),
        ("the second tallest chair", 4),
        ("the shortest of the chairs", None),
        ("the chair left of the laptop", 3),
        ("the chair to the left of the laptop", 3),
        ("the chair that is to the right of the laptop", 4),
        ("the chair closest to the mug", 3),
        ("the closest chair to the mug", 3),
        ("the farthest chair from the mug", 4),
        ("the chair next to the mug", 3),
        ("the object between the mug and the lamp", 2),
        ("the tallest object", 3),
        ("the object closest to the red mug", 2),
        ("the object left of the chair on the left", None),
        ("the object in front of the lamp left of the laptop", None),
    ],
)
def test_phrases(desk, phrase, index):
    if index is None:
        with pytest.raises(QuestionError):
            refer.resolve(phrase, desk)
    else:
        assert refer.resolve(phrase, desk) == index


def test_the_middle_one(make_object):
    row = [make_object("cup", (x, 0, 2)) for x in (1.0, -1.0, 0.1)]
    assert refer.resolve("the middle cup", row) == 2
    assert refer.resolve("the cup in the middle", row) == 2
    assert refer.resolve("the third cup from the left", row) == 0
    with pytest.raises(QuestionError):
        refer.resolve("the cup in the middle", row[:2])


def test_labels_of_every_spelling(make_object):
    names = ["night_stand", "Lemon/Lime", "dining table", "Chest-of-drawers", "man on horse"]
    objects = [make_object(n, (i, 0, 2)) for i, n in enumerate(names)]
    for phrase, index in (
        ("the night stand", 0),
        ("nightstands", 0),
        ("lemon/lime", 1),
        ("the lime", 1),
        ("the table", 2),
        ("dining_tables", 2),
        ("the chests of drawers", 3),
        ("the man on horse", 4),
    ):
        assert refer.resolve(phrase, objects) == index
    exact = [*objects, make_object("table", (9, 0, 2))]
    assert refer.resolve("the table", exact) == 5


_REGULAR = (
    *("box", "bus", "glass", "lady", "toy", "knife", "church", "dish", "fox", "tomato", "chair"),
    *("lens", "cactus", "bench", "tv", "mouse", "scissors", "person", "dress", "boy", "berry"),
    *("traffic_light", "chest of drawers"),
)


@pytest.mark.parametrize("word", sorted({*labels.IRREGULAR.values(), *_REGULAR}))
def test_plural_and_singular_are_one_label(word):
    assert labels.same_label(word, labels.plural(word))


def test_own_ids_win(make_object):
    objects = [make_object("mug", (0, 0, 1), id="mug-7"), make_object("mug", (1, 0, 1), id="x")]
    assert refer.resolve("mug-7", objects) == 0
    assert refer.resolve("x", objects) == 1


def test_absent_names_what_is_there(desk):
    with pytest.raises(QuestionError) as e:
        refer.resolve("the lampp", desk)
    assert e.value.code == "object-absent"
    assert "2 x chair" in str(e.value)
    assert "Did you mean 'lamp'" in str(e.value)
    for phrase in ("the blue mug", "3_mug", "bbox_9", "the third chair from the left"):
        with pytest.raises(QuestionError) as e:
            refer.resolve(phrase, desk)
        assert e.value.code == "object-absent", phrase


def test_ambiguous_says_how_to_tell_them_apart(desk):
    with pytest.raises(QuestionError) as e:
        refer.resolve("the chair", desk)
    assert e.value.code == "object-ambiguous"
    expressions = [part.split("'")[0] for part in e.value.hint.split(" '")[1:]]
    assert [refer.resolve(x, desk) for x in expressions] == [3, 4]
    assert "1.00 m left, 2.50 m ahead" in str(e.value)
    with pytest.raises(QuestionError) as e:
        refer.resolve("the object left of the chair", desk)
    assert e.value.code == "object-ambiguous"


def test_what_is_no_phrase_is_refused(desk):
    for text in ("", "the", "the left from the door", "what is this", "the mug is red", "12"):
        with pytest.raises(QuestionError):
            refer.resolve(text, desk)


@pytest.mark.parametrize("up", [None, np.array([0.0, -1.0, 0.2])])
def test_every_expression_leads_back(make_scene, up):
    named = total = 0
    for seed in range(60):
        scene = make_scene(seed, up=up)
        for i in range(len(scene.objects)):
            text = refer.express(i, scene.objects, scene.up)
            total += 1
            if text is not None:
                named += 1
                assert refer.resolve(text, scene.objects, scene.up) == i
                assert refer.resolve(f"the {text}", scene.objects, scene.up) == i
    assert named / total > 0.95


def test_expressions_hold_by_a_margin(make_object):
    pair = [make_object("cup", (x, 0, z)) for x, z in ((0.0, 2.0), (0.01, 2.01))]
    assert refer.express(0, pair) is None
    wide = [make_object("cup", (x, 0, z)) for x, z in ((0.0, 2.0), (0.5, 2.01))]
    assert refer.express(0, wide) == "leftmost cup"
    assert refer.express(0, wide, avoid=("rightness",)) is None


@given(st.text(max_size=60))
def test_any_text_is_a_phrase_or_none(text):
    parse(text)
    parse(text, ("mug", "laptop"))


def test_notes_of_the_maker_are_no_adjectives():
    from n3d.reason.labels import described

    noted = {"depth_from": "prior", "on": "floor", "color": "Red", "attributes": ["wooden", 3]}
    assert described(noted) == ["red", "wooden"]
