"""Errors of located boxes: known displacements give known numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluate_samples import thing

from n3d.evaluate import grounding
from n3d.geometry import Box3D, euler
from n3d.geometry.box import RELABELLINGS


def moved(o, **changes):
    b = o.box
    fields = {"center": b.center, "size": b.size, "rotation": b.rotation, **changes}
    return replace(o, box=Box3D(**fields))


def test_the_truth_has_no_error(room, camera):
    found = grounding.located(room, room, camera, by_class=True)
    assert found.ious == pytest.approx((1, 1, 1, 1))
    assert (found.accuracy(0.5), found.mean_iou) == (1.0, pytest.approx(1))
    for e in found.errors:
        assert (e.z_rel, e.size_rel, e.center_px) == pytest.approx((0, 0, 0))
        assert e.yaw_deg == pytest.approx(0, abs=1e-5)


def test_depth_size_pixels_and_yaw_of_a_known_displacement(camera):
    true = thing("sofa", (0.2, 0.1, 2.0), (1.0, 0.5, 0.6))
    off = moved(true, center=[0.22, 0.11, 2.2], size=[1.1, 0.5, 0.6])
    e = grounding.compare(off, true, camera)
    assert e.z_rel == pytest.approx(0.1)
    assert e.size_rel == pytest.approx(0.1 / 3)
    assert e.center_px == pytest.approx(0)  # on the same ray
    assert e.yaw_deg == pytest.approx(0, abs=1e-5)
    beside = grounding.compare(moved(true, center=[0.4, 0.1, 2.0]), true, camera)
    assert beside.center_px == pytest.approx(300 * 0.2 / 2)
    turned = grounding.compare(moved(true, rotation=euler(np.radians(10))), true, camera)
    assert turned.yaw_deg == pytest.approx(10)
    behind = grounding.compare(moved(true, center=[0.0, 0.0, -1.0]), true, camera)
    assert behind.center_px is None


def test_a_box_has_the_same_errors_under_every_name_of_its_axes(camera):
    true = thing("sofa", (0.2, 0.1, 2.0), (1.0, 0.5, 0.6), yaw=0.2)
    off = moved(true, size=[1.2, 0.5, 0.6], rotation=euler(0.3))
    wanted = grounding.compare(off, true, camera)
    for m in RELABELLINGS:
        same = moved(off, size=off.box.size @ np.abs(m), rotation=off.box.rotation @ m)
        e = grounding.compare(same, true, camera)
        assert (e.size_rel, e.yaw_deg) == pytest.approx((wanted.size_rel, wanted.yaw_deg))
    assert wanted.size_rel == pytest.approx(0.2 / 3)
    assert wanted.yaw_deg == pytest.approx(np.degrees(0.1))


def test_round_things_have_no_yaw(camera):
    ball = thing("ball", (0, 0, 2), attributes={"round": True})
    assert grounding.compare(ball, ball, camera).yaw_deg is None


def test_one_query_takes_the_surest_box(camera):
    true = [thing("mug", (0, 0, 2))]
    wrong, right = thing("mug", (1, 0, 2), score=0.9), thing("mug", (0, 0, 2), score=0.4)
    found = grounding.located([right, wrong], true, camera)
    assert (found.ious, found.accuracy(0.25)) == ((0.0,), 0.0)
    assert sorted(found.scored) == [(0.4, pytest.approx(1)), (0.9, 0.0)]
    found = grounding.located([replace(right, score=0.95), wrong], true, camera)
    assert found.accuracy(0.5) == 1.0


def test_several_average_and_what_is_missing_is_zero(room, camera):
    half = moved(room[1], center=room[1].box.center + [0.1, 0, 0])  # IoU 1/3
    found = grounding.located([room[0], half], room[:3], camera, by_class=True)
    assert found.ious == pytest.approx((1, 1 / 3, 0))
    assert (found.accuracy(0.25), found.accuracy(0.5)) == pytest.approx((2 / 3, 1 / 3))
    assert found.mean_iou == pytest.approx(4 / 9)
    assert grounding.located([], room, camera).ious == (0, 0, 0, 0)
    nothing = grounding.located([], [], camera)
    assert (nothing.accuracy(0.25), nothing.mean_iou) == (None, None)


def test_a_box_on_an_ignored_object_takes_no_place(room, camera):
    chair, other = room[2], replace(room[3], score=1.0)
    found = grounding.located([other, replace(chair, score=0.2)], [chair], camera, ignored=[other])
    assert found.accuracy(0.5) == 1.0
    assert found.scored == ((0.2, pytest.approx(1)),)


def test_detections_that_overlap_nothing_have_no_errors(room, camera):
    far = moved(room[0], center=[3.0, 0, 9])
    found = grounding.located([far, room[1]], room, camera, by_class=True, overlapping=True)
    assert len(found.errors) == 1
    assert len(grounding.located([far], room[:1], camera).errors) == 1
