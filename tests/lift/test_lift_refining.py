"""Laws of refining written boxes by depth."""

from __future__ import annotations

import json
from dataclasses import astuple, fields, replace

import numpy as np
import pytest

from n3d.errors import ConfigError
from n3d.geometry import Box3D, axis_rotation, overlap
from n3d.lift import surroundings
from n3d.lift.evidence import FREE, OTHER, ROOM, gather
from n3d.lift.refining import REASONS, Costs, RefineConfig, gate, refine
from n3d.scene import RGBD, BoxSpread, Object3D
from n3d.scene.records import object_from_json, object_to_json

TWO = [([-0.5, 0.55, 2.6], [0.6, 0.8, 0.5], 0.5), ([0.7, 0.7, 3.2], [0.5, 0.5, 0.9], -0.7)]
OPEN = RefineConfig(min_gain=0, min_support=0, min_reprojection_iou=0, max_deviation=1e6)


@pytest.fixture(scope="module")
def room(take):
    """Two boxes on a floor, before a wall."""
    return take(TWO, floor=0.95, pitch=0.25)


def objects(boxes, **rest) -> list[Object3D]:
    return [Object3D(str(i), "box", b, **rest) for i, b in enumerate(boxes)]


def wrong(box: Box3D, deeper=0.06, larger=(1.15, 0.9, 1.1), yaw=0.06) -> Box3D:
    """A box as a model writes it: another distance, sides and yaw."""
    turn = axis_rotation(1, yaw) @ box.rotation
    return Box3D(box.center * (1 + deeper), box.size * larger, turn)


def iou(a, b) -> float:
    return float(overlap.iou(a, b)[0, 0])


def same(a: Box3D, b: Box3D) -> bool:
    return np.array_equal(a.corners, b.corners)


# -- what it is for --------------------------------------------------------------------------


def test_wrong_boxes_come_close_to_the_truth(room):
    out = refine(room.view, objects([wrong(b) for b in room.boxes]))
    for found, truth in zip(out, room.boxes, strict=True):
        assert found.attributes["refined"]["accepted"]
        assert iou(wrong(truth), truth) < 0.5
        assert iou(found.box, truth) > 0.8


@pytest.mark.parametrize("deeper", [-0.12, -0.05, 0.05, 0.12])
def test_depth_corrects_a_wrong_distance(room, deeper):
    out = refine(room.view, objects([wrong(b, deeper, 1.0, 0.0) for b in room.boxes]))
    for found, truth in zip(out, room.boxes, strict=True):
        assert iou(found.box, truth) > 0.75


def test_composite_furniture_gains_in_rooms_of_the_benchmark():
    from n3d import synthetic

    rng = np.random.default_rng(0)
    before, after = [], []
    for index in range(3):
        config = synthetic.SceneConfig(width=320, height=240)
        made = synthetic.make(synthetic.split_seed("train", 1000 + index), config)
        up = made.rgbd.up
        assert up is not None
        boxes = []
        for o in made.targets:
            deeper, larger = 0.05 * rng.normal(), np.exp(0.13 * rng.normal(size=3))
            boxes.append(Box3D(o.box.center * (1 + deeper), o.box.size * larger, o.box.rotation))
        for o, b, found in zip(made.targets, boxes, refine(made.rgbd, objects(boxes)), strict=True):
            before.append(iou(b, o.box))
            after.append(iou(found.box, o.box))
    assert np.mean(after) > np.mean(before) + 0.08


def test_exact_boxes_stay(room):
    for found, truth in zip(refine(room.view, objects(room.boxes)), room.boxes, strict=True):
        assert iou(found.box, truth) > 0.85
        assert np.abs(found.box.center - truth.center).max() < 0.05


def test_hidden_depth_keeps_the_written_size(take):
    shot = take([([0.0, 0.2, 3.0], [0.8, 0.8, 0.6], 0.0)])
    truth = shot.boxes[0]
    for size in (0.45, 0.9):
        box = Box3D(truth.center * 1.04, [0.8, 0.8, size], truth.rotation)
        found = refine(shot.view, objects([box]))[0]
        assert abs(found.box.size[2] - size) < 0.25 * size
        near = found.box.center[2] - found.box.size[2] / 2
        assert abs(near - 2.7) < 0.05


