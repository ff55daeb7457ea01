"""Chains of thought: the published outputs with their known faults, traces, and laws."""

from __future__ import annotations

import json
import math

import pytest
from evaluate_samples import thing
from hypothesis import given
from hypothesis import strategies as st

from n3d import reason
from n3d.errors import InputError
from n3d.evaluate.chains import arithmetic, grading, prose, records
from n3d.evaluate.chains.records import Chain
from n3d.language import traces
from n3d.scene import Drop
from n3d.scene import records as scene_records


def graded(shared, number: int) -> grading.Graded:
    path = shared / "data/n3dvlm_demo" / f"demo{number}_model_output.json"
    (chain,) = records.read(path)
    assert isinstance(chain, Chain)
    assert chain.placed
    return grading.grade(chain)


def test_the_first_demo_is_right_by_luck(shared):
    g = graded(shared, 1)
    faults = [(s.kind, s.printed, s.computed) for s in g.steps if s.fault]
    assert faults == [
        ("vector", [-5.81, -9.59], [5.81, 9.59]),
        ("calculation", 0.555, pytest.approx(-2.597, abs=1e-3)),
    ]
    assert [s.printed for s in g.steps if s.carried] == [31.83, 31.83]
    assert (g.answer_right, g.chain_right, g.blame) == (True, False, "none")
    assert g.expected == "11 o'clock"
    truth = prose.truth(prose.steps(g.chain.text, g.chain.objects, True)[0])
    assert truth["angle_deg"] == pytest.approx(31.2091331)


@pytest.mark.parametrize("number", [2, 3])
def test_the_other_demos_have_no_fault(shared, number):
    g = graded(shared, number)
    assert [s for s in g.steps if s.fault or s.carried] == []
    assert (g.answer_right, g.program_right, g.chain_right) == (True, True, True)


def test_figures_of_the_paper(shared):
    cases = json.loads((shared / "golden/clock_direction.json").read_text())["worked_examples"]
    for case in cases:
        (ax, az), (bx, bz) = case["A_left_forward"], case["B_left_forward"]
        text = (
            f"The 3D center coordinate of a is [{ax}, 0.0, {az}]. "
            f"The 3D center coordinate of b is [{bx}, 0.0, {bz}]."
        )
        truth = prose.truth(prose.steps(text, (), True)[0])
        assert truth["angle_deg"] == pytest.approx(case["angle_deg"])
        assert truth["clock_position"] == case["hour"]


LEMON = (
    "The 3D center coordinate of lemon is [0.0, 0.0, 1.0]. The 3D center coordinate of sink is "
    "[3.0, 0.0, 5.0]. The distance between lemon and sink is sqrt((0.0 - 3.0)^2 + (0.0 - 0.0)^2 + "
    "(1.0 - 5.0)^2) = {}."
)


def test_a_distance_is_calculated_again():
    for written, follows in (("5.0000", True), ("5", True), ("5.1000", False)):
        _, steps = prose.steps(LEMON.format(written), (), True)
        last = steps[-1]
        assert (last.follows, last.computed) == (follows, 5.0)
    _, steps = prose.steps("The distance between lemon and sink is 5.2. " + LEMON, (), True)
    assert [s.note for s in steps if s.kind == "claim"] == ["the centres are 5 apart"]


def test_quotations_are_compared_with_the_boxes():
    objects = (thing("mug", (-0.5, -0.25, 2.0), (0.2, 0.4, 0.6), id="0"),)
    quoted = "The 3D bbox of mug is [0.5, 0.25, 2.0, 0.2, 0.4, 0.6]."
    _, (good,) = prose.steps(quoted, objects, True)
    assert good.follows
    _, (bad,) = prose.steps(quoted.replace("2.0", "2.1"), objects, True)
    assert bad.note == "z differ from the box found"
    _, (none,) = prose.steps("The 3D bbox of lamp is [0, 0, 1, 1, 1, 1].", objects, True)
    assert none.note == "no box of that name was found"
    _, many = prose.steps(
        "The 3D bbox of mug and lamp is [0.5, 0.25, 2.0, 0.2, 0.4, 0.6] and [0, 0, 1, 1, 1, 1].",
        objects, True,
    )  # fmt: skip
    assert [s.follows for s in many] == [True, False]


def scene():
    return (
        thing("mug", (-0.5, 0.0, 2.0), (0.1, 0.2, 0.1), id="0"),
        thing("lamp", (0.5, 0.0, 3.0), (0.2, 0.5, 0.2), id="1"),
    )


def chain(text: str, question: str, **more) -> Chain:
    return Chain("1", question, text, scene(), **more)


TALLER = "Which is taller, the mug or the lamp?"


