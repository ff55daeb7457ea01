from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import SIGNATURES

from n3d.errors import TraceError
from n3d.language import traces
from n3d.scene import Quantity, Ref, Step, Trace, Var

TEXT = """\
>>> a = distance(bbox_0, bbox_2)
1.56 m
>>> b = distance(bbox_1, bbox_2)
2.10 m
>>> nearer(a, b)
bbox_0
"""


def test_the_form_of_the_design():
    trace = traces.read(TEXT, SIGNATURES, n_objects=3)
    assert trace == Trace(
        (
            Step("distance", (Ref(0), Ref(2)), Quantity(1.56), "a"),
            Step("distance", (Ref(1), Ref(2)), Quantity(2.1), "b"),
            Step("nearer", (Var("a"), Var("b")), Ref(0)),
        )
    )
    assert trace.answer == Ref(0)
    assert traces.write(trace) == TEXT


def test_every_kind_of_value_and_argument():
    text = """\
>>> a = clock(bbox_0, bbox_1, "floor")
11 o'clock
>>> c = clock(bbox_0, bbox_1)
31.2 deg
>>> near = order([bbox_2, bbox_0], "near")
[bbox_2, bbox_0]
>>> s = sizes(near)
[1.50 m, 0.250 m]
>>> m = largest([a, 3, 0.0500 m3])
3
>>> l = left_of(bbox_0, bbox_1)
yes
>>> n = both(l, l)
no
>>> w = side(bbox_0, bbox_1)
in front
>>> given([[w], []])
["Yes, \\u003cb\\u003e", "no", [1]]
"""
    trace = traces.read(text, SIGNATURES)
    assert traces.write(trace) == text
    outs = [s.out for s in trace.steps]
    assert outs[0] == Quantity(11, "h")
    assert isinstance(outs[1], Quantity)
    assert math.isclose(outs[1].value, math.radians(31.2))
    assert outs[2] == (Ref(2), Ref(0))
    assert outs[5:8] == [True, False, "in front"]
    assert outs[8] == ("Yes, <b>", "no", (Quantity(1, "1"),))
    assert trace.steps[0].args[2] == "floor"


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda n: n not in ("yes", "no") and not n.startswith("bbox")
)
ATOMS = st.one_of(
    st.builds(Ref, st.integers(0, 50)),
    st.builds(Quantity, st.floats(-1e4, 1e4), st.sampled_from(["m", "m2", "rad", "h", "1"])),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8),
)


def nested(atoms):
    return st.recursive(atoms, lambda x: st.lists(x, max_size=3).map(tuple), max_leaves=4)


VALUES = nested(st.one_of(ATOMS, st.booleans()))


def depth(value) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, tuple) else 0


@given(nested(ATOMS), VALUES, NAMES)
def test_what_is_written_is_read_rounded(arg, value, name):
    if max(depth(arg), depth(value)) > 4:
        return
    trace = Trace((Step("given", (arg,), value, name), Step("given", (Var(name),), value)))
    text = traces.write(trace)
    assert len(text.split("\n")) == 5
    back = traces.read(text, SIGNATURES)
    assert back == traces.rounded(trace)
    assert traces.write(back) == text


