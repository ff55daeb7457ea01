"""Objects told from their surroundings within a rectangle."""

from __future__ import annotations

import numpy as np
import pytest

from n3d import lift
from n3d.errors import InputError
from n3d.geometry import Camera
from n3d.scene import RGBD
from n3d.synthetic import scenes


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_boxes_on_a_floor_beside_each_other(take):
    boxes = [
        ([-0.55, 1.0, 2.6], [0.6, 0.6, 0.5], 0.4),
        ([0.35, 1.05, 2.4], [0.5, 0.5, 0.5], -0.5),
        ([1.2, 1.1, 3.4], [0.7, 0.4, 0.4], 0.2),
    ]
    shot = take(boxes, floor=1.3, pitch=0.3, grow=0)
    for region, mask in zip(shot.bare, shot.masks, strict=True):
        assert overlap(lift.segment_rectangle(shot.view, region.rectangle), mask) > 0.9


@pytest.mark.parametrize("keep", [0.13, 0.05])
def test_sparse_samples_suffice(take, keep):
    shot = take([([0.0, 0.2, 2.2], [0.7, 0.7, 0.5], 0.5)], blur=0, keep=keep, grow=0)
    mask = lift.segment_rectangle(shot.view, shot.bare[0].rectangle)
    samples = shot.view.depth > 0
    assert overlap(mask & samples, shot.masks[0] & samples) > 0.85


def test_a_picture_on_a_wall_is_the_whole_rectangle():
    depth = np.full((200, 300), 2.0, np.float32)
    view = RGBD(np.zeros((200, 300, 3), np.uint8), Camera(300, 300, 150, 100, 300, 200), depth)
    mask = lift.segment_rectangle(view, (100, 50, 180, 120))
    assert mask[50:120, 100:180].all()
    assert mask.sum() == 70 * 80


def test_the_mask_stays_within_the_rectangle_and_the_image(take):
    shot = take([([0.0, 0.2, 2.2], [0.7, 0.7, 0.5], 0.5)])
    for rectangle in ((-50, -20, 400, 300), (0, 0, 640, 480), (310.5, 200.2, 311.0, 200.9)):
        mask = lift.segment_rectangle(shot.view, rectangle)
        x0, y0, x1, y1 = (round(v) for v in rectangle)
        outside = np.ones_like(mask)
        outside[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1] = False
        assert not (mask & outside).any()


def test_refusals():
    image = np.zeros((20, 30, 3), np.uint8)
    camera = Camera(30, 30, 15, 10, 30, 20)
    with pytest.raises(InputError, match="no depth"):
        lift.segment_rectangle(RGBD(image, camera), (1, 1, 5, 5))
    view = RGBD(image, camera, np.ones((20, 30), np.float32))
    with pytest.raises(InputError, match="does not touch"):
        lift.segment_rectangle(view, (40, 1, 50, 5))


def test_furnished_rooms_with_and_without_masks():
    from n3d.geometry import overlap as boxes
    from n3d.scene import Region

    with_masks, without = [], []
    for k in range(6):
        made = scenes.make(scenes.split_seed("validation", k))
        regions = [o.region for o in made.targets]
        bare = [Region(r.label, r.rectangle) for r in regions]
        for given, scores in ((regions, with_masks), (bare, without)):
            found = {id(o.region): o for o in lift.lift_view(made.rgbd, given).objects}
            for target, region in zip(made.targets, given, strict=True):
                o = found.get(id(region))
                scores.append(boxes.iou(o.box.hull(), target.box.hull())[0, 0] if o else 0.0)
    assert np.median(with_masks) > 0.65
    assert np.median(without) > 0.45
