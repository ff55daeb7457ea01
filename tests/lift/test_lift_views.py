"""Lifting end to end: how exact it is, its laws, and every reason for a drop."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from n3d import lift
from n3d.errors import ConfigError
from n3d.geometry import Box3D, Camera, overlap
from n3d.lift import cleaning, gate
from n3d.scene import RGBD, Drop, Picture, PictureFiles, Region, Scene
from n3d.synthetic import raycast
from n3d.synthetic.boxes import dilate
from n3d.synthetic.primitives import Primitives


def iou(a: Box3D, b: Box3D) -> float:
    return float(overlap.iou(a, b)[0, 0])


def lifted(view, regions, config=None):
    out = lift.lift_view(view, regions, config)
    assert not out.drops, out.drops
    return out.objects


# -- exactness -------------------------------------------------------------------------------


def test_boxes_with_two_faces_seen_are_recovered(two_boxes):
    objects = lifted(two_boxes.view, two_boxes.regions)
    for found, truth in zip(objects, two_boxes.boxes, strict=True):
        assert iou(found.box, truth) > 0.93
        assert not found.depth_unobserved
        assert found.attributes["depth_from"] == "faces"
        assert found.extent == "whole"


def test_a_seeded_set_of_random_boxes(take):
    rng = np.random.default_rng(2024)
    scores = []
    while len(scores) < 16:
        size = rng.uniform(0.3, 1.2, 3)
        center = [rng.uniform(-0.6, 0.6), rng.uniform(-0.4, 0.4), rng.uniform(2.0, 4.5)]
        yaw = rng.uniform(0.35, 1.2) * rng.choice([-1, 1])
        shot = take([(center, size, yaw)], wall=8.0, seed=len(scores))
        x0, y0, x1, y1 = shot.boxes[0].project(shot.view.camera)
        if x0 < 8 or y0 < 8 or x1 > 632 or y1 > 472:
            continue
        found = lift.lift_view(shot.view, shot.regions).objects
        scores.append(iou(found[0].box.hull(), shot.boxes[0].hull()) if found else 0.0)
    assert np.median(scores) > 0.95
    assert np.percentile(scores, 10) > 0.8


def test_visible_is_bounded_by_the_seen_surface(take):
    shot = take([([0.1, 0.35, 2.5], [0.7, 0.5, 0.6], 0.6)], noise=0.002)
    found = lifted(shot.view, shot.regions)[0]
    exact = take([([0.1, 0.35, 2.5], [0.7, 0.5, 0.6], 0.6)], blur=0, noise=0, grow=0)
    points = exact.view.points.points(exact.masks[0])
    bounds = Box3D.from_bounds(points.min(axis=0), points.max(axis=0))
    assert iou(found.visible, bounds) > 0.92
    assert np.allclose(found.visible.rotation, np.eye(3))


@pytest.mark.parametrize("grow", [-3, -1, 0, 2, 3])
def test_masks_off_by_some_pixels_hardly_matter(take, grow):
    boxes = [([0.2, 0.3, 3.0], [0.7, 0.6, 0.5], 0.6)]
    shot = take(boxes, grow=max(grow, 0))
    if grow < 0:
        from n3d.synthetic.boxes import erode

        shot = replace(shot, masks=[erode(m, -grow) for m in shot.masks])
    assert iou(lifted(shot.view, shot.regions)[0].box, shot.boxes[0]) > 0.92


def test_one_face_flags_the_depth_and_keeps_an_honest_interval(take):
    shot = take([([0.0, 0.0, 3.0], [0.9, 0.8, 0.6], 0.0)])
    found = lifted(shot.view, shot.regions)[0]
    assert found.depth_unobserved
    assert found.attributes["depth_from"] == "prior"
    assert found.box.size[0] == pytest.approx(0.9, abs=0.03)
    assert found.box.size[1] == pytest.approx(0.8, abs=0.03)
    assert found.spread.size[2] > 10 * found.spread.size[0]
    assert abs(found.box.size[2] - 0.6) < 2 * found.spread.size[2]


def test_a_top_face_shows_the_depth_of_a_single_front(take):
    shot = take([([0.0, 1.1, 2.6], [0.9, 0.5, 0.6], 0.0)], pitch=0.4, floor=1.35)
    found = lifted(shot.view, shot.regions)[0]
    assert not found.depth_unobserved
    assert iou(found.box, shot.boxes[0]) > 0.9


def test_a_wall_close_behind_bounds_the_depth_that_was_not_seen(take):
    shot = take([([0.0, 0.0, 3.0], [0.9, 0.8, 0.1], 0.0)], wall=3.1)
    assert lifted(shot.view, shot.regions)[0].box.size[2] < 0.3


@pytest.mark.parametrize(("wall", "longest"), [(12.0, 4.9), (6.5, 1.6)])
def test_size_priors_fill_in_the_hidden_length_of_known_things(take, wall, longest):
    """A car seen from behind is as long as cars are, unless a wall stands closer; other labels and
    the default leave the share of the face."""
    shot = take([([0.0, 0.0, 7.1], [1.8, 1.5, 4.2], 0.0)], wall=wall)
    priors = lift.LiftConfig(size_priors=True)
    region = replace(shot.regions[0], label="car")
    (car,) = lifted(shot.view, [region], priors)
    (plain,) = lifted(shot.view, [region])
    (other,) = lifted(shot.view, shot.regions, priors)
    assert car.depth_unobserved
    assert plain.box.size[2] <= car.box.size[2] < longest
    assert (car.attributes["depth_from"], plain.attributes["depth_from"]) == ("class", "prior")
    assert other.box.allclose(plain.box)
    if wall > 10:
        assert car.box.size[2] > 3.5
        assert iou(car.box, shot.boxes[0]) > 0.75 > 0.4 > iou(plain.box, shot.boxes[0])


def test_noise_free_boxes_are_nearly_exact(take):
    shot = take([([-0.3, 0.35, 2.4], [0.6, 0.5, 0.7], 0.7)], blur=0, noise=0, grow=0)
    found = lifted(shot.view, shot.regions)[0]
    assert iou(found.box, shot.boxes[0]) > 0.97
    assert found.quality["score"] > 0.9


def test_thin_objects_survive(take):
    leg = [([0.2, 0.1, 2.5], [0.04, 1.0, 0.04], 0.6)]
    shot = take(leg)
    found = lifted(shot.view, shot.regions)[0]
    assert found.box.size[1] == pytest.approx(1.0, abs=0.05)
    assert max(found.box.size[0], found.box.size[2]) < 0.25


def test_sparse_depth(take):
    boxes = [([0.2, 0.3, 2.6], [0.7, 0.6, 0.5], 0.6)]
    shot = take(boxes, blur=0, keep=0.1)
    assert shot.view.density < 0.15
    found = lifted(shot.view, shot.regions)[0]
    assert iou(found.box, shot.boxes[0]) > 0.85


def test_rectangles_without_masks_dense_and_sparse(take):
    boxes = [([0.2, 0.35, 2.6], [0.7, 0.6, 0.5], 0.6)]
    for keep, blur, least in ((1.0, 1.2, 0.85), (0.13, 0.0, 0.7)):
        shot = take(boxes, blur=blur, keep=keep, floor=0.65, pitch=0.15)
        mask = lift.segment_rectangle(shot.view, shot.bare[0].rectangle)
        true = shot.masks[0]
        assert (mask & true).sum() / (mask | true).sum() > 0.8
        assert iou(lifted(shot.view, shot.bare)[0].box, shot.boxes[0]) > least


def test_the_spread_tells_small_errors_from_large(two_boxes):
    for found, truth in zip(
        lifted(two_boxes.view, two_boxes.regions), two_boxes.boxes, strict=True
    ):
        error = np.abs(found.box.center - truth.center)
        assert (error < 5 * found.spread.center + 1e-3).all()
        assert (found.spread.center < 0.05).all()
        assert found.spread.yaw < 0.1


# -- laws ------------------------------------------------------------------------------------


def test_lifting_is_deterministic(two_boxes):
    a = lifted(two_boxes.view, two_boxes.regions)
    b = lifted(two_boxes.view, two_boxes.regions)
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x.box.corners, y.box.corners)
        assert np.array_equal(x.visible.corners, y.visible.corners)
        assert x.quality == y.quality
        assert np.array_equal(x.spread.size, y.spread.size)


def test_a_region_does_not_depend_on_its_neighbours(two_boxes):
    both = lifted(two_boxes.view, two_boxes.regions)
    alone = lifted(two_boxes.view, two_boxes.regions[1:])
    assert np.array_equal(both[1].box.corners, alone[0].box.corners)


@settings(max_examples=8)
@given(factor=st.floats(0.5, 3.0))
def test_a_scene_seen_larger_has_larger_boxes(two_boxes, factor):
    small = lifted(two_boxes.view, two_boxes.regions)
    config = lift.LiftConfig(far=1000.0)
    view = replace(two_boxes.view, depth=two_boxes.view.depth * np.float32(factor))
    for a, b in zip(small, lifted(view, two_boxes.regions, config), strict=True):
        assert iou(a.box.scaled(factor), b.box) > 0.95


def test_a_mirrored_image_has_mirrored_boxes(two_boxes):
    view = two_boxes.view
    flipped = RGBD(
        np.ascontiguousarray(view.image[:, ::-1]),
        view.camera.flip(),
        np.ascontiguousarray(view.depth[:, ::-1]),
        up=view.up * [-1, 1, 1],
    )
    regions = []
    for region in two_boxes.regions:
        x0, y0, x1, y1 = region.rectangle
        mask = np.ascontiguousarray(region.mask[:, ::-1])
        regions.append(Region(region.label, (view.width - x1, y0, view.width - x0, y1), mask))
    for a, b in zip(lifted(view, two_boxes.regions), lifted(flipped, regions), strict=True):
        turn = np.diag([-1.0, 1, 1]) @ b.box.rotation @ np.diag([-1.0, 1, 1])
        assert iou(a.box, Box3D(b.box.center * [-1, 1, 1], b.box.size, turn)) > 0.95


@pytest.mark.parametrize("pitch", [-0.12, 0.15, 0.4])
def test_a_pitched_camera_with_known_up_measures_the_same_sizes(take, pitch):
    boxes = [([0.1, 0.4, 3.0], [0.7, 0.6, 0.5], 0.6)]
    level = lifted((a := take(boxes)).view, a.regions)[0]
    tilted = lifted((b := take(boxes, pitch=pitch)).view, b.regions)[0]
    assert np.allclose(np.sort(level.box.size), np.sort(tilted.box.size), atol=0.05)
    assert iou(tilted.box, b.boxes[0]) > 0.88


def test_a_moved_object_has_a_moved_box(take):
    sizes = []
    for x in (-0.6, 0.0, 0.5):
        shot = take([([x, 0.3, 3.0], [0.7, 0.6, 0.5], 0.6)])
        found = lifted(shot.view, shot.regions)[0]
        assert np.allclose(found.box.center, shot.boxes[0].center, atol=0.05)
        sizes.append(np.sort(found.box.size))
    assert np.ptp(sizes, axis=0).max() < 0.06


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_garbage_never_crashes(seed):
    rng = np.random.default_rng(seed)
    h, w = (int(v) for v in rng.integers(1, 60, 2))
    depth = rng.choice([0.0, 1e-3, 0.3, 2.0, 2.1, 50.0, 1e9], (h, w)).astype(np.float32)
    if rng.random() < 0.5:
        depth *= rng.random((h, w)) < rng.random()
    if not depth.any():
        depth[0, 0] = 1.0
    camera = Camera(*rng.uniform(5, 500, 2), *rng.uniform(-50, 100, 2), w, h)
    up = rng.normal(size=3) if rng.random() < 0.5 else None
    view = RGBD(np.zeros((h, w, 3), np.uint8), camera, depth, up=up)
    regions = []
    for _ in range(4):
        x0, y0 = rng.uniform(-20, 60, 2)
        box = (x0, y0, x0 + rng.uniform(0.01, 60), y0 + rng.uniform(0.01, 60))
        mask = rng.random((h, w)) < rng.random()
        regions.append(Region("x", box, mask if mask.any() and rng.random() < 0.5 else None))
    for config in (lift.LiftConfig(), lift.LiftConfig(min_points=4, min_reprojection_iou=0.0)):
        out = lift.lift_view(view, regions, config)
        assert len(out.objects) + len(out.drops) == len(regions)
        assert all(d.reason in gate.REASONS for d in out.drops)
        for found in out.objects:
            assert all(0 <= v <= 1 for v in found.quality.values())
            assert 0 <= found.visibility <= 1


# -- gravity ---------------------------------------------------------------------------------


def test_where_up_comes_from_is_said(take):
    boxes = [([0.1, 0.95, 2.6], [0.7, 0.6, 0.5], 0.6)]
    given_up = take(boxes, floor=1.25, pitch=0.3)
    out = lift.lift_view(given_up.view, given_up.regions)
    assert out.up_source == "given"
    assert np.allclose(out.up, given_up.view.up)
    found = take(boxes, floor=1.25, pitch=0.3, up=False)
    out = lift.lift_view(found.view, found.regions)
    assert out.up_source == "floor"
    assert np.degrees(np.arccos(out.up @ given_up.view.up)) < 1.0
    assert iou(out.objects[0].box, found.boxes[0]) > 0.85
    unknown = take(boxes, up=False)
    out = lift.lift_view(unknown.view, unknown.regions)
    assert out.up is None
    assert out.up_source == "unknown"
    off = lift.lift_view(found.view, found.regions, lift.LiftConfig(find_floor=False))
    assert off.up_source == "unknown"


# -- drops -----------------------------------------------------------------------------------


def reason(view, region, **options) -> str:
    out = lift.lift_view(view, [region], lift.LiftConfig(**options))
    assert not out.objects
    assert len(out.drops) == 1
    assert out.drops[0].reason in gate.REASONS
    return out.drops[0].reason


def test_every_reason_can_be_reached(two_boxes):
    view, region = two_boxes.view, two_boxes.regions[0]
    reached = {
        reason(replace(view, depth=None), region),
        reason(view, replace(region, mask=np.ones((3, 3), bool))),
        reason(view, Region("x", (-50, -50, -10, -10))),
        reason(view, region, min_points=10**6),
        reason(view, region, max_size=0.3),
        reason(view, region, min_size=2.0, max_size=3.0),
        reason(view, region, max_aspect=1.05),
        reason(view, region, min_score=1.0),
        reason(view, replace(region, rectangle=(0, 0, 40, 40))),
    }
    holes = view.depth.copy()
    holes[region.mask & (np.random.default_rng(0).random(holes.shape) < 0.7)] = 0
    reached.add(reason(replace(view, depth=holes), region, min_valid_share=0.9))
    assert reached == set(gate.REASONS) - {"not-segmented", "behind-camera", "truncated"}


def test_the_remaining_reasons(take):
    shot = take([([-1.2, 0.4, 2.0], [0.8, 0.8, 0.8], 0.3)])
    assert reason(shot.view, shot.regions[0], max_truncation=0.01) == "truncated"
    # Depth far from the rectangle only: nothing in it to segment.
    depth = np.zeros((480, 640), np.float32)
    depth[:40, :40] = 2.0
    view = replace(shot.view, depth=depth)
    assert reason(view, Region("x", (300, 300, 400, 400))) == "not-segmented"
    # A long wall beside the camera: what hides its far side reaches behind the image plane.
    quality = dict.fromkeys(("truncation", "reprojection_iou", "score"), 1.0)
    found = gate.of_box([1.0, 1.0, 1.0], -0.1, quality, lift.LiftConfig())
    assert found is not None
    assert found[0] == "behind-camera"


def test_settings_are_checked():
    for name, value in (
        ("near", -1.0), ("far", float("nan")), ("min_points", 2.5), ("max_aspect", 0.5),
        ("seed", -1), ("find_floor", 1), ("edge_jump", "x"), ("min_score", True),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            lift.LiftConfig(**{name: value})
        assert caught.value.field == name
    with pytest.raises(ConfigError, match="not below"):
        lift.LiftConfig(near=5.0, far=1.0)


# -- the stage -------------------------------------------------------------------------------


def test_the_stage_gives_a_scene_then_the_drops_of_its_objects(two_boxes):
    empty = Region("nothing", (0, 0, 5, 5), np.eye(480, 640, dtype=bool) & False | _dot(), id="dot")
    picture = Picture("p", (*two_boxes.regions, empty), two_boxes.view, source="s", licence="l")
    blank = Picture("q", (empty,), two_boxes.view)
    files = Picture("r", (), files=PictureFiles("a.png"))
    out = list(lift.lift_pictures([picture, blank, files]))
    scene = out[0]
    assert isinstance(scene, Scene)
    assert (scene.id, scene.source, scene.licence) == ("p", "s", "l")
    assert [o.id for o in scene.objects] == ["0", "1"]
    assert scene.provenance.up == two_boxes.view.up_source
    assert [(d.id, d.reason) for d in out[1:] if isinstance(d, Drop)] == [
        ("p/dot", "too-few-points"),
        ("q", "no-objects"),
        ("q/dot", "too-few-points"),
        ("r", "picture-not-read"),
    ]


def _dot() -> np.ndarray:
    mask = np.zeros((480, 640), bool)
    mask[2, 2] = True
    return mask


def test_ids_come_from_regions(two_boxes):
    named = [replace(two_boxes.regions[0], id="left"), two_boxes.regions[1]]
    assert [o.id for o in lifted(two_boxes.view, named)] == ["left", "1"]


# -- a real room -----------------------------------------------------------------------------


def test_a_real_room_of_sparse_depth_and_rectangles(shared):
    from PIL import Image

    folder = shared / "data" / "sunrgbd_000017"
    truth = json.loads((folder / "gt_camera.json").read_text())
    image = np.array(Image.open(folder / "000017.jpg").convert("RGB"))
    depth = np.array(Image.open(folder / "depth_sparse_mm.png")) / 1000.0
    camera = Camera.from_matrix(truth["K"], truth["width"], truth["height"], pixel_center=1)
    view = RGBD(image, camera, depth.astype(np.float32), up=truth["gravity_up_cam"])
    regions = [Region(b["label"], b["bbox2d_gt_xyxy"]) for b in truth["boxes"]]
    for found, b in zip(lifted(view, regions), truth["boxes"], strict=True):
        box = Box3D(b["center_cam"], b["size_local_xyz"], b["R_cam"])
        assert iou(found.box, box) > 0.6
        assert iou(found.box.hull(), box.hull()) > 0.6
        assert np.linalg.norm(found.box.center - box.center) < 0.2
    up = lift.gravity.floor(view.points)
    assert up is not None
    assert np.degrees(np.arccos(up @ view.up)) < 2.0


def test_round_objects_are_completed_by_symmetry():
    from n3d.geometry import Pose
    from n3d.synthetic import raycast
    from n3d.synthetic.boxes import degrade
    from n3d.synthetic.primitives import Primitives

    center, size = [0.15, 0.1, 2.5], [0.5, 0.8, 0.5]
    wall = Primitives.plane((0, 0, 4), (0, 0, -1))
    for shape in (Primitives.frustum(center, size, object_id=0), Primitives.ellipsoid(center, 0.6)):
        solid = Primitives.join([shape, wall]).transform(Pose.identity())
        cast = raycast.cast(solid, Camera(525, 525, 320, 240, 640, 480))
        mask = cast.parts == 0
        depth = degrade(cast.depth, np.random.default_rng(0))
        camera = Camera(525, 525, 320, 240, 640, 480)
        view = RGBD(np.zeros((480, 640, 3), np.uint8), camera, depth, up=[0, -1.0, 0])
        y, x = np.nonzero(mask)
        region = Region("round", (x.min(), y.min(), x.max() + 1, y.max() + 1), mask)
        found = lifted(view, [region])[0]
        truth = Box3D(center, solid.size[0])
        assert found.attributes["depth_from"] == "symmetry"
        assert found.depth_unobserved
        assert iou(found.box.hull(), truth) > 0.75


def test_a_wide_mask_takes_no_floor_along():
    """A box on a floor that its mask reaches onto, where no depth step parts the two."""
    camera = Camera(525, 525, 320, 240, 640, 480)
    true = Box3D([0.1, 0.7, 3.0], [0.6, 0.6, 0.5], np.eye(3))
    floor = Primitives.plane((0, 1.0, 0), (0, -1, 0))
    wall = Primitives.plane((0, 0, 6.0), (0, 0, -1))
    solid = Primitives.box(true.center, true.size, true.rotation, 0)
    cast = raycast.cast(Primitives.join([floor, wall, solid]), camera)
    rng = np.random.default_rng(0)
    depth = (cast.depth * (1 + 0.001 * rng.normal(size=cast.depth.shape))).astype(np.float32)
    view = RGBD(np.zeros((480, 640, 3), np.uint8), camera, depth, up=(0, -1, 0))
    for grow in (0, 1, 2, 3):
        mask = dilate(cast.ids == 0, grow)
        y, x = np.nonzero(mask)
        region = Region("box", (x.min(), y.min(), x.max() + 1, y.max() + 1), mask)
        (found,) = lift.lift_view(view, [region]).objects
        assert overlap.iou(found.box, true)[0, 0] > 0.85, grow


def test_trimming_leaves_masks_of_single_surfaces_alone():
    depth = np.full((60, 60), 2.0, np.float32)
    mask = np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    assert (cleaning.without_leaks(depth, mask, lift.LiftConfig()) == mask).all()
    depth[22:38, 22:38] = 1.8  # a thing, with two pixels of the wall around it in the mask
    trimmed = cleaning.without_leaks(depth, mask, lift.LiftConfig())
    thing = depth < 1.9
    assert (trimmed | ~thing).all()
    assert (trimmed & ~thing).sum() <= 16  # the corners, whose rows and columns are all wall
