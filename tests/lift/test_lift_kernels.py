"""Every compiled loop of lifting against NumPy, SciPy, or what it must give by construction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from n3d.geometry import Box3D, Camera, axis_rotation, euler
from n3d.geometry.pose import upright
from n3d.lift import box_kernels as boxes
from n3d.lift import crop_kernels as crops
from n3d.lift import depth_kernels as depths
from n3d.lift import end_kernels as ends
from n3d.lift import face_kernels as faces
from n3d.lift import ground_kernels as grounds
from n3d.lift import layer_kernels as layers
from n3d.lift import outline_kernels as outlines
from n3d.lift import pixel_kernels as pixels
from n3d.lift import rectangle_kernels as rectangles
from n3d.lift import round_kernels as rounds
from n3d.lift import surface_kernels as surfaces
from n3d.lift import yaw_kernels as yaws

EIGHT = np.ones((3, 3), bool)


def blob(rng, h=40, w=50) -> np.ndarray:
    """A random mask of a few smooth parts."""
    return ndimage.gaussian_filter(rng.normal(size=(h, w)), 3) > 0.02


def plane(h, w, a=0.001, b=-0.0007, c=0.4) -> np.ndarray:
    """Inverse depth (h, w) of a plane."""
    y, x = np.mgrid[:h, :w]
    return (a * x + b * y + c).astype(np.float32)


# -- pixels ----------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6))
def test_bounds_and_cut(seed):
    rng = np.random.default_rng(seed)
    mask = blob(rng)
    out = np.empty(4, np.int64)
    found = pixels.bounds(mask.view(np.uint8), out)
    assert found == mask.any()
    if found:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert out.tolist() == [rows[0], rows[-1], columns[0], columns[-1]]
    depth = rng.choice([0, 0.01, 1.0, 2.5, 500.0], mask.shape).astype(np.float32)
    w, inside = np.empty((20, 30), np.float32), np.empty((20, 30), np.uint8)
    count, valid = pixels.cut(depth, mask.view(np.uint8), 5, 7, 0.05, 200.0, w, inside)
    z, m = depth[5:25, 7:37], mask[5:25, 7:37]
    good = (z > 0.05) & (z < 200)
    assert np.allclose(w, np.where(good, 1 / np.where(good, z, 1), 0))
    assert (inside == m).all()
    assert (count, valid) == (m.sum(), (m & good).sum())


def test_noise_is_measured_on_slanted_planes_and_not_moved_by_them():
    rng = np.random.default_rng(0)
    for true in (0.002, 0.01, 0.03):
        w = plane(120, 150) * (1 + true * rng.normal(size=(120, 150))).astype(np.float32)
        assert pixels.noise(w, np.ones(w.shape, np.uint8), 4000) == pytest.approx(true, rel=0.1)
    assert pixels.noise(plane(120, 150), np.ones((120, 150), np.uint8), 4000) < 1e-4
    assert pixels.noise(np.zeros((9, 9), np.float32), np.ones((9, 9), np.uint8), 100) == 0


def test_smooth_is_the_mean_of_valid_neighbours():
    rng = np.random.default_rng(1)
    w = (rng.random((20, 30)) * (rng.random((20, 30)) < 0.7)).astype(np.float32)
    out = np.empty_like(w)
    pixels.smooth(w, out)
    total = ndimage.convolve(w, np.ones((3, 3)), mode="constant")
    count = ndimage.convolve((w > 0).astype(float), np.ones((3, 3)), mode="constant")
    assert np.allclose(out, np.where(w > 0, total / np.maximum(count, 1), 0), atol=1e-6)


def _runs(hit: np.ndarray) -> np.ndarray:
    """The twin of what `edges` makes of one line of marks: gaps closed, ends given back."""
    out = np.zeros(len(hit), np.uint8)
    at = np.flatnonzero(hit)
    for group in np.split(at, np.flatnonzero(np.diff(at) > 3) + 1):
        if len(group):
            out[group[0] + 1 : group[-1]] = 1
    return out


@given(seed=st.integers(0, 10**6))
def test_edges(seed):
    rng = np.random.default_rng(seed)
    w = plane(30, 40)
    w[rng.random(w.shape) < 0.05] = 0
    w[10:20, 15:30] *= np.float32(1.3)
    out = np.empty(w.shape, np.uint8)
    pixels.edges(w, 0.05, out)

    def marks(a, b, c):
        bend = np.abs(a + c - b - b)
        return (bend > np.float32(0.05) * b) & (a > 0) & (b > 0) & (c > 0)

    expected = np.zeros(w.shape, np.uint8)
    across, down = np.zeros(w.shape, bool), np.zeros(w.shape, bool)
    across[:, 2:-2] = marks(w[:, :-4], w[:, 2:-2], w[:, 4:])
    down[2:-2] = marks(w[:-4], w[2:-2], w[4:])
    for i in range(30):
        expected[i] |= _runs(across[i])
    for j in range(40):
        expected[:, j] |= _runs(down[:, j])
    assert (out == expected).all()


@given(seed=st.integers(0, 10**6))
def test_peel_numbers_layers_from_the_outline(seed):
    inside = blob(np.random.default_rng(seed)).astype(np.uint8)
    layer = np.empty(inside.shape, np.uint8)
    layers.peel(inside, 3, layer)
    padded = np.pad(inside.astype(bool), 1)
    cross = ndimage.binary_erosion(padded)
    first = padded & ~cross
    expected = np.where(padded, layers.DEEP, 0)
    reached = first
    expected[first] = 1
    for k in (2, 3):
        ring = ndimage.binary_dilation(reached, EIGHT) & padded & (expected == layers.DEEP)
        expected[ring] = k
        reached = ring
    assert (layer == expected[1:-1, 1:-1]).all()


def test_blurred_counts_the_layers_that_are_edge():
    inside = np.zeros((40, 40), np.uint8)
    inside[5:35, 5:35] = 1
    layer = np.empty((40, 40), np.uint8)
    layers.peel(inside, 6, layer)
    for deep in range(4):
        edge = ((layer >= 1) & (layer <= deep)).astype(np.uint8)
        assert layers.blurred(edge, layer, 0, 3) == deep
    assert layers.blurred(np.zeros_like(edge), layer, 2, 3) == 2


def test_keep_erodes_thick_parts_and_spares_thin_ones():
    inside = np.zeros((40, 60), np.uint8)
    inside[5:35, 5:30] = 1
    inside[18:21, 30:55] = 1  # three pixels thick
    w = np.where(inside, np.float32(0.5), np.float32(0.25))
    layer = np.empty(w.shape, np.uint8)
    layers.peel(inside, 6, layer)
    core = np.empty(w.shape, np.uint8)
    edge = np.zeros(w.shape, np.uint8)
    edge[:, 33:] = 1
    layers.keep(w, edge, layer, 2, core)
    assert (core[7:33, 7:28] == 1).all()
    assert (core[5:7, 5:29] == 0).all()
    assert (core[19, 33:54] == 2).all()
    assert core[18, 40] == core[20, 40] == 0


def test_sample_and_rim_take_trusted_pixels_in_order():
    rng = np.random.default_rng(2)
    core = blob(rng).astype(np.uint8)
    w = rng.random(core.shape).astype(np.float32)
    total = int(core.sum())
    out = np.empty((51, 3))
    k = pixels.sample(w, core, total, 50, 100, 200, out)
    step = -(-total // 50)
    y, x = (v[::step] for v in np.nonzero(core))
    assert np.allclose(out[:k], np.stack([x + 100.5, y + 200.5, w[y, x]], axis=1))
    rows = np.empty((4 * 101 * 3, 5))
    k = pixels.rim(w, core, 3, 100, 0, 0, rows)
    for i in np.flatnonzero(core.any(axis=1)):
        first = np.flatnonzero(core[i])[0]
        mine = rows[:k][(rows[:k, 3] == 0) & (rows[:k, 1] == i + 0.5)]
        assert mine[0, 0] == first + 0.5
        assert mine[:, 4].tolist() == list(range(len(mine)))
        run = next((n for n in range(1, 3) if not core[i, first + n : first + n + 1].any()), 3)
        assert len(mine) == run


# -- surfaces --------------------------------------------------------------------------------


def _split(w, core, jump, gap):
    runs = np.empty((core.size, 5), np.int32)
    count = surfaces.split(w, core, jump, gap, runs, np.empty(core.size, np.int32))
    labels = np.zeros(core.shape, int)
    for row, first, last, root, _ in runs[:count]:
        labels[row, first : last + 1] = np.where(core[row, first : last + 1], root + 1, 0)
    return labels, runs, count


@given(seed=st.integers(0, 10**6))
def test_surfaces_are_connected_components_where_depth_is_continuous(seed):
    rng = np.random.default_rng(seed)
    core = blob(rng).astype(np.uint8)
    labels, _, _ = _split(np.full(core.shape, 0.5, np.float32), core, 0.1, 1)
    expected, _ = ndimage.label(core, EIGHT)
    pairs = {(a, b) for a, b in zip(labels[core > 0], expected[core > 0], strict=True)}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


def test_surfaces_part_at_jumps_and_choose_keeps_what_lies_near():
    core = np.ones((40, 60), np.uint8)
    w = np.full(core.shape, 0.5, np.float32)
    w[:, 40:] = 0.2  # three metres behind
    w[30:, :40] = 0.48  # a little behind
    labels, runs, count = _split(w, core, 0.03, 1)
    assert len(np.unique(labels)) == 3
    kept = surfaces.choose(w, core, runs, count, 50.0, 6)
    assert kept == 40 * 40
    assert core[:, :40].all()
    assert not core[:, 40:].any()


def test_sparse_samples_join_across_gaps():
    rng = np.random.default_rng(3)
    core = (rng.random((60, 60)) < 0.15).astype(np.uint8)
    labels, _, _ = _split(plane(60, 60), core, 0.05, 6)
    biggest = np.bincount(labels[core > 0]).max()
    assert biggest > 0.98 * core.sum()


# -- outlines --------------------------------------------------------------------------------


def test_planes_are_continued_exactly_and_steps_beat_the_mask():
    h, w = 60, 70
    front, back = plane(h, w), plane(h, w, 0, 0, 0.2)
    truth = np.zeros((h, w), bool)
    truth[20:40, 20:50] = True
    depth = np.where(truth, front, back)
    loose = ndimage.binary_dilation(truth, EIGHT, iterations=2).astype(np.uint8)
    core = ndimage.binary_erosion(truth, EIGHT, iterations=3).astype(np.uint8)
    share, expected = np.empty((h, w), np.float32), np.empty((h, w), np.float32)
    behind = np.empty((h, w), np.float32)
    outlines.grow(depth, loose, core, 0.04, 0.05, 7, 4, 2, expected, share, behind)
    near = ndimage.binary_dilation(truth, EIGHT, iterations=2) & (share != -1)
    assert np.allclose(expected[near], front[near], rtol=1e-2)
    assert ((share >= 0.5) == truth).all()
    out = np.empty((2 * (h + w), 6))
    out = out[: outlines.outline(share, expected, behind, out)]
    sides = [out[out[:, 4] == s] for s in range(4)]
    assert np.allclose(sides[0][:, 0], 20, atol=0.01)
    assert np.allclose(sides[1][:, 0], 50, atol=0.01)
    assert np.allclose(sides[2][:, 1], 20, atol=0.01)
    assert np.allclose(sides[3][:, 1], 40, atol=0.01)
    outlines.place(out, 100, 200, (True, True, False, False))
    assert np.allclose(sides[0][:, 0], 20, atol=0.01)
    assert np.allclose(out[out[:, 4] == 0][:, 0], 120, atol=0.01)


def test_without_a_step_the_mask_decides():
    depth = plane(50, 50)
    inside = np.zeros((50, 50), np.uint8)
    inside[15:35, 12:38] = 1
    core = ndimage.binary_erosion(inside, EIGHT, iterations=2).astype(np.uint8)
    share, expected, behind = (np.empty((50, 50), np.float32) for _ in range(3))
    outlines.grow(depth, inside, core, 0.04, 0.05, 6, 4, 2, expected, share, behind)
    assert ((share >= 0.5) == (inside > 0)).all()


def test_an_outline_does_not_depend_on_what_memory_held_before():
    depth = plane(50, 50)
    inside = np.ones((50, 50), np.uint8)  # the mask goes on where the trusted pixels' reach ends
    core = np.zeros((50, 50), np.uint8)
    core[20:30, 20:30] = 1
    found = []
    for left_over in (-7.0, 0.9):
        maps = [np.full((50, 50), left_over, np.float32) for _ in range(3)]
        share, expected, behind = maps
        outlines.grow(depth, inside, core, 0.04, 0.05, 3, 4, 2, expected, share, behind)
        out = np.full((200, 6), left_over)
        found.append(out[: outlines.outline(share, expected, behind, out)])
    assert len(found[0]) == 64
    assert (found[0] == found[1]).all()


def test_an_edge_between_pixels_is_found_to_a_part_of_a_pixel():
    h, w, edge = 40, 60, 30.3
    x = np.arange(w) + 0.5
    z = 2.0 + 3.0 / (1 + np.exp(-(x - edge) * 2.0))  # a smooth step from 2 to 5 m
    depth = np.broadcast_to((1 / z).astype(np.float32), (h, w)).copy()
    inside = np.zeros((h, w), np.uint8)
    inside[:, :32] = 1
    core = np.zeros((h, w), np.uint8)
    core[:, :27] = 1
    share, expected, behind = (np.empty((h, w), np.float32) for _ in range(3))
    outlines.grow(depth, inside, core, 0.04, 0.05, 8, 4, 2, expected, share, behind)
    out = np.empty((2 * (h + w), 6))
    out = out[: outlines.outline(share, expected, behind, out)]
    right = out[out[:, 4] == 1]
    assert np.median(right[:, 0]) == pytest.approx(edge, abs=0.15)


def test_scatter_measures_the_noise_of_samples():
    rng = np.random.default_rng(4)
    for true in (0.003, 0.01):
        w = plane(90, 90) * (1 + true * rng.normal(size=(90, 90))).astype(np.float32)
        core = (rng.random(w.shape) < 0.15).astype(np.uint8)
        w = np.where(core, w, np.float32(0))
        assert outlines.scatter(w, core, int(core.sum()), 9, 400) == pytest.approx(true, rel=0.2)


# -- crops -----------------------------------------------------------------------------------


def _crop_twin(depth, mask, sparse, drawn):
    """What `crops.clean` does, one loop after the other, for a mask that begins at (16, 20)."""
    top, left = 4, 8
    w, inside = (np.empty((mask.shape[0] - top, 61), t) for t in (np.float32, np.uint8))
    counts = pixels.cut(depth, mask, top, left, 0.05, 200.0, w, inside)
    spacing = max(1, int(np.ceil(np.sqrt(counts[0] / max(counts[1], 1)))))
    core, edge, layer = (np.zeros(w.shape, np.uint8) for _ in range(3))
    maps = [np.empty(w.shape, np.float32) for _ in range(3)]
    runs = np.empty((w.size, 5), np.int32), np.empty(w.size, np.int32)
    gap, erode, jump, noise = 2 * spacing, 0, crops.PART_SPARSE, 0.0
    if sparse:
        core[:] = (w > 0) & (inside > 0)
    else:
        noise = max(pixels.noise(w, inside, 400), crops.LEAST_NOISE)
        limit = max(0.02, 5 * np.sqrt(6) * noise)
        pixels.edges(w, limit, edge)
        layers.peel(inside, 3 + crops.THIN, layer)
        erode = layers.blurred(edge, layer, 0, 3)
        layers.keep(w, edge, layer, erode, core)
        gap, jump = 1, max(limit / 2, crops.PART)
    count = surfaces.split(w, core, jump, gap, *runs)
    kept = surfaces.choose(w, core, runs[0], count, 50.0, crops.LEAST_SURFACE)
    if sparse:
        some = np.where(core > 0, w, np.float32(0))
        noise = max(outlines.scatter(some, core, kept, 3 * spacing, 300), crops.LEAST_NOISE)
        reach = 4 * spacing if drawn else max(1, spacing // 2)
        outlines.grow(some, inside, core, 0.02, np.inf, reach, 4 * spacing, 1, *maps)
    else:
        step = max(0.04, 6 * noise)
        outlines.grow(w, inside, core, limit, step, erode + 4, 4, 2, *maps)
    line = np.empty((2 * sum(w.shape), 6))
    line = line[: outlines.outline(maps[1], maps[0], maps[2], line)]
    border = outlines.place(line, left, top, (False, False, False, True))
    points, rim = np.empty((101, 3)), np.empty((2020, 5))
    points = points[: pixels.sample(w, core, kept, 100, left, top, points)]
    rim = rim[: pixels.rim(w, core, 5, 100, left, top, rim)]
    return points, rim, line, noise, (*counts, kept, erode, border)


@pytest.mark.parametrize(("sparse", "drawn"), [(False, True), (True, True), (True, False)])
def test_a_crop_is_its_loops_one_after_the_other(sparse, drawn):
    rng = np.random.default_rng(21)
    mask = np.zeros((60, 90), np.uint8)
    mask[16:, 20:57] = 1
    w = np.where(ndimage.binary_erosion(mask, EIGHT, border_value=1), plane(60, 90), 0.2)
    depth = (1 / (w * (1 + 0.002 * rng.normal(size=w.shape)))).astype(np.float32)
    if sparse:
        depth *= rng.random(depth.shape) < 0.2
    got = crops.clean(depth, mask, 0.05, 200.0, 50.0, sparse, drawn, 0.02, 3, 3, True, 100)
    for a, b in zip(got, _crop_twin(depth, mask, sparse, drawn), strict=True):
        assert np.array_equal(a, b)
    assert got[4][2] > 100
    assert got[4][4] > 10
    *empty, _, counts = crops.clean(
        depth, 0 * mask, 0.05, 200.0, 50.0, sparse, drawn, 0.02, 3, 3, True, 100
    )
    assert [len(e) for e in empty] == [0, 0, 0]
    assert counts == (0, 0, 0, 0, 0)


# -- faces -----------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), rank=st.integers(0, 80))
def test_extremes_of_what_is_selected(seed, rank):
    rng = np.random.default_rng(seed)
    values, use = rng.normal(size=70), rng.random(70) < 0.7
    chosen = faces.selected(values, use)
    assert (chosen == values[use]).all()
    low, high = faces.extremes(chosen, rank)
    chosen, rank = np.sort(chosen), min(rank, 63)
    assert low == (chosen[rank] if rank < len(chosen) else np.inf)
    assert high == (chosen[::-1][rank] if rank < len(chosen) else -np.inf)


def test_place_turns_samples_into_the_gravity_frame():
    camera = Camera(500, 510, 320, 240, 640, 480)
    rng = np.random.default_rng(5)
    turn = np.ascontiguousarray(upright([0.1, -0.9, -0.2]))
    samples = np.stack([*rng.uniform(0, 480, (2, 30)), rng.uniform(0.2, 1, 30)], axis=1)
    rays, reach = np.empty((30, 3)), np.empty(30)
    k = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    faces.place(samples, k, turn, rays, reach)
    assert np.allclose(rays * reach[:, None], camera.lift(samples[:, :2], 1 / samples[:, 2]) @ turn)


def test_face_finds_the_plane_before_the_rest():
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(2.0, 0.005, 400), rng.uniform(2.0, 3.0, 200)])
    out = np.empty(4)
    faces.face(values, np.ones(600, bool), 600, 0.0025, out)
    assert out[3] == 1
    assert out[0] == pytest.approx(2.0, abs=0.005)
    faces.face(rng.uniform(2.0, 3.0, 600), np.ones(600, bool), 600, 0.0025, out)
    assert out[3] == 0


@given(angle=st.floats(0.02, 1.5), seed=st.integers(0, 1000))
def test_peakedness_and_sweep(angle, seed):
    rng = np.random.default_rng(seed)
    c, s = np.cos(angle), np.sin(angle)
    a = np.concatenate([np.zeros(300), rng.uniform(0, 0.6, 200)]) + rng.normal(0, 0.004, 500)
    b = np.concatenate([rng.uniform(0, 0.9, 300), np.zeros(200)]) + rng.normal(0, 0.004, 500)
    x, z = c * a - s * b, s * a + c * b
    radius = np.hypot(x, z).max()
    bins = np.empty((4, int(2 * radius / 0.02) + 4), np.int32)
    at = np.empty((2, len(x)), np.int32)
    got = yaws.peakedness(x, z, 0.3, 0.02, radius, at, bins)
    total = 0
    for v in (np.cos(0.3) * x + np.sin(0.3) * z, np.cos(0.3) * z - np.sin(0.3) * x):
        h = np.bincount((v / 0.02 + radius / 0.02 + 1).astype(int), minlength=bins.shape[1])
        total += ((h[:-1] + h[1:]) ** 2).sum()
    assert got == pytest.approx(total, rel=0.02)
    found = yaws.sweep(x.copy(), z.copy(), 0.02, 30)
    off = (found - angle + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert abs(np.degrees(off)) < 2


@given(angle=st.floats(-0.1, 0.1), seed=st.integers(0, 1000))
def test_turn_to_faces_is_total_least_squares(angle, seed):
    rng = np.random.default_rng(seed)
    n = 200
    t = rng.uniform(-0.5, 0.5, n)
    on_a = np.arange(n) < 120
    a = np.where(on_a, 1.0, 1.0 + t + 0.5) + rng.normal(0, 0.01, n)
    b = np.where(on_a, 2.0 + t + 0.5, 2.0) + rng.normal(0, 0.01, n)
    c, s = np.cos(angle), np.sin(angle)
    x, z = c * a - s * b, s * a + c * b
    found, sigma = yaws.turn_to_faces(x, z, on_a, ~on_a, 0.0)
    one = np.stack([x, z])[:, on_a]
    two = np.stack([z, -x])[:, ~on_a]
    away = np.concatenate([p - p.mean(axis=1, keepdims=True) for p in (one, two)], axis=1)
    normal = np.linalg.svd(away)[0][:, 1]
    expected = np.arctan(normal[1] / normal[0])
    assert found == pytest.approx(expected, abs=1e-9)
    assert abs(found - angle) < 6 * sigma + 1e-3
    assert yaws.turn_to_faces(x, z, np.zeros(n, bool), np.zeros(n, bool), 0.2)[0] == 0.2


def _corner_view(narrow_px: float):
    """Rim rays on a front face z = 3 and on a face that turns away from its left end."""
    f = 500.0
    u0 = 100.0  # pixels right of the axis: where the front face begins
    u = u0 - narrow_px + 0.5 + np.arange(12)
    rays = np.array([[ui / f, v, 1.0] for v in np.linspace(-0.1, 0.1, 40) for ui in u])
    side = np.zeros(len(rays), np.int64)
    steps = np.tile(np.arange(12), 40)
    b = u0 / f * 3
    reach = np.where(rays[:, 0] * 3 < b, b / rays[:, 0], 3.0)
    keep = steps < 5
    return rays[keep], reach[keep], side[keep], steps[keep], b


@pytest.mark.parametrize(("width", "found"), [(0.0, False), (2.0, True), (4.0, True)])
def test_narrow_faces_are_found_in_the_rim(width, found):
    rays, reach, side, steps, b = _corner_view(width)
    reach = reach * (1 + 0.001 * np.random.default_rng(0).normal(size=len(reach)))
    axes = np.eye(3)
    out = np.empty(4)
    seen = np.array([False, False, True])
    faces.narrow(rays, reach, side, steps, axes, np.array([0, 0, 3.0]), seen, 0, 0.001, out)
    assert bool(out[3]) == found
    if found:
        assert out[0] == pytest.approx(b, abs=0.01)


def test_find_puts_axes_and_faces_on_a_corner():
    rng = np.random.default_rng(7)
    turn = axis_rotation(1, 0.4)
    front = [rng.uniform(-0.4, 0.4, 600), rng.uniform(-0.3, 0.3, 600), np.full(600, -0.3)]
    aside = [np.full(300, 0.4), rng.uniform(-0.3, 0.3, 300), rng.uniform(-0.3, 0.3, 300)]
    local = np.concatenate([np.stack(front), np.stack(aside)], axis=1)
    xyz = (turn @ local).T + [-1.0, 0.1, 3.0]
    xyz *= 1 + 0.002 * rng.normal(size=(len(xyz), 1))
    empty = np.empty((0, 3))
    axes, position = np.empty((3, 3)), np.empty(3)
    seen, faint = np.empty(3, bool), np.empty(3, bool)
    none = np.empty(0, np.int64)
    sigma, share = faces.find(
        xyz, empty, np.empty(0), none, none, empty, np.empty(0), 0.002, 30,
        axes, position, seen, faint,
    )  # fmt: skip
    assert seen[0]
    assert seen[2]
    assert share > 0.95
    assert sigma < 0.01
    for k in (0, 2):
        alike = np.abs(axes[k] @ turn)
        assert alike.max() > 0.9999
        face = turn[:, alike.argmax()]
        corner = np.array([-1.0, 0.1, 3.0])
        offsets = [face @ corner + s * (0.4 if alike.argmax() == 0 else 0.3) for s in (-1, 1)]
        assert min(abs(abs(o) - position[k]) for o in offsets) < 0.005


# -- ends ------------------------------------------------------------------------------------


def test_edge_is_the_mean_of_a_flat_side_and_ignores_spurs():
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.uniform(0, 1, 300), rng.normal(1.0, 0.01, 100), [3.0, 4.0]])
    sigmas = np.full(len(values), 0.01)
    out = np.empty(3)
    ends.edge(values, sigmas, 1.0, out)
    assert out[0] == pytest.approx(1.0, abs=0.015)
    ends.edge(-values, sigmas, -1.0, out)
    assert out[0] == pytest.approx(-1.0, abs=0.015)
    # Badly known points that reach further do not move the end.
    more = np.concatenate([values, np.full(20, 1.3)])
    ends.edge(more, np.concatenate([sigmas, np.full(20, 0.3)]), 1.0, out)
    assert out[0] == pytest.approx(1.0, abs=0.03)


@given(seed=st.integers(0, 10**6))
def test_edge_equals_its_twin(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    values, sigmas = rng.normal(size=n), rng.uniform(0.01, 0.3, n)
    for sign in (1.0, -1.0):
        out = np.empty(3)
        ends.edge(values, sigmas, sign, out)
        rank = min(int(ends.PASSED_OVER * n), 40)
        least = np.sort(sign * values - 2 * sigmas)[::-1][rank]
        use = sign * values >= least
        g = 1 / sigmas[use] ** 2
        c = np.minimum(sign * values[use], least + 4 * sigmas[use])
        assert out[0] == pytest.approx(sign * (g * c).sum() / g.sum())
        assert out[1] == pytest.approx(np.sqrt(use.sum() / g.sum() * (0.5 + 0.5 / use.sum())))


def _random_faces(rng):
    turn = np.ascontiguousarray(euler(*rng.uniform(-0.5, 0.5, 3)).T)
    rays = np.stack([*rng.uniform(-0.5, 0.5, (2, 40)), np.ones(40)], axis=1)
    position = rng.uniform(0.2, 2.0, 3)
    return turn, rays, position, rng.random(3) < 0.7


@given(seed=st.integers(0, 10**6))
def test_snap_moves_points_to_the_last_plane_passed(seed):
    rng = np.random.default_rng(seed)
    axes, rays, position, seen = _random_faces(rng)
    reach = rng.uniform(0.5, 4.0, 40)
    tolerance, before = np.full(40, 1.0), reach.copy()
    hit = np.empty(40, np.int64)
    moved = ends.snap(rays, reach, axes, position, seen, tolerance, hit)
    facing = rays @ axes.T
    with np.errstate(divide="ignore"):
        t = np.where(seen & (facing > 1e-6), position / facing, 0)
    far = t.max(axis=1)
    near = (far > 0) & (np.abs(far - before) < 1.0)
    assert np.allclose(reach, np.where(near, far, before))
    assert (hit == np.where(near, t.argmax(axis=1), -1)).all()
    assert moved == near.sum()


@given(seed=st.integers(0, 10**6))
def test_uncertainty_is_the_derivative_by_the_pixel(seed):
    rng = np.random.default_rng(seed)
    axes, rays, position, _ = _random_faces(rng)
    pixel = np.array([[0.002, 0, 0], [0, 0.002, 0]])
    side = rng.integers(0, 4, 40)
    facing = rays @ axes.T
    hit = np.where(facing[:, 2] > 0.3, 2, -1)
    reach = np.where(hit == 2, position[2] / facing[:, 2], 2.0)
    direction = np.array([0.6, 0.0, 0.8])
    out = np.empty(40)
    none = np.zeros(3)
    ends.uncertainty(rays, reach, hit, side, axes, none, pixel, 0.01, 0.5, direction, out)
    moved = rays + pixel[(side >= 2).astype(int)] * 1e-4
    t = np.where(hit == 2, position[2] / (moved @ axes[2]), reach)
    slope = (t * (moved @ direction) - reach * (rays @ direction)) / 1e-4
    free = np.hypot(slope * 0.5, reach * (rays @ direction) * 0.01)
    expected = np.where(hit == 2, np.abs(slope) * 0.5, free)
    assert np.allclose(out, np.maximum(expected, 1e-4 * reach), rtol=1e-3)
    coordinate = np.empty(40)
    ends.project(rays, reach, direction, coordinate)
    assert np.allclose(coordinate, reach * (rays @ direction))


def test_allowance_grows_where_a_face_turns_away():
    rays = np.array([[0.0, 0, 1.0], [0.5, 0, 1.0]])
    axes = np.eye(3)
    pixel = np.array([[0.002, 0, 0], [0, 0.002, 0]])
    out = np.empty(2)
    args = (np.array([2.0, 2.0]), np.zeros(2, np.int64), axes, np.array([0.9, 0, 1.0]))
    ends.allowance(rays, *args, np.array([True, False, True]), pixel, 0.001, 5.0, out)
    assert out[0] == pytest.approx(0.04)  # the front face does not slide
    assert out[1] == pytest.approx(0.04 + 5 * 1.8 * 0.002 / 0.5)


def test_near_end_is_the_face_or_what_sticks_out():
    rng = np.random.default_rng(9)
    flat = rng.normal(2.0, 0.01, 1000)
    use = np.ones(1000, bool)
    assert ends.near_end(flat, use, 0.005, 2.0, 0.003)[0] == 2.0
    flat[:60] = rng.uniform(1.6, 2.0, 60)
    end, sigma = ends.near_end(flat, use, 0.005, 2.0, 0.003)
    assert 1.55 < end < 1.8
    assert sigma >= 0.003
    xyz = np.stack([np.zeros(1000), np.linspace(-1, 1, 1000), np.ones(1000)], axis=1)
    ends.off_ground(xyz, use)
    assert use.sum() == pytest.approx(930, abs=15)


def test_an_end_on_the_image_border_is_cut_off():
    values = np.concatenate([np.linspace(0, 0.9, 50), np.full(30, 1.0)])
    border = np.concatenate([np.zeros(50), np.ones(30)])
    assert ends.cut_off(values, border, 1.0) > 0.9
    assert ends.cut_off(values, 1 - border, 1.0) < 0.1
    assert ends.cut_off(values, border, 0.0) == 0


def test_an_outline_is_not_the_objects_where_something_nearer_begins():
    outline = np.zeros((4, 6))
    outline[:, 2] = 0.5
    outline[:, 3] = -1, 0.4, 0.6, 0.4
    outline[3, 5] = 1
    assert ends.hidden(outline).tolist() == [0, 0, 1, 1]


def test_a_hidden_foot_reaches_a_near_floor_only():
    axes = np.eye(3)
    outline = np.tile([0, 0, 0.5, 0.6, 3, 0.0], (8, 1))
    open_share = np.array([[0, 0, 0], [0, 1.0, 0]])
    for ground, share, foot in ((1.5, 1, 1.5), (1.5, 0, 1.0), (2.5, 1, 1.0), (np.inf, 1, 1.0)):
        low, high = np.array([0.0, 0, 2]), np.array([1.0, 1, 3])
        sigma = np.full(3, 0.01)
        boxes.reach_ground(outline, axes, share * open_share, ground, low, high, sigma, sigma)
        assert high[1] == foot
        assert (sigma[1] > 0.05) == (foot > 1)


@given(seed=st.integers(0, 10**6))
def test_lowest_equals_its_twin(seed):
    rng = np.random.default_rng(seed)
    shape, step, f = (40, 60), 3, 50.0
    down = upright([0.05, -0.9, rng.uniform(-0.5, 0.5)])[:, 1]
    v, u = np.indices(shape) + 0.5
    slope = down[0] * (u - 30) / f + down[1] * (v - 20) / f + down[2]
    with np.errstate(divide="ignore"):
        z = np.where(slope > 0.02, 1.2 / slope, 9.0) * rng.choice([0, 0.99, 1.01], shape)
    z = (z + rng.choice([0, 0.5]) * rng.random(shape)).astype(np.float32)
    got = grounds.lowest(z, step, *down.tolist(), (f, f, 30.0, 20.0), 0.05, 200.0)
    z, slope = (a[step // 2 :: step, step // 2 :: step].astype(float) for a in (z, slope))
    good = (z > 0.05) & (z < 200)
    y, z = (z * slope)[good], z[good]
    low = y >= np.quantile(y, grounds.LOWEST) - 1e-12
    middle = np.median(y[low])
    flat = np.median(np.abs(y[low] - middle) / z[low])
    assume(abs(flat - grounds.FLAT) > 1e-6)
    assert got == pytest.approx(middle if flat < grounds.FLAT and middle > 0 else np.inf)


# -- depth and boxes -------------------------------------------------------------------------


def test_room_is_the_gap_to_what_is_seen_beside_the_object():
    rays = np.stack([np.full(40, 0.2), np.linspace(-0.3, 0.3, 40), np.ones(40)], axis=1)
    behind = np.full(40, 1 / 3.0)
    along, vertical = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    assert depths.room(rays, behind, along, vertical, 2.0, -0.6, 0.6) == pytest.approx(1.0)
    assert depths.room(rays, -behind, along, vertical, 2.0, -0.6, 0.6) == np.inf


def test_unseen_faces_bound_the_depth():
    pixel = np.array([[0.002, 0, 0], [0, 0.002, 0]])
    low = np.array([0.5, -0.3, 3.0])
    nothing, cut = np.zeros(3, bool), np.zeros((2, 3), bool)
    bound = depths.unseen(np.eye(3), nothing, cut, low, 2, pixel)
    # A face that deep, at the side, fills FAINT_PX pixels.
    assert 0.5 * bound / (0.5**2 + 9) == pytest.approx(depths.FAINT_PX * 0.002)
    cut[0, 0] = True
    assert depths.unseen(np.eye(3), nothing, cut, low, 2, pixel) == np.inf


@given(seed=st.integers(0, 10**6))
def test_describe_is_the_box_it_says(seed):
    rng = np.random.default_rng(seed)
    turn = np.ascontiguousarray(upright([0.1, -0.9, rng.uniform(-0.4, 0.4)]))
    axes = np.empty((3, 3))
    faces.stand(rng.uniform(0, 1.5), 1.0, np.array([0.2, 0.0, 3.0]), axes)
    low = np.array([-0.3, -0.2, 2.0]) + rng.uniform(0, 0.2, 3)
    high = low + rng.uniform(0.2, 1.0, 3)
    camera = Camera(500, 500, 320, 240, 640, 480)
    rows, seen = np.empty((9, 3)), rng.normal(size=(2, 3))
    zero = np.zeros(3)
    k = np.array([500.0, 500.0, 320.0, 240.0])
    *projected, nearest = boxes.describe(axes, low, high, zero, zero, 0.0, seen, turn, k, rows)
    assume(nearest > 0.1)
    box = Box3D(rows[0], rows[1], rows[2:5])
    grid = np.array(list(itertools.product(*zip(low, high, strict=True)))) @ axes @ turn.T
    for corner in grid:
        assert np.abs(box.corners - corner).max(axis=1).min() < 1e-9
    assert np.allclose(box.project(camera), projected)
    assert nearest == pytest.approx(box.corners[:, 2].min())
    seen[1] = np.maximum(seen[1], seen[0] + 1e-3)
    assert np.allclose(rows[7:], [seen.mean(axis=0), seen[1] - seen[0]])
    down = turn[:, 1]
    assert np.allclose(box.rotation[:, 1], down)
    deviations = rng.uniform(0, 0.1, (2, 3))
    boxes.describe(axes, low, high, *deviations, 0.0, seen, turn, k, rows)
    assert np.allclose(rows[6], np.hypot(*deviations))
    assert np.allclose((rows[5] ** 2).sum(), (rows[6] ** 2).sum() / 4)


# -- round objects ---------------------------------------------------------------------------


def _half_round(rng, profile, n=800, center=(0.2, 3.0)):
    """Points on the camera's side of a body of revolution, and its outline's rays."""
    y = rng.uniform(-0.5, 0.5, n)
    r = profile(y)
    toward = np.arctan2(-center[1], -center[0])
    angle = toward + rng.uniform(-1.4, 1.4, n)
    xyz = np.stack([center[0] + r * np.cos(angle), y, center[1] + r * np.sin(angle)], axis=1)
    heights = np.linspace(-0.5, 0.5, 80)
    far = np.hypot(*center)
    rays = []
    for side in (-1, 1):
        for h in heights:
            turn = np.arctan2(center[0], center[1]) + side * np.arcsin(profile(h) / far)
            rays.append([np.tan(turn), h / far, 1.0])
    return xyz, np.array(rays)


PROFILES = {
    "cylinder": lambda y: 0.3 + 0 * y,
    "cone": lambda y: 0.3 - 0.25 * (y + 0.5),
    "ball": lambda y: np.sqrt(0.26 - y**2),
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_round_bodies_are_told_by_their_circles(profile):
    rng = np.random.default_rng(10)
    xyz, rays = _half_round(rng, profile)
    center = np.empty(2)
    residual = rounds.axis_of(xyz, np.ones(len(xyz), bool), center)
    assert np.allclose(center, [0.2, 3.0], atol=0.05)
    assert residual < 0.04
    result = np.empty(4)
    nothing = np.zeros(3, bool)
    is_round = rounds.is_round(xyz, rays, np.eye(3), np.zeros(3), nothing, 0.003, result)
    assert is_round
    axes, low, high = np.eye(3), np.zeros(3), np.ones(3)
    rounds.stand_round(result, axes, low, high, np.zeros(3), np.zeros(3))
    widest = 2 * profile(np.linspace(-0.5, 0.5, 99)).max()
    assert high[0] - low[0] == pytest.approx(widest, rel=0.1)
    assert (low[2] + high[2]) / 2 == pytest.approx(np.hypot(0.2, 3.0), abs=0.06)


def test_corners_are_not_round():
    rng = np.random.default_rng(11)
    a = np.concatenate([rng.uniform(-0.3, 0.3, 400), np.full(300, 0.3)])
    b = np.concatenate([np.full(400, -0.3), rng.uniform(-0.3, 0.3, 300)])
    c, s = np.cos(0.6), np.sin(0.6)
    xyz = np.stack([c * a - s * b - 0.5, rng.uniform(-0.5, 0.5, 700), 3 + s * a + c * b], axis=1)
    xyz *= 1 + 0.002 * rng.normal(size=(700, 1))
    azimuth = xyz[:, 0] / xyz[:, 2]
    rays = np.array([[e, y, 1.0] for e in (azimuth.min(), azimuth.max()) for y in (-0.1, 0, 0.1)])
    result = np.empty(4)
    seen = np.zeros(3, bool)
    assert not rounds.is_round(xyz, rays, np.eye(3), np.zeros(3), seen, 0.002, result)
    flat = rounds.off_planes(
        xyz, np.ones(700, bool), np.eye(3), np.zeros(3), np.array([True, False, False])
    )
    assert flat == pytest.approx(np.quantile(np.abs(xyz[:, 0]), 0.75))
    assert 0 < rounds.filled(xyz, np.ones(700, bool), np.array([-0.5, 3.0])) <= rounds.SECTORS


# -- rectangles ------------------------------------------------------------------------------


def test_grid_and_fill():
    rng = np.random.default_rng(12)
    depth = (rng.uniform(1, 2, (24, 32)) * (rng.random((24, 32)) < 0.3)).astype(np.float32)
    image = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
    w, color = np.empty((4, 5)), np.zeros((4, 5, 3))
    rectangles.grid(depth, image, 4, 6, 4, 0.05, 200.0, w, color)
    for i, j in np.ndindex(4, 5):
        part = (slice(4 + 4 * i, 8 + 4 * i), slice(6 + 4 * j, 10 + 4 * j))
        z = depth[part][depth[part] > 0]
        assert w[i, j] == pytest.approx((1 / z).mean() if len(z) else 0, rel=1e-6)
        assert np.allclose(color[i, j], image[part].reshape(-1, 3).mean(axis=0))
    holes = np.zeros((5, 5))
    holes[2, 2] = 0.5
    rectangles.fill(holes, 1)
    assert (holes[1:4, 1:4] == 0.5).all()
    assert holes[0, 0] == 0
    rectangles.fill(holes, 5)
    assert (holes == 0.5).all()


def _slopes(w):
    gx, gy = np.empty_like(w), np.empty_like(w)
    rectangles.slopes(w, gx, gy)
    return gx, gy


def test_slopes_are_those_of_planes():
    w = plane(9, 11).astype(float)
    gx, gy = _slopes(w)
    assert np.allclose(gx[1:-1, 1:-1], 0.001)
    assert np.allclose(gy[1:-1, 1:-1], -0.0007)
    assert np.isnan(gx[0]).all()
    w[4, 4] = 0
    assert np.isnan(_slopes(w)[0][3:6, 3:6]).all()


def test_walls_stand_at_jumps_and_concave_creases_only():
    color, off = np.zeros((11, 11, 3)), np.zeros((11, 11))
    rest = (0.0005, 0.03, 0.02, 0.15)

    def wall(line):
        w = np.tile(np.asarray(line, float), (11, 1))
        return rectangles.wall(w, off, *_slopes(w), color, 5, 4, 0, 1, *rest)

    assert wall(np.linspace(0.5, 0.4, 11)) == 0
    assert wall([0.5] * 5 + [0.3] * 6) == 1
    away = 0.02 * np.abs(np.arange(11) - 5)
    assert wall(0.5 - away) < 0.05
    assert wall(0.5 + away) > 0.3
    off[:, 5:] = 0.4
    assert wall([0.5] * 11) == pytest.approx(0.4)
    off[:] = 0
    color[:, 5:] = 255
    assert 0.1 < wall([0.5] * 11) < 0.2


def test_paths_are_the_cheapest():
    rng = np.random.default_rng(13)
    w = 0.4 + 0.05 * ndimage.gaussian_filter(rng.normal(size=(12, 14)), 1)
    color, off = rng.uniform(0, 255, (12, 14, 3)), rng.random((12, 14))
    gx, gy = _slopes(w)
    seeds = np.zeros((12, 14), bool)
    seeds[0, :3] = True
    rest = (0.001, 0.03, 0.02, 0.15)
    out = np.empty((12, 14))
    rectangles.paths(w, off, gx, gy, color, seeds, *rest, 0.004, out)
    rows, columns, costs = [], [], []
    for i, j in np.ndindex(12, 14):
        for dy, dx in itertools.product((-1, 0, 1), repeat=2):
            y, x = i + dy, j + dx
            if (dy or dx) and 0 <= y < 12 and 0 <= x < 14:
                length = np.hypot(dy, dx)
                cost = rectangles.wall(w, off, gx, gy, color, i, j, dy, dx, *rest)
                rows.append(i * 14 + j)
                columns.append(y * 14 + x)
                costs.append((0.004 + cost) * length)
    graph = coo_matrix((costs, (rows, columns)), shape=(168, 168)).tocsr()
    expected = dijkstra(graph, indices=np.flatnonzero(seeds)).min(axis=0)
    assert np.allclose(out.ravel(), expected)


def test_patches_and_refine():
    w = np.full((6, 8), 0.5)
    w[:, 5:] = 0.25
    seeds = np.ones((6, 8), bool)
    seeds[3] = False
    labels = np.empty((6, 8), np.int32)
    rest = (np.zeros((6, 8)), *_slopes(w), np.zeros((6, 8, 3)), seeds, 0.0005, 0.03, 0.02, 0.15)
    count = rectangles.patches(w, *rest, 0.3, labels)
    assert (labels[3] == 0).all()
    assert count == labels.max()
    corners = [labels[0, 0], labels[0, 7], labels[5, 0], labels[5, 7]]
    assert len(set(corners)) == 4
    assert (labels[:3, :3] == labels[0, 0]).all()
    chosen = np.zeros((6, 8), bool)
    chosen[:, :5] = True
    depth = np.full((12, 16), 2.0, np.float32)
    depth[:, 9:] = 4.0  # one pixel of the last chosen cells belongs to the others
    out = np.empty((12, 16), bool)
    rectangles.refine(depth, chosen, w, 2, 0.03, out)
    assert (out == (depth < 3)).all()