@pytest.mark.parametrize(
    ("text", "blame", "right"),
    [
        ("The 3D bbox of mug is [0.5, 0.0, 2.0, 0.1, 0.2, 0.1]. The 3D bbox of lamp is "
         "[-0.5, 0.0, 3.0, 0.2, 0.5, 0.2]. 0.5 > 0.2. </think> The lamp is taller.", "none", True),
        ("The 3D bbox of mug is [0.5, 0.0, 2.0, 0.1, 0.9, 0.1]. The 3D bbox of lamp is "
         "[-0.5, 0.0, 3.0, 0.2, 0.5, 0.2]. 0.9 > 0.5. </think> The mug is taller.",
         "arithmetic", False),
        ("The 3D bbox of mug is [0.5, 0.0, 2.0, 0.1, 0.2, 0.1]. </think> The mug is taller.",
         "program", False),
        ("The mug is taller.", "format", False),
    ],
)  # fmt: skip
def test_blame_falls_on_what_is_wrong(text, blame, right):
    g = grading.grade(chain(text, TALLER))
    assert (g.blame, g.answer_right) == (blame, right)


def test_an_object_that_was_not_found_is_to_blame():
    g = grading.grade(chain("It is 2 m tall.", "How tall is the chair?", reference="1 meter"))
    assert g.blame == "grounding"


def test_right_steps_on_wrong_boxes_are_a_fault_of_the_boxes():
    text = "The 3D bbox of lamp is [-0.5, 0.0, 3.0, 0.2, 0.5, 0.2]. </think> It is 0.5 meters tall."
    g = grading.grade(chain(text, "How tall is the lamp?", reference="1.5 meters"))
    assert (g.answer_right, g.chain_right, g.blame) == (False, True, "grounding")


def test_a_trace_is_run_again(tmp_path):
    query = reason.understand("How far is the mug from the lamp?")
    trace = reason.bind(query, scene())
    text = traces.write(trace)
    wrong = text.replace("1.41", "1.92")
    assert wrong != text
    lines = [
        {
            "id": i,
            "question": query.question,
            "response": f"{t}\nThe answer is {a}.",
            "objects": [scene_records.to_json(o) for o in scene()],
        }
        for i, (t, a) in enumerate(((text, "1.41 m"), (wrong, "1.92 m")))
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    good, bad = (grading.grade(c) for c in records.read(path) if isinstance(c, Chain))
    assert (good.answer_right, good.program_right, good.chain_right) == (True, True, True)
    assert (bad.answer_right, bad.chain_right, bad.blame) == (False, False, "arithmetic")
    total = grading.summary([good, bad])
    assert (total["chains"], total["answer_right"], total["right_by_luck"]) == (2, 0.5, 0.0)


def test_records_that_cannot_be_used_are_set_aside(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('not json\n[]\n{"question": "?"}\n{"response": "yes"}\n')
    found = list(records.read(path))
    assert [isinstance(f, Drop) for f in found] == [True, True, True, False]
    with pytest.raises(InputError):
        list(records.read(tmp_path / "none.jsonl"))


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=5), st.data())
def test_calculations_are_those_of_python(numbers, data):
    marks = data.draw(
        st.lists(st.sampled_from(["+", "-", "*"]), min_size=len(numbers) - 1,
                 max_size=len(numbers) - 1)
    )  # fmt: skip
    text = str(numbers[0]) + "".join(f" {m} ({n})" for m, n in zip(marks, numbers[1:]))
    total, term, sign = 0, numbers[0], 1
    for m, n in zip(marks, numbers[1:]):
        if m == "*":
            term *= n
        else:
            total, term, sign = total + sign * term, n, 1 if m == "+" else -1
    assert arithmetic.value(text) == total + sign * term


@pytest.mark.parametrize(
    "text", ["__import__('os')", "9**9**9", "a.b", "[1]", "1 if 1 else 2", "lambda: 1", "x is y",
             "sqrt(-1)", "1/0", "(" * 400, "'a' * 3", "open(1)", "sqrt(1, key=2)"]
)  # fmt: skip
def test_nothing_but_arithmetic_is_calculated(text):
    assert arithmetic.value(text) is None


def test_functions_and_names():
    assert arithmetic.value("sqrt((1-4)^2 + 4²)") == 5
    assert arithmetic.value("degrees(atan2(1, 1))") == pytest.approx(45)
    assert arithmetic.value("12 - (t // 30)", {"t": 31.8}) == 11
    span = arithmetic.spans(arithmetic.parsed("degrees(r)"), {"r": (0.555, 0.0005)})
    assert span == pytest.approx((math.degrees(0.5545), math.degrees(0.5555)))


@given(st.text(max_size=200))
def test_no_text_raises(text):
    grading.grade(chain(f"{text} = 3 The 3D bbox of mug is [1, 2, 3].", TALLER))
