"""A small room as files, and every way its files can be wrong."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48
QUESTION = "How wide is the block?"


class Room:
    """A block before a wall: image, depth, camera and regions, as a user would have them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("images", "depth"):
            (folder / name).mkdir()
        self.image = folder / "images/bad.png"
        self.depth = folder / "depth/bad.npy"
        self.camera = folder / "depth/bad.json"
        self.regions = folder / "regions.json"
        self.fov: str | None = None
        self.scale: str | None = None
        self.metres = np.full((HEIGHT, WIDTH), 3.0, np.float32)
        self.metres[14:34, 22:42] = 2.0
        self.stated: Any = {"fx": 60, "fy": 60, "cx": 32, "cy": 24, "width": 64, "height": 48}
        self.entries: list[dict] = [{"label": "block", "bbox": [22, 14, 20, 20]}]
        ramp = np.linspace(40, 200, WIDTH).astype(np.uint8)
        self.pixels = np.repeat(np.tile(ramp, (HEIGHT, 1))[..., None], 3, axis=2)
        self.write_image(self.image)
        self.write_depth(self.metres)
        self.write_camera(self.stated)
        self.write_regions(self.entries)

    def write_image(self, path: Path, **save: Any) -> None:
        Image.fromarray(self.pixels).save(path, **save)

    def write_depth(self, array: np.ndarray) -> None:
        np.save(self.depth, array, allow_pickle=array.dtype.hasobject)

    def write_camera(self, value: Any) -> None:
        self.camera.write_text(value if isinstance(value, str) else json.dumps(value))

    def write_regions(self, entries: list[dict]) -> None:
        self.entries = entries
        self.regions.write_text(json.dumps(entries).replace("Infinity", "1e999"))

    def depth_as(self, name: str) -> Path:
        """The depth under another name in place of the array."""
        self.depth.unlink()
        self.depth = self.depth.with_name(name)
        return self.depth

    def image_as(self, name: str) -> Path:
        """The image under another name; depth and camera keep its stem."""
        if self.image.exists():
            self.image.unlink()
        self.image = self.image.with_name(name)
        return self.image

    def answer(self, question: str = QUESTION) -> list[str]:
        argv = ["answer", str(self.image), question, *self.view_options()]
        return [*argv, "--out", str(self.folder / "out")]

    def view(self) -> list[str]:
        target = str(self.folder / "out/seen.png")
        return ["view", str(self.image), *self.view_options(), "--out", target]

    def view_options(self) -> list[str]:
        found = ["--depth", str(self.depth), "--regions", str(self.regions)]
        if self.fov is not None:
            found += ["--fov", self.fov]
        elif self.camera.exists():
            found += ["--camera", str(self.camera)]
        return found if self.scale is None else [*found, "--depth-scale", self.scale]

    def lift(self) -> list[str]:
        """The same files as one of two pictures of a data set; the other one is good."""
        folder = self.folder
        Image.fromarray(self.pixels).save(folder / "images/good.png")
        np.save(folder / "depth/good.npy", self.metres)
        (folder / "depth/good.json").write_text(json.dumps(self.stated))
        images = [
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for number, name in ((1, self.image.name), (2, "good.png"))
        ]
        good_entry = {"label": "block", "bbox": [22, 14, 20, 20], "id": "good"}
        annotations = [_annotation(e, n, 1) for n, e in enumerate(self.entries, 1)]
        annotations.append(_annotation(good_entry, 900, 2))
        coco = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 1, "name": "block"}],
        }
        text = json.dumps(coco).replace("Infinity", "1e999")
        (folder / "annotations.json").write_text(text)
        options = [] if self.scale is None else ["--depth-scale", self.scale]
        return [
            "lift", "coco", "--annotations", str(folder / "annotations.json"),
            "--images", str(folder / "images"), "--depth", f"sensor:{folder / 'depth'}",
            "--out", str(folder / "scenes"), *options,
        ]  # fmt: skip


def _annotation(entry: dict, number: int, image: int) -> dict:
    kept = {k: v for k, v in entry.items() if k in ("bbox", "segmentation", "score")}
    return {"id": number, "image_id": image, "category_id": entry.get("category", 1), **kept}


