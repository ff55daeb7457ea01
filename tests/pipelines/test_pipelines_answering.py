"""A view and a question in, a checked answer out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from n3d import synthetic
from n3d.errors import ConfigError, N3DError, QuestionError
from n3d.geometry import Box3D, Camera
from n3d.pipelines import answering
from n3d.pipelines.grounding import RegionGrounder
from n3d.scene import RGBD, Grounder, Object3D, Region


@pytest.fixture(scope="module")
def rendered():
    return synthetic.make(11, synthetic.SceneConfig(width=320, height=240))


def pair() -> tuple[RGBD, list[Object3D]]:
    camera = Camera.from_fov(60, 64, 48)
    view = RGBD(np.zeros((48, 64, 3), np.uint8), camera, np.full((48, 64), 3.0), up=[0, -1, 0])
    near = Object3D("0", "mug", Box3D([0.0, 0.0, 2.0], [0.1, 0.2, 0.1]))
    far = Object3D("1", "lamp", Box3D([0.6, 0.0, 2.8], [0.3, 1.2, 0.3]))
    return view, [near, far]


def test_known_boxes_give_the_computed_number():
    view, objects = pair()
    found = answering.answer(view, "How far is the mug from the lamp?", objects=objects)
    assert found.answer.number == pytest.approx(1.0)
    assert found.answer.unit == "m"
    assert found.check.agrees
    assert found.trace.steps[-1].op == "distance"


def test_unit_asked_for_is_honoured():
    view, objects = pair()
    found = answering.answer(view, "How tall is the lamp in feet?", objects=objects)
    assert found.answer.number == pytest.approx(1.2 / 0.3048)
    assert "ft" in found.answer.text


def test_regions_are_lifted_and_only_those_named(rendered):
    labels = [o.label for o in rendered.targets]
    once = [label for label in labels if labels.count(label) == 1]
    found = answering.answer(
        rendered.rgbd,
        f"How far is the {once[0]} from the camera?",
        regions=rendered.picture.regions,
    )
    assert [o.label for o in found.objects] == [once[0]]
    truth = next(o for o in rendered.targets if o.label == once[0])
    assert found.answer.number == pytest.approx(np.linalg.norm(truth.box.center), rel=0.2)


def test_region_grounder_is_a_grounder(rendered):
    grounder = RegionGrounder(rendered.picture.regions)
    assert isinstance(grounder, Grounder)
    everything = grounder.detect(rendered.rgbd)
    assert len(everything) + len(grounder.drops) == len(rendered.picture.regions)
    label = everything[0].label
    named = grounder.ground(rendered.rgbd, [label])
    assert named
    assert {o.label for o in named} == {label}


def test_any_grounder_serves(rendered):
    class Truth:
        def ground(self, view, names):
            return list(rendered.targets)

        def detect(self, view):
            return list(rendered.targets)

    label = rendered.targets[0].label
    found = answering.answer(rendered.rgbd, f"How many {label}s are there?", grounder=Truth())
    assert found.answer.number == sum(o.label == label for o in rendered.targets)


def test_region_that_cannot_be_lifted_is_said_to_be_so():
    view, _ = pair()
    tiny = [Region("mug", (3, 3, 4, 4))]
    with pytest.raises(QuestionError) as e:
        answering.answer(view, "How tall is the mug?", regions=tiny)
    assert "Not lifted: region 0" in str(e.value)


def test_not_metric_depth_gives_order_but_no_metres():
    view, objects = pair()
    relative = RGBD(view.image, view.camera, view.depth, metric=False)
    found = answering.answer(relative, "Is the mug in front of the lamp?", objects=objects)
    assert found.answer.value is True
    with pytest.raises(QuestionError) as e:
        answering.answer(relative, "How tall is the lamp?", objects=objects)
    assert e.value.code == "not-metric"


def test_assumed_camera_gives_an_interval():
    view, objects = pair()
    camera = Camera.from_fov(60, 64, 48, source="assumed:fov-60")
    guessed = RGBD(view.image, camera, view.depth)
    found = answering.answer(guessed, "How tall is the lamp?", objects=objects)
    low, high = found.answer.interval
    assert low < 1.2 < high
    assert any("assumed" in note for note in found.notes)


def test_unknown_gravity_is_said():
    view, objects = pair()
    unknown = RGBD(view.image, view.camera, view.depth)
    found = answering.answer(unknown, "Is the mug above the lamp?", objects=objects)
    assert any("gravity is unknown" in note for note in found.notes)


@pytest.mark.parametrize(
    "given", [{}, {"regions": [], "objects": []}, {"objects": [], "level": 0.0}]
)
def test_options_that_cannot_work(given):
    view, _ = pair()
    with pytest.raises(ConfigError):
        answering.answer(view, "How tall is the lamp?", **given)


@pytest.mark.parametrize(
    "question",
    ["", "   ", "\u202e\u200b", "\x00", "\ud800", "a" * 100_000, "¿Dónde está?", "hello"],
)
def test_hostile_questions_get_a_typed_error(question):
    view, objects = pair()
    with pytest.raises(N3DError):
        answering.answer(view, question, objects=objects)


def test_record_is_strict_json_and_whole():
    view, objects = pair()
    found = answering.answer(view, "Which is taller, the mug or the lamp?", objects=objects)
    record = json.loads(json.dumps(answering.to_json(found), allow_nan=False))
    assert record["value"] is None
    assert record["result"] == "bbox_1"
    assert [o["label"] for o in record["objects"]] == ["mug", "lamp"]


def test_published_boxes_of_the_demo_kitchen(shared):
    """Regions from the published boxes' projections on an upstream point map, end to end."""
    import n3d

    folder = shared / "data/n3dvlm_demo"
    view = n3d.read_rgbd(folder / "demo3.jpg", depth=folder / "demo3.npz")
    cases = json.loads((shared / "golden/n3d_demo_outputs.json").read_text())["cases"]
    case = next(c for c in cases if "demo3" in json.dumps(c)[:200])
    box = case["boxes"][0] if "boxes" in case else case
    size, z = np.array(box["size"]), box["z"]
    center = view.camera.lift([box["u"] * view.width, box["v"] * view.height], z)
    rectangle = Box3D(center, size).project(view.camera)
    x0, y0 = np.maximum(rectangle[:2], 0)
    x1, y1 = np.minimum(rectangle[2:], [view.width, view.height])
    region = Region("person", (x0, y0, x1, y1))
    found = answering.answer(view, "What is the height of the person?", regions=[region])
    assert found.answer.number == pytest.approx(0.9026, rel=0.25)
