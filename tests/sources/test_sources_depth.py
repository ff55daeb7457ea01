"""Depth: every form, its unit, its size. Rows 17-30 of the bad inputs, traps 3 and 9."""

from __future__ import annotations

import io
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from n3d.errors import ConfigError, InputError, N3DError
from n3d.sources import InputWarning, numpy_files, read_rgbd, shapes
from n3d.sources import depth as depths


def _refused(make, depth, code, **options):
    with pytest.raises(N3DError) as caught:
        read_rgbd(make.image(), depth, **options)
    assert caught.value.code == code
    return caught.value


def test_png_is_millimetres_unless_told(make):
    view = read_rgbd(make.image(), make.depth(value=2500))
    assert view.depth is not None
    assert np.allclose(view.depth, 2.5)
    assert view.depth.dtype == np.float32
    for options in ({"depth_scale": 5000}, {"depth_scale": 5000, "depth_unit": "unknown"}):
        assert np.allclose(read_rgbd(make.image(), make.depth(value=2500), **options).depth, 0.5)
    assert np.allclose(read_rgbd(make.image(), make.depth(value=250), depth_unit="cm").depth, 2.5)
    assert np.allclose(read_rgbd(make.image(), make.depth(value=3), depth_unit="m").depth, 3)


def test_arrays_and_npy_are_metres_unless_told(make):
    metres = np.full((30, 40), 1.5)
    for depth in (metres, make.npy(metres), make.npy(metres.astype(np.float16))):
        assert np.allclose(read_rgbd(make.image(), depth).depth, 1.5)
    millimetres = np.full((30, 40), 1500, np.uint16)
    assert np.allclose(read_rgbd(make.image(), millimetres, depth_unit="mm").depth, 1.5)


def test_npz_depth_and_mask(make):
    depth, mask = np.full((30, 40), 1.5), np.ones((30, 40), bool)
    mask[:10] = False
    np.savez(make.folder / "d.npz", depth=depth, mask=mask)
    view = read_rgbd(make.image(), make.folder / "d.npz")
    assert view.density == pytest.approx(2 / 3)
    np.savez(make.folder / "e.npz", whatever=depth)
    assert np.allclose(read_rgbd(make.image(), make.folder / "e.npz").depth, 1.5)
    np.savez(make.folder / "f.npz", a=depth, b=depth)
    _refused(make, make.folder / "f.npz", "depth-format")


def test_unknown_unit_is_not_metric(make):
    view = read_rgbd(make.image(), np.full((30, 40), 1e5), depth_unit="unknown")
    assert not view.metric
    assert read_rgbd(make.image(), np.full((30, 40), 2.0)).metric


def test_source_is_kept(make):
    view = read_rgbd(make.image(), make.depth(), depth_source="sensor")
    assert view.provenance.depth == "sensor"


def test_row_17_all_nan(make):
    error = _refused(make, make.npy(np.full((30, 40), np.nan)), "depth-empty")
    assert "no valid depth" in str(error)
    assert error.file.endswith("d.npy")


def test_row_17_all_zero_png(make):
    _refused(make, make.depth(value=0), "depth-empty")


@pytest.mark.parametrize(
    ("row", "value"),
    [("18 nan", np.nan), ("18 inf", np.inf), ("18 -inf", -np.inf), ("19", -1.0)],
)
def test_rows_18_19_masked_and_counted(make, row, value):
    depth = np.full((30, 40), 2.0)
    depth[:3] = value
    view = read_rgbd(make.image(), depth)
    assert view.masked == 120
    assert (view.depth[:3] == 0).all()


def test_row_26_float16_overflow(make):
    with np.errstate(over="ignore"):
        depth = np.array([[1e6] * 40] + [[3.0] * 40] * 29).astype(np.float16)
    assert read_rgbd(make.image(), make.npy(depth)).masked == 40


