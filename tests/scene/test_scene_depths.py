"""16-bit depth: error bound, order, exact units, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n3d.errors import InputError
from n3d.scene import depths


def slow_twin(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """The layout in words: zstd; low bytes then high bytes; zigzag; running sum down columns."""
    import pyarrow as pa

    h, w = shape
    flat = pa.decompress(data, 2 * h * w, codec="zstd", asbytes=True)
    out = np.zeros(shape, np.uint16)
    for x in range(w):
        total = 0
        for y in range(h):
            folded = flat[y * w + x] | flat[h * w + y * w + x] << 8
            total = (total + (-(folded // 2) - 1 if folded % 2 else folded // 2)) % 65536
            out[y, x] = total
    return out


def again(depth):
    data, scale = depths.depth_to_bytes(depth)
    return depths.depth_from_bytes(data, scale, depth.shape), scale


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 500), st.floats(0, 1))
def test_error_is_at_most_half_a_step_and_order_is_kept(seed, far, holes):
    rng = np.random.default_rng(seed)
    depth = (far * (0.05 + rng.random((12, 9)))).astype(np.float32)
    depth[rng.random(depth.shape) < holes] = 0
    back, scale = again(depth)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back > 0, depth > 0)
    assert np.abs(back.astype(float) - depth).max() <= scale / 2 + 1e-7 * far
    a, b = depth.ravel(), back.ravel()
    assert (np.diff(b[np.argsort(a)]) >= 0).all()
    if depth.any():
        assert scale <= max(depth.max() / 65535, 1 / 256) + 1e-12


@pytest.mark.parametrize("units", [1000, 5000, 10000, 4000, 256])
def test_depth_counted_in_a_usual_unit_is_kept_to_the_bit(units):
    rng = np.random.default_rng(units)
    raw = rng.integers(0, 65536, (40, 30)).astype(np.uint16)
    depth = raw.astype(np.float32) / np.float32(units)
    back, scale = again(depth)
    np.testing.assert_array_equal(back, depth)
    assert scale == 1 / units


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_the_fast_reader_agrees_with_the_layout_in_words(seed, h, w):
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 65536, (h, w)).astype(np.uint16)
    data = depths._pack(steps)
    np.testing.assert_array_equal(slow_twin(data, (h, w)), steps)
    np.testing.assert_array_equal(depths._unpack(data, (h, w)), steps)


def test_near_depth_stays_valid_beside_far_depth():
    depth = np.array([[1e-6, 4.0, 5.0, 60.0]], np.float32) * np.float32(1.0001)
    back, scale = again(depth)
    assert back[0, 0] > 0
    assert abs(back[0, 0] - depth[0, 0]) <= scale


def test_a_view_without_valid_depth_comes_back():
    back, _ = again(np.zeros((3, 4), np.float32))
    assert not back.any()


def test_real_depth_comes_back_to_the_bit(shared):
    from PIL import Image

    path = shared / "data/tsdf_fusion_7scenes/data/frame-000000.depth.png"
    raw = np.asarray(Image.open(path))
    depth = np.where(raw < 65535, raw, 0).astype(np.float32) / 1000
    data, scale = depths.depth_to_bytes(depth)
    np.testing.assert_array_equal(depths.depth_from_bytes(data, scale, depth.shape), depth)
    assert len(data) < 1.1 * path.stat().st_size


@pytest.mark.parametrize(
    ("depth", "code"),
    [
        (np.array([[np.nan, 1]]), "depth-value"),
        (np.array([[np.inf, 1]]), "depth-value"),
        (np.array([[-1.0, 1]]), "depth-value"),
        (np.array([1.0, 2]), "depth-shape"),
        (np.array([["1"]]), "depth-shape"),
        (np.array([[1.01, 1.02, 1.03, 1e6 / 3]]), "depth-range"),
    ],
)
def test_nonsense_is_refused(depth, code):
    with pytest.raises(InputError) as e:
        depths.depth_to_bytes(depth)
    assert e.value.code == code


def test_damaged_bytes_are_refused():
    depth = np.linspace(1, 2, 60).reshape(6, 10)
    data, scale = depths.depth_to_bytes(depth)
    for bad, shape in [
        (data[:-3], (6, 10)),
        (b"", (6, 10)),
        (b"\x00" * 30, (6, 10)),
        (data, (6, 11)),
        (data, (6, 9)),
    ]:
        with pytest.raises(InputError) as e:
            depths.depth_from_bytes(bad, scale, shape)
        assert e.value.code == "depth-bytes"
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError):
            depths.depth_from_bytes(data, bad, (6, 10))
