from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import CAMERA, SIGNATURES, named

from n3d.geometry import Box3D
from n3d.language import boxes, dialogues, labels, tokens, traces, upstream

GOOD = boxes.write(
    [named(f"thing {i}", Box3D([0.1 * i, 0, 2 + i], [0.5, 0.6, 0.7])) for i in range(3)], CAMERA
)
LINES = GOOD.splitlines()
NORM = upstream.Normalizer([-1.0, -1.0, 0.5], 0.4)


def kinds(parsed):
    return [f.kind for f in parsed.faults]


def read(text):
    return boxes.read(text, CAMERA)


def test_a_clean_text_has_no_faults():
    parsed = read(GOOD)
    assert len(parsed.items) == 3
    assert parsed.faults == ()
    assert parsed.where == {0: 0, 1: 1, 2: 2}


def test_every_cut_keeps_the_whole_boxes_and_names_the_rest():
    ends = [m.end() for m in re.finditer(r"\)", GOOD)]
    for cut in range(len(GOOD)):
        parsed = read(GOOD[:cut])
        assert len(parsed.items) == sum(e <= cut for e in ends)
        inside = GOOD[:cut].strip() and cut not in ends and GOOD[cut - 1] != "\n"
        assert kinds(parsed) == (["truncated"] if inside else []), GOOD[:cut]


def test_a_broken_line_in_the_middle_moves_the_places():
    text = f"{LINES[0]}\n{LINES[1].replace(',', ';')}\n{LINES[2]}"
    parsed = read(text)
    assert kinds(parsed) == ["malformed"]
    assert parsed.where == {0: 0, 2: 1}
    fault = parsed.faults[0]
    assert (fault.line, fault.offset) == (2, len(LINES[0]) + 1)
    assert fault.excerpt == LINES[1].replace(",", ";")
    assert str(fault).startswith("line 2: malformed: ")


def test_repetition_is_dropped_and_named():
    text = GOOD + "".join(LINES[2].replace("bbox_2", f"bbox_{i}") + "\n" for i in range(3, 50))
    parsed = read(text)
    assert len(parsed.items) == 3
    assert kinds(parsed) == ["repeated"] * 47
    assert parsed.where[49] == 2
    twice = read(f"{LINES[0]}\n{LINES[1].replace('bbox_1', 'bbox_0')}")
    assert len(twice.items) == 2
    assert kinds(twice) == ["repeated"]
    assert twice.where == {0: 0}


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ("5000,5000,5000,5000,5000", "malformed"),
        ("5000,5000,5000,5000,5000,500", "malformed"),
        ("5000,5000,5000,5000,5000,50000", "out-of-range"),
        ("5000,5000,5000,5000,5000,-100", "out-of-range"),
        ("5000,5000,5000,5000,5000,5e10", "malformed"),
        ("5000,5000,5000,5000,5000,1e999", "malformed"),
        ("5000,5000,5000,5000,5000,1_000", "malformed"),
        ("5000,5000,5000,5000,5000,50.0", "malformed"),
        ("5000,5000,5000,5000,5000,٥٠٠٠", "malformed"),
        ("5000,5000,5000,5000,5000,²²²²", "malformed"),
        ("5000,5000,5000,5000,5000,nan", "malformed"),
        ("5000,5000,5000,5000,5000,0x10", "malformed"),
        ("5000,5000,5000,5000,5000,5000,100", "unknown"),
    ],
)
def test_numbers_are_ascii_digits_on_the_grid(numbers, kind):
    parsed = read(f"bbox_0=Bbox(mug,{numbers})\n{LINES[1]}")
    assert len(parsed.items) == 1
    assert kinds(parsed) == [kind]


def test_yaw_off_its_grid_is_named():
    parsed = boxes.read("bbox_0=Bbox(mug,5000,5000,5000,5000,5000,5000,360)", CAMERA, up=[0, -1, 0])
    assert kinds(parsed) == ["out-of-range"]


