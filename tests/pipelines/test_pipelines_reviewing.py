"""What was said of scenes by hand is honoured by all who read them."""

from __future__ import annotations

import json
import shutil

import pytest

import room_samples as rooms
from n3d.errors import ConfigError, InputError
from n3d.pipelines import asking, exporting, exporting_questions, inspecting, lifting
from n3d.pipelines.exporting_questions import Order
from n3d.scene import asked, manifests, reviews, shards
from n3d.scene.reviews import Review, Reviews


@pytest.fixture
def scenes(tmp_path):
    return shutil.copytree(rooms.lifted()["scenes"], tmp_path / "scenes")


def said(scenes) -> tuple:
    """One scene with an object rejected and one edited, another rejected as a whole."""
    first, second = list(shards.read(scenes))[:2]
    lost, moved = first.objects[:2]
    told = Reviews.read(scenes)
    told.add(Review(first.id, lost.id, "reject"))
    told.add(Review(first.id, moved.id, "edit", label="moved thing", center=[0.1, 0.2, 2.5]))
    told.add(Review(second.id, None, "reject", note="blurred"))
    return first, second, lost, moved


def test_exports_are_as_reviewed(scenes, tmp_path):
    first, second, lost, _ = said(scenes)
    report = exporting.export(scenes, tmp_path / "boxes.jsonl", "plain")
    assert report.by_reason == {"review-rejected": 1}
    lines = [json.loads(t) for t in (tmp_path / "boxes.jsonl").read_text().splitlines()]
    every = list(shards.read(scenes))
    assert len(lines) == sum(len(s.objects) for s in every if s.id != second.id) - 1
    (found,) = [r for r in lines if r["label"] == "moved thing"]
    assert found["center"] == pytest.approx([0.1, 0.2, 2.5])
    assert [s.id for s in reviews.read(scenes)] == [s.id for s in every if s.id != second.id]
    assert lost.id not in {
        o.id for s in reviews.read(scenes) if s.id == first.id for o in s.objects
    }


def test_questions_are_of_what_was_kept(scenes, tmp_path):
    first, second, lost, _ = said(scenes)
    report = asking.ask(scenes, tmp_path / "questions", kinds="height", per_scene=1, progress=False)
    assert report.by_reason["review-rejected"] == 1
    questions = list(shards.read(tmp_path / "questions"))
    assert second.id not in {qa.scene_id for qa in questions}
    told = dict(asked.together(tmp_path / "questions", scenes))
    assert not any(o.id == lost.id for s in told if s.id == first.id for o in s.objects)
    manifest = manifests.read(tmp_path / "questions")
    assert manifest.config["reviews"] == Reviews.read(scenes).digest
    again = asking.ask(scenes, tmp_path / "questions", kinds="height", per_scene=1, progress=False)
    assert again.made == 0


def test_questions_asked_before_a_review_are_refused(scenes, tmp_path):
    questions = rooms.lifted()["questions"]
    assert list(asked.together(questions, scenes))
    said(scenes)
    with pytest.raises(InputError, match=r"not reviewed as they were.*Ask again"):
        list(asked.together(questions, scenes))
    order = Order(questions, scenes, rooms.lifted()["images"])
    with pytest.raises(InputError, match="not reviewed as they were"):
        exporting_questions.export(order, tmp_path / "out", "openai")
    copy = shutil.copytree(questions, tmp_path / "questions")
    with pytest.raises(ConfigError, match="another configuration"):
        asking.ask(scenes, copy, per_scene=9, progress=False)


def test_the_facts_count_reviews_and_what_is_left(scenes):
    before = inspecting.facts(scenes)
    assert "reviews" not in before
    _, second, lost, moved = said(scenes)
    Reviews.read(scenes).add(Review("nowhere", "x", "reject"))
    found = inspecting.facts(scenes)
    assert found["reviews"] == {
        "accepted": 0, "rejected": 2, "edited": 1, "pictures_rejected": 1, "unknown": 1,
    }  # fmt: skip
    gone = [lost.label, moved.label, *second.labels]
    assert found["labels"]["moved thing"] == 1
    for label in gone:
        assert found["labels"].get(label, 0) == before["labels"][label] - gone.count(label)
    assert sum(s["count"] for s in found["sizes"].values()) == sum(found["labels"].values())


def test_lifting_again_keeps_what_was_said(scenes):
    said(scenes)
    paths = rooms.lifted()
    report = lifting.lift(
        "coco", paths["annotations"], paths["images"], depth=f"sensor:{paths['depth']}",
        out=scenes, per_shard=2, progress=False,
    )  # fmt: skip
    assert report.made == 0
    assert lifting.reviewed(scenes) == {
        "accepted": 0, "rejected": 1, "edited": 1, "pictures_rejected": 1,
    }  # fmt: skip
    shutil.rmtree(scenes / "done")
    (scenes / "done").mkdir()
    lifting.lift(
        "coco", paths["annotations"], paths["images"], depth=f"sensor:{paths['depth']}",
        out=scenes, per_shard=2, progress=False,
    )  # fmt: skip
    assert lifting.reviewed(scenes) is not None
