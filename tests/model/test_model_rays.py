from __future__ import annotations

import dataclasses
import math
import statistics

import numpy as np
import pytest
from model_samples import make_view

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from n3d.geometry import Camera, axis_rotation  # noqa: E402
from n3d.geometry.pose import upright  # noqa: E402
from n3d.language import grid  # noqa: E402
from n3d.model import rays  # noqa: E402


def cut(patches: np.ndarray, samples: int) -> tuple[np.ndarray, ...]:
    """Rays, middles, log depths, flags and shapes (n, parts, 9) of patches."""
    at = np.cumsum([rays.RAY, rays.MIDDLE, samples**2, samples**2])
    *found, shapes = np.split(np.asarray(patches), at, axis=1)
    return *found, shapes.reshape(len(patches), samples**2, rays.PART)


def slow_medians(depth: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Lower medians, pixel by pixel: a pixel belongs to the cell in which its centre lies."""
    cells: dict[tuple[int, int], list[float]] = {}
    down, across = (max(1, math.ceil(n / m)) for n, m in zip((rows, columns), depth.shape))
    depth = np.kron(depth, np.ones((down, across)))
    h, w = depth.shape
    for v in range(h):
        for u in range(w):
            if depth[v, u] > 0:
                place = int((v + 0.5) * rows / h), int((u + 0.5) * columns / w)
                cells.setdefault(place, []).append(float(depth[v, u]))
    out = np.zeros((rows, columns))
    for place, values in cells.items():
        out[place] = statistics.median_low(values)
    return out


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 20), st.data())
@settings(max_examples=30)
def test_medians_are_those_of_the_slow_twin(seed, h, w, data):
    rng = np.random.default_rng(seed)
    rows, columns = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    depth = rng.uniform(0.01, 200, (h, w)).astype(np.float32) * (rng.random((h, w)) < 0.7)
    found = rays._medians(depth.astype(np.float32), rows, columns) if depth.any() else None
    if found is not None:
        assert np.allclose(found, slow_medians(depth, rows, columns), rtol=1e-6, atol=0)


def test_patches_hold_rays_depths_and_flags():
    view = make_view(60, 40)
    patches = rays.of_view(view, 4, 6, samples=2).numpy()
    assert patches.shape == (24, rays.width(2))
    assert np.allclose(np.linalg.norm(patches[:, :3], axis=1), 1)
    for place in (0, 7, 23):
        row, column = divmod(place, 6)
        ray = view.camera.lift([(column + 0.5) * 10, (row + 0.5) * 10], 1.0)
        assert np.allclose(patches[place, :3], ray / np.linalg.norm(ray), atol=1e-6)
    assert (patches[:, 3:5] == 0).all()  # gravity is unknown
    _, middles, logs, flags, shapes = cut(patches, 2)
    valid = flags.astype(bool)
    assert not valid[0].any()  # the hole
    assert valid[23].all()
    assert (logs[~valid] == 0).all()
    assert (shapes[~valid] == 0).all()
    assert (middles[0] == 0).all()
    unit = grid.scene_scale(view.depth).metres
    last = view.depth[35:, 55:]  # the last quarter of the last patch
    assert np.exp(logs[23, 3]) * unit == pytest.approx(np.sort(last.ravel())[12], rel=1e-5)


ROOM = Camera(fx=100, fy=100, cx=80, cy=60, width=160, height=120)


def room(up: np.ndarray, turn: float, level: float = 1.2) -> np.ndarray:
    """Depths (30, 40) of parts of 4 pixels: a floor `level` below the camera, and a wall two away
    that faces the camera but for a turn about up; nothing where neither is met."""
    frame = upright(up)
    look = rays._directions(ROOM, (4, 4), 30, 40) @ frame
    normal = axis_rotation(1, turn) @ [0.0, 0.0, -1.0]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor, wall = level / look[..., 1], -2.0 / (look @ normal)
    found = np.minimum(np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf))
    return np.where(np.isfinite(found), found, 0)


@given(st.floats(0.0, 0.4), st.floats(-0.2, 0.2), st.floats(-0.5, 0.5), st.floats(0.3, 0.6))
@settings(max_examples=30, deadline=None)
def test_walls_tell_their_turn_and_floors_their_height(pitch, roll, turn, level):
    up = axis_rotation(0, pitch) @ axis_rotation(2, roll) @ [0.0, -1.0, 0.0]
    depth = room(up, turn, level)
    patches = rays.of_depths(depth, ROOM, (20, 20), up, 5)
    _, middles, _, flags, shapes = cut(patches, 5)
    facing = shapes[flags.astype(bool)][:, 4:]
    # Faces sideways: what faces nowhere is an edge.
    flat = (np.abs(facing[:, 0]) < 1e-4) & (np.linalg.norm(facing[:, :3], axis=1) > 0.5)
    floor = facing[:, 0] > 1 - 1e-4
    edges = ~(flat | floor)
    assert min(flat.sum(), floor.sum()) > 50
    # Where the two meet, and where a floor runs away faster than a surface may.
    assert edges.mean() < 0.35
    assert np.allclose(facing[floor][:, 3:], 0, atol=1e-2)
    normal = axis_rotation(1, turn) @ [0.0, 0.0, -1.0]
    four = 4 * np.arctan2(normal[2], normal[0])
    told = [normal[0], normal[2], np.cos(four), np.sin(four)]
    right = np.abs(facing[flat][:, 1:] - told).max(axis=1) < 1e-3
    assert right.mean() > 0.97  # a part in a corner may face between two
    # Heights stand over the floor, which is level.
    seen = middles[:, 4] == 1
    assert np.allclose(middles[seen, 1] + middles[seen, 3], level, atol=1e-3)


def test_without_gravity_the_frame_is_that_of_the_camera():
    down = np.array([0.0, -1.0, 0.0])
    depth = room(down, 0.3)
    known = rays.of_depths(depth, ROOM, (20, 20), down, 5)
    unknown = rays.of_depths(depth, ROOM, (20, 20), None, 5)
    assert np.allclose(known[:, rays.RAY :], unknown[:, rays.RAY :], atol=1e-5)
    assert (unknown[:, 3:5] == 0).all()
    assert (known[:, 4] == 1).all()


def test_zooming_a_scene_changes_no_depth_by_more_than_the_scale_grid():
    view = make_view(60, 40)
    twice = dataclasses.replace(view, depth=view.depth * np.float32(2))
    a, b = (rays.of_view(v, 4, 6, 2) for v in (view, twice))
    assert torch.allclose(a, b, atol=1e-3)


def test_small_pictures_have_no_holes():
    view = make_view(9, 7)
    depth = np.full((7, 9), 2.0, np.float32)
    patches = rays.of_view(dataclasses.replace(view, depth=depth), 16, 20, 2)
    _, _, logs, flags, _ = cut(patches.numpy(), 2)
    assert (flags == 1).all()
    assert np.allclose(logs, 0, atol=1e-3)


def test_rays_need_no_depth():
    bare = rays.of_view(make_view(60, 40, depth=False), 4, 6, 2)
    full = rays.of_view(make_view(60, 40), 4, 6, 2)
    assert torch.equal(bare[:, :3], full[:, :3])
    assert (bare[:, 3:] == 0).all()


def test_a_ray_tells_how_steeply_it_rises():
    up = np.array([0.1, -0.9, -0.4])
    view = make_view(60, 40).with_up(up, "given")
    patches = rays.of_view(view, 4, 6, 2).numpy()
    assert np.allclose(patches[:, 3], patches[:, :3] @ up / np.linalg.norm(up), atol=1e-6)
    assert (patches[:, 4] == 1).all()
    encoder = rays.Encoder(2, 8, 0.02, 16)
    known = encoder.features(torch.from_numpy(patches.copy()))
    patches[:, 3:5] = 0
    assert not torch.equal(encoder.features(torch.from_numpy(patches)), known)


def test_periods_end_where_noise_takes_half_of_a_wave():
    periods = rays.depth_periods(0.02)
    left = [np.exp(-2 * (np.pi * 0.02 / p) ** 2) for p in (periods[-1], periods[-1] / 2)]
    assert left[0] >= 0.5 > left[1]
    assert rays.depth_periods(0.04) == periods[:-1]
    assert len(rays.depth_periods(1.0)) >= 1


def test_features_ignore_what_is_not_valid_and_stay_float32():
    encoder = rays.Encoder(2, 8, 0.02, 16)
    patches = rays.of_view(make_view(60, 40), 4, 6, 2)
    features = encoder.features(patches)
    assert features.shape == (24, encoder.inner.in_features)
    hidden, at = patches.clone(), rays.RAY + rays.MIDDLE
    hidden[0, at : at + 4] = 5.0  # depth where the flag says there is none
    waves = slice(rays.width(2), rays.width(2) + 4 * 2 * len(encoder.depth_periods))
    assert torch.equal(encoder.features(hidden)[0, waves], features[0, waves])
    assert encoder.bfloat16().features(patches).dtype == torch.float32