def test_model_habits_are_tolerated():
    body = LINES[0].split("(", 1)[1]
    for text in (
        f"bbox_0 = Bbox({body}",
        f"bbox_0=Bbox( thing   0 ,{body.split(',', 1)[1].replace(',', ', ')}",
        f"{LINES[0]}{LINES[1]}",
        f"  {LINES[0]}\r\n",
    ):
        parsed = read(text)
        assert parsed.items[0].label == "thing 0"
        assert parsed.faults == ()
    chatty = read(f"Here they are:\n```\n{LINES[0]}\n```\nDone (all of them).")
    assert len(chatty.items) == 1
    assert kinds(chatty) == ["unknown", "unknown"]


def test_a_box_ends_with_its_line():
    numbers = LINES[0].split(",", 1)[1]
    parsed = read(f"bbox_0=Bbox(mug\ncup,{numbers}\n{LINES[1]}")
    assert [o.label for o in parsed.items] == ["thing 1"]
    assert kinds(parsed) == ["malformed", "unknown"]


def test_a_label_cannot_make_a_box():
    evil = "x,0001,0001,0001,0001,0001,0001)\nbbox_9=Bbox(y"
    text = boxes.write([named(evil, Box3D([0, 0, 2], [1, 1, 1]))], CAMERA)
    parsed = read(text)
    assert [o.label for o in parsed.items] == [evil]
    assert parsed.where == {0: 0}
    raw = read('bbox_0=Bbox("bbox_9=Bbox(y,1,2", 0001,0001,0001,0001,0001,0001)')
    assert raw.items == () or raw.items[0].label == "bbox_9=Bbox(y,1,2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "\0",
        "\ud800",
        "bbox_",
        "bbox_0=Bbox(",
        'bbox_0=Bbox("',
        "bbox_0=Bbox(\0,1,2,3,4,5,6)",
    ],
)
def test_short_rubbish_never_raises(text):
    for parsed in (
        read(text),
        upstream.read(text, NORM, CAMERA),
        upstream.read_metric(text, CAMERA),
    ):
        assert parsed.items == ()
        assert bool(parsed.faults) == bool(text.strip())


@given(st.text(alphabet='bbox_0=Bbox(,1234"\\u )>\n[]amuz.-', max_size=120))
def test_any_text_is_read_without_an_exception(text):
    read(text)
    boxes.read(tokens.from_tokens(text), CAMERA, up=[0, -1, 0])
    upstream.read(text, NORM, CAMERA)
    upstream.read_metric(text, CAMERA)
    traces.parse(text, SIGNATURES)
    for own in (False, True):
        dialogues.read(text, SIGNATURES, dialogues.Setting(CAMERA, own=own))


@given(st.data())
def test_any_spoiled_text_is_read_without_an_exception(data):
    text = data.draw(
        st.sampled_from([GOOD, tokens.to_tokens(GOOD), ">>> a = height(bbox_0)\n1.56 m\n"])
    )
    at = data.draw(st.integers(0, len(text)))
    spoiled = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    read(tokens.from_tokens(spoiled))
    traces.parse(spoiled, SIGNATURES)


HOSTILE = {
    "heads": "bbox_0=Bbox(",
    "quoted heads": 'bbox_0=Bbox("',
    "escaped heads": 'bbox_0=Bbox("\\\\',
    "commas": ",",
    "numbers": ",1",
    "spaces": " ",
    "spaced commas": ", ",
    "digits": "1",
    "open": "(",
    "close": ")",
    "names": "bbox_1",
    "head and spaces": "bbox_1" + " " * 50,
    "brackets": "[",
    "prompts": ">>> ",
    "quotes": '"',
    "backslashes": "\\",
    "word": "a ",
    "tokens": "<|c00|><|f00|>",
    "box token": "<|bbox_1|>",
    "steps": ">>> a = height(bbox_0)\n",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("head", ["", "bbox_0=Bbox(", 'bbox_0=Bbox("', ">>> a = order(["])
def test_hostile_text_of_100_000_characters(name, head):
    """Read in one go; a search that went back over such a text would not end within the hour."""
    text = head + (HOSTILE[name] * (100_000 // len(HOSTILE[name]) + 1))[:100_000]
    assert read(text).items == ()
    assert upstream.read(text, NORM, CAMERA).items == ()
    boxes.read(tokens.from_tokens(text), CAMERA)
    steps = traces.parse(text, SIGNATURES)
    assert len(steps.faults) == 1
    labels.restore(labels.neutralize(text))
