"""Marks of replies: the labelled examples of the field, hand-made ones, and laws."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError, InputError
from n3d.evaluate import values
from n3d.evaluate.replies import hours, letters, marks, protocols, tallies
from n3d.evaluate.replies.kinds import Item
from n3d.evaluate.replies.marks import Rules
from n3d.language import conclusions


def item(reference, response, category="", question=None, **more) -> Item:
    return Item("1", reference, response, category, question, **more)


def given_mark(*args, rules: Rules | None = None, **more):
    return marks.mark(item(*args, **more), rules or Rules()).mark


# -- goldens ------------------------------------------------------------------------------------


def golden(shared, name: str) -> dict:
    return json.loads((shared / "golden" / f"{name}.json").read_text())


def test_all_examples_of_the_judge_agree(shared):
    found = golden(shared, "judge_examples")
    rows = next(v for v in found.values() if isinstance(v, list) and isinstance(v[0], dict))
    for r in rows:
        asked = (r["reference_answer"], r["response"], r["category"], r["question"])
        assert given_mark(*asked) == r["mark"], r


def test_letters_are_those_that_were_meant(shared):
    for r in golden(shared, "choice_letter")["rows"]:
        assert letters.read(conclusions.find(r["text"]).text).value == r["intended"], r


def test_hours_are_scored_by_both_rules(shared):
    for r in golden(shared, "clock_direction")["scoring_pairs"]:
        m = marks.mark(item(f"{r['gt']} o'clock", f"{r['pred']} o'clock"))
        assert (m.numbers["hours_off"], m.numbers["within_1"]) == (r["err"], r["success"])
        assert m.mark == (r["err"] == 0)
        assert given_mark(
            f"{r['gt']} o'clock", f"{r['pred']}", "direction", rules=Rules(hour_within_1=True)
        ) == int(r["success"])


def test_numbers_are_scored_as_the_benchmark_does(shared):
    found = golden(shared, "numeric_scoring")
    for r in found["rows"]:
        m = marks.mark(item(f"{r['gt_m']} meters", f"{r['pred_m']} meters", "width_data"))
        assert m.mark == int(r["success_pm25"])
        assert m.numbers["relative_error_eps"] == pytest.approx(r["abs_rel_with_eps"], abs=1e-12)
        assert m.numbers["delta_1"] == r["depth_delta1"]
    for r in found["unit_examples"]:
        read = marks.mark(item(r["text"], r["text"])).numbers["value"]
        assert read == pytest.approx(r["metres"], abs=1e-12)


def test_the_mean_relative_accuracy_is_that_of_both_tools(shared):
    for r in golden(shared, "mra")["rows"]:
        p, t = r["pred"], r["target"]
        assert values.mean_relative_accuracy(p, t) == pytest.approx(r["mra_vsibench_lmms"])
        strict = values.mean_relative_accuracy(p, t, strict=True)
        assert strict == pytest.approx(r["mra_omni3dbench_vlmevalkit"])
        rules = protocols.find("mra").rules
        assert given_mark(repr(t), repr(p), rules=rules) == pytest.approx(r["mra_vsibench_lmms"])


# -- by hand ------------------------------------------------------------------------------------

TALLER = ("tall_choice", "Who is taller, the man or the woman?")
LIST = "Could you list bicycle, bowl/basin, and trophy from the closest to the most distant?"
BEHIND = "Is person positioned behind orange/tangerine as seen from the opposite side?"


@pytest.mark.parametrize(
    ("category", "question", "reference", "response", "wanted"),
    [
        (*TALLER, "The man is taller.", "The woman is shorter than the man.", 1),
        (*TALLER, "The man is taller.", "The woman is taller than the man.", 0),
        (*TALLER, "The man is taller.", "Compared to the woman, the man is taller.", 1),
        (*TALLER, "The man is taller.", "The woman is not as tall as the man.", 1),
        (*TALLER, "The man is taller.", "They are the same height.", 0),
        (*TALLER, "The man is taller.", "I cannot determine that.", None),
        ("left_predicate", "Is Region [0] to the left of Region [1]?", "Yes.",
         "Region [1] is to the right of Region [0].", 1),
        ("left_predicate", "Is Region [0] to the left of Region [1]?", "Yes.",
         "Region [1] is to the left of Region [0].", 0),
        ("short_predicate", None, "Correct, Region [0] is not as tall as Region [1].",
         "Region [0] is shorter.", 1),
        ("thin_predicate", None, "Correct, Region [0]'s width is less than Region [1]'s.",
         "In fact, Region [0] might be wider than Region [1].", 0),
        ("above_predicate", None, "Yes, Region [0] is above Region [1].", "Hmm", None),
        ("front/behind", BEHIND, "That is False.", "<think>Z_A > Z_B</think> That is False.", 1),
        ("front/behind", BEHIND, "That is False.", "The person is in front of the orange.", 1),
        ("relative distance", "Which one of dishwasher and blender is closer to the lemon?",
         "blender", "The blender is closer to the lemon than the dishwasher.", 1),
        ("depth", LIST, "bowl/basin < bicycle < trophy", "1. Bowl\n2. Bicycle\n3. Trophy", 1),
        ("depth", LIST, "bowl/basin < bicycle < trophy", "bicycle < bowl/basin < trophy", 0),
        ("depth", LIST, "bowl/basin < bicycle < trophy",
         "From the farthest to the closest: trophy, bicycle, bowl.", 1),
        ("depth", LIST, "bowl/basin < bicycle < trophy", "trophy > bicycle > bowl/basin", 1),
        ("depth", LIST, "bowl/basin < bicycle < trophy",
         "The trophy is the farthest, then the bicycle, and the bowl is nearest.", 1),
        ("depth", "Which goose is the furthest from the camera?", "3_goose", "13_goose", 0),
        ("depth", "Which goose is the furthest from the camera?", "3_goose is furthest",
         "Goose 3.", 1),
        ("depth", "Which goose is the furthest from the camera?", "3_goose is furthest",
         "4_goose", 0),
        ("width/height", "What is the height of person?", "person is 0.91 meters in height.",
         "It is about three feet tall.", 1),
        ("height", None, "1.80 meters", "5'11\"", 1),
        ("height", None, "1.80 meters", "5 feet 11", 1),
        ("height", None, "1.80 meters", "5 ft. 11 in.", 1),
        ("height", None, "0.46 meters", "a foot and a half", 1),
        (*TALLER, "The man is taller.", "Between the man and the woman, the woman is taller.", 0),
        ("left/right", "Is the chair left of the table?", "No", "Definitely not.", 1),
        ("left/right", "Is it left of the table?", "Yes", "I'm not sure, but I think yes.", 1),
        ("front_predicate", None, "Yes.", "Region [1] is closer to the viewer.", 0),
        ("height", None, "1.80 meters", "5 ft 11 in", 1),
        ("distance", None, "2.5 meters", "between two and three metres", 1),
        ("distance", None, "2.5 meters", "room 12 is 2.4 m away", 1),
        ("width", None, "0.7 meters", "It is 1.5 m tall and 0.7 m wide.", 1),
        ("distance", None, "2.5 meters", "I'm sorry, but it is approximately 2.4 meters.", 1),
        ("distance", None, "2.5 meters", "It is not possible to determine the distance.", None),
        ("distance", "How many inches apart are they?", "30 inches", "30", 1),
        ("direction", None, "11 o'clock", "eleven o’clock", 1),
        ("direction", None, "11 o'clock", "between 10 and 11 o'clock", 0),
        ("direction", None, "11 o'clock", "to the left", None),
        ("left/right", "Is the chair left of the table?", "Yes", "", None),
        ("left/right", "Is the chair left of the table?", "Yes", None, None),
        ("left/right", "Is the chair left of the table?", "Yes", "yes and no", None),
        ("left/right", "Is the chair left of the table?", "Yes", "<think>Yes because", None),
    ],
)  # fmt: skip
def test_replies_mean_what_they_say(category, question, reference, response, wanted):
    assert given_mark(reference, response, category, question) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A chair is closer.", "C"),
        ("the table lamps", "B"),
        ("Option A is 2 m. Option B is 1 m. So the answer is B.", "B"),
        ("Both A and B", None),
        ("A or B", None),
        ("I would choose option C because A and B are wrong", "C"),
        ("(b)", "B"),
        ("None of the above", None),
    ],
)
def test_options_are_chosen_by_letter_or_words(text, wanted):
    choices = {"A": "lamp", "B": "table lamp", "C": "chair"}
    assert letters.read(conclusions.find(text).text, choices).value == wanted


def test_a_reference_without_an_answer_cannot_be_marked():
    with pytest.raises(InputError, match="no verdict"):
        marks.mark(item("Region [0] is blue.", "yes", "tall_predicate"))
    with pytest.raises(ConfigError, match="n3d-bench"):
        protocols.find("another")


# -- laws ---------------------------------------------------------------------------------------


@given(st.floats(0.02, 90), st.sampled_from([1.0, 0.9, 1.3]))
def test_the_unit_of_a_reply_does_not_matter(metres, factor):
    said = metres * factor
    texts = [f"{said:.6f} m", f"{said * 100:.6f} cm", f"{said / 0.3048:.6f} feet",
             f"about {said / 0.0254:.6f} inches away"]  # fmt: skip
    found = {given_mark(f"{metres:.6f} meters", text, "distance") for text in texts}
    assert found == {int(factor < 1.25)}


@given(st.floats(0, 12, exclude_min=True), st.floats(0, 12, exclude_min=True))
def test_hours_apart_go_round(a, b):
    assert hours.off(a, b) == hours.off(b, a) <= 6
    assert hours.off(a, a) == 0
    assert hours.off(a + 12, b) == pytest.approx(hours.off(a, b), abs=1e-9)


@given(st.text(max_size=120), st.sampled_from(["yes", "2 m", "3 o'clock", "(A)", "lamp", "a < b"]))
def test_no_reply_raises(text, reference):
    m = marks.mark(item(reference, text, question="Is the lamp left of the chair?"))
    assert m.mark in (0, 1, None)
    assert m.read_as


def some_marks(n: int) -> list[marks.Mark]:
    replies = ["yes", "no", "I cannot tell", "3 o'clock", "4 o'clock", "1 m", "1.1 m", "2 m"]
    references = ["yes", "yes", "yes", "3 o'clock", "3 o'clock", "1 m", "1 m", "1 m"]
    return [
        replace(
            marks.mark(item(references[i % 8], replies[i % 8])),
            id=str(i), category=f"kind {i % 3}", image=str(i // 4),
        )
        for i in range(n)
    ]  # fmt: skip


def without_intervals(found):
    if isinstance(found, dict):
        return {k: without_intervals(v) for k, v in found.items() if k != "interval_95"}
    return found


@given(st.permutations(range(24)))
def test_the_order_of_items_does_not_matter(order):
    found = some_marks(24)
    a, b = (without_intervals(tallies.report(ms)) for ms in (found, [found[i] for i in order]))
    assert json.dumps(a, sort_keys=True)[:50] == json.dumps(b, sort_keys=True)[:50]
    for key in ("all", "answered_only", "questions"):
        assert a["overall"][key] == pytest.approx(b["overall"][key])


def test_totals_count_every_question_and_say_what_was_not_read():
    totals = tallies.report(some_marks(24))
    overall = totals["overall"]
    assert (overall["questions"], overall["answered"]) == (24, 21)
    assert overall["all"] == pytest.approx(12 / 24)
    assert overall["answered_only"] == pytest.approx(12 / 21)
    assert overall["interval_95"][0] <= overall["all"] <= overall["interval_95"][1]
    assert totals["clock"]["exact"]["all"] == 0.5
    assert totals["clock"]["within_1"]["all"] == 1
    assert totals["numerical_by_clock_rule"]["within_1"]["all"] == pytest.approx(12 / 15)
    assert totals["unreadable"] == {"refusal": 3}
    assert totals["measures"]["within_10"]["all"] == pytest.approx(6 / 9, abs=0.34)
    macro = [row["all"] for row in totals["categories"].values()]
    assert overall["macro"]["all"] == pytest.approx(sum(macro) / len(macro))


def test_a_perfect_and_an_empty_file():
    perfect = [marks.mark(item(r, r)) for r in ("yes", "2 m", "3 o'clock", "(A)", "a < b < c")]
    assert tallies.report(perfect)["overall"]["all"] == 1
    assert tallies.report([])["overall"]["all"] is None


@pytest.mark.parametrize(
    "part",
    ["from ", "is ", "A ", "a = ", "the statement is ", "Region [0] ", "not ", "half ", "1-",
     "[1, ", "\\boxed{", "<answer>", "between ", "12 or ", "no, ", "cannot "],
)  # fmt: skip
def test_no_text_makes_a_reader_search_for_long(part):
    text = (part * 5000)[:5000]
    for reference, question in (
        ("yes", "Is the lamp left of the chair?"), ("2 m", "How far?"), ("3 o'clock", None),
        ("(A)", None), ("lamp", "Which is taller, the lamp or the chair?"), ("a < b", None),
    ):  # fmt: skip
        assert given_mark(reference, text, question=question) in (0, 1, None)
