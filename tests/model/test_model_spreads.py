"""Spreads of boxes from the probabilities of their tokens, against what is drawn from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from n3d.geometry import Box3D, Camera  # noqa: E402
from n3d.language import Scale, boxes, dialogues  # noqa: E402
from n3d.language.dialogues import Setting  # noqa: E402
from n3d.model import spreads  # noqa: E402
from n3d.model.calibration import Calibration  # noqa: E402
from n3d.model.decoding import Picked  # noqa: E402
from n3d.scene import Object3D  # noqa: E402

CAMERA = Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)
UPRIGHT = Setting(CAMERA, Scale.of_length(3.0), up=np.array([0.0, -0.9, -0.4]))
ALIGNED = replace(UPRIGHT, up=None)
BASES = {"digits": (10, 10, 10, 10), "own": (100, 100)}


def told(base, cells: np.ndarray, written: int) -> tuple[list[np.ndarray], list[int]]:
    """The probabilities of each place of a number, of which `cells` are drawings, given the
    places written before."""
    places, values, unit = [], [], int(np.prod(base))
    for size in base:
        unit //= size
        value = written // unit % size
        share = np.bincount(cells // unit % size, minlength=size).astype(float)
        places.append(share / share.sum())
        values.append(value)
        cells = cells[cells // unit % size == value]
    return places, values


def one_hot(size: int, value: int) -> np.ndarray:
    return np.eye(size)[value]


# -- one number -------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("width", [3, 40, 300])
@pytest.mark.parametrize("middle", [5550.0, 5000.3, 999.9, 5995.0])
def test_a_normal_number_has_its_own_sigma(base, width, middle):
    """Also where it lies over the edge between two values of a place."""
    rng = np.random.default_rng(0)
    cells = np.rint(rng.normal(middle, width, 200_000)).astype(int)
    found = [spreads.sigma(*told(base, cells, round(middle)))]
    found.append(spreads.sigma(*told(base, cells, round(middle + width / 2))))
    assert np.allclose(found, width, rtol=0.2, atol=0.3)


def test_even_numbers_have_the_sigma_of_an_even_one():
    for base in BASES.values():
        even = [np.full(b, 1 / b) for b in base]
        expected = 10_000 * (spreads.SIDES[1] - spreads.SIDES[0]) / 2
        assert spreads.sigma(even, [0] * len(base)) == pytest.approx(expected)
        last = [*(one_hot(b, 3) for b in base[:-1]), even[-1]]
        expected = base[-1] * (spreads.SIDES[1] - spreads.SIDES[0]) / 2
        assert spreads.sigma(last, [3] * len(base)) == pytest.approx(expected)


def test_a_certain_number_is_within_its_cell():
    for base in (*BASES.values(), (360,)):
        places = [one_hot(b, 7) for b in base]
        assert 0 < spreads.sigma(places, [7] * len(base)) < 0.5
        nearly = [0.999 * p + 0.001 / len(p) for p in places]
        assert spreads.sigma(nearly, [7] * len(base)) < 0.5


def test_two_numbers_far_apart_are_as_wide_as_what_lies_between():
    first = one_hot(100, 20) * 0.5 + one_hot(100, 60) * 0.5
    found = spreads.sigma([first, one_hot(100, 50)], [20, 50])
    assert found == pytest.approx(4000 / 2, abs=60)


def test_what_was_written_decides_what_was_passed_over():
    """A number that was drawn is not made of the likeliest values: written 2199 of 20 or 21."""
    first = one_hot(100, 20) * 0.6 + one_hot(100, 21) * 0.4
    near = spreads.sigma([first, one_hot(100, 0)], [21, 0])
    far = spreads.sigma([first, one_hot(100, 99)], [21, 99])
    assert near < 1
    assert far == pytest.approx(199 / 2, abs=3)


# -- boxes ------------------------------------------------------------------------------------


def numbers_of(setting: Setting, own: bool, cells: np.ndarray, drawn: np.ndarray) -> list[Picked]:
    """What a network picks that writes `cells` (n,) and believes in `drawn` (k, n)."""
    picked = []
    for i, written in enumerate(cells):
        base = BASES["own" if own else "digits"]
        if i == 6:
            base = (360,) if own else (10, 10, 10)
        places, values = told(base, drawn[:, i], int(written))
        picked += [Picked(0, 0, float(p[v]), p, v) for p, v in zip(places, values)]
    return picked


def box_of(setting: Setting) -> Object3D:
    up = setting.up
    box = boxes.fit(Box3D([0.5, 0.3, 2.5], [0.6, 0.9, 0.4]), up, "snap")
    return Object3D("0", "box", dialogues.as_written(box, setting))


def drawn_cells(setting: Setting, o: Object3D, sigma, count: int = 40_000) -> np.ndarray:
    rng = np.random.default_rng(1)
    cells = boxes.encode(o.box, CAMERA, up=setting.up)
    noise = rng.normal(size=(count, len(cells))) * np.asarray(sigma)[: len(cells)]
    return np.clip(
        np.rint(cells + noise).astype(int), 0, np.where(np.arange(len(cells)) == 6, 359, 9999)
    )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("setting", [ALIGNED, UPRIGHT], ids=["aligned", "upright"])
def test_the_spread_of_a_box_is_that_of_boxes_of_drawn_numbers(setting, own):
    o = box_of(setting)
    sigma = [60, 90, 150, 300, 260, 400, 12]
    drawn = drawn_cells(setting, o, sigma)
    cells = boxes.encode(o.box, CAMERA, up=setting.up)
    doubts = spreads.doubts(numbers_of(setting, own, cells, drawn), setting.up is not None)
    assert len(doubts) == 1
    # The spread that the drawn numbers have, and the one that their tokens tell.
    many = boxes.decode(drawn, CAMERA, up=setting.up)
    size, across = many.size.std(axis=0), many.center.std(axis=0)
    exact = spreads.spread(o, np.asarray(sigma)[: len(cells)], setting)
    assert np.allclose(exact.center, across, rtol=0.1)
    assert np.allclose(exact.size, size, rtol=0.2)
    found = spreads.with_doubt([o], doubts, setting)[0].spread
    assert np.allclose(found.center, across, rtol=0.2)
    assert np.allclose(found.size, size, rtol=0.2)
    turns = np.arcsin(np.clip((many.rotation[:, :, 0] @ o.box.rotation[:, 2]), -1, 1))
    if setting.up is None:
        assert found.yaw == 0
    else:
        assert exact.yaw == pytest.approx(turns.std(), rel=0.2)
        assert found.yaw == pytest.approx(turns.std(), rel=0.2)


def test_sides_keep_their_spread_when_a_box_is_described_otherwise():
    o = box_of(UPRIGHT)
    sigma = np.array([1, 1, 1, 100, 200, 400, 1.0])
    plain = spreads.spread(o, sigma, UPRIGHT)
    order = [2, 0, 1]
    turned = replace(o, box=Box3D(o.box.center, o.box.size[order], o.box.rotation[:, order]))
    assert np.allclose(spreads.spread(turned, sigma, UPRIGHT).size, plain.size[order])
    assert plain.size[2] / o.box.size[2] == pytest.approx(4 * plain.size[0] / o.box.size[0])


@pytest.mark.parametrize("setting", [ALIGNED, UPRIGHT], ids=["aligned", "upright"])
def test_scores_fall_when_a_network_is_less_sure(setting):
    o = box_of(setting)
    cells = boxes.encode(o.box, CAMERA, up=setting.up)
    scores = []
    for factor in (0.0, 0.3, 1.0, 3.0):
        sigma = factor * np.array([60, 90, 60, 150, 160, 100, 20])
        picked = [Picked(0, 0, 0.8), Picked(0, 0, 0.5)]
        picked += numbers_of(setting, True, cells, drawn_cells(setting, o, sigma, 4000))
        doubt = spreads.doubts(picked, setting.up is not None)
        assert doubt[0].named == pytest.approx(0.4)
        scores.append(spreads.with_doubt([o], doubt, setting)[0].score)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.4, abs=0.01)
    assert scores[-1] < 0.25


def test_a_calibration_widens_spreads_and_maps_scores():
    o = box_of(UPRIGHT)
    sure = spreads.Doubt(0.8, np.full(7, 20.0))
    plain = spreads.with_doubt([o], [sure], UPRIGHT)[0]
    wide = Calibration(factors=(1, 2, 3, 4))
    found = spreads.with_doubt([o], [sure], UPRIGHT, wide)[0]
    assert found.spread.center[2] == pytest.approx(2 * plain.spread.center[2])
    assert np.allclose(found.spread.size, 3 * plain.spread.size)
    assert found.spread.yaw == pytest.approx(4 * plain.spread.yaw)
    assert found.score == plain.score
    mapped = spreads.with_doubt([o], [sure], UPRIGHT, Calibration((0, 1), (0.1, 0.2)))[0]
    assert mapped.score == pytest.approx(0.1 + 0.1 * plain.score)


@pytest.mark.parametrize("setting", [ALIGNED, UPRIGHT], ids=["aligned", "upright"])
@pytest.mark.parametrize("own", [False, True])
def test_doubts_are_those_of_their_boxes(setting, own):
    """Labels are no numbers, also of digits; a trace and a box that is cut have no doubt."""
    o = box_of(setting)
    cells = boxes.encode(o.box, CAMERA, up=setting.up)
    picked, expected = [], []
    for factor in (1, 4, 2):
        drawn = drawn_cells(setting, o, np.full(7, 30.0 * factor), 4000)
        some = numbers_of(setting, own, cells, drawn)
        label = [Picked(0, 0, 0.5)] * factor  # digits of a label are no places of a number
        expected.append((0.5**factor, spreads.doubts(some, setting.up is not None)[0].sigma))
        picked += label + some
    # The number tokens of the first box end a label: that had a chance of one half.
    picked[1] = replace(picked[1], probability=picked[1].probability / 2)
    expected[0] = (expected[0][0] / 2, expected[0][1])
    trace = [Picked(0, 0, 0.9), Picked(0, 0, 0.5, one_hot(10, 3), 3), Picked(0, 0, 0.9)]
    found = spreads.doubts(picked + trace + some[:-1], setting.up is not None)
    assert [d.named for d in found] == pytest.approx([n for n, _ in expected])
    for d, (_, sigma) in zip(found, expected, strict=True):
        assert np.array_equal(d.sigma, sigma)
