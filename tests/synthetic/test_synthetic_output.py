"""Written views read back: by Pillow and JSON, and by the reader of users' files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from n3d.errors import ConfigError
from n3d.scene import masks, records
from n3d.scene.objects import Scene
from n3d.synthetic import SceneConfig, make, write


@pytest.fixture(scope="module")
def view():
    return make(11, SceneConfig(width=200, height=150))


def test_files_hold_what_was_rendered(view, tmp_path):
    paths = write(view, tmp_path / "a")
    np.testing.assert_array_equal(np.asarray(Image.open(paths["image"])), view.rgbd.image)
    depth = Image.open(paths["depth"])
    assert depth.mode == "I;16"
    np.testing.assert_allclose(np.asarray(depth) / 1000, view.rgbd.depth, atol=5.01e-4)
    camera = json.loads(paths["camera"].read_text())
    assert sorted(camera) == ["cx", "cy", "fx", "fy", "height", "width"]
    assert all(getattr(view.rgbd.camera, k) == v for k, v in camera.items())
    regions = json.loads(paths["regions"].read_text())
    assert len(regions) == len(view.targets) > 0
    for entry, target in zip(regions, view.targets, strict=True):
        assert entry["label"] == target.label
        x, y, w, h = entry["bbox"]
        assert (x, y, x + w, y + h) == target.region.rectangle
        np.testing.assert_array_equal(masks.from_rle(entry["segmentation"]), target.region.mask)
    truth = json.loads(paths["truth"].read_text())
    assert truth["seed"] == 11
    np.testing.assert_array_equal(truth["camera_from_world"], view.pose.matrix)
    back = records.from_json(Scene, truth["scene"])
    assert back.boxes.allclose(view.scene.boxes)
    assert [o.attributes for o in back.objects] == [o.attributes for o in view.scene.objects]


def test_writing_twice_gives_the_same_bytes(view, tmp_path):
    first, second = write(view, tmp_path / "a"), write(view, tmp_path / "b")
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()


def test_jpeg_is_close_to_the_image(view, tmp_path):
    paths = write(view, tmp_path, image="jpg")
    assert paths["image"].name == "image.jpg"
    read = np.asarray(Image.open(paths["image"])).astype(int)
    assert np.abs(read - view.rgbd.image).mean() < 6


def test_unknown_formats_are_refused(view, tmp_path):
    with pytest.raises(ConfigError):
        write(view, tmp_path, image="gif")  # pyright: ignore[reportArgumentType]


def test_the_readers_of_users_files_accept_them(view, tmp_path):
    from n3d.sources import regions
    from n3d.sources.rgbd import read_rgbd

    paths = write(view, tmp_path)
    read = read_rgbd(paths["image"], depth=paths["depth"], camera=paths["camera"])
    np.testing.assert_array_equal(read.image, view.rgbd.image)
    np.testing.assert_allclose(read.depth, view.rgbd.depth, atol=5.01e-4)
    np.testing.assert_allclose(read.camera.matrix, view.rgbd.camera.matrix)
    found = regions.read(paths["regions"], width=read.width, height=read.height)
    assert [r.label for r in found] == [o.label for o in view.targets]
    for region, target in zip(found, view.targets, strict=True):
        np.testing.assert_array_equal(region.mask, target.region.mask)
