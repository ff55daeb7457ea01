from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import CAMERA, boxes, labels_any, named

from n3d.errors import FormatError
from n3d.geometry import Box3D
from n3d.language import boxes as dialect
from n3d.language import tokens

UP = [0.05, -0.9, -0.3]


def test_the_vocabulary_is_fixed_and_distinct():
    vocabulary = tokens.special_tokens()
    assert len(vocabulary) == len(set(vocabulary)) == 660
    assert vocabulary[0] == "<|bbox_0|>"
    assert vocabulary[-1] == "<|y359|>"


@given(st.lists(boxes(), max_size=3), labels_any)
def test_tokens_say_what_the_text_says(stack, label):
    text = dialect.write([named(label, b) for b in stack], CAMERA)
    packed = tokens.to_tokens(text)
    assert tokens.from_tokens(packed) == text
    assert tokens.count(packed) == 13 * len(stack)


@given(boxes(UP))
def test_an_upright_box_takes_14_tokens(box):
    text = dialect.write([named("mug", box)], CAMERA, up=UP)
    packed = tokens.to_tokens(text)
    assert tokens.count(packed) == 14
    assert tokens.from_tokens(packed) == text
    left = packed
    for token in tokens.special_tokens():
        left = left.replace(token, "")
    assert left == "mug"


def test_only_lines_of_the_dialect_have_tokens():
    for line in (
        "hello\n",
        "bbox_0=Bbox(mug,1,2,3,4,5,6)\n",
        "bbox_100=Bbox(a,0001,0001,0001,0001,0001,0001)\n",
    ):
        with pytest.raises(FormatError):
            tokens.to_tokens(line)
    assert tokens.to_tokens("") == ""


def test_unfinished_tokens_are_read_as_faults():
    text = dialect.write(
        [named("mug", Box3D([0, 0, 2], [1, 1, 1])), named("cup", Box3D([0, 0, 3], [1, 1, 1]))],
        CAMERA,
    )
    packed = tokens.to_tokens(text)
    cut = dialect.read(tokens.from_tokens(packed[:-8]), CAMERA)
    assert [o.label for o in cut.items] == ["mug"]
    assert [f.kind for f in cut.faults] == ["truncated"]
    broken = dialect.read(tokens.from_tokens(packed.replace("<|f", "<|c", 1)), CAMERA)
    assert [o.label for o in broken.items] == ["cup"]
    assert [f.kind for f in broken.faults] == ["malformed"]
    assert broken.where == {1: 0}
