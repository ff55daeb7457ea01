"""Numbers in prose, and the part of a text that answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.language import conclusions, numerals


def values(text: str) -> list[float]:
    return [n.value for n in numerals.find(numerals.plain(text))]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2.5 m", [2.5]),
        ("1,234.5", [1234.5]),
        ("1,5 m", [1.5]),
        ("1½ feet, ¾ inch", [1.5, 0.75]),
        ("3 1/2 feet", [3.5]),
        ("2-3 meters", [2, 3]),
        ("x = -3", [-3]),
        ("1e-3", [0.001]),
        ("twenty-five", [25]),
        ("one hundred and five", [105]),
        ("five thousand two hundred", [5200]),
        ("two point five", [2.5]),
        ("one and a half metres", [1.5]),
        ("half a metre", [0.5]),
        ("three quarters of a metre", [0.75]),
        ("a hundred", [100]),
        ("the one on the left, one of them", []),
        ("the left half of the 3D box, the 2nd", []),
        ("bbox_2 and 4_chair", []),
        ("1/0", []),
    ],
)
def test_numbers_are_read_as_people_mean_them(text, wanted):
    assert values(text) == pytest.approx(wanted)


@given(st.floats(0, 1e6, allow_nan=False), st.integers(0, 6))
def test_what_python_writes_is_read_back(value, places):
    text = f"{value:.{places}f}"
    assert values(f"about {text} metres") == [float(text)]


@given(st.text(max_size=200))
def test_no_text_raises(text):
    found = conclusions.find(text)
    for n in numerals.find(found.text):
        assert 0 <= n.start < n.end <= len(found.text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<think>It is 3.</think> It is 4.", "It is 4."),
        ("So 3 < 4. <answer>B</answer>", "B"),
        (r"Hence $\boxed{\text{B}}$.", "B"),
        ("First no. The answer is **yes**.", "yes."),
        ("Final answer: 2 m\nbecause", "2 m\nbecause"),
        ("plain", "plain"),
    ],
)
def test_the_conclusion_is_what_the_text_calls_its_answer(text, wanted):
    assert conclusions.find(text).text == wanted


def test_a_text_that_ends_in_a_thought_has_no_conclusion():
    found = conclusions.find("<think>It is 3 and")
    assert found.cut
    assert found.text == ""
