"""Reviews: the last word counts, edits do what they say, and nothing else is taken."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.errors import InputError
from n3d.geometry import Box3D, euler, upright
from n3d.scene import Drop, Object3D, Scene, reviews
from n3d.scene.reviews import Review, Reviews

UP = np.array([0.05, -0.95, -0.2]) / np.linalg.norm([0.05, -0.95, -0.2])


def thing(id: str, label: str = "mug", **more) -> Object3D:
    frame = upright(UP)
    box = Box3D([0.2, 0.1, 2.0], [0.3, 0.5, 0.4], frame @ euler(yaw=0.3))
    return Object3D(id, label, box, quality={"score": 0.4, "fit": 0.7}, **more)


SCENE = Scene("7", "7", (thing("a"), thing("b"), thing("c", "lamp")), up=UP)


def test_the_last_word_counts(tmp_path):
    made = Reviews.read(tmp_path)
    assert (list(made), made.digest) == ([], "")
    made.add(Review("7", "a", "reject"))
    first = made.digest
    made.add(Review("7", "a", "accept", note="seen again"))
    made.add(Review("7", None, "reject"))
    made.add(Review("7", None, "undo"))
    for found in (made, Reviews.read(tmp_path), reviews.known(tmp_path)):
        assert {r.key: r.verdict for r in found} == {("7", "a"): "accept"}
        assert found.counts() == {
            "accepted": 1, "rejected": 0, "edited": 0, "pictures_rejected": 0,
        }  # fmt: skip
    assert made.digest not in ("", first)
    made.add(Review("7", "a", "undo"))
    assert (dict(made.by_scene), made.digest) == ({}, "")
    assert len((tmp_path / reviews.FILE).read_text().splitlines()) == 5


def test_ids_that_hold_slashes_are_told_apart(tmp_path):
    made = Reviews.read(tmp_path)
    made.add(Review("a/b", "c", "reject"))
    made.add(Review("a", "b/c", "accept"))
    assert {r.key for r in Reviews.read(tmp_path)} == {("a/b", "c"), ("a", "b/c")}


def test_a_scene_is_as_its_reviews_say():
    told = {
        "a": Review("7", "a", "reject"),
        "b": Review("7", "b", "edit", label="cup", size=[0.1, 0.2, 0.3]),
        "c": Review("7", "c", "accept", note="sure"),
    }
    found = reviews.apply(SCENE, told)
    assert isinstance(found, Scene)
    assert found.boxless == ("mug",)
    cup, lamp = found.objects
    assert (cup.label, cup.box.size.tolist()) == ("cup", [0.1, 0.2, 0.3])
    assert cup.attributes["review"] == {"verdict": "edit", "edited": ["label", "size"]}
    assert lamp.attributes["review"] == {"verdict": "accept", "note": "sure"}
    assert lamp.quality == {"score": 1.0, "fit": 0.7, "measured": 0.4}
    assert lamp.box is SCENE.objects[2].box
    whole = reviews.apply(SCENE, {None: Review("7", None, "reject")})
    assert isinstance(whole, Drop)
    assert (whole.id, whole.reason) == ("7", "review-rejected")
    assert reviews.apply(SCENE, {}) is SCENE


def test_an_edited_box_is_whole_and_known():
    seen = replace(SCENE, objects=(thing("a", extent="visible", depth_unobserved=True),))
    found = reviews.apply(seen, {"a": Review("7", "a", "edit", center=[0, 0, 3])})
    assert isinstance(found, Scene)
    (o,) = found.objects
    assert (o.extent, o.depth_unobserved, o.spread) == ("whole", False, None)
    assert o.box.center.tolist() == [0, 0, 3]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-math.pi + 1e-6, math.pi - 1e-6),
    st.floats(-1, 1), st.floats(-1, 1), st.floats(-3, 3), st.booleans(),
)  # fmt: skip
def test_yaw_is_as_said_and_the_lean_stays(wanted, pitch, roll, first, known):
    up = UP if known else None
    frame = upright(UP) if known else np.eye(3)
    box = Box3D([0, 0, 2], [1, 2, 3], frame @ euler(first, pitch, roll))
    o = Object3D("a", "mug", box)
    found = reviews.edited(o, Review("7", "a", "edit", yaw=wanted), up).box
    assert np.allclose(found.rotation, frame @ euler(wanted, pitch, roll), atol=1e-9)
    assert abs(reviews.yaw(found, up) - wanted) < 1e-9
    assert found.size.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": "reject"}, "verdict"),
        ({"size": [1, 0, 1]}, "size"),
        ({"size": [1, 1]}, "size"),
        ({"size": [1, 1, 2e4]}, "size"),
        ({"center": [0, 0, float("inf")]}, "center"),
        ({"center": [0, 0, -1]}, "center"),
        ({"yaw": 99}, "yaw"),
        ({"yaw": float("nan")}, "yaw"),
        ({"yaw": "left"}, "yaw"),
        ({"label": "  "}, "label"),
        ({"note": "x" * 3000}, "note"),
        ({"labels": "mug"}, "labels"),
        ({"scene": 7}, "scene"),
        ({"object": None}, "verdict"),
        ({"label": None, "size": None}, "edit"),
    ],
)
def test_what_is_no_review_is_refused(changed, field):
    record = {"scene": "7", "object": "a", "verdict": "edit", "label": "cup", "size": [1, 1, 1]}
    assert Review.from_json(record).to_json() == record
    with pytest.raises(InputError) as told:
        Review.from_json({**record, **changed})
    assert told.value.field == field


def test_a_line_that_is_no_review_is_named(tmp_path):
    path = tmp_path / reviews.FILE
    path.write_text(json.dumps({"scene": "7", "object": "a", "verdict": "shrug"}) + "\n")
    with pytest.raises(InputError, match=r"reviews.jsonl.*7/a: verdict.*accept, reject"):
        Reviews.read(tmp_path)
    path.write_text('{"scene": "7"}\n')
    with pytest.raises(InputError, match=r"line 1.*is no record with scene and object"):
        Reviews.read(tmp_path)
