from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError, FormatError
from n3d.language import answers, detections
from n3d.language.detections import CONVENTIONS, Detection

SIZE = (640, 480)
FENCED = """Here you are:
```json
[
  {"bbox_2d": [100, 200, 300, 400], "label": "red mug"},
  {"bbox_2d": [500, 250, 900, 1000], "label": "lamp"}
]
```"""


def read(text, convention="thousand", size=SIZE, **options):
    return detections.read(text, size, convention, **options)


def kinds(parsed):
    return [f.kind for f in parsed.faults]


def rectangles(parsed):
    return [tuple(round(v, 3) for v in d.rectangle) for d in parsed.items]


# -- conventions -----------------------------------------------------------------------------


def test_a_fenced_list():
    parsed = read(FENCED)
    assert parsed.faults == ()
    assert [d.label for d in parsed.items] == ["red mug", "lamp"]
    assert rectangles(parsed) == [(64, 96, 192, 192), (320, 120, 576, 480)]


@pytest.mark.parametrize(
    ("convention", "row", "key"),
    [
        ("pixels", [64, 96, 192, 192], "bbox_2d"),
        ("thousand", [100, 200, 300, 400], "bbox_2d"),
        ("unit", [0.1, 0.2, 0.3, 0.4], "bbox"),
        ("gemini", [200, 100, 400, 300], "box_2d"),
    ],
)
def test_one_rectangle_in_all_conventions(convention, row, key):
    parsed = read(json.dumps([{key: row, "label": "x"}]), convention)
    assert rectangles(parsed) == [(64, 96, 192, 192)]


def test_pixels_of_a_resized_picture():
    parsed = read('{"bbox_2d": [64, 96, 192, 192]}', "pixels", (1280, 480), seen=(640, 960))
    assert rectangles(parsed) == [(128, 48, 384, 96)]
    assert parsed.items[0].label == ""


# -- forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[{"bbox_2d": [100, 200, 300, 400], "label": "dog"}]',
        '{"label": "dog", "bbox": [100.0, 200.0, 300.0, 400.0]}',
        "[{'box_2d': [100, 200, 300, 400], 'name': 'dog'},]",
        '{"objects": [{"class": "dog", "box": [100, 200, 300, 400]}], "count": 1}',
        "The dog's here [see below]: {label: dog, bbox: [100, 200, 300, 400]} (it isn't big)",
        '{"dog": [100, 200, 300, 400]}',
        '{"dog": [[100, 200, 300, 400]]}',
        '{"Label": "dog", "bounding_box": {"x1": 100, "y1": 200, "x2": 300, "y2": 400}}',
        '{"name": "dog", "x_min": 100, "y_min": 200, "x_max": 300, "y_max": 400}',
        '{"name": "dog", "bbox": "100, 200, 300, 400"}',
        '{"bbox_2d": [100, 200, 300, 400], "label": "dog", "mask": "data:image/png;base64,iV+/=="}',
        '{"bbox_2d": [100, 200, 300, 400] "label": "dog"}',
        '// found\n[{"label": "dog", /* a box */ "bbox_2d": [1e2, 2e2, 3.0e2, +400]}]',
        "<|object_ref_start|>dog<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>",
        "<ref>dog</ref><box>(100,200),(300,400)</box>",
        "<ref> dog </ref><box>[[100, 200, 300, 400]]</box>",
        "<ref>dog</ref><bbox>100 200 300 400</bbox>",
        "dog(100,200),(300,400)",
        "- dog: (100, 200), (300, 400)",
        '<think>[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}] no</think>dog(100,200),(300,400)',
        'so {"bbox_2d": [1,2,3,4]}</think>\n{"bbox_2d": [100, 200, 300, 400], "label": "dog"}',
    ],
)
def test_forms(text):
    parsed = read(text)
    assert rectangles(parsed) == [(64, 96, 192, 192)]
    assert parsed.items[0].label == "dog"
    assert parsed.faults == ()


def test_several_boxes_of_one_name():
    text = '{"label": "cup", "bboxes": [[1, 2, 30, 40], [50, 60, 70, 80]], "score": 0.5}'
    assert [(d.label, d.score) for d in read(text).items] == [("cup", 0.5)] * 2
    text = "<ref>cup</ref><box>(1,2),(30,40)</box><box>(50,60),(70,80)</box><ref>a</ref>"
    assert [d.label for d in read(text).items] == ["cup", "cup"]
    text = "cup(1,2),(30,40), (50,60),(70,80)\nthe pan(5,6),(70,80)"
    assert [d.label for d in read(text).items] == ["cup", "cup", "the pan"]


def test_corners_that_are_named_keep_their_order():
    text = '{"name": "a", "x_min": 100, "y_min": 200, "x_max": 300, "y_max": 400}'
    box = '{"name": "a", "box": {"left": 100, "top": 200, "right": 300, "bottom": 400}}'
    assert rectangles(read(box, "gemini")) == [(64, 96, 192, 192)]
    assert read(text, "gemini").items == read(text).items