@dataclass(frozen=True)
class Case:
    """A spoilt room: what the error must say, and the reason codes of a run over many."""

    name: str
    spoil: Callable[[Room], None]
    words: tuple[str, ...]
    reasons: tuple[str, ...] = field(default=())


REFUSED: list[Case] = []
ACCEPTED: list[Case] = []


def refused(*words: str, batch: str = "") -> Callable:
    """A case that one picture must end on; `batch` are the codes, parted by |, of a data set."""

    def keep(spoil: Callable[[Room], None]) -> Callable[[Room], None]:
        REFUSED.append(Case(_name(spoil), spoil, words, tuple(batch.split("|")) if batch else ()))
        return spoil

    return keep


def accepted(*words: str) -> Callable:
    """A case that must be answered, with a warning that holds the words if there are any."""

    def keep(spoil: Callable[[Room], None]) -> Callable[[Room], None]:
        ACCEPTED.append(Case(_name(spoil), spoil, words))
        return spoil

    return keep


def _name(spoil: Callable) -> str:
    return spoil.__name__.replace("_", "-")


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0\0\0\0"


# -- image --------------------------------------------------------------------------------


@refused("bad.png", "does not exist", batch="image-missing")
def row_01_missing_image(room):
    room.image.unlink()


@refused("bad.png", "empty", batch="file-empty")
def row_02_zero_bytes(room):
    room.image.write_bytes(b"")


@refused("bad.jpg", "is not an image", batch="image-format")
def row_03_html_as_jpg(room):
    room.image_as("bad.jpg").write_text("<!DOCTYPE html><html>not found</html>")


@refused("bad.png", "damaged or cut short", batch="image-broken")
def row_05_truncated_png(room):
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(room.image)
    room.image.write_bytes(room.image.read_bytes()[:4000])


@accepted()
def row_07_cmyk_jpeg(room):
    Image.fromarray(room.pixels).convert("CMYK").save(room.image_as("bad.jpg"))


@accepted()
def row_09_palette_with_alpha(room):
    Image.fromarray(room.pixels).convert("P").save(room.image, transparency=3)


@accepted()
def row_09_rgba(room):
    Image.fromarray(room.pixels).convert("RGBA").save(room.image)


@refused("bad.png", "1x1", "8 pixels", batch="image-size|image-small")
def row_10_one_pixel(room):
    Image.new("RGB", (1, 1)).save(room.image)


@refused("bad.png", "1x5000", batch="image-size|image-small")
def row_10_one_column(room):
    Image.new("RGB", (1, 5000)).save(room.image)


@refused("bad.png", "20x5000", "16 to 1", batch="image-size|image-aspect")
def row_10_strip(room):
    Image.new("RGB", (20, 5000)).save(room.image)


@refused("bad.png", "12000x12000", "limit", batch="image-size|image-large")
def row_12_144_megapixels(room):
    room.image.write_bytes(_png_header(12000, 12000))


@accepted("frames", "only the first")
def row_13_animated_gif(room):
    frames = [Image.fromarray(room.pixels), Image.fromarray(255 - room.pixels)]
    frames[0].save(room.image_as("bad.gif"), save_all=True, append_images=frames[1:])


@accepted("frames", "only the first")
def row_13_animated_webp(room):
    frames = [Image.fromarray(room.pixels), Image.fromarray(255 - room.pixels)]
    frames[0].save(room.image_as("bad.webp"), save_all=True, append_images=frames[1:])


@refused("bad.png", "directory", batch="image-missing")
def row_15_directory(room):
    room.image.unlink()
    room.image.mkdir()


@refused("bad.png", "FIFO", batch="image-missing")
def row_15_fifo(room):
    room.image.unlink()
    os.mkfifo(room.image)


@refused("/dev/zero", "device")
def row_15_dev_zero(room):
    room.image = Path("/dev/zero")


@accepted()
def row_16_undecodable_name(room):
    room.write_image(room.image_as("bad\udcff.png"), format="PNG")


@refused("no\\udcff.png", "does not exist")
def row_16_undecodable_name_of_nothing(room):
    room.image = room.image.with_name("no\udcff.png")


@refused("too long a name")
def row_16_name_of_4_kB(room):
    room.image = room.image.with_name("a" * 4096 + ".png")


# -- depth --------------------------------------------------------------------------------