# -- what comes back -------------------------------------------------------------------------


def test_without_depth_nothing_changes(room):
    given = objects(room.boxes)
    bare = replace(room.view, depth=None)
    assert all(a is b for a, b in zip(refine(bare, given), given, strict=True))
    assert refine(room.view, []) == []


def test_both_boxes_are_reported_and_survive_json(room):
    written = [wrong(room.boxes[0]), wrong(room.boxes[1])]
    given = objects(written, attributes={"color": "red"}, front=np.array([0.0, 0.0, 1.0]))
    for found, box in zip(refine(room.view, given), written, strict=True):
        back = object_from_json(json.loads(json.dumps(object_to_json(found))))
        assert back.attributes == found.attributes
        assert back.attributes["color"] == "red"
        told = {k: np.array(v) for k, v in back.attributes["written"].items()}
        assert same(Box3D(**told), box)
        assert len(back.attributes["refined"]["measured"]) == 6
        assert set(found.quality) == {"reprojection_iou", "support", "agreement", "preferred"}
        assert all(0 <= v <= 1 for v in found.quality.values())
        turn = found.box.rotation @ box.rotation.T
        assert np.allclose(found.front, turn @ [0, 0, 1])


def test_refining_is_deterministic(room):
    given = objects([wrong(b) for b in room.boxes])
    for a, b in zip(refine(room.view, given), refine(room.view, given), strict=True):
        assert same(a.box, b.box)
        assert a.quality == b.quality
        assert a.attributes == b.attributes


def test_names_of_axes_do_not_matter(room):
    turns = [np.eye(3), axis_rotation(1, np.pi / 2), axis_rotation(0, np.pi)]
    turns.append(axis_rotation(2, np.pi / 2))
    found = []
    for turn in turns:
        b = wrong(room.boxes[0])
        b = Box3D(b.center, np.abs(turn.T @ b.size), b.rotation @ turn)
        assert iou(b, wrong(room.boxes[0])) > 0.999
        found.append(refine(room.view, objects([b]))[0].box)
    for box, turn in zip(found, turns, strict=True):
        assert iou(box, found[0]) > 0.9
        assert np.allclose(box.rotation @ turn.T, found[0].rotation, atol=0.1)


# -- the gate --------------------------------------------------------------------------------


def test_what_fails_the_gate_is_never_accepted(room):
    given = objects([wrong(b) for b in room.boxes])
    for reason, config in {
        "no-gain": RefineConfig(min_gain=1e5),
        "low-support": RefineConfig(min_support=1.0),
        "low-reprojection": RefineConfig(min_reprojection_iou=1.0),
        "disagrees": RefineConfig(max_deviation=0.01),
        "too-few-samples": RefineConfig(min_samples=10**6),
    }.items():
        for found, o in zip(refine(room.view, given, config), given, strict=True):
            said = found.attributes["refined"]
            assert not said["accepted"]
            assert said["reason"] == reason
            assert said["reason"] in REASONS
            assert same(found.box, o.box)
            assert found.quality == o.quality
            assert ("proposed" in said) == (reason != "too-few-samples")
    beside = objects([Box3D([9.0, 0, 2.0], [0.5, 0.5, 0.5])])
    assert refine(room.view, beside)[0].attributes["refined"]["reason"] == "outside-image"
    behind = Box3D([0, 0, 0.2], [1, 1, 1])
    scores = {"support": 1.0, "reprojection_iou": 1.0}
    assert gate(scores, 9.0, 0.0, behind, RefineConfig()) == "behind-camera"
    assert gate(scores, 9.0, 0.0, room.boxes[0], RefineConfig()) is None


def test_a_box_in_empty_air_is_not_accepted_where_nothing_is(take):
    shot = take([], floor=0.95, pitch=0.25)
    box = Box3D([0.0, -0.1, 2.0], [0.4, 0.4, 0.4])
    found = refine(shot.view, objects([box]))[0]
    assert same(found.box, box)


# -- kinds of views --------------------------------------------------------------------------