def test_scores_out_of_range_are_no_scores():
    found = [read(f'{{"bbox": [1, 2, 30, 40], "confidence": {s}}}').items[0] for s in (0.25, 80)]
    assert [d.score for d in found] == [0.25, None]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "[]", "```json\n[]\n```", "none", "There is no mug in the picture.", "没有",
     '{"objects": []}', '[{"label": "mug", "bbox_2d": []}]', '{"label": "mug", "bbox_2d": null}'],
)  # fmt: skip
def test_nothing_found_is_no_fault(text):
    assert read(text) == detections.Parsed(())


# -- faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A red mug stands on the table.", "unknown"),
        ('{"point_2d": [10, 20], "label": "mug"}', "unknown"),
        ('[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "mug"}]', "unknown"),
        ("<think>where could it be", "truncated"),
        ('{"bbox_2d": [1, 2, 3], "label": "mug"}', "malformed"),
        ('{"bbox_2d": [1, 2, 3, "4"], "label": "mug"}', "malformed"),
        ('{"bbox_2d": "here", "label": "mug"}', "malformed"),
        ('{"bbox_2d": 7, "label": "mug"}', "malformed"),
        ('[{"bbox_2d": [1, 2, 30, 40, "label": "mug"}]', "malformed"),
        ('{"bbox_2d": [30, 2, 1, 40], "label": "mug"}', "malformed"),
        ('{"bbox_2d": [1, 2, 1, 40], "label": "mug"}', "malformed"),
        ('{"bbox_2d": [1, 2, 30, 40], "label": "\\ud800"}', "malformed"),
        ('{"bbox_2d": [1, 2, 2, 40], "label": "mug"}', "out-of-range"),
        ('{"bbox_2d": [1, 2, 1200, 40], "label": "mug"}', "out-of-range"),
        ('{"bbox_2d": [1001, 2, 1050, 40], "label": "mug"}', "out-of-range"),
        ('{"bbox_2d": [-500, 2, 30, 40], "label": "mug"}', "out-of-range"),
        ('{"bbox_2d": [1, 2, 1e99, 40], "label": "mug"}', "out-of-range"),
        ("<box>(1,2),(30", "truncated"),
        ("<box>[[1, 2, 30", "truncated"),
    ],
)
def test_faults(text, kind):
    parsed = read(text)
    assert parsed.items == ()
    assert kinds(parsed) == [kind]
    assert str(parsed.faults[0]).startswith("line 1: ")


def test_what_sticks_out_a_little_is_cut():
    parsed = read('{"bbox_2d": [-20, 900, 200, 1004], "label": "rug"}')
    assert rectangles(parsed) == [(0, 432, 128, 480)]
    assert parsed.faults == ()


def test_repetition_is_dropped_and_named():
    entry = '{"bbox_2d": [1, 2, 30, 40], "label": "mug"}'
    parsed = read(f"[{', '.join([entry] * 20)}")
    assert len(parsed.items) == 1
    assert kinds(parsed) == ["truncated", *["repeated"] * 19]
    doubled = '{"bbox_2d": [1, 2, 30, 40], "label": "a", "bbox_2d": [5, 6, 70, 80]}'
    assert kinds(read(doubled)) == ["repeated"]
    assert len(read(doubled).items) == 1


def test_every_cut_keeps_the_whole_boxes():
    ends = [i + 1 for i, c in enumerate(FENCED) if c == "}"]
    last = FENCED.rindex("]")
    for cut in range(FENCED.index("[") + 1, len(FENCED)):
        parsed = read(FENCED[:cut])
        assert len(parsed.items) == sum(e <= cut for e in ends)
        assert kinds(parsed) == ([] if cut > last else ["truncated"]), FENCED[:cut]


def test_a_fault_names_its_line():
    text = FENCED.replace("[500, 250, 900, 1000]", "[500, 250]")
    assert [(f.line, f.kind) for f in read(text).faults] == [(5, "malformed")]


@pytest.mark.parametrize(
    "piece",
    ["[", "{", '{"', '"\\', '"', "'", "['", "{'a", "\\'", "[1,", '{"bbox":', "9", "[9",
     "[ 9", "<box>", "<ref>", "<box>(1,2),(3,4)", "(1,2),", "a(1,2),(30,40)", "<think>", "</think>",
     "[{]}", '{"bbox":[1,2,3,4]', "\\", "x ", "\n"],
)  # fmt: skip
def test_time_grows_with_the_text_alone(piece):
    for start in ("", "["):
        text = start + piece * (16_000 // len(piece))
        began = time.process_time()
        read(text)
        assert time.process_time() - began < 1  # 0.1 s on an idle core


def test_options_that_are_none():
    for arguments in ((SIZE, "percent"), ((0, 5), "unit"), ((5,), "unit")):
        with pytest.raises(ConfigError) as caught:
            detections.read("", *arguments)
        assert caught.value.code == "config-value"
    with pytest.raises(ConfigError):
        detections.read("", SIZE, "pixels", seen=(0, 1))


# -- laws ------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["[", "]", "{", "}", ",", ":", '"', "'", "\\", "\n", "1", "-20", "3.5", "1e3", "bbox_2d",
     '"bbox_2d"', '"label"', "<box>", "</box>", "<ref>", "</ref>", "(1,2)", "(30,40)", "null",
     '{"bbox_2d": [1, 2, 30, 40], "label": "x"}', "<think>", "</think>", "x1", "```json", "no"]
)  # fmt: skip


