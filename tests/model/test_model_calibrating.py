from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from n3d.geometry import Box3D, Camera, euler  # noqa: E402
from n3d.language import Scale, boxes, dialogues  # noqa: E402
from n3d.language.dialogues import Setting  # noqa: E402
from n3d.model import calibration, spreads  # noqa: E402
from n3d.model.calibrating import Evidence  # noqa: E402
from n3d.scene import Object3D  # noqa: E402

CAMERA = Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)
UPRIGHT = Setting(CAMERA, Scale.of_length(3.0), up=np.array([0.0, -0.9, -0.4]))
ALIGNED = replace(UPRIGHT, up=None)
SIGMA = np.array([20.0, 30.0, 60.0, 200.0, 150.0, 250.0, 12.0])


def noisy(setting: Setting, count: int, told: float, seed: int = 0) -> Evidence:
    """Boxes whose written numbers are off by SIGMA, with spreads that say `told` times that."""
    rng = np.random.default_rng(seed)
    found = Evidence()
    numbers = 7 if setting.up is not None else 6
    for i in range(count):
        center = CAMERA.lift(rng.uniform([100, 100], [540, 380]), rng.uniform(1.5, 5))
        rotation = euler(yaw=rng.uniform(-3, 3)) if setting.up is not None else np.eye(3)
        size = rng.uniform(0.4, 1.5, 3)
        box = boxes.fit(Box3D(center, size, rotation), setting.up, "snap")
        cells = boxes.encode(box, CAMERA, up=setting.up).astype(float)
        off = rng.normal(size=numbers) * SIGMA[:numbers]
        moved = np.rint(cells + off).astype(int)
        if numbers == 7:
            moved[6] %= 360
        o = Object3D(str(i), "box", boxes.decode(moved, CAMERA, up=setting.up))
        o = replace(o, spread=spreads.spread(o, SIGMA[:numbers] * told, setting), score=0.9)
        found.judge([o], [Object3D("t", "box", box)])
        found.compare([o], [Object3D("t", "box", box)], setting)
    return found


@pytest.mark.parametrize("setting", [UPRIGHT, ALIGNED])
@pytest.mark.parametrize("told", [0.5, 1.0, 3.0])
def test_factors_make_spreads_hold(setting, told):
    found = noisy(setting, 300, told)
    fitted = calibration.fit(found.scores, found.right, found.errors)
    used = 4 if setting.up is not None else 3
    assert np.allclose(fitted.factors[:used], 1 / told, rtol=0.25)


def test_a_box_is_right_by_its_overlap_and_label():
    found = Evidence()
    box = Box3D([0, 0, 3], [1, 1, 1])
    near = Box3D([0.2, 0, 3], [1, 1, 1])
    truth = [Object3D("t", "box", box)]
    found.judge([Object3D("0", "box", near)], truth)
    found.judge([Object3D("0", "mug", near)], truth)
    found.judge([Object3D("0", "box", Box3D([0.9, 0, 3], [1, 1, 1]))], truth)
    found.judge([Object3D("0", "box", near)], [])
    assert found.right == [True, False, False, False]
    assert len(found.scores) == 4


def test_the_side_that_is_called_x_does_not_matter():
    box = Box3D([0, 0.5, 3], [1.2, 0.5, 0.7], euler(yaw=0.7))
    turned = Box3D([0, 0.5, 3], [0.7, 0.5, 1.2], euler(yaw=0.7 + np.pi / 2))
    setting = replace(UPRIGHT, up=np.array([0.0, -1.0, 0.0]))
    o = Object3D("0", "box", dialogues.as_written(box, setting))
    o = replace(o, spread=spreads.spread(o, SIGMA, setting))
    found = Evidence()
    found.compare([o], [Object3D("t", "box", turned)], setting)
    assert max(found.errors["size"][0]) < 0.002
    assert max(found.errors["yaw"][0]) < np.radians(0.2)


def test_boxes_of_what_is_half_hidden_are_neither_right_nor_wrong():
    found = Evidence()
    box, other = Box3D([0, 0, 3], [1, 1, 1]), Box3D([3, 0, 3], [1, 1, 1])
    truth, hidden = [Object3D("t", "box", box)], [Object3D("h", "mug", other)]
    boxes = [Object3D("0", "box", other), Object3D("1", "box", box, score=0.7)]
    assert found.judge(boxes, truth, hidden) == [(0.7, True)]
    assert found.right == [True]
    away = Object3D("0", "box", Box3D([-3, 0, 3], [1, 1, 1]), score=0.4)
    assert found.judge([away], truth, hidden) == [(0.4, False)]
    assert found.right == [True, False]


@pytest.mark.parametrize("setting", [UPRIGHT, ALIGNED])
def test_boxes_that_were_fitted_have_intervals_that_hold_nine_of_ten_errors(setting):
    found = noisy(setting, 300, 0.5)
    wide = calibration.widths(found.errors, 0.9, calibration.WITHIN_90)
    used = 4 if setting.up is not None else 3
    assert np.allclose(wide[:used], 2.0, rtol=0.25)


def test_a_widened_spread_is_that_of_wider_numbers():
    o = Object3D("0", "box", Box3D([0.8, -0.3, 3], [1, 0.5, 2], euler(yaw=0.4)))
    setting = replace(UPRIGHT, up=np.array([0.0, -1.0, 0.0]))
    factors = (2.0, 3.0, 0.5, 1.5)
    wide = calibration.Calibration(factors=factors).widths(7)
    narrow = replace(o, spread=spreads.spread(o, SIGMA, setting))
    expected = spreads.spread(o, SIGMA * wide, setting)
    found = spreads.widened(narrow, factors).spread
    assert np.allclose(found.center, expected.center)
    assert np.allclose(found.size, expected.size)
    assert found.yaw == pytest.approx(expected.yaw)


def test_what_was_named_has_a_curve_of_its_own():
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=400)
    raw, right = calibration.curve(scores.tolist(), (rng.uniform(size=400) < scores / 2).tolist())
    both = calibration.Calibration(located_raw=raw, located_right=right)
    assert both.score(0.8) == pytest.approx(0.8)
    assert both.score(0.8, located=True) == pytest.approx(0.4, abs=0.1)
    assert calibration.Calibration().score(0.8, located=True) == pytest.approx(0.8)
    assert calibration.curve([0.5] * 5, [True] * 5) == ((), ())


def test_the_raw_score_does_not_depend_on_how_spreads_are_widened():
    o = Object3D("0", "box", Box3D([0, 0.5, 3], [1.2, 0.5, 0.7], euler(yaw=0.7)))
    doubt = spreads.Doubt(0.8, SIGMA)
    curve = {"raw": (0.0, 0.3, 1.0), "right": (0.0, 0.6, 1.0)}
    fitted = calibration.Calibration(**curve)
    wider = calibration.Calibration(**curve, factors=(3.0, 0.2, 4.0, 2.0))
    a, b = (spreads.with_doubt([o], [doubt], UPRIGHT, c)[0] for c in (fitted, wider))
    assert a.score == b.score
    assert not np.allclose(a.spread.center, b.spread.center)