def test_sparse_depth_and_unknown_gravity(take):
    for keep, up in ((0.05, True), (1.0, False), (0.05, False)):
        shot = take(TWO, floor=0.95, pitch=0.0, keep=keep, blur=0 if keep < 1 else 1.2, up=up)
        out = refine(shot.view, objects([wrong(b, yaw=0.0) for b in shot.boxes]))
        for found, truth in zip(out, shot.boxes, strict=True):
            assert iou(found.box, truth) > iou(wrong(truth, yaw=0.0), truth) + 0.1


def test_a_leaning_box_keeps_its_rotation(room):
    hull = [b.hull() for b in room.boxes]  # camera-aligned boxes in a pitched view
    for found, box in zip(refine(room.view, objects(hull), OPEN), hull, strict=True):
        assert np.allclose(found.box.rotation, box.rotation)
    fixed = replace(OPEN, turn=False)
    for found, box in zip(refine(room.view, objects(room.boxes), fixed), room.boxes, strict=True):
        assert np.allclose(found.box.rotation, box.rotation)


def test_a_wide_spread_lets_a_box_go_further(room):
    box = wrong(room.boxes[0], deeper=0.0)
    told = BoxSpread(box.center * 0 + 0.4, box.size * 0.5, 0.3)
    planes = surroundings.room_planes(room.view)
    plain = gather(room.view, box, None, [], planes, RefineConfig())
    wide = gather(room.view, box, told, [], planes, RefineConfig())
    assert not isinstance(plain, str)
    assert not isinstance(wide, str)
    assert (wide.sigma[:6] > plain.sigma[:6]).all()
    found = refine(room.view, objects([box], spread=told))[0]
    assert iou(found.box, room.boxes[0]) > 0.75
    assert found.spread is not told


@pytest.mark.parametrize("yaw", [-0.6, 0.5, 0.75])
def test_a_box_that_nobody_knows_the_yaw_of_finds_it(room, yaw):
    """Small steps alone do not lead there."""
    boxes = [
        Box3D(b.center * 1.01, b.size * [1.05, 1, 0.95], b.rotation @ axis_rotation(1, yaw))
        for b in room.boxes
    ]
    told = [BoxSpread(b.box.center * 0 + 0.04, b.box.size * 0.1, 0.4) for b in objects(boxes)]
    seen = [replace(o, spread=s) for o, s in zip(objects(boxes), told)]

    def off(config: RefineConfig) -> float:
        found = refine(room.view, seen, config)
        return sum(iou(o.box, b) for o, b in zip(found, room.boxes)) / len(boxes)

    assert off(RefineConfig()) >= off(RefineConfig(turns=())) - 0.01
    assert off(RefineConfig()) > 0.7


# -- the parts -------------------------------------------------------------------------------


def test_the_room_is_found_and_objects_are_not_taken_for_it(room):
    planes = surroundings.room_planes(room.view)
    up = room.view.up
    assert any(p[:3] @ up > 0.999 and abs(p[3] - 0.95) < 0.03 for p in planes)
    points = room.view.points
    flat = points.xyz[points.valid].astype(float)
    behind = surroundings.behind_planes(flat, planes)
    masks = np.logical_or.reduce(room.masks)[points.valid]
    assert behind[~masks].mean() > 0.97
    assert behind[masks].mean() < 0.1


def test_the_support_is_the_level_layer_around_the_foot():
    rng = np.random.default_rng(0)
    table = np.stack([rng.uniform(-1, 1, 900), rng.normal(0.8, 0.002, 900),
                      rng.uniform(1, 3, 900)], axis=1)  # fmt: skip
    low, high = np.array([-0.2, 0.5, 1.8]), np.array([0.2, 0.77, 2.2])
    sigma = np.full(3, 0.05)
    found = surroundings.support(table, low, high, sigma)
    assert found == pytest.approx(0.8, abs=0.003)
    assert surroundings.support(table + [0, 1.0, 0], low, high, sigma) is None


