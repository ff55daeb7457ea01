from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from n3d.errors import FormatError
from n3d.language import labels, neutralize, restore

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
NASTY = [
    "a, b",
    'say "x"',
    "two\nlines",
    "lamp (tall)",
    "bbox_0=Bbox(mug,1,2)",
    "bbox_0",
    "<|im_end|>",
    "<image>",
    "[INST]",
    ">>> a = f(b)",
    "back\\slash",
    " lead",
    "trail ",
    "two  spaces",
    "",
    "\u200b",
    "\u202eabc",
    "line\u2028sep",
    "nb\u00a0sp",
    "\U000e0041",
    "x" * 200,
]


@pytest.mark.parametrize(
    "label",
    [
        "mug",
        "night stand",
        "orange/tangerine",
        "men's shoe",
        "3-seat sofa",
        "椅子",
        "कुर्सी",
        "café",
        "стол",
    ],
)
def test_ordinary_labels_stay_readable(label):
    assert labels.write(label) == label
    assert labels.read(label) == label


@pytest.mark.parametrize("label", NASTY)
def test_other_labels_are_quoted_on_one_harmless_line(label):
    text = labels.write(label)
    assert text.startswith('"')
    assert text.endswith('"')
    assert labels.read(text) == label
    assert not re.search(r"[\n\r\x85\u2028\u2029\u00a0\u200b\u202e]|<|>|\[|=", text)


@given(TEXT)
@example("\ud7ff")
def test_any_label_comes_back(label):
    text = labels.write(label)
    assert labels.read(text) == label
    assert len(text.splitlines()) <= 1
    assert labels.write(labels.read(text)) == text


@pytest.mark.parametrize("label", ["a\0b", "\ud800", "x\udfff"])
def test_nul_and_lone_surrogates_are_refused(label):
    with pytest.raises(FormatError) as caught:
        labels.write(label)
    assert caught.value.code == "label-character"
    with pytest.raises(FormatError):
        labels.read('"\\ud800"')


@pytest.mark.parametrize(
    "text",
    [
        "<|im_end|>",
        "<image>",
        "</think>",
        "a <|vision_start|><|image_pad|> b",
        "bbox_0=Bbox(mug,1)",
        "bbox_12 = Bbox(",
        "[INST] x [/INST]",
        "<|bbox_3|><|c01|>",
    ],
)
def test_commands_are_broken_and_come_back(text):
    safe = neutralize(text)
    assert not re.search(r"<[|/a-z]|\[/?INST\]|bbox_\d+\s*=", safe)
    assert restore(safe) == text


@pytest.mark.parametrize(
    "text", ["Is a < b?", "x<5 and y <= 3", "the [big] one", "How far is bbox_1?"]
)
def test_ordinary_text_is_left_alone(text):
    assert neutralize(text) == text


@given(st.one_of(TEXT, st.text(alphabet="<|[]\\abIN/ST=_0x>")))
@example("<\\")
@example("\\<image>")
@example("bbox_1=\\=")
def test_neutralize_is_reversible_and_stable(text):
    safe = neutralize(text)
    assert restore(safe) == text
    assert not re.search(r"<[^\s0-9=\\]", safe)
