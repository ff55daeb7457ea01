"""A mirrored sample is the sample of the mirrored view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import train_samples as tiny

from n3d import reason
from n3d.geometry import Box3D
from n3d.language import boxes, dialogues
from n3d.language.dialogues import Setting
from n3d.model import orders, rays
from n3d.reason import ops
from n3d.scene import Trace
from n3d.train import feeding, making, mirroring, views
from n3d.train.exercises import Exercise

SIDE = np.diag([-1.0, 1.0, 1.0])


def turned(known: views.Known) -> views.Known:
    """The same room in a mirror."""
    v = known.view
    camera = replace(v.camera, cx=v.camera.width - v.camera.cx)
    view = replace(
        v,
        image=np.ascontiguousarray(v.image[:, ::-1]),
        depth=None if v.depth is None else np.ascontiguousarray(v.depth[:, ::-1]),
        camera=camera,
        up=None if v.up is None else np.asarray(v.up) * [-1, 1, 1],
    )
    objects = tuple(
        replace(o, box=Box3D(SIDE @ o.box.center, o.box.size, SIDE @ o.box.rotation @ SIDE))
        for o in known.objects
    )
    setting = Setting.of(view, own=True)
    return replace(known, view=view, setting=setting, objects=objects, ids=known.ids[:, ::-1])


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("merge", [1, 2])
def test_points_and_pixels_are_those_of_the_mirrored_view(index, merge):
    eyes = replace(tiny.EYES, patch=20 // merge, merge=merge)
    known = tiny.known(index)
    processor = making.mini.image_processor(eyes)
    here = making.sample(known, [], eyes, processor)
    image = turned(known).view.image
    patches, grid = making.cut(image, processor)
    found = mirroring.mirrored(here, eyes)
    # The picture may be resized on the way, which rounds.
    assert np.abs(found.patches.astype(int) - patches).max() <= 2
    order = orders.raster_of_blocks(torch.tensor([[1, *grid]]), merge)
    points = rays.of_view(turned(known).view, *grid, eyes.samples)[order].numpy()
    # Of equal depths another may be the middle one, and a pixel between two parts goes to the
    # right one of them: a few numbers differ.
    assert np.isclose(found.points, points, atol=0.02).mean() > 0.85
    if merge == 1:
        mirrored_ids = making.targets.coverage(turned(known).ids, len(known.objects), *grid)
        for i in np.unique(found.targets.main[found.targets.main >= 0]):
            assert (mirrored_ids[i][found.targets.main == i] > 0).all()
    again = mirroring.mirrored(found, eyes)
    for name in ("patches", "points"):
        assert (getattr(again, name) == getattr(here, name)).all()
    assert (again.targets.own == here.targets.own).all()


def plain_boxes(text: str, setting: Setting):
    return dialogues.read(text, ops.SIGNATURES, setting)


@pytest.mark.parametrize("index", range(8))
def test_numbers_and_replies_are_those_of_the_mirrored_boxes(index):
    known = tiny.known(index)
    other = turned(known)
    sample = replace(tiny.samples()[0], exercises=tiny.done(index))
    for o, row in zip(known.targets, mirroring._targets(_targets(known), 1).numbers):
        box = Box3D(SIDE @ o.box.center, o.box.size, SIDE @ o.box.rotation @ SIDE)
        cells = boxes.encode(box, other.view.camera, up=other.setting.up, tilt="hull")
        scale = 0 if other.setting.scale is None else other.setting.scale.index - 7500
        told = np.array(row[: len(cells)]) + [0, 0, *[scale] * 4, *[0] * (len(cells) - 6)]
        assert np.abs(told - cells).max() <= 1
    left_out = 0
    for e in sample.exercises:
        m = mirroring.mirrored_exercise(e)
        if m is None:
            left_out += 1
            continue
        was, now = plain_boxes(e.text, known.setting), plain_boxes(m.text, other.setting)
        assert not now.objects.faults
        assert not now.steps.faults
        assert [str(s) for s in was.steps.items] == [str(s) for s in now.steps.items]
        assert len(m.objects) == len(now.objects.items) == len(was.objects.items)
        by_object = dict(zip(e.objects, was.objects.items))
        for i, o in zip(m.objects, now.objects.items):
            assert o.label == by_object[i].label
            expected = SIDE @ by_object[i].box.center
            assert np.allclose(o.box.center, expected, atol=1e-6)
            assert np.allclose(np.sort(o.box.size), np.sort(by_object[i].box.size))
        if m.kind == "detect":
            x = [other.view.camera.project(o.box.center)[0] for o in now.objects.items]
            assert list(x) == sorted(x)
        if now.steps.items and "facing" not in e.text:  # a front is not written
            objects = now.objects.items
            check, _ = reason.replay(Trace(now.steps.items), objects, up=other.setting.up)
            was_right, _ = reason.replay(
                Trace(was.steps.items), was.objects.items, up=known.setting.up
            )
            assert check.agrees == was_right.agrees
    assert left_out < len(sample.exercises)


def _targets(known: views.Known):
    return making.targets.of(known, 1, 1)


def test_words_of_sides_are_left_out():
    for request in ("Locate: the left mug", "On which SIDE is it?"):
        assert mirroring.mirrored_exercise(Exercise("locate", request, (("none\n", True),))) is None
    said = Exercise("q", "Where is it?", ((">>> clock(a)\n", True),))
    assert mirroring.mirrored_exercise(said) is None
    absent = Exercise("absent", "Locate: red mug", (("none\n", True),))
    assert mirroring.mirrored_exercise(absent) is absent


def test_a_share_of_the_views_is_seen_in_a_mirror(tmp_path):
    data = tiny.prepare(tmp_path)
    looks = {}
    for share in (0.0, 0.5, 1.0):
        stage = replace(tiny.recipe().stages[0], mirror=share, views=12)
        batch = feeding.Feeder(data, stage, None, 1, eyes=tiny.EYES).next()
        looks[share] = [tuple(s.points[:3, 0].round(5)) for s, _ in batch]
    plain = set(looks[0.0])
    assert not plain & set(looks[1.0])
    assert 0 < len(plain & set(looks[0.5])) < len(set(looks[0.5]))