def test_kernels_have_slow_twins(room):
    from n3d.lift import refine_kernels as kernels

    box = wrong(room.boxes[0])
    planes = surroundings.room_planes(room.view)
    evidence = gather(room.view, box, None, room.boxes[1:], planes, RefineConfig())
    assert not isinstance(evidence, str)
    costs = astuple(Costs())
    p = evidence.written + [0.03, 0.01, -0.02, 0.0, 0.05, 0.01, 0.1]
    fast = kernels.misfit(p, *evidence.samples, np.array(costs))
    assert fast == pytest.approx(slow_misfit(p, evidence, costs), rel=1e-9)
    counts, places = np.empty((3, 4), np.int64), np.empty(len(evidence.reach), np.int64)
    kernels.tally(p, *evidence.samples, counts, places)
    for what in (FREE, ROOM, OTHER):
        for where in range(4):
            assert counts[what, where] == ((evidence.shows == what) & (places == where)).sum()
    away = np.empty(7)
    kernels.deviations(evidence.written, evidence.written, evidence.sigma, 0.0, away)
    assert np.allclose(away[:6], 0, atol=1e-6)
    assert kernels.doubt(p, evidence.written, evidence.sigma, evidence.ground, 2.1) > 0


def slow_misfit(p, evidence, costs) -> float:
    """The mean cost, sample by sample, with the box's six planes."""
    c = dict(zip((f.name for f in fields(Costs)), costs, strict=True))
    axes = np.array([[np.cos(p[6]), 0, np.sin(p[6])], [0, 1, 0], [-np.sin(p[6]), 0, np.cos(p[6])]])
    total, filled, through = 0.0, 0, 0
    for ray, reach, tol, shows in zip(*evidence.samples, strict=True):
        d = axes @ ray
        ends = np.sort([p[:3] / d, p[3:6] / d], axis=0)
        enter, leave = max(ends[0].max(), 0.0), ends[1].min()
        off = max(0, *((p[:3] - reach * d) / (p[3:6] - p[:3])),
                  *((reach * d - p[3:6]) / (p[3:6] - p[:3])))  # fmt: skip
        hit = enter < leave
        if hit and enter - tol <= reach <= leave + tol:
            if shows == ROOM:
                total += c["room"]
                continue
            g = max(max(reach - enter, 0) / tol - 1, 0)
            total += c["deep"] * g * g / (1 + g * g) + c["other"] * (shows == OTHER)
            filled += 1
            continue
        before = hit and reach < enter
        known = c["before"] if before else c["beside"]
        kind = "before_free" if before else "behind_free" if hit else "beside_free"
        through += hit and not before and shows != FREE
        total += known
        if shows == FREE:
            total += (c[kind] - known) / (1 + (off / c["near"]) ** 2)
    total += c["behind"] * through * (1 - c["open"] * through / max(through + filled, 1))
    return total / len(evidence.reach)


def test_settings_are_checked():
    for name, value in (("sigma_depth", 0.0), ("tail", -1.0), ("samples", 10.5), ("passes", 0),
                        ("turn", 1), ("starts", ()), ("turns", (9.0,)), ("lost", -1.0),
                        ("costs", None)):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            RefineConfig(**{name: value})
        assert caught.value.field == name
    with pytest.raises(ConfigError):
        Costs(near=0.0)


def test_garbage_never_crashes():
    rng = np.random.default_rng(5)
    from n3d.geometry import Camera

    for _ in range(12):
        h, w = (int(v) for v in rng.integers(4, 60, 2))
        depth = rng.choice([0.0, 1e-3, 0.3, 2.0, 2.1, 50.0, 1e9], (h, w)).astype(np.float32)
        depth[0, 0] = 1.0
        camera = Camera(*rng.uniform(5, 500, 2), *rng.uniform(-50, 100, 2), w, h)
        up = rng.normal(size=3) if rng.random() < 0.5 else None
        view = RGBD(np.zeros((h, w, 3), np.uint8), camera, depth, up=up)
        boxes = [
            Box3D.from_euler(rng.normal(0, 2, 3), rng.uniform(0.01, 3, 3), *rng.normal(0, 1, 3))
            for _ in range(3)
        ]
        out = refine(view, objects(boxes), replace(OPEN, min_samples=4))
        assert len(out) == 3
        for found in out:
            said = found.attributes["refined"]
            assert said["accepted"] or said["reason"] in REASONS
