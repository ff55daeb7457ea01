"""What is told of a reply while it is written: each box and step once, when it is whole."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")
pytest.importorskip("llguidance", reason="needs the model extra: llguidance")

import n3d  # noqa: E402
from n3d import reason, synthetic  # noqa: E402
from n3d.language import dialogues  # noqa: E402
from n3d.language.dialogues import Setting  # noqa: E402
from n3d.model import requests  # noqa: E402
from n3d.model.telling import Telling, said  # noqa: E402
from n3d.pipelines.predicting import Asked, Asker, upright  # noqa: E402


@pytest.fixture(scope="module")
def mini():
    return n3d.load("n3d-mini")


@pytest.fixture(scope="module")
def room():
    return synthetic.make(7, synthetic.SceneConfig(width=320, height=240))


def test_every_piece_is_told_once_when_it_is_whole(mini, room):
    setting = Setting.of(room.rgbd, own=mini.tongue.own)
    scene = room.scene
    (qa, *_) = reason.ask(scene, kinds="distance", per_scene=1)
    boxes = [scene.objects[i] for i in qa.objects]
    text = dialogues.write(boxes, qa.trace, setting, tilt="snap")
    ids = mini.tongue.encode(text)
    heard: list[tuple[int, str]] = []
    telling = Telling(mini.tongue, [setting, setting], lambda row, line: heard.append((row, line)))
    counts = []
    for end in range(1, len(ids) + 1):
        telling(1, ids[:end])
        counts.append(len(heard))
    assert {row for row, _ in heard} == {1}
    lines = [line for _, line in heard]
    written = dialogues.read(text, reason.ops.SIGNATURES, setting).objects.items
    assert lines[: len(boxes)] == [said(o, setting) for o in written]
    assert lines[len(boxes)].startswith(">>> ")
    assert len(set(counts)) == len(lines) + 1  # never two at once
    assert counts[0] == 0


def test_requests_are_told_by_their_place(mini, room):
    labels = list(dict.fromkeys(o.label for o in room.targets))[:2]
    question = f"How tall is the {labels[0]}?"
    view = upright(room.rgbd)
    asked = [Asked(view, names=tuple(labels)), Asked(view, question)]
    heard: list[tuple[int, str]] = []
    silent = Asker(mini)(asked)
    found = Asker(mini)(asked, told=lambda i, line: heard.append((i, line)))
    assert [p.text for p in found] == [p.text for p in silent]
    for place in (0, 1):
        own = [line for i, line in heard if i == place]
        assert sum(": center (" in line for line in own) >= len(found[place].objects) > 0
    assert any(">>> height" in line for i, line in heard if i == 1)
    assert requests.run(mini, []) == []
