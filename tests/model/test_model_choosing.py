"""Which of the written boxes are shown."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from n3d.errors import ConfigError  # noqa: E402
from n3d.geometry import Box3D  # noqa: E402
from n3d.model.choosing import chosen  # noqa: E402
from n3d.model.options import Options  # noqa: E402
from n3d.scene import Object3D  # noqa: E402


def at(x: float, label: str, score: float) -> Object3D:
    return Object3D(f"{label}{x}", label, Box3D([x, 0, 3], [1, 1, 1]), score=score)


def test_boxes_of_low_scores_are_left_out_in_their_order():
    boxes = [at(0, "mug", 0.2), at(2, "mug", 0.9), at(4, "box", 0.5), at(6, "box", 0.49)]
    assert chosen(boxes, 0.5) == [boxes[1], boxes[2]]
    assert chosen(boxes, 0.0) == boxes
    assert chosen([], 0.5) == []


def test_of_two_boxes_of_one_object_the_surer_stays():
    low, high, apart, other = (
        at(0.1, "mug", 0.3), at(0, "mug", 0.6), at(0.7, "mug", 0.2), at(0.05, "box", 0.1)
    )  # fmt: skip
    assert chosen([low, high, apart, other], 0.0) == [high, apart, other]


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", True, float("nan")])
def test_scores_are_between_0_and_1(value):
    with pytest.raises(ConfigError, match="min_score"):
        Options(min_score=value)
