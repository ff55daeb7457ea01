"""The ray caster against a slow twin, and against geometry known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import GeometryError
from n3d.geometry import Camera, Pose, euler
from n3d.synthetic import primitives as solids
from n3d.synthetic import raycast
from n3d.synthetic.primitives import Primitives

CAMERA = Camera(21.3, 19.7, 15.4, 12.9, 31, 26)


def slow_hits(p: Primitives, directions: np.ndarray, near: float = 1e-6) -> np.ndarray:
    """z-depth (rays, 1) of the first hit of one solid, by quadratic roots in its own frame."""
    r, half = p.rotation[0], p.size[0] / 2
    o = -(r.T @ p.center[0])
    d = directions @ r
    kind = p.kind[0]
    found = []

    def keep(t, ok):
        found.append(np.where(np.isfinite(t) & ok & (t > near), t, np.inf))

    with np.errstate(all="ignore"):
        if kind == solids.PLANE:
            keep(-o[1] / d[:, 1], True)
        elif kind == solids.BOX:
            for axis in range(3):
                for sign in (-1, 1):
                    t = (sign * half[axis] - o[axis]) / d[:, axis]
                    at = np.abs(o + t[:, None] * d)
                    others = [i for i in range(3) if i != axis]
                    keep(t, (at[:, others] <= half[others]).all(axis=1))
        else:
            top, bottom = p.ends[0] if kind == solids.FRUSTUM else (0, 0)
            slope = (bottom - top) / 2
            ou, du = o / half, d / half
            m = np.diag([1, 1, 1]) if kind == solids.ELLIPSOID else np.diag([1, -(slope**2), 1])
            lin = 0 if kind == solids.ELLIPSOID else (top + bottom) / 2
            a = np.einsum("ri,ij,rj->r", du, m, du)
            b = 2 * (du @ m @ ou) - 2 * lin * slope * du[:, 1]
            c = ou @ m @ ou - (1 if kind == solids.ELLIPSOID else lin**2 + 2 * lin * slope * ou[1])
            for sign in (-1, 1):
                t = (-b + sign * np.sqrt(b * b - 4 * a * c)) / (2 * a)
                y = ou[1] + t * du[:, 1]
                keep(t, True if kind == solids.ELLIPSOID else np.abs(y) <= 1)
            if kind == solids.FRUSTUM:
                for bit, y, radius in ((1, -1, top), (2, 1, bottom)):
                    t = (y - ou[1]) / du[:, 1]
                    x, z = ou[0] + t * du[:, 0], ou[2] + t * du[:, 2]
                    keep(t, (p.caps[0] & bit > 0) & (x * x + z * z <= radius**2))
    return np.min(found, axis=0)


def slow_cast(p: Primitives, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    d = camera.lift(np.stack([u, v], -1).reshape(-1, 2), np.ones(u.size))
    hits = np.array([slow_hits(p[i : i + 1], d) for i in range(len(p))])
    parts = np.where(np.isfinite(hits.min(axis=0)), hits.argmin(axis=0), -1)
    return hits.min(axis=0).reshape(u.shape), parts.reshape(u.shape)


def random_solid(rng: np.random.Generator, kind: int) -> Primitives:
    center = np.array([rng.uniform(-1.5, 1.5), rng.uniform(-1, 1), rng.uniform(-0.5, 4)])
    turn = euler(*rng.uniform(-3, 3, 3))
    size = rng.uniform(0.2, 2, 3)
    if kind == solids.BOX:
        return Primitives.box(center, size, turn, 1)
    if kind == solids.ELLIPSOID:
        return Primitives.ellipsoid(center, size, turn, 2)
    if kind == solids.PLANE:
        return Primitives.plane(center, rng.normal(size=3))
    top, bottom = rng.permutation([1.0, rng.choice([0, 1, rng.uniform(0.1, 0.9)])])
    return Primitives.frustum(
        center, size, turn, 3, top=top, bottom=bottom,
        closed_top=rng.random() < 0.7, closed_bottom=rng.random() < 0.7,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [solids.BOX, solids.ELLIPSOID, solids.FRUSTUM, solids.PLANE])
@given(seed=st.integers(0, 10_000))
def test_depth_equals_the_slow_twin(kind, seed):
    p = random_solid(np.random.default_rng(seed), kind)
    got = raycast.cast(p, CAMERA)
    expected, _ = slow_cast(p, CAMERA)
    # A ray that grazes an edge may fall on either side of it by rounding.
    hit = np.isfinite(expected)
    assert (hit != (got.depth > 0)).sum() <= 1
    both = hit & (got.depth > 0)
    close = np.isclose(got.depth[both], expected[both], rtol=2e-6, atol=1e-6)
    assert (~close).sum() <= 1


@given(seed=st.integers(0, 10_000))
def test_the_nearest_of_many_wins(seed):
    rng = np.random.default_rng(seed)
    p = Primitives.join(random_solid(rng, int(k)) for k in rng.integers(0, 4, 6))
    got = raycast.cast(p, CAMERA, normals=True)
    expected, parts = slow_cast(p, CAMERA)
    assert (got.parts != parts).sum() <= 2
    same = (got.parts == parts) & (parts >= 0)
    assert np.isclose(got.depth[same], expected[same], rtol=2e-6, atol=1e-6).mean() > 0.99
    assert (got.ids[same] == p.object_id[parts[same]]).all()
    assert (got.depth[got.parts < 0] == 0).all()
    assert got.normals is not None
    length = np.linalg.norm(got.normals, axis=-1)
    np.testing.assert_allclose(length[got.parts >= 0], 1, atol=1e-5)
    np.testing.assert_array_equal(length[got.parts < 0], 0)


def test_ball_in_closed_form():
    camera = Camera.from_fov(60, 65, 65)
    ball = Primitives.ellipsoid((0, 0, 3), 1.0, object_id=7)
    got = raycast.cast(ball, camera, normals=True)
    assert got.depth[32, 32] == np.float32(2.5)
    assert got.ids[32, 32] == 7
    assert got.ids[0, 0] == -1
    assert got.depth[0, 0] == 0
    points = camera.unproject(got.depth).points(got.ids == 7)
    np.testing.assert_allclose(np.linalg.norm(points - [0, 0, 3], axis=1), 0.5, atol=1e-6)
    assert got.normals is not None
    np.testing.assert_allclose(got.normals[got.ids == 7], (points - [0, 0, 3]) / 0.5, atol=1e-5)


def test_an_open_end_shows_the_inside():
    camera = Camera.from_fov(60, 65, 65)
    facing = euler(0, np.pi / 2, 0)  # its top (-y) towards the camera

    def at_centre(**ends):
        solid = Primitives.frustum((0, 0, 3), (1, 0.8, 1), facing, **ends)
        return raycast.cast(solid, camera).depth[32, 32]

    assert at_centre() == pytest.approx(2.6)
    assert at_centre(closed_top=False) == pytest.approx(3.4)
    assert at_centre(closed_top=False, closed_bottom=False) == 0


def test_a_camera_inside_sees_the_inner_surface():
    room = Primitives.box((0, 0, 1), (4, 4, 6))
    assert raycast.cast(room, Camera.from_fov(60, 9, 9)).depth[4, 4] == pytest.approx(4)


def test_extents_are_reached_and_never_passed():
    rng = np.random.default_rng(4)
    axes = euler(0.3, -0.2, 0.9)
    for kind in (solids.BOX, solids.ELLIPSOID, solids.FRUSTUM):
        for _ in range(5):
            p = random_solid(rng, kind)
            low, high = (v[0] for v in p.extents(axes))
            y = rng.uniform(-1, 1, 100_000)
            y[::2] = np.sign(y[::2])
            angle = rng.uniform(0, 2 * np.pi, y.size)
            if kind == solids.BOX:
                unit = np.sign(rng.uniform(-1, 1, (y.size, 3)))
            elif kind == solids.ELLIPSOID:
                ring = np.sqrt(1 - y**2)
                unit = np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], -1)
            else:
                ring = p.ends[0].mean() + (p.ends[0, 1] - p.ends[0, 0]) / 2 * y
                unit = np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], -1)
            points = (unit * p.size[0] / 2) @ p.rotation[0].T + p.center[0]
            seen = points @ axes
            assert (seen >= low - 1e-9).all()
            assert (seen <= high + 1e-9).all()
            np.testing.assert_allclose(seen.min(axis=0), low, atol=2e-2)
            np.testing.assert_allclose(seen.max(axis=0), high, atol=2e-2)


def test_moving_the_solids_moves_the_points():
    rng = np.random.default_rng(3)
    b_from_a = Pose(euler(0.2, 0.1, -0.3), np.array([0.1, -0.2, 0.4]))
    p = Primitives.join(random_solid(rng, k) for k in (0, 1, 2))
    low, high = p.extents()
    low_b, high_b = p.transform(b_from_a).extents(b_from_a.rotation)
    shift = b_from_a.rotation.T @ b_from_a.translation
    np.testing.assert_allclose(low_b, low + shift, atol=1e-12)
    np.testing.assert_allclose(high_b, high + shift, atol=1e-12)


def test_nonsense_is_refused():
    with pytest.raises(GeometryError):
        Primitives.box((0, 0, 1), (1, 0, 1))
    with pytest.raises(GeometryError):
        Primitives.box((0, 0, np.nan), (1, 1, 1))
    with pytest.raises(GeometryError):
        Primitives.box((0, 0, 1), (1, 1, 1), np.eye(3) * 2)


@pytest.mark.parametrize("kind", [solids.BOX, solids.ELLIPSOID, solids.FRUSTUM, solids.PLANE])
def test_normals_are_perpendicular_to_the_surface(kind):
    """Against differences of points seen through the same camera moved by a tiny angle."""
    rng = np.random.default_rng(8)
    step = 1e-3
    checked = 0
    for _ in range(20):
        p = random_solid(rng, kind)
        here = raycast.hit(raycast.prepare(p), CAMERA)
        n = raycast.cast(p, CAMERA, normals=True).normals
        assert n is not None
        points, seen = [], here.parts >= 0
        for du, dv in ((0, 0), (step, 0), (0, step)):
            camera = CAMERA.__class__(
                CAMERA.fx, CAMERA.fy, CAMERA.cx - du, CAMERA.cy - dv, CAMERA.width, CAMERA.height
            )
            hits = raycast.hit(raycast.prepare(p), camera)
            x, y = raycast.rays(camera)
            z = np.where(hits.parts >= 0, hits.depth, np.nan)
            points.append(np.stack([x * z, y[:, None] * z, z], axis=-1))
        across, down = points[1] - points[0], points[2] - points[0]
        # Where the step went over an edge the points are far apart.
        size = np.linalg.norm(points[0], axis=-1)
        smooth = seen & (np.linalg.norm(across, axis=-1) < 0.01 * size)
        smooth &= np.linalg.norm(down, axis=-1) < 0.01 * size
        for tangent in (across, down):
            tilt = (n * tangent).sum(axis=-1) / np.linalg.norm(tangent, axis=-1)
            assert (np.abs(tilt[smooth]) < 0.02).mean() > 0.97 if smooth.any() else True
        assert ((n * points[0]).sum(axis=-1)[smooth] <= 1e-9).all()
        checked += smooth.sum()
    assert checked > 500
