"""Replay catches what was tampered with, and samples honestly."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d import reason
from n3d.errors import TraceError
from n3d.geometry import Box3D
from n3d.language import traces
from n3d.reason import ops, replay, sample
from n3d.scene import BoxSpread, Object3D, Quantity, Query, Ref, Step, Trace, Var


def query(kind, *names, **options) -> Query:
    return Query(kind, names, options)


def nearer(desk) -> Trace:
    return reason.bind(query("relative_distance", "mug", "lamp", "laptop", more=False), desk)


def with_step(trace: Trace, i: int, **changes) -> Trace:
    steps = list(trace.steps)
    steps[i] = replace(steps[i], **changes)
    return Trace(tuple(steps))


def test_a_true_trace_agrees_exact_rounded_and_read_back(desk):
    trace = nearer(desk)
    assert [s.op for s in trace.steps] == ["distance", "distance", "nearer"]
    check, values = replay(trace, desk)
    assert check.agrees
    assert values == tuple(s.out for s in trace.steps)
    assert replay(traces.rounded(trace), desk)[0].agrees
    read = traces.read(traces.write(trace), ops.SIGNATURES, n_objects=len(desk))
    assert replay(read, desk)[0].agrees


@pytest.mark.parametrize(
    ("i", "out"),
    [(0, Quantity(0.70, "m")), (1, Quantity(0.54, "m2")), (2, Ref(0)), (1, True), (2, "lamp")],
)
def test_a_tampered_result_is_caught_at_its_step(desk, i, out):
    check, values = replay(with_step(nearer(desk), i, out=out), desk)
    assert not check.agrees
    assert check.step == i
    assert check.got == out
    assert check.expected == values[i]


def test_a_tampered_program_is_caught_where_its_result_changes(desk):
    trace = with_step(nearer(desk), 1, args=(Ref(3), Ref(2)))
    assert replay(trace, desk)[0].step == 1
    swapped = with_step(nearer(desk), 2, op="farther")
    assert replay(swapped, desk)[0].step == 2


def test_a_step_may_follow_from_the_written_numbers(make_object):
    # 2.006 - 1.004 is 1.00 m; with the written 2.01 and 1.00 it is 1.01 m.
    row = [make_object("ball", (x, 0, 3)) for x in (0.0, 1.004, 2.006)]

    def written(difference: float) -> Trace:
        return Trace(
            (
                Step("distance", (Ref(0), Ref(2)), Quantity(2.01, "m"), "a"),
                Step("distance", (Ref(0), Ref(1)), Quantity(1.00, "m"), "b"),
                Step("difference", (Var("a"), Var("b")), Quantity(difference, "m")),
            )
        )

    assert replay(written(1.00), row)[0].agrees
    assert replay(written(1.01), row)[0].agrees
    assert replay(written(1.02), row)[0].step == 2
    assert replay(written(0.99), row)[0].step == 2


def test_published_chain_of_thought_is_caught_at_the_angle(shared):
    golden = json.loads((shared / "golden" / "n3d_demo_outputs.json").read_text())
    case = golden["cases"][0]
    objects = [
        Object3D(str(b["id"]), b["cls"], Box3D(b["xyz_opencv"], b["size"])) for b in case["boxes"]
    ]
    printed = Trace(
        (
            Step("bearing", (Ref(4), Ref(2)), Quantity(np.radians(31.83), "rad"), "a"),
            Step("clock", (Var("a"),), Quantity(11, "h")),
        )
    )
    check, values = replay(printed, objects)
    assert check.step == 0
    assert np.degrees(values[0].value) == pytest.approx(31.21, abs=0.02)
    assert values[1] == Quantity(11, "h")


def test_demo_questions_on_the_authors_reference_boxes(shared):
    golden = json.loads((shared / "golden" / "n3d_demo_outputs.json").read_text())
    cases = {c["name"]: c for c in golden["cases"]}
    config = json.loads((shared / "data" / "n3dvlm_demo" / "config_demo.json").read_text())
    answers = {}
    for name, entry in zip(("demo1", "demo2", "demo3"), config):
        k = np.array(cases[name]["intr_normalised"])
        objects = []
        for line in entry["messages"][1]["content"].strip().split("\n"):
            label, u, v, z, _, *size = line.split("Bbox(")[1].rstrip(")").split(",")
            ray = np.linalg.inv(k) @ [float(u), float(v), 1]
            objects.append(Object3D("", label, Box3D(ray * float(z), [float(s) for s in size])))
        asked = cases[name]["question"]
        if name == "demo1":
            asked = entry["messages"][2]["content"]
        answers[name] = reason.answer(reason.understand(asked), objects)
    assert answers["demo1"][1].text == "11 o'clock"
    assert np.degrees(answers["demo1"][0].steps[0].out.value) == pytest.approx(32.15, abs=0.01)
    assert answers["demo2"][1].value is False
    assert answers["demo3"][1].number == pytest.approx(0.9026, abs=5e-5)


# -- hostile traces -------------------------------------------------------------------------

refs = st.builds(Ref, st.integers(-2, 9))
quantities = st.builds(
    Quantity,
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["m", "m2", "m3", "rad", "h", "1"]),
    of=st.none() | refs,
)
names = st.sampled_from(["a", "b", "c", "z"])
atoms = refs | quantities | st.builds(Var, names) | st.text(max_size=5)
args = st.lists(atoms | st.lists(atoms, max_size=3).map(tuple), max_size=4).map(tuple)
values = (
    refs | quantities | st.booleans() | st.text(max_size=5) | st.lists(refs, max_size=2).map(tuple)
)
steps = st.builds(
    Step, st.sampled_from(sorted(ops.SIGNATURES)) | st.text(max_size=4), args, values,
    st.none() | names,
)  # fmt: skip


@given(st.lists(steps, min_size=1, max_size=4))
def test_any_trace_runs_or_is_refused_as_a_trace(found):
    objects = [Object3D("", "mug", Box3D([i, 0, 2], [1, 1, 1])) for i in range(3)]
    trace = Trace(tuple(found))
    for function in (replay, lambda t, o: sample(t, o, n=4, scale_sigma=0.1)):
        with suppress(TraceError):
            function(trace, objects)


# -- sampling -------------------------------------------------------------------------------


def spread_out(objects, sigma: float):
    spread = BoxSpread([sigma] * 3, [sigma / 2] * 3, sigma / 10)
    return [replace(o, spread=spread) for o in objects]


def test_intervals_widen_with_the_spread_and_hold_the_answer(desk):
    trace = reason.bind(query("distance", "mug", "lamp"), desk)
    widths = []
    for sigma in (0.0, 0.01, 0.05, 0.2):
        found = sample(trace, spread_out(desk, sigma))
        low, high = found.interval
        assert low <= trace.answer.value <= high
        widths.append(high - low)
    assert widths[0] == pytest.approx(0, abs=1e-9)
    assert sorted(widths) == widths
    shared_error = sample(trace, desk, scale_sigma=0.2).interval
    assert shared_error[1] / shared_error[0] == pytest.approx(np.exp(2 * 1.645 * 0.2), rel=0.25)


def test_a_shared_scale_error_leaves_comparisons_and_angles_alone(desk):
    assert sample(nearer(desk), desk, scale_sigma=0.3).probability == 1
    trace = reason.bind(query("clock", "mug", "lamp"), desk)
    assert sample(trace, desk, scale_sigma=0.3).probability == 1


def test_sampling_is_seeded(desk):
    trace, objects = nearer(desk), spread_out(desk, 0.1)
    assert sample(trace, objects, seed=1) == sample(trace, objects, seed=1)
    assert 0 < sample(trace, objects, seed=1).probability < 1


def test_nine_intervals_in_ten_hold_the_truth(desk):
    rng = np.random.default_rng(0)
    held = {"distance": 0, "height": 0, "gap": 0}
    rounds = 200
    spread = BoxSpread([0.05] * 3, [0.03] * 3)
    for i in range(rounds):
        seen = [
            replace(
                o,
                box=Box3D(
                    o.box.center + rng.normal(size=3) * 0.05,
                    o.box.size * np.exp(rng.normal(size=3) * 0.03 / o.box.size),
                    o.box.rotation,
                ),
                spread=spread,
            )
            for o in desk[1:]
        ]
        for kind, who in (("distance", ("lamp", "laptop")), ("height", ("lamp",)),
                          ("gap", ("lamp", "laptop"))):  # fmt: skip
            q = query(kind, *who, quantity="height")
            truth = reason.bind(q, desk[1:]).answer.value
            low, high = sample(reason.bind(q, seen), seen, n=200, seed=i).interval
            held[kind] += low - 1e-9 <= truth <= high + 1e-9
    for kind, count in held.items():
        assert 0.83 <= count / rounds <= 0.97, kind


def test_angles_wrap_round():
    objects = [
        Object3D("", "a", Box3D([0, 0, 1], [0.1] * 3), spread=BoxSpread([0.05] * 3, [0] * 3)),
        Object3D("", "b", Box3D([0.001, 0, 4], [0.1] * 3), spread=BoxSpread([0.05] * 3, [0] * 3)),
    ]
    trace = Trace((Step("bearing", (Ref(0), Ref(1)), Quantity(0.0, "rad")),))
    low, high = sample(trace, objects).interval
    assert high - low < 0.2


def test_no_sample_drops_for_an_undefined_one():
    ball = Object3D("", "ball", Box3D([0, 0, 1], [0.1] * 3))
    trace = Trace(
        (
            Step("distance", (Ref(0), Ref(0)), Quantity(0.0), "a"),
            Step("ratio", (Var("a"), Var("a")), Quantity(1, "1")),
        )
    )
    with pytest.raises(TraceError, match="no defined result"):
        sample(trace, [ball])