@refused("bad.npy", "no valid depth", batch="depth-empty")
def row_17_all_nan(room):
    room.write_depth(np.full_like(room.metres, np.nan))


@refused("bad.png", "no valid depth", batch="depth-empty")
def row_17_all_zero_png(room):
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(room.depth_as("bad.png"))


@accepted()
def row_18_some_nan_and_inf(room):
    room.metres[:2], room.metres[2:4] = np.nan, np.inf
    room.write_depth(room.metres)


@accepted()
def row_19_some_negative(room):
    room.metres[:4] = -1
    room.write_depth(room.metres)


@refused("bad.npy", "3000 m", "millimetres", "depth_scale", batch="depth-unit")
def row_22_millimetres_read_as_metres(room):
    room.write_depth(room.metres * 1000)


@refused("bad.npy", "0.003 m", "1000 times more")
def row_22_metres_declared_as_millimetres(room):
    room.scale = "1000"


@accepted("median depth", "metres")
def row_22_only_likely_a_wrong_unit(room):
    room.scale = "31"


@refused("bad.png", "8-bit", "256 levels", batch="depth-8bit")
def row_23_visualisation(room):
    Image.fromarray((room.metres * 60).astype(np.uint8)).save(room.depth_as("bad.png"))


@refused("bad.png", "8-bit", batch="depth-8bit")
def row_23_visualisation_in_16_bits(room):
    levels = (room.metres * 60).astype(np.uint16) * 257
    Image.fromarray(levels).save(room.depth_as("bad.png"))


@refused("bad.npy", "48x64", "64x48", "transposed", batch="depth-shape")
def row_25_transposed(room):
    room.write_depth(np.ascontiguousarray(room.metres.T))


@refused("bad.npy", "40x48", "64x48", batch="depth-shape")
def row_25_another_shape(room):
    room.write_depth(room.metres[:, :40])


@accepted()
def row_25_half_size(room):
    room.write_depth(room.metres[::2, ::2])


@accepted()
def row_26_float16_overflow(room):
    depth = room.metres.copy()
    depth[:4] = 70000
    with np.errstate(over="ignore"):
        room.write_depth(depth.astype(np.float16))


