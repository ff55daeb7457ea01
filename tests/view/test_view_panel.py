"""Captions: what they say, how they cut, and their words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from n3d.scene import QA, Answer, Check, Prediction, Provenance, Quantity, Ref, Step, Trace, Var
from n3d.view import fonts, palette, panel, wording


@pytest.fixture
def said(monkeypatch):
    """Every text that is written, in order."""
    texts = []
    original = fonts.write

    def write(pixels, x, baseline, text, size, colour):
        texts.append(text)
        return original(pixels, x, baseline, text, size, colour)

    monkeypatch.setattr(fonts, "write", write)
    return texts


@pytest.mark.parametrize("columns", [1, 2])
def test_a_panel_says_everything(prediction, said, columns):
    pixels = panel.paint(panel.of(prediction), 1000, columns=columns)
    text = " ".join(" ".join(said).split())
    for part in ("farther from the lamp", "Yes", "replayed: agrees", "bbox_0", "= distance(",
                 "0.600 m", "camera: given; depth: sensor; up: given", "boxes were given",
                 "97% of the samples"):  # fmt: skip
        assert part in text, part
    assert pixels.shape[1] == 1000
    assert (pixels[[0, -1]] == 255).all()
    assert (pixels[:, [0, -1]] == 255).all()


@pytest.mark.parametrize("width", [80, 300, 2000])
def test_text_stays_inside_at_any_width(prediction, width):
    long = replace(prediction, question="Wasdichsehrinteressiert" * 20, notes=("x" * 400,))
    pixels = panel.paint(panel.of(long), width, scale=0.7)
    assert (pixels[:, -2:] == 255).all()


@pytest.mark.parametrize(
    ("check", "words", "colour"),
    [
        (Check(True), "replayed: agrees", palette.GOOD),
        (None, "not replayed", palette.MUTED),
        (
            Check(False, 1, Quantity(0.6), Quantity(0.9)),
            "replayed: step 2 of 3 disagrees: 0.900 m is written, 0.600 m comes out",
            palette.BAD,
        ),
        (
            Check(False, reason="an object is missing"),
            "replayed: an object is missing",
            palette.BAD,
        ),
    ],
)
def test_the_replay_is_told_in_words_and_colour(prediction, said, check, words, colour):
    pixels = panel.paint(panel.of(replace(prediction, check=check)), 1400, columns=1)
    assert words in " ".join(said)
    assert (pixels == colour).all(axis=-1).any()
    others = {palette.GOOD, palette.BAD} - {colour}
    assert not any((pixels == other).all(axis=-1).any() for other in others)


def test_a_fault_is_shown(said):
    pixels = panel.paint(panel.of(Prediction("How far?", fault="names what is absent")), 600)
    assert "names what is absent" in " ".join(said)
    assert (pixels == palette.BAD).all(axis=-1).any()


@pytest.mark.parametrize(
    ("count", "most", "failed", "expected"),
    [
        (3, 10, None, [0, 1, 2]),
        (12, 4, None, [0, 1, 2, 11]),
        (12, 4, 8, [0, 1, 8, 11]),
        (12, 1, None, [11]),
        (12, 3, 0, [0, 1, 11]),
    ],
)
def test_which_steps_of_a_long_trace_are_shown(count, most, failed, expected):
    assert panel.shown(count, most, failed) == expected


def test_a_long_trace_says_how_many_steps_are_left_out(prediction, said):
    steps = tuple(Step("depth", (Ref(0),), Quantity(k), f"s{k}") for k in range(30))
    panel.paint(panel.of(replace(prediction, trace=Trace(steps))), 900, most_steps=6)
    text = " ".join(said)
    assert "... 24 steps left out" in text
    assert "s29" in text
    assert "s20" not in text


def test_objects_of_the_trace_are_listed_first_and_cut(prediction, objects, said):
    many = replace(prediction, objects=tuple(objects * 5), trace=None)
    panel.paint(panel.of(many), 900)
    assert f"... and {15 - panel.MOST_OBJECTS} more objects" in " ".join(said)


def test_lengths_without_scale_are_not_called_metres(prediction, said):
    bare = replace(prediction, provenance=Provenance(metric=False), trace=None, answer=None)
    panel.paint(panel.of(bare), 900)
    text = " ".join(said)
    assert "lengths are not metric" in text
    assert "0.30 x 0.60 x 0.30, 2.89 from the camera" in text


def test_a_question_with_its_answer(said):
    trace = Trace((Step("distance", (Ref(0), Ref(1)), Quantity(1.5)),))
    qa = QA("s", "distance", "How far?", trace, Answer("1.50 m", Quantity(1.5), 1.5, "m"))
    panel.paint(panel.of(qa), 700)
    text = " ".join(said)
    assert "1.50 m" in text
    assert "replay" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Quantity(1.5549), "1.55 m"),
        (Quantity(0.0123), "0.0123 m"),
        (Quantity(0.0), "0.00 m"),
        (Quantity(2.0, "m2"), "2.00 m2"),
        (Quantity(math.pi / 2, "rad"), "90.0 deg"),
        (Quantity(3.0, "h"), "3 o'clock"),
        (Quantity(3.0, "1"), "3"),
        (Quantity(0.333333, "1"), "0.333"),
        (True, "yes"),
        (False, "no"),
        (Ref(2), "bbox_2"),
        (Var("a"), "a"),
        ((Ref(0), Ref(1)), "[bbox_0, bbox_1]"),
        ("left", "'left'"),
    ],
)
def test_values_in_words(value, text):
    assert wording.value(value) == text


def test_steps_and_intervals_in_words():
    assert wording.step(Step("nearer", (Var("a"), Var("b")), Ref(0))) == "nearer(a, b)"
    answer = Answer("1.5 m", Quantity(1.5), 1.5, "m", interval=(1.4, 1.6))
    assert wording.interval(answer) == "1.4 to 1.6 m holds 90% of the samples"
    assert wording.provenance(Provenance("assumed:fov 60", "predicted:x", scale_sigma=0.2)) == (
        "camera: assumed:fov 60; depth: predicted:x; up: unknown; scale uncertain by 20%"
    )


def test_attaching_pads_the_shorter_part():
    image, text = np.zeros((10, 20, 3), np.uint8), np.full((4, 30, 3), 255, np.uint8)
    assert panel.attach(image, text, beside=False).shape == (14, 30, 3)
    beside = panel.attach(image, text, beside=True)
    assert beside.shape == (10, 50, 3)
    assert (beside[:, :20] == 0).all()
    assert (beside[4:, 20:] == 255).all()