@given(
    st.one_of(st.text(), st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join)),
    st.sampled_from(CONVENTIONS),
)
def test_no_text_raises(text, convention):
    parsed = detections.read(text, SIZE, convention)
    for item in parsed.items:
        x0, y0, x1, y1 = item.rectangle
        assert 0 <= x0 < x1 <= SIZE[0]
        assert 0 <= y0 < y1 <= SIZE[1]
    for fault in parsed.faults:
        assert fault.excerpt in text
    detections.guess(text, SIZE)
    answers.lines(text)
    answers.session(text)


@st.composite
def written(draw):
    size = draw(st.tuples(st.integers(50, 4000), st.integers(50, 4000)))
    items = {}
    for _ in range(draw(st.integers(0, 4))):
        label = " ".join(draw(st.text(st.characters(exclude_characters="\0"))).split())
        sides = []
        for side in size:
            low = draw(st.floats(0, 0.9))
            sides.append((low * side, draw(st.floats(low + 0.05, 1)) * side))
        (x0, x1), (y0, y1) = sides
        items.setdefault(
            (label, round(x0), round(y0)),
            Detection(label, (x0, y0, x1, y1), draw(st.none() | st.floats(0, 1))),
        )
    return size, list(items.values())


@given(written(), st.sampled_from(CONVENTIONS))
def test_what_is_written_is_read(case, convention):
    size, items = case
    parsed = detections.read(detections.write(items, size, convention), size, convention)
    steps = {"pixels": (0.1, 0.1), "unit": (size[0] / 1e4, size[1] / 1e4)}
    step = steps.get(convention, (size[0] / 1000, size[1] / 1000))
    assert [f for f in parsed.faults if f.kind != "repeated"] == []
    if not parsed.faults:
        assert [(d.label, d.score) for d in parsed.items] == [(d.label, d.score) for d in items]
        for found, item in zip(parsed.items, items, strict=True):
            for i, (a, b) in enumerate(zip(found.rectangle, item.rectangle)):
                assert abs(a - b) <= 0.5001 * step[i % 2]


def test_what_rounding_takes_away_is_refused():
    with pytest.raises(FormatError):
        detections.write([Detection("dot", (9, 9, 9.5, 9.5))], (4000, 4000), "thousand")


# -- guesses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ('{"bbox": [0.1, 0.2, 0.3, 0.4]}', SIZE, "unit"),
        ('{"bbox": [100, 200, 1800, 400]}', (1920, 1080), "pixels"),
        ('{"bbox": [100, 200, 1800, 400]}', SIZE, "ambiguous"),
        ('{"bbox": [100, 200, 300, 400]}', SIZE, "ambiguous"),
        ('{"bbox": [100, 200, 900, 400]}', SIZE, "thousand"),
        ('[{"bbox": [1, 2, 30, 40]}, {"bbox": [1, 500, 30, 600]}]', SIZE, "thousand"),
        ('{"box_2d": [100, 200, 300, 400], "label": "a"}', SIZE, "gemini"),
        ('{"bbox": [0, 0, 1, 1]}', SIZE, "ambiguous"),
        ('{"bbox": [-10, 0, 700, 20]}', SIZE, "ambiguous"),
        ("<box>(1,2),(900,40)</box>", SIZE, "thousand"),
        ("nothing", SIZE, "ambiguous"),
    ],
)
def test_guesses(text, size, expected):
    assert detections.guess(text, size) == expected


# -- lines and sessions ----------------------------------------------------------------------


def test_lines_without_their_marks():
    text = "Here are three:\n\n1. How far is a from b?\n- **Is a left of b?**\n\n" + (
        '2) "How far is a from b?"\n3. How tall is a?\n4. How wide is a?'
    )
    parsed = answers.lines(text)
    assert parsed.items == ("How far is a from b?", "Is a left of b?", "How tall is a?")
    assert parsed.faults == ()
    assert answers.lines("<think>Is it?</think>```\nIs it?\n```").items == ("Is it?",)
    parsed = answers.lines("!!!\n" + "x" * 500 + "\nIs it?")
    assert parsed.items == ("Is it?",)
    assert [(f.kind, f.line) for f in parsed.faults] == [("malformed", 1), ("malformed", 2)]
    assert kinds(answers.lines("<think>Is it?")) == ["truncated"]


def test_a_session_without_what_is_around_it():
    session = ">>> a = distance(bbox_0, bbox_1)\n1.56 m\n>>> height(bbox_0)\n0.3 m\n"
    for text in (
        session,
        f"Sure:\n```python\n{session}```\nSo it is 0.3 m.",
        f"<think>\n>>> no()\n</think>\n{session}\nSo it is 0.3 m.",
        "  " + session.replace("\n", "\n\n  "),
    ):
        assert answers.session(text) == session
    assert answers.session("I cannot say.") == ""
