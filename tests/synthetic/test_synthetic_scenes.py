"""Laws of rendered scenes: truth and pixels agree, nothing floats, nothing meets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import ConfigError
from n3d.geometry import Box3D, Camera, Pose, overlap, upright
from n3d.synthetic import (
    SPLITS,
    SceneConfig,
    SensorConfig,
    categories,
    make,
    palette,
    raycast,
    split_of,
    split_seed,
)
from n3d.synthetic import primitives as solids

SMALL = SceneConfig(width=200, height=150)


def supports(scene, index: int) -> list[int]:
    """The objects under an object, nearest first."""
    found = []
    while (on := scene.objects[index].attributes["on"]) != "floor":
        index = int(on)
        found.append(index)
    return found


def parts_of(rendered, index: int):
    return rendered.solids[rendered.solids.object_id == index]


def hulls(parts) -> Box3D:
    return Box3D(parts.center, parts.size, parts.rotation)


def test_every_mask_pixel_lies_in_its_box(rendered):
    for r in rendered:
        points = r.rgbd.camera.unproject(r.depth_exact)
        for k, o in enumerate(r.scene.objects):
            mask = r.ids == k
            assert mask.sum() == o.attributes["pixels"]
            if not mask.any():
                assert o.region is None
                assert o.visibility == 0
                continue
            assert o.region is not None
            np.testing.assert_array_equal(o.region.mask, mask)
            ys, xs = np.nonzero(mask)
            rectangle = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
            assert o.region.rectangle == rectangle
            assert o.box.contains(points.points(mask), 1e-4).all()


def test_boxes_are_tight_and_gravity_aligned(rendered):
    for r in rendered:
        for k, o in enumerate(r.scene.objects):
            assert o.box.rotation is not None
            low, high = parts_of(r, k).extents(o.box.rotation)
            middle = o.box.center @ o.box.rotation
            np.testing.assert_allclose(low.min(axis=0), middle - o.box.size / 2, atol=1e-9)
            np.testing.assert_allclose(high.max(axis=0), middle + o.box.size / 2, atol=1e-9)
            np.testing.assert_allclose(o.box.rotation[:, 1], -r.scene.up, atol=1e-9)
            if o.front is not None:
                np.testing.assert_allclose(o.front, o.box.rotation[:, 2], atol=1e-9)
            if o.attributes["round"]:
                np.testing.assert_allclose(o.box.rotation, upright(r.scene.up), atol=1e-9)


def test_nothing_meets(rendered):
    for r in rendered:
        boxes = r.scene.boxes
        shared = overlap.iou(boxes, boxes)
        for i in range(len(boxes)):
            for j in range(i):
                if i in supports(r.scene, j) or j in supports(r.scene, i):
                    under, over = (i, j) if i in supports(r.scene, j) else (j, i)
                    one = overlap.iou(hulls(parts_of(r, under)), boxes[over : over + 1])
                    assert one.max() < 1e-9
                else:
                    assert shared[i, j] < 1e-9


def test_nothing_floats(rendered):
    for r in rendered:
        world = r.pose.inverse()
        for k, o in enumerate(r.scene.objects):
            bottom = o.box.corners[o.box.corners @ r.scene.up < o.box.center @ r.scene.up]
            assert len(bottom) == 4
            below = supports(r.scene, k)
            if not below:
                np.testing.assert_allclose(world.apply(bottom)[:, 1], 0, atol=1e-9)
                continue
            carrier = parts_of(r, below[0])
            for point in [*bottom, bottom.mean(axis=0)]:
                # A pixel that looks straight down from 5 cm above the point.
                down = upright(r.scene.up)[:, [0, 2, 1]] * [1, -1, 1]
                eye = Pose(down.T, -down.T @ (point + 0.05 * r.scene.up))
                depth = raycast.cast(carrier.transform(eye), Camera(1, 1, 0.5, 0.5, 1, 1)).depth
                assert depth[0, 0] == pytest.approx(0.05, abs=6e-3)


def test_up_is_up_and_the_floor_is_flat(rendered):
    for r in rendered:
        np.testing.assert_allclose(r.scene.up, r.rgbd.up)
        np.testing.assert_allclose(r.scene.up, -r.pose.rotation[:, 1], atol=1e-12)
        xyz = r.rgbd.camera.unproject(r.depth_exact).points()
        height = -r.pose.inverse().apply(xyz)[:, 1]
        assert height.min() > -1e-4
        assert (np.abs(height) < 1e-4).mean() > 0.01
        assert (r.depth_exact > 0).all()


def test_visibility_is_the_share_of_the_silhouette_that_is_seen(rendered):
    for r in rendered[:6]:
        camera = r.rgbd.camera
        wide = camera.crop(-camera.width, -camera.height, 3 * camera.width, 3 * camera.height)
        for k, o in enumerate(r.scene.objects):
            alone = raycast.cast(parts_of(r, k), wide).ids == k
            assert o.visibility is not None
            if o.attributes["pixels"]:
                share = o.attributes["pixels"] / alone.sum()
                assert o.visibility == pytest.approx(share, abs=0.02)


def test_targets_keep_the_rule(rendered):
    for r in rendered:
        assert len(r.targets) >= SMALL.min_targets
        assert len(r.picture.regions) == len(r.targets)
        for o in r.scene.objects:
            enough = (
                o.attributes["pixels"] >= SMALL.min_share * r.ids.size
                and o.visibility >= SMALL.min_visible
                and o.attributes["inside"] >= SMALL.min_inside - 1e-4
            )
            assert o.attributes["target"] == enough


def test_the_same_seed_gives_the_same_scene():
    a, b = make(5, SMALL), make(5, SMALL)
    np.testing.assert_array_equal(a.rgbd.image, b.rgbd.image)
    np.testing.assert_array_equal(a.depth_exact, b.depth_exact)
    assert a.scene.boxes.allclose(b.scene.boxes, atol=0)
    assert [o.attributes for o in a.scene.objects] == [o.attributes for o in b.scene.objects]
    assert not np.array_equal(a.rgbd.image, make(6, SMALL).rgbd.image)


def test_sensor_faults_leave_the_truth_alone():
    exact = make(7, SMALL)
    faulty = make(7, replace(SMALL, sensor=SensorConfig.structured_light()))
    assert exact.rgbd.depth is not None
    assert faulty.rgbd.depth is not None
    np.testing.assert_array_equal(exact.rgbd.depth, exact.depth_exact)
    np.testing.assert_array_equal(faulty.depth_exact, exact.depth_exact)
    np.testing.assert_array_equal(faulty.rgbd.image, exact.rgbd.image)
    holes = faulty.rgbd.depth == 0
    assert 0.001 < holes.mean() < 0.5
    near = np.abs(faulty.rgbd.depth / exact.depth_exact - 1)[~holes]
    assert 0 < np.median(near) < 0.02


@given(
    a=st.sampled_from(SPLITS), b=st.sampled_from(SPLITS),
    i=st.integers(0, (1 << 40) - 1), j=st.integers(0, (1 << 40) - 1),
)  # fmt: skip
def test_splits_share_no_seed(a, b, i, j):
    assert (split_seed(a, i) == split_seed(b, j)) == ((a, i) == (b, j))
    assert split_of(split_seed(a, i)) == a


def test_the_shifted_split_shows_what_no_other_does():
    def fov(r):
        c = r.rgbd.camera
        return 2 * np.degrees(np.arctan(c.width / (2 * c.fx)))

    rare = 0
    for i in range(15):
        usual = make(split_seed("test", i), SMALL)
        shifted = make(split_seed("test-shifted", i), SMALL)
        assert 45 <= fov(usual) <= 75
        assert not 45 <= fov(shifted) <= 75
        for o in usual.scene.objects:
            assert o.attributes["color"] not in categories.held_out(o.label)
        rare += sum(
            o.attributes["color"] in categories.held_out(o.label) for o in shifted.scene.objects
        )
        height = shifted.pose.inverse().translation[1]
        assert height < 0
    assert rare > 15


def test_scale_changes_lengths_only():
    sizes = {"test": [], "test-shifted": []}
    for split, found in sizes.items():
        for i in range(40):
            config = replace(SMALL, width=64, height=48, categories=("cabinet",), objects=(4, 6))
            found += [o.box.size[2] for o in make(split_seed(split, i), config).scene.objects]
    assert 0.36 <= min(sizes["test"]) <= max(sizes["test"]) <= 0.58
    scale = np.array(sizes["test-shifted"])
    assert ((scale < 0.58 * 0.75 + 1e-9) | (scale > 0.36 * 1.35 - 1e-9)).all()


def test_image_size_and_aspect_are_free():
    for width, height in ((96, 160), (160, 64)):
        r = make(1, replace(SMALL, width=width, height=height, min_targets=1))
        assert r.rgbd.image.shape == (height, width, 3)
        assert r.ids.shape == (height, width)


def test_colours_are_what_they_are_called():
    rng = np.random.default_rng(0)
    for name in palette.NAMES:
        for _ in range(20):
            r, g, b = palette.draw(name, rng)
            high, low = max(r, g, b), min(r, g, b)
            if name in ("black", "white"):
                assert high < 0.2 if name == "black" else low > 0.85
            else:
                assert high - low > 0.15
    for a, b in zip(palette.NAMES[:-1], palette.NAMES[1:], strict=True):
        assert np.abs(np.subtract(palette.draw(a, rng), palette.draw(b, rng))).max() > 0.15


def test_images_are_well_exposed(rendered):
    for r in rendered:
        mean = r.rgbd.image.mean()
        assert 50 < mean < 200
        assert r.rgbd.image.std() > 10


def test_every_category_builds_a_tight_shape_on_its_base():
    rng = np.random.default_rng(2)
    assert len(categories.NAMES) >= 16
    for name in categories.NAMES:
        for color in categories.CATEGORIES[name].colors[:3]:
            shape = categories.build(name, color, rng)
            low, high = shape.solids.extents()
            w, h, d = shape.size
            np.testing.assert_allclose(low.min(axis=0), [-w / 2, -h, -d / 2], atol=1e-12)
            np.testing.assert_allclose(high.max(axis=0), [w / 2, 0, d / 2], atol=1e-12)
            assert shape.size.min() >= 0.02
            assert shape.size.max() <= 2.4
            for s in shape.surfaces:
                # Nothing of the shape itself stands in the free space above its surfaces.
                top = min(s.height + s.clearance, s.height + 3)
                free = Box3D(
                    [s.x, -(s.height + top) / 2 - 0.001, s.z],
                    [s.width, top - s.height - 0.004, s.depth],
                )
                hit = overlap.iou(Box3D.stack([free]), hulls(shape.solids))
                assert hit.max() < 1e-9, name


def test_held_out_pairs_leave_colours_to_train_on():
    for name in categories.NAMES:
        out = categories.held_out(name)
        colors = categories.CATEGORIES[name].colors
        assert set(out) < set(colors)
        assert len(out) in (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 4}, {"objects": (5, 2)}, {"min_targets": 9}, {"categories": ("dragon",)},
        {"colors": ()}, {"fov_deg": (80.0, 50.0)}, {"min_visible": 2.0},
    ],
)  # fmt: skip
def test_wrong_configurations_are_refused(wrong):
    with pytest.raises(ConfigError) as e:
        SceneConfig(**wrong)
    assert e.value.field == next(iter(wrong))


def test_wrong_seeds_and_impossible_scenes_are_refused():
    for seed in (-1, len(SPLITS) << 40):
        with pytest.raises(ConfigError):
            make(seed)
    with pytest.raises(ConfigError):
        split_seed("holdout", 1)
    with pytest.raises(ConfigError):
        split_seed("train", -1)
    with pytest.raises(ConfigError):
        make(0, replace(SMALL, width=32, height=24, min_share=0.9))


def test_primitives_know_their_kinds(rendered):
    kinds = np.concatenate([r.solids.kind for r in rendered])
    assert set(kinds) == {solids.BOX, solids.ELLIPSOID, solids.FRUSTUM, solids.PLANE}
