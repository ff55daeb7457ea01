"""Text of any script is written, measured and wrapped without a crash and within its limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d.view import canvas, fonts

INK, PAPER = (0, 0, 0), (255, 255, 255)


def written(text: str, size: int = 20) -> np.ndarray:
    pixels = canvas.blank(600, 60, PAPER)
    fonts.write(pixels, 10, 40, text, size, INK)
    return pixels[..., 0] < 160


@given(st.text(max_size=12))
@settings(max_examples=40)
def test_any_text_is_written_within_its_measured_width(text):
    dark = np.flatnonzero(written(text).any(axis=0))
    if dark.size:
        assert dark.max() <= 10 + fonts.width(text, 20) + 20


@pytest.mark.parametrize("text", ["mug", "é", "书架", "кружка", "كوب", "🦜", "\ue000", "a\ud800b"])
def test_every_label_leaves_a_mark(text):
    assert written(text).any()


def test_a_character_that_no_font_has_is_an_empty_box():
    text = "a\U0010fffd"  # private use: no font has it
    assert fonts.missing(text) == "\U0010fffd"
    dark = written(text)
    box = dark[:, 12 + int(fonts.width("a", 20)) :]
    rows, columns = np.flatnonzero(box.any(axis=1)), np.flatnonzero(box.any(axis=0))
    inside = box[rows[0] + 4 : rows[-1] - 3, columns[0] + 4 : columns[-1] - 3]
    assert rows.size > 10
    assert columns.size > 8
    assert not inside.any()
    assert fonts.missing("mug 42") == ""


def test_controls_and_line_breaks_do_not_reach_the_picture():
    assert fonts.clean("a\nb\x00c\t d") == "a b c d"
    assert (written("a\nb") == written("a b")).all()


@given(
    st.lists(st.text("abcdefgh WW", min_size=1, max_size=14), min_size=1, max_size=8),
    st.integers(40, 300),
)
@settings(max_examples=30)
def test_wrapped_lines_fit_and_lose_nothing(words, limit):
    text = " ".join(words)
    lines = fonts.wrap(text, 14, limit)
    assert all(fonts.width(line, 14) <= limit for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrapping_to_a_number_of_lines_says_that_it_cut():
    lines = fonts.wrap("one two three four five six seven", 14, 60, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert fonts.width(lines[-1], 14) <= 60
    assert fonts.wrap("one", 14, 60, lines=2) == ["one"]


def test_shortened_text_fits():
    text = fonts.shorten("a very long label of a thing", 16, 90)
    assert text.endswith("...")
    assert fonts.width(text, 16) <= 90
    assert fonts.shorten("mug", 16, 90) == "mug"
