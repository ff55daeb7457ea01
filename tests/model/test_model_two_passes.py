"""The protocol of the released weights, against numbers of upstream's own code."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")
pytest.importorskip("llguidance", reason="needs the model extra: llguidance")

from safetensors.torch import load_file  # noqa: E402

import n3d  # noqa: E402
from n3d import model  # noqa: E402
from n3d.errors import ConfigError, InputError  # noqa: E402
from n3d.geometry import Box3D  # noqa: E402
from n3d.language import upstream  # noqa: E402
from n3d.model import inputs, released, two_passes  # noqa: E402
from n3d.model.decoding import Picked, Reply, Sampling  # noqa: E402
from n3d.scene import Object3D  # noqa: E402


@pytest.fixture(scope="module")
def loaded(shared):
    return model.load(shared / "parity/checkpoint")


@pytest.fixture(scope="module")
def view(shared):
    demo = shared / "data/n3dvlm_demo/demo2"
    return n3d.read_rgbd(f"{demo}.jpg", depth=f"{demo}.npz")


def reading(loaded, demo) -> two_passes.Reading:
    image, points = released.read(demo.with_suffix(".jpg"), demo.with_suffix(".npz"))
    seen = inputs.see_released(image, points, loaded.processor)
    camera = n3d.Camera(
        fx=500, fy=500, cx=320, cy=240, width=points.shape[1], height=points.shape[0]
    )
    return two_passes.Reading(loaded, seen, camera, upstream.Normalizer.of(points))


@pytest.mark.parametrize("demo", [1, 2, 3])
def test_both_passes_say_what_upstream_says_after_one_look(loaded, shared, demo):
    items = json.loads((shared / "parity/text_and_geometry.json").read_text())["items"]
    recorded = load_file(shared / "parity/outputs_fp32.safetensors")
    seen = reading(loaded, shared / f"data/n3dvlm_demo/demo{demo}")
    prompts = [
        "<image>" + items[demo - 1][f"pass{n}_user"].split("<|vision_end|>")[1] for n in (1, 2)
    ]
    # The network was made to go on past its end here: 47 tokens are one less than the last limit.
    for number, reply in enumerate(seen.say(prompts, Sampling(max_tokens=47)), start=1):
        expected = recorded[f"demo{demo}.pass{number}.greedy_ids"][0, -48:].tolist()
        assert reply.ids == expected
        assert not reply.whole


def test_recorded_boxes_are_read_with_a_score_for_each_line(loaded, shared):
    demo = shared / "data/n3dvlm_demo/demo1"
    items = json.loads((shared / "parity/text_and_geometry.json").read_text())["items"]
    text = items[0]["pass1_model_text"]
    seen = reading(loaded, demo)
    ids = loaded.tongue.encode(text)
    picked = [Picked(t, i, 0.5 if i < 9 else 0.9) for i, t in enumerate(ids)]
    found = seen.boxes(Reply(ids, picked, text, True)).items
    assert len(found) == text.count("Bbox(")
    assert 0.5 < found[0].score < 0.9
    assert found[-1].score == pytest.approx(0.9)


def test_the_second_question_is_whole_and_names_what_it_means():
    camera = n3d.Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)
    found = [
        Object3D(str(i), name, Box3D([0.3 * i, 0, 3], [0.5, 0.5, 0.5]))
        for i, name in enumerate(("table", "chair"))
    ]
    asked = two_passes._question("Is the 2.5 m wide 0_table behind 1_chair?", found, camera)
    assert asked.startswith("<image>Is the 2.5 m wide 0_table behind 1_chair? The 3D bbox of 0_t")
    unnamed = two_passes._question("How tall is the table?", found[:1], camera)
    assert "The 3D bbox of table is [-0.0, -0.0, 3.0, 0.5, 0.5, 0.5]." in unnamed
    assert two_passes._question("How tall is it?", [], camera) == "<image>How tall is it?"


def test_released_weights_answer_by_their_own_protocol(loaded, view):
    short = Sampling(max_tokens=24)
    found = loaded.answer(view, ["How tall is the lemon?", "Is it red?"], sampling=short)
    assert [p.question for p in found] == ["How tall is the lemon?", "Is it red?"]
    assert all(p.answer is not None and p.trace is None for p in found)
    assert all("not grounded" in " ".join(p.notes) for p in found)
    assert loaded.answer(view, "Is it red?", sampling=short).text == found[1].text
    assert loaded.detect(view, sampling=short) == []
    assert loaded.ground(view, "lemon", sampling=short) == []
    with pytest.raises(ConfigError, match="one name"):
        loaded.ground(view, ["lemon", "mug"], sampling=short)
    with pytest.raises(ConfigError, match="one name"):
        loaded.ground(view, point=(3, 4), sampling=short)


def test_released_weights_need_depth(loaded):
    camera = n3d.Camera(fx=500, fy=500, cx=32, cy=24, width=64, height=48)
    bare = n3d.RGBD(np.zeros((48, 64, 3), np.uint8), camera)
    with pytest.raises(InputError, match="no depth"):
        loaded.detect(bare)


def test_operations_on_the_boxes_are_told_beside_the_answer(view):
    mug = Object3D("0", "mug", Box3D([0, 0, 2.0], [0.1, 0.12, 0.1]))
    assert two_passes._computed("How tall is the mug?", [mug], view) == [
        "computed from the same boxes: 0.12 m"
    ]
    assert two_passes._computed("What colour is the mug?", [mug], view) == []
