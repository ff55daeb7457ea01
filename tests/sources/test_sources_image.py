"""Pictures: what is accepted and how, what is refused and when. Rows 1-16 of the bad inputs."""

from __future__ import annotations

import os
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from n3d.errors import InputError
from n3d.sources import ImageLimits, InputWarning, exif, read_rgbd
from n3d.sources import image as images


def _png_header(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose data are missing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0\0\0\0"


def _row_1(make):
    return make.folder / "none.png", "file-missing"


def _row_2(make):
    return make.text("", "a.jpg"), "file-empty"


def _row_3(make):
    return make.text("<!DOCTYPE html><html><body>404</body></html>", "a.jpg"), "image-format"


def _row_5(make):
    path = make.image(width=200, height=150)
    path.write_bytes(path.read_bytes()[:400])
    return path, "image-broken"


def _row_5_jpeg(make):
    path = make.image("a.jpg", width=200, height=150)
    path.write_bytes(path.read_bytes()[:900])
    return path, "image-broken"


def _row_10_tiny(make):
    return make.image(width=1, height=1), "image-small"


def _row_10_long(make):
    return make.image(width=1, height=5000), "image-small"


def _row_10_aspect(make):
    return make.image(width=20, height=5000), "image-aspect"


def _row_12(make):
    path = make.folder / "large.png"
    path.write_bytes(_png_header(12000, 12000))
    return path, "image-large"


def _row_12_bomb(make):
    path = make.folder / "bomb.png"
    path.write_bytes(_png_header(60000, 60000))
    return path, "image-large"


def _row_15_directory(make):
    return make.folder, "file-kind"


def _row_15_fifo(make):
    os.mkfifo(make.folder / "fifo.png")
    return make.folder / "fifo.png", "file-kind"


def _row_15_device(make):
    return "/dev/zero", "file-kind"


def _row_16_long(make):
    return "x" * 4096, "file-name"


def _row_16_bytes(make):
    return os.fsencode(make.folder) + b"/\xff\xfe.png", "file-missing"


def _row_16_nul(make):
    return "a\0b.png", "file-name"


BAD = [f for name, f in sorted(globals().items()) if name.startswith("_row_")]


@pytest.mark.parametrize("case", BAD, ids=lambda f: f.__name__[1:])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_refused_with_the_file_named(make, case):
    path, code = case(make)
    before = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_rgbd(path)
    assert caught.value.code == code
    assert caught.value.file
    assert str(caught.value).isprintable()
    assert time.monotonic() - before < 5  # a FIFO or /dev/zero would hang for ever


def test_file_of_undecodable_name_is_read_and_named(make):
    path = os.fsencode(make.folder) + b"/\xff\xfe.png"
    os.rename(make.image(), path)
    assert read_rgbd(path).width == 40
    with open(path, "wb") as f:
        f.write(b"not an image")
    with pytest.raises(InputError, match=r"udcff") as caught:
        read_rgbd(path)
    assert caught.value.code == "image-format"


def test_size_is_refused_before_decoding(make):
    """The pixels of this file do not exist: only its header can have been looked at."""
    path = make.folder / "a.png"
    path.write_bytes(_png_header(9000, 8000))
    with pytest.raises(InputError) as caught:
        read_rgbd(path)
    assert caught.value.code == "image-large"
    assert "64 million" in str(caught.value)
    with pytest.raises(InputError) as caught:
        read_rgbd(path, limits=ImageLimits(max_pixels=80_000_000))
    assert caught.value.code == "image-broken"


def test_row_7_cmyk_colours(make):
    colours = np.zeros((32, 48, 3), np.uint8)
    colours[:, :24], colours[:, 24:] = (200, 40, 30), (20, 60, 180)
    path = make.folder / "cmyk.jpg"
    Image.fromarray(colours).convert("CMYK").save(path, quality=95)
    assert Image.open(path).mode == "CMYK"
    seen = read_rgbd(path).image.astype(int)
    assert np.abs(seen[:, 4:20] - colours[:, 4:20]).max() <= 12
    assert np.abs(seen[:, 28:44] - colours[:, 28:44]).max() <= 12


def test_row_9_transparency_lies_on_white(make):
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:8] = (255, 0, 0, 255)
    rgba[8:] = (0, 0, 0, 0)
    rgba[8:, 8:] = (0, 0, 255, 128)
    path = make.folder / "rgba.png"
    Image.fromarray(rgba).save(path)
    seen = read_rgbd(path).image
    assert seen[0, 0].tolist() == [255, 0, 0]
    assert seen[12, 0].tolist() == [255, 255, 255]
    assert np.abs(seen[12, 12].astype(int) - [127, 127, 255]).max() <= 1


def test_row_9_palette_with_transparent_colour(make):
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 0, 200, 0, 9, 9, 9])
    image.paste(2, (0, 0, 16, 8))
    path = make.folder / "p.png"
    image.save(path, transparency=2)
    seen = read_rgbd(path).image
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[12, 0].tolist() == [0, 200, 0]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_row_13_first_frame_with_a_warning(make, suffix):
    frames = [Image.new("RGB", (24, 16), c) for c in ((250, 0, 0), (0, 250, 0))]
    path = make.folder / f"moving.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with pytest.warns(InputWarning, match="2 frames"):
        view = read_rgbd(path)
    assert view.image[0, 0].tolist() == [250, 0, 0]


def test_row_13_mpo(make):
    frames = [Image.new("RGB", (24, 16), c) for c in ((250, 0, 0), (0, 250, 0))]
    path = make.folder / "two.jpg"
    frames[0].save(path, format="MPO", save_all=True, append_images=frames[1:])
    with pytest.warns(InputWarning, match="2 frames"):
        assert read_rgbd(path).image[8, 8, 0] > 200


def test_16_bit_grey_keeps_its_upper_byte(make):
    """PIL's own conversion saturates: a ramp would become white."""
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (16, 1))
    path = make.folder / "deep.png"
    Image.fromarray(ramp).save(path)
    seen = read_rgbd(path).image
    assert (seen[..., 0] == ramp >> 8).all()
    assert 120 < seen.mean() < 135


def test_ordinary_pictures_give_no_warning(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("a.png", "a.jpg", "a.bmp", "a.webp", "a.ppm"):
            assert read_rgbd(make.image(name)).image.shape == (30, 40, 3)


def test_arrays_and_pil_images(make):
    colours = make.colours()
    assert (read_rgbd(colours).image == colours).all()
    assert (read_rgbd(Image.fromarray(colours)).image == colours).all()
    for bad in (colours[..., 0], colours.astype(float), 3.5):
        with pytest.raises(InputError):
            read_rgbd(bad)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_pillows(make, orientation):
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    path = make.image("turned.png", exif=tags)
    from PIL import ImageOps

    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    seen = images.read(path)
    assert (seen.pixels == expected).all()
    assert seen.orientation == orientation
    assert exif.turned_size((40, 30), orientation) == seen.size
    assert images.header(path) == ((40, 30), orientation)


def test_trap_17_turn_and_no_turn(make):
    """cv2 turns by EXIF and PIL does not: here it is said."""
    tags = Image.Exif()
    tags[exif.ORIENTATION] = 6
    path = make.image("turned.jpg", exif=tags)
    assert read_rgbd(path).image.shape == (40, 30, 3)
    assert read_rgbd(path, turn=False).image.shape == (30, 40, 3)


def test_nonsense_orientation_is_none(make):
    tags = Image.Exif()
    tags[exif.ORIENTATION] = 77
    assert images.read(make.image("a.png", exif=tags)).orientation == 1