class Payload:
    """Pickled into an array, it would leave a file behind when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@refused("bad.npy", "object", batch="npy-object|npy-type|depth-type|npy-dtype")
def row_28_pickle_inside(room):
    room.write_depth(np.array([Payload(room.folder / "executed")], dtype=object))


@refused("bad.npz", "times", batch="npz-bomb")
def row_30_npz_bomb(room):
    import io

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (4000, 4000)}
    )
    with zipfile.ZipFile(room.depth_as("bad.npz"), "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("depth.npy", "w") as f:
            f.write(header.getvalue())
            for _ in range(32):
                f.write(bytes(2_000_000))


# -- intrinsics ---------------------------------------------------------------------------


def _with(room, **changes) -> None:
    room.write_camera(room.stated | changes)


def _matrix(room, matrix) -> None:
    room.write_camera({"K": matrix, "width": WIDTH, "height": HEIGHT})


@refused("bad.json", "f", batch="camera-focal")
def row_32_zero_focal_length(room):
    _with(room, fx=0)


@refused("bad.json", "y_up", batch="camera-focal")
def row_32_negative_fy(room):
    _with(room, fy=-60)


@refused("bad.json", "NaN", "line 1", batch="json-strict")
def row_33_nan_token(room):
    room.write_camera(json.dumps(room.stated).replace("60", "NaN", 1))


@refused("bad.txt", "'nan' is not a number")
def row_33_nan_in_text(room):
    room.camera = room.camera.with_suffix(".txt")
    room.write_camera("60 60 nan 24\n")


@refused("bad.json", batch="camera-skew")
def row_34_singular(room):
    _matrix(room, [[60, 0, 32], [60, 0, 32], [0, 0, 1]])


@refused("bad.json", "row", batch="camera-matrix|camera-row|camera-last-row|camera-form")
def row_34_last_row(room):
    _matrix(room, [[60, 0, 32], [0, 60, 24], [0, 0, 2]])


@refused("bad.json", "640x480", "64x48", batch="camera-resolution")
def row_36_camera_of_another_resolution(room):
    room.write_camera({"fx": 600, "fy": 600, "cx": 320, "cy": 240})


@refused("bad.json", "640x640", "64x48", batch="camera-size")
def row_36_camera_of_another_shape(room):
    room.write_camera({"fov": 60, "width": 640, "height": 640})


@refused("bad.json", "3x3", batch="camera-shape")
def row_38_4x4(room):
    _matrix(room, np.eye(4).tolist())


@refused("bad.json", "3x3", batch="camera-shape")
def row_38_flat_9(room):
    _matrix(room, [60, 0, 32, 0, 60, 24, 0, 0, 1])


@refused("bad.json", "3x3", batch="camera-shape")
def row_38_flat_6(room):
    _matrix(room, [60, 0, 32, 0, 60, 24])


@refused("bad.json", "fx", batch="camera-type")
def row_39_text_for_a_number(room):
    _with(room, fx="525")


@refused("bad.json", "180", batch="camera-fov|fov")
def row_41_field_of_view_180_in_a_file(room):
    room.write_camera({"fov": 180})


@refused("180")
def row_41_field_of_view_0(room):
    room.fov = "0"


@refused("180")
def row_41_field_of_view_200(room):
    room.fov = "200"


@refused("fov", "finite")
def row_41_field_of_view_nan(room):
    room.fov = "nan"


@refused("bad.json", "width", "Did you mean", batch="camera-key")
def row_79_unknown_key_of_a_camera(room):
    room.write_camera({k if k != "width" else "widht": v for k, v in room.stated.items()})


# -- annotation ---------------------------------------------------------------------------


def _entry(room, **changes) -> None:
    room.write_regions([room.entries[0] | changes])


@refused("regions.json", "region 0", "bbox", "no area", batch="region-empty")
def row_42_x2_before_x1(room):
    _entry(room, bbox=[42, 14, -20, 20])


@refused("regions.json", "region 0", "no area", batch="region-empty")
def row_42_zero_area(room):
    _entry(room, bbox=[22, 14, 0, 20])


@refused("regions.json", "outside the image 64x48", batch="region-outside")
def row_43_outside(room):
    _entry(room, bbox=[100, 14, 20, 20])


@accepted()
def row_43_partly_outside_is_cut(room):
    room.metres[14:34, 50:64] = 1.5
    room.write_depth(room.metres)
    _entry(room, bbox=[50, 14, 40, 20])


@refused("regions.json", "region 0", "bbox", batch="region-not-finite")
def row_44_infinite_rectangle(room):
    _entry(room, bbox=[22, 14, float("inf"), 20])


@refused("regions.json", "NaN", "line 1")
def row_44_nan_rectangle(room):
    room.regions.write_text(room.regions.read_text().replace("22", "NaN"))


@refused("regions.json", "NaN", "line 1")
def row_44_nan_polygon(room):
    polygon = '"segmentation": [[22, 14, 42, NaN, 42, 34]], "bbox"'
    room.regions.write_text(room.regions.read_text().replace('"bbox"', polygon))


@refused("region 0", "segmentation", batch="rle-counts")
def row_46_counts_beyond_the_image(room):
    _entry(room, segmentation={"size": [HEIGHT, WIDTH], "counts": [100, WIDTH * HEIGHT]})


@refused("region 0", "segmentation", batch="rle-size")
def row_47_mask_of_another_size(room):
    _entry(room, segmentation={"size": [10, 10], "counts": [50, 50]})


@refused("region 0", "segmentation", "no pixel", batch="mask-empty")
def row_49_empty_mask(room):
    _entry(room, segmentation={"size": [HEIGHT, WIDTH], "counts": [WIDTH * HEIGHT]})


@refused("regions.json", "'lable'", "label")
def row_79_unknown_key_of_a_region(room):
    room.regions.write_text(room.regions.read_text().replace("label", "lable"))


@refused("regions.json", "line 1", "bbox")
def row_54_duplicate_key(room):
    text = room.regions.read_text()
    room.regions.write_text(text.replace('"bbox"', '"bbox": [1, 1, 2, 2], "bbox"'))


@refused("regions.json", "Infinity", "line 1")
def row_54_infinity_token(room):
    room.regions.write_text(room.regions.read_text().replace("22", "Infinity"))
