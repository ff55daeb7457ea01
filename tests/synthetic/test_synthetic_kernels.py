"""The compiled loops against slow twins in NumPy and plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from n3d.geometry import Camera, Pose
from n3d.synthetic import lighting, placement, raycast, render
from n3d.synthetic import shading_kernels as shading
from n3d.synthetic.placement import Footprint
from n3d.synthetic.primitives import Primitives


def test_tally_counts_and_bounds():
    rng = np.random.default_rng(0)
    ids = rng.integers(-1, 6, (17, 23)).astype(np.int32)
    ids[ids == 4] = -1
    count, rectangles = render.tally(ids, 6)
    for k in range(6):
        ys, xs = np.nonzero(ids == k)
        assert count[k] == len(xs)
        if len(xs):
            expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert rectangles[k].tolist() == expected
    assert count[4] == 0


@pytest.mark.parametrize("samples", [10**6, 300])
def test_coverage_counts_beyond_the_image(samples):
    camera = Camera(50, 50, 30, 20, 60, 40)
    solid = Primitives.join(
        [
            Primitives.ellipsoid((0.9, 0.1, 2), 1.2, object_id=0),
            Primitives.box((1.2, 0.5, 2.2), (1, 0.4, 0.8), object_id=0),
        ]
    )
    visible = raycast.cast(solid, camera).ids == 0
    seen, total = raycast.coverage(
        raycast.prepare(solid), slice(None), camera, visible, samples=samples
    )
    wide = raycast.cast(solid, camera.crop(-60, -40, 180, 120)).ids == 0
    if samples > 300:
        assert (seen, total) == (visible.sum(), wide.sum())
    else:
        assert total < wide.sum() / 4
        assert seen / total == pytest.approx(visible.sum() / wide.sum(), abs=0.05)


def test_develop():
    rng = np.random.default_rng(1)
    linear = rng.uniform(0, 1.5, (9, 8, 3)).astype(np.float32)
    gain = np.array([0.8, 1.0, 1.2])
    dice = rng.integers(0, 1 << 63, (9, 8), dtype=np.uint64)
    out = np.empty((9, 8, 3), np.uint8)
    shading.develop(linear, gain, 0.02, dice, out)
    bytes_ = dice.view(np.uint8).reshape(9, 8, 8).astype(float)
    noise = (bytes_[..., 0:6:2] + bytes_[..., 1:6:2] - 255) / 104.5
    bright = linear * gain
    kept = bright / np.maximum(bright.max(axis=-1, keepdims=True), 1)
    expected = np.clip(np.sqrt(kept) + 0.02 * noise, 0, 1) * 255 + 0.5
    assert np.abs(out - np.floor(expected)).max() <= 1
    assert (out == np.floor(expected)).mean() > 0.98


def test_patterns_mix_in_the_right_shares():
    rng = np.random.default_rng(2)
    points = rng.uniform(-20, 20, (20_000, 3))
    for pattern, share in ((0, 0.0), (1, 0.5), (2, 0.5), (3, 0.5), (5, 0.0)):
        mixed = [shading.mix(pattern, *p, 0.3) for p in points]
        assert np.mean(mixed) == pytest.approx(share, abs=0.05)
        assert min(mixed) >= 0
        assert max(mixed) <= 1
    planks = np.array([shading.mix(4, *p, 0.3) for p in points])
    assert 0 <= planks.min() <= planks.max() <= 1
    # A checker changes across every cell border, stripes along x + z only.
    assert shading.mix(1, 0.0, 0, 0, 1.0) != shading.mix(1, 1.0, 0, 0, 1.0)
    assert shading.mix(1, 0.0, 0, 0, 1.0) == shading.mix(1, 1.0, 1.0, 0, 1.0)
    assert shading.mix(2, 0.0, 0, 0, 1.0) == shading.mix(2, 1.0, 5.0, -1.0, 1.0)


def test_mottle_is_smooth_and_meets_its_lattice():
    for i, j, k in ((0, 0, 0), (3, -2, 5), (-7, 1, 1)):
        assert shading.mottle(float(i), float(j), float(k)) == shading.lattice(i, j, k)
    line = np.array([shading.mottle(x, 0.3, -0.7) for x in np.linspace(0, 5, 2000)])
    assert np.abs(np.diff(line)).max() < 0.01


def test_lambert_light_and_its_shadow():
    """A white floor under a white ball, lit from above, against the formula per pixel."""
    camera = Camera.from_fov(70, 48, 36)
    ball = Primitives.ellipsoid((0, 0.2, 3), 0.8, color=(1, 1, 1))
    floor = Primitives.plane((0, 1, 0), (0, -1, 0), color=(0.5, 0.5, 0.5))
    both = Primitives.join([ball, floor])
    light = lighting.Light(
        position=np.array([0.1, -1.5, 3.1]),
        key=np.array([1.0, 0.8, 0.6]),
        side=np.array([-1.0, 0, 0]),
        fill=np.array([0.1, 0.2, 0.3]),
        ambient=np.array([0.3, 0.3, 0.2]),
    )
    ready = raycast.prepare(both)
    hits = raycast.hit(ready, camera)
    seen = raycast.cast(both, camera, normals=True)
    assert seen.normals is not None
    out, incidence, mean = lighting.shade(ready, camera, Pose.identity(), hits, light, ball)
    points = camera.unproject(seen.depth).xyz.astype(float)
    to_lamp = light.position - points
    far = np.linalg.norm(to_lamp, axis=-1)
    n = seen.normals.astype(float)
    facing = np.maximum((n * to_lamp).sum(axis=-1) / far, 0)
    sky = 0.6 - 0.4 * n[..., 1]
    side = np.maximum(n @ light.side, 0)
    # A point of the floor is in shadow where the way to the lamp passes the ball.
    along = to_lamp / far[..., None]
    away = np.array([0, 0.2, 3]) - points
    missed = away - (away * along).sum(axis=-1, keepdims=True) * along
    gap = np.linalg.norm(missed, axis=-1) - 0.4
    floor_seen = seen.parts == 1
    open_ = ~(floor_seen & (gap < 0))
    direct = facing / (1 + far**2 / 16) * open_
    albedo = np.where(floor_seen, 0.25, 1.0)[..., None]
    expected = albedo * (
        light.ambient * sky[..., None]
        + light.key * direct[..., None]
        + light.fill * side[..., None]
    )
    # The shadow map is coarse at its own border, and where light only grazes the ball.
    sure = (seen.parts >= 0) & np.where(floor_seen, np.abs(gap) > 0.06, facing > 0.5)
    sure |= (seen.parts == 0) & (facing == 0)
    assert (~open_ & sure).sum() > 10
    np.testing.assert_allclose(out[sure], expected[sure], atol=2e-3)
    hit = seen.parts >= 0
    assert mean == pytest.approx((out / albedo)[hit].mean(), rel=1e-4)
    rays = points / np.linalg.norm(points, axis=-1, keepdims=True).clip(1e-9)
    cosine = -(rays * n).sum(axis=-1)
    np.testing.assert_allclose(incidence[hit], cosine[hit], atol=1e-5)
    assert (incidence[~hit] == 1).all()


def test_rectangles_apart_agrees_with_polygon_intersection():
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(3)

    def polygon(f: Footprint):
        x = np.array([f.cos, -f.sin]) * f.half_width
        z = np.array([f.sin, f.cos]) * f.half_depth
        c = np.array([f.x, f.z])
        return shapely.Polygon([c + x + z, c + x - z, c - x - z, c - x + z])

    seen = set()
    for _ in range(300):
        a, b = (
            Footprint(*rng.uniform(-1, 1, 2), *rng.uniform(0.1, 0.8, 2), rng.uniform(-4, 4))
            for _ in range(2)
        )
        together = polygon(a).intersection(polygon(b)).area > 1e-12
        assert placement.apart(a, b, 0.0) == (not together)
        if placement.apart(a, b, 0.05):
            assert polygon(a).distance(polygon(b)) >= 0.05 - 1e-9
        inside = shapely.box(-0.9, 0.1, 0.9, 1.5).contains(polygon(a))
        assert placement.within(a, 0.9, 0.1, 1.5, 0.0) == inside
        seen |= {together, ("within", inside)}
    assert len(seen) == 4


def test_reach_is_the_shadow_on_an_axis():
    f = Footprint(0, 0, 0.3, 0.5, 0.7)
    corners = [
        (sx * 0.3 * f.cos + sz * 0.5 * f.sin, -sx * 0.3 * f.sin + sz * 0.5 * f.cos)
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    x, z = f.reach(1.0, 0.0)
    assert x == pytest.approx(max(c[0] for c in corners))
    assert z == pytest.approx(max(c[1] for c in corners))
    assert f.radius == pytest.approx(math.hypot(0.3, 0.5))