@pytest.mark.parametrize("value", [2, 3000], ids=["metres as mm", "mm as metres"])
def test_row_22_wrong_unit_states_the_ratio(make, value):
    if value == 2:
        error = _refused(make, make.depth(value=2), "depth-unit")
    else:
        error = _refused(make, np.full((30, 40), 3000.0), "depth-unit")
    assert "1000 times" in str(error)
    assert "depth_unit" in str(error)


@pytest.mark.parametrize("metres", [0.05, 500.0])
def test_row_22_doubtful_unit_warns(make, metres):
    with pytest.warns(InputWarning, match="1000 times"):
        read_rgbd(make.image(), np.full((30, 40), metres))


@pytest.mark.parametrize("metres", [0.3, 2.0, 80.0])
def test_plausible_depth_does_not_warn(make, metres):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_rgbd(make.image(), np.full((30, 40), metres))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_row_23_visualisation_is_refused(make, mode):
    path = make.folder / "v.png"
    Image.fromarray(make.colours()).convert(mode).save(path)
    error = _refused(make, path, "depth-8bit")
    assert "256 levels" in str(error)


def test_row_23_stretched_to_16_bits(make):
    grey = np.tile(np.arange(40, dtype=np.uint16) * 257, (30, 1))
    Image.fromarray(grey).save(make.folder / "v.png")
    _refused(make, make.folder / "v.png", "depth-8bit")
    _refused(make, np.full((30, 40), 7, np.uint8), "depth-8bit")


@pytest.mark.parametrize("shape", [(40, 30), (30, 30), (29, 42), (15, 24), (1, 1), (0, 40)])
def test_row_25_other_shapes(make, shape):
    error = _refused(make, np.full(shape, 2.0), "depth-shape")
    if shape == (40, 30):
        assert "30x40" in str(error)
        assert "40x30" in str(error)
        assert "transposed" in str(error)


def test_row_25_allowed_scales(make):
    """Half and double size of the same shape come to the image grid by nearest neighbour."""
    half = np.arange(1, 301, dtype=float).reshape(15, 20)
    seen = read_rgbd(make.image(), half / 100).depth
    assert np.allclose(seen, np.repeat(np.repeat(half, 2, 0), 2, 1) / 100)
    double = np.repeat(np.repeat(np.arange(1, 1201.0).reshape(30, 40), 2, 0), 2, 1)
    assert np.allclose(
        read_rgbd(make.image(), double / 500).depth, np.arange(1, 1201).reshape(30, 40) / 500
    )


@given(
    st.integers(200, 1600), st.integers(200, 1600), st.integers(120, 640),
    st.sampled_from([int, round]),
)  # fmt: skip
def test_trap_17_rounding_of_resized_sides(width, height, side, rounding):
    """A picture resized to any long side with int() or round() is the same picture."""
    if max(width, height) > 8 * min(width, height):
        return
    scale = side / max(width, height)
    small = (max(rounding(width * scale), 1), max(rounding(height * scale), 1))
    assert shapes.same_picture(small, (width, height))
    assert shapes.same_picture((width, height), small)


class _Payload:
    def __reduce__(self):
        return (os.mkdir, ("payload-ran",))


def test_row_28_object_array(make, monkeypatch):
    monkeypatch.chdir(make.folder)
    error = _refused(make, make.npy(np.array([[_Payload()]], dtype=object)), "npy-type")
    assert "unpickled" in str(error)
    assert not (make.folder / "payload-ran").exists()


def test_row_28_pickle_named_npy(make):
    path = make.folder / "d.npy"
    path.write_bytes(pickle.dumps({"a": 1}))
    _refused(make, path, "depth-format")


def _npy_header(shape: str, dtype: str = "<f4") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "shape", ["(1000000, 1000000)", "(9223372036854775807, 9)", "(30, 41)", "(-1, 40)"]
)
def test_npy_header_that_claims_too_much(make, shape):
    path = make.folder / "d.npy"
    path.write_bytes(_npy_header(shape) + bytes(30 * 40 * 4))
    with pytest.raises(InputError) as caught:
        numpy_files.read_npy(path)
    assert caught.value.code in ("npy-size", "npy-header")


