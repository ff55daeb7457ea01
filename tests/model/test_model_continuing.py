"""Going on with a list while another object is likely enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from model_samples import tiny_model  # noqa: E402

from n3d.errors import ConfigError  # noqa: E402
from n3d.language import dialogues  # noqa: E402
from n3d.model import requests  # noqa: E402
from n3d.model.continuing import Continuing  # noqa: E402
from n3d.model.options import Options  # noqa: E402
from n3d.model.requests import Request  # noqa: E402
from n3d.synthetic import SceneConfig, make  # noqa: E402

MODEL = tiny_model("qwen3_vl", own=True)
BOX = MODEL.tongue.encode("<|bbox_0|>")[0]
OTHER = MODEL.tongue.encode("\n")[0]


def named(chance: float, least: float, allowed: list[int], row: int = 0) -> int | None:
    order = np.sort(allowed)
    logits = torch.tensor([np.log(chance if t == BOX else 1 - chance) for t in order])
    return Continuing(MODEL.tongue, [0], least)(row, [], logits, order)


def test_a_box_begins_while_it_is_likely_enough():
    assert named(0.3, 0.25, [BOX, OTHER]) == BOX
    assert named(0.2, 0.25, [BOX, OTHER]) == OTHER
    assert named(0.8, 0.9, [BOX, OTHER]) == OTHER
    assert named(0.3, 0.25, [BOX, OTHER], row=1) is None  # not asked for all
    assert named(0.3, 0.25, [OTHER, OTHER + 1]) is None
    assert Continuing(MODEL.tongue, [0], 0.0)(0, [], torch.zeros(3), None) is None


def test_what_was_named_is_sought_at_the_beginning_alone():
    seeking = Continuing(MODEL.tongue, [0], 0.4, first=True)
    order = np.sort([BOX, OTHER])
    logits = torch.tensor([np.log(0.45 if t == BOX else 0.55) for t in order])
    assert seeking(0, [], logits, order) == BOX
    assert seeking(0, [BOX], logits, order) is None
    with pytest.raises(ConfigError, match="seek"):
        Options(seek=-1.0)


def test_it_holds_for_all_objects_and_ends_at_the_most():
    view = make(3, SceneConfig(width=160, height=120)).rgbd
    asked = [Request(view, dialogues.DETECT), Request(view, dialogues.locate(["mug"]))]
    keen = Options(eager=0.0, most=3, min_score=0.0)
    shy = replace(keen, eager=1.0)
    all_, _ = requests.run(MODEL, asked, keen)
    assert all_.text.count("<|bbox_") == 3
    # What is asked for by name has a bound of its own (`seek`).
    assert requests.run(MODEL, asked, keen)[1].text == requests.run(MODEL, asked, shy)[1].text
    with pytest.raises(ConfigError, match="eager"):
        Options(eager=1.5)