@pytest.mark.parametrize(
    ("text", "line", "code", "match"),
    [
        ("", 1, "trace-truncated", "without a step"),
        (TEXT[:20], 1, "trace-truncated", "at the end"),
        (TEXT[:38] + "c", 2, "trace-malformed", "expected the end"),
        (">>> a = distance(bbox_0, bbox_1)\n", 1, "trace-truncated", "without its result"),
        ("distance(bbox_0, bbox_1)\n1 m\n", 1, "trace-malformed", "expected a step"),
        (">>> fly(bbox_0)\n1 m\n", 1, "trace-unknown", "unknown operation fly"),
        (">>> distance(bbox_0)\n1 m\n", 1, "trace-malformed", "takes 2 arguments, got 1"),
        (">>> clock(bbox_0)\n1 m\n", 1, "trace-malformed", "takes 2 to 3 arguments, got 1"),
        (">>> distance(bbox_0, 3 m)\n1 m\n", 1, "trace-malformed", "must be box, got quantity"),
        (">>> distance(bbox_0, bbox_1)\nleft\n", 2, "trace-malformed", "gives quantity, got text"),
        (">>> distance(bbox_0, bbox_9)\n1 m\n", 1, "trace-out-of-range", "there is no bbox_9"),
        (">>> nearer(1 m, 2 m)\nbbox_9\n", 2, "trace-out-of-range", "there is no bbox_9"),
        (
            '>>> order([bbox_0, bbox_9], "near")\n[]\n',
            1,
            "trace-out-of-range",
            "there is no bbox_9",
        ),
        (">>> nearer(a, 2 m)\nbbox_0\n", 1, "trace-unknown", "a is not bound yet"),
        (">>> a = nearer(a, 2 m)\nbbox_0\n", 1, "trace-unknown", "a is not bound yet"),
        (TEXT + TEXT, 7, "trace-repeated", "a is bound twice"),
        (TEXT + TEXT.split("\n")[4] + "\nbbox_0\n", 7, "trace-repeated", "the same step again"),
        (TEXT + ">>> height(a)\n1 m\n", 7, "trace-malformed", "must be box, got quantity"),
        ('>>> order([bbox_0], "up")\n[]\n', 1, "trace-unknown", "does not know the word 'up'"),
        ('>>> order([bbox_0, 1 m], "near")\n[]\n', 1, "trace-malformed", "must be boxes, got list"),
        (">>> yes = height(bbox_0)\n1 m\n", 1, "trace-malformed", "expected a name"),
        (">>> bbox_1 = height(bbox_0)\n1 m\n", 1, "trace-malformed", "expected a name"),
        (">>> height(bbox_0) # tall\n1 m\n", 1, "trace-malformed", "expected the end"),
        (">>> height(box=bbox_0)\n1 m\n", 1, "trace-malformed", "expected"),
        (">>> height(bbox_0)\n1.5 cm\n", 2, "trace-malformed", "expected the end"),
        (">>> height(bbox_0)\n1e5 m\n", 2, "trace-malformed", "expected the end"),
        (">>> height(bbox_0)\n٣ m\n", 2, "trace-malformed", "expected a value"),
        ('>>> given("\\ud800")\n1\n', 1, "trace-malformed", "broken string"),
        (">>> given([[[[[1]]]]])\n1\n", 1, "trace-malformed", "nested more than 4"),
        (TEXT + "The answer is bbox_0.\n", 7, "trace-malformed", "expected a step"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, line, code, match):
    with pytest.raises(TraceError, match=match) as caught:
        traces.read(text, SIGNATURES, n_objects=3)
    assert caught.value.field == f"line {line}"
    assert caught.value.code == code


def test_the_sound_part_of_a_broken_trace_is_kept():
    parsed = traces.parse(TEXT.replace("nearer", "flies"), SIGNATURES)
    assert len(parsed.items) == 2
    assert [f.kind for f in parsed.faults] == ["unknown"]
    assert parsed.faults[0].offset == TEXT.index(">>> nearer")
    assert parsed.faults[0].excerpt == ">>> flies(a, b)"


def test_every_cut_is_truncated_or_sound():
    for cut in range(len(TEXT)):
        parsed = traces.parse(TEXT[:cut], SIGNATURES)
        assert len(parsed.faults) <= 1
        assert len(parsed.items) >= TEXT[:cut].count("\n") // 2
        for fault in parsed.faults:
            assert fault.kind in ("truncated", "malformed")


def test_a_last_line_without_its_line_break_is_cut_unless_the_text_is_whole():
    text = TEXT.split("\n2.10")[0].rstrip("m ")
    assert len(traces.parse(TEXT[:-1], SIGNATURES).items) == 3
    cut = traces.parse(TEXT[:38], SIGNATURES, whole=False)
    assert cut.items == ()
    assert [f.kind for f in cut.faults] == ["truncated"]
    assert traces.parse(TEXT, SIGNATURES, whole=False).faults == ()
    assert [f.kind for f in traces.parse(text, SIGNATURES, whole=False).faults] == ["truncated"]


def test_boxes_are_found_where_they_are():
    trace = traces.read(TEXT, SIGNATURES, where={0: 0, 1: 4, 2: 1})
    assert trace.steps[1].args == (Ref(4), Ref(1))
    with pytest.raises(TraceError, match="there is no bbox_1"):
        traces.read(TEXT, SIGNATURES, where={0: 0, 2: 1})


@pytest.mark.parametrize(
    "trace",
    [
        Trace((Step("Bad Op", (), True),)),
        Trace((Step("given", (Var("x y"),), True),)),
        Trace((Step("given", (1.5,), True),)),  # pyright: ignore[reportArgumentType]
        Trace((Step("given", (), "a\0"),)),
        Trace((Step("given", (), True, "no"),)),
        Trace((Step("given", (), Quantity(math.nan)),)),
    ],
)
def test_what_has_no_text_is_refused(trace):
    with pytest.raises(TraceError):
        traces.write(trace)


def test_resolution_is_half_the_last_digit():
    assert traces.resolution(Quantity(1.56)) == pytest.approx(0.005)
    assert traces.resolution(Quantity(0.156)) == pytest.approx(0.0005)
    assert traces.resolution(Quantity(0.5, "rad")) == pytest.approx(math.radians(0.05))