@pytest.mark.parametrize(
    "data", [b"\x93NUMPY", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00\xff\xffx"]
)
def test_npy_broken_headers(make, data):
    path = make.folder / "d.npy"
    path.write_bytes(data)
    _refused(make, path, "npy-header")


def test_row_30_npz_bomb(make):
    """64 MB of zeros in 64 kB: refused by ratio, before inflating."""
    path = make.folder / "d.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("depth.npy", "w") as f:
            f.write(_npy_header("(4000, 4000)"))
            for _ in range(64):
                f.write(bytes(1_000_000))
    error = _refused(make, path, "npz-bomb")
    assert "times" in str(error)


def test_npz_whose_directory_lies_about_sizes(make):
    """The central directory says 64 bytes; the member holds more and its header claims more."""
    data = io.BytesIO()
    np.savez(data, depth=np.ones((30, 40), np.float32))
    raw = bytearray(data.getvalue())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (64).to_bytes(4, "little")
    path = make.folder / "d.npz"
    path.write_bytes(raw)
    with pytest.raises(InputError):
        read_rgbd(make.image(), path)


def test_npz_damaged(make):
    np.savez_compressed(make.folder / "d.npz", depth=np.random.default_rng(0).random((30, 40)))
    raw = bytearray((make.folder / "d.npz").read_bytes())
    raw[200:220] = bytes(20)
    (make.folder / "d.npz").write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_rgbd(make.image(), make.folder / "d.npz")
    assert caught.value.code in ("npz", "npy-header")
    (make.folder / "d.npz").write_bytes(raw[:100])
    _refused(make, make.folder / "d.npz", "npz")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"depth_scale": 0}, "depth-scale"),
        ({"depth_scale": float("nan")}, "depth-scale"),
        ({"depth_scale": "1000"}, "depth-scale"),
        ({"depth_scale": 5000, "depth_unit": "mm"}, "depth-scale"),
        ({"depth_unit": "inch"}, "depth-unit"),
        ({"depth_encoding": "jet"}, "depth-encoding"),
    ],
)
def test_options_are_checked(make, options, code):
    with pytest.raises(ConfigError) as caught:
        read_rgbd(make.image(), make.depth(), **options)
    assert caught.value.code == code


def test_directory_fifo_and_empty_depth(make):
    os.mkfifo(make.folder / "fifo")
    for path, code in (
        (make.folder, "file-kind"),
        (make.folder / "fifo", "file-kind"),
        (make.text("", "e.png"), "file-empty"),
        (make.folder / "none.png", "file-missing"),
        (make.text("<html>", "h.png"), "depth-format"),
    ):
        assert _refused(make, path, code).file == str(path)


def test_truncated_depth(make):
    path = make.folder / "d.png"
    noise = np.random.default_rng(0).integers(500, 5000, (30, 40)).astype(np.uint16)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:900])
    _refused(make, path, "image-broken")


# -- real files ---------------------------------------------------------------------------


def test_trap_3_sunrgbd_bits(shared):
    path = shared / "data/open3d_testdata_rgbd/RGBD/other_formats/SUN_depth.png"
    depth = depths.read(path, encoding="sunrgbd").depth
    valid = depth[depth > 0]
    assert valid.min() == pytest.approx(1.06, abs=0.01)
    assert valid.max() == pytest.approx(9.87, abs=0.01)


def test_trap_9_scales(shared):
    folder = shared / "data/open3d_testdata_rgbd/RGBD/other_formats"
    tum = depths.read(folder / "TUM_depth.png", scale=5000).depth
    assert tum[tum > 0].min() == pytest.approx(1.46, abs=0.01)
    assert tum.max() == pytest.approx(9.33, abs=0.01)
    nyu = depths.read(shared / "data/metric3d_demo/nyu_demo/depth/sync_depth_00000.png").depth
    assert 0.67 <= (nyu > 0).mean() <= 0.75


def test_sunrgbd_encoding_needs_16_bits(make):
    with pytest.raises(InputError, match="16-bit"):
        read_rgbd(make.image(), np.full((30, 40), 2.0), depth_encoding="sunrgbd")
