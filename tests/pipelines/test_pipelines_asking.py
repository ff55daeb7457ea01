"""From annotated pictures to questions: lifted, asked, counted, and back to the pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

import room_samples as rooms
from n3d import reason, sources
from n3d.errors import ConfigError, InputError
from n3d.pipelines import asking, inspecting, lifting
from n3d.scene import files, shards
from room_samples import tree


@pytest.fixture(scope="module")
def lifted():
    return rooms.lifted()


def test_scenes_lead_back_to_their_pictures(lifted):
    for scene in shards.read(lifted["scenes"]):
        assert scene.image == scene.depth == f"room_{scene.id.split(':')[1]}.png"
        found = sources.reopening.reopen(scene, lifted["images"], lifted["depth"])
        view = found.rgbd
        assert view.camera == scene.camera
        assert (view.depth_source, view.metric) == ("sensor", True)
        if scene.up is not None:
            np.testing.assert_allclose(view.up, scene.up)
        assert len(found.regions) == len(scene.objects)
        bare = sources.reopening.reopen(scene, lifted["images"]).rgbd
        assert bare.depth is None
        assert (bare.image == view.image).all()
    with pytest.raises(InputError, match="does not exist"):
        sources.reopening.reopen(scene, lifted["depth"].parent)


def test_scenes_name_no_folder_of_this_machine(lifted):
    everything = b"".join(tree(lifted["scenes"]).values())
    assert str(lifted["images"].parent).encode() not in everything


def test_questions_are_asked_in_both_sorts(lifted, tmp_path):
    out = tmp_path / "questions"
    report = asking.ask(lifted["scenes"], out, per_scene=6, progress=False)
    found = list(shards.read(out))
    assert report.kept == len(found) == 24
    located = [qa for qa in found if qa.kind in reason.LOCATE_KINDS]
    assert len(located) == 8
    scenes = {s.id: s for s in shards.read(lifted["scenes"])}
    for qa in found:
        scene = scenes[qa.scene_id]
        assert qa.attributes["labels"] == [scene.objects[i].label for i in qa.objects]
        assert set(qa.objects) <= set(reason.Gate().fit(scene))
        if qa.trace is not None:
            assert reason.replay(qa.trace, scene.objects, up=scene.up)[0].agrees
    facts = inspecting.facts(out)
    assert sum(facts["balance"]["by_group"].values()) == 24
    sizes = inspecting.facts(lifted["scenes"])["sizes"]
    assert sum(s["count"] for s in sizes.values()) == sum(len(s.objects) for s in scenes.values())
    assert all(s["longest"][1] >= s["middle"][1] >= s["shortest"][1] for s in sizes.values())


def test_workers_change_no_question(lifted, tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        asking.ask(lifted["scenes"], tmp_path / name, workers=workers, progress=False)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_kinds_are_chosen_by_name_group_and_exception():
    every = asking.EVERY
    assert asking.chosen_kinds("all") == every
    assert asking.chosen_kinds("distance") == ("distance",)
    assert asking.chosen_kinds("left/right") == ("left_right", "left_right_choice")
    assert set(asking.chosen_kinds("locate")) == set(reason.LOCATE_KINDS)
    assert asking.chosen_kinds("-locate") == asking.chosen_kinds("reason")
    assert set(every) - set(asking.chosen_kinds("all,-detect")) == {"detect"}
    for wrong, said in (("locat", "Did you mean locate"), ("", "no kind"), ("-all", "no kind")):
        with pytest.raises(ConfigError, match=said):
            asking.chosen_kinds(wrong)


@pytest.mark.parametrize(
    "options", [{"per_scene": 0}, {"seed": -1}, {"located": 2.0}, {"margin": -0.1}]
)
def test_options_have_limits(lifted, tmp_path, options):
    with pytest.raises(ConfigError) as e:
        asking.ask(lifted["scenes"], tmp_path / "out", progress=False, **options)
    assert e.value.field in options
    assert not (tmp_path / "out").exists()


def test_a_crowd_that_is_not_lifted_is_not_counted_away(lifted, tmp_path):
    """A region that was left out is in the picture: its label is neither asked for nor denied."""
    raw = json.loads(lifted["annotations"].read_text())
    names = {c["id"]: c["name"] for c in raw["categories"]}
    first = raw["annotations"][0]
    first["iscrowd"] = 1
    label = names[first["category_id"]]
    files.write_json(tmp_path / "a.json", raw)
    lifting.lift(
        "coco", tmp_path / "a.json", lifted["images"], depth=f"sensor:{lifted['depth']}",
        out=tmp_path / "scenes", progress=False,
    )  # fmt: skip
    scene = next(iter(shards.read(tmp_path / "scenes")))
    assert label in scene.boxless
    stage = asking.Ask(per_scene=40, frequency={label: 1, **dict.fromkeys(scene.labels, 5)})
    for qa in stage.ask(scene):
        assert label not in [scene.objects[i].label for i in qa.objects]
        assert label not in qa.query.names
