"""Scenes exported to the forms of others come back from each by its reader; files become scenes."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from n3d import engine
from n3d.apps import cli
from n3d.errors import ConfigError, InputError
from n3d.geometry import Box3D, Camera, euler
from n3d.language import upstream as dialect
from n3d.pipelines import exporting, exporting_scenes
from n3d.pipelines.exporting_scenes import Views
from n3d.scene import QA, Drop, Object3D, Picture, Region, Scene, manifests, shards
from n3d.sources import coco, convert, load, qwen_chats, read_rgbd, solids
from n3d.sources.grounded import Grounded

CAMERA = Camera(50, 52, 20, 15, 40, 30)


def scene_of(number: int) -> Scene:
    """A scene of two boxes, the first with a mask."""
    mask = np.zeros((30, 40), bool)
    mask[5:12, 5 + number % 9 : 20] = True
    region = Region("a, b", (5 + number % 9, 5, 20, 12), mask)
    first = Object3D("0", "a, b", Box3D([0.1, 0.2, 3], [1, 0.8, 0.5], euler(0.3)), region)
    second = Object3D("1", "<image> lamp", Box3D([-0.2, 0.1, 2 + number], [0.3, 0.9, 0.3]))
    licence = ["CC-BY-4.0", "", "CC0"][number % 3]
    return Scene(
        f"coco:{number}", f"coco:{number}", (first, second), np.array([0, -1.0, 0.1]), "coco",
        licence, camera=CAMERA, image=f"sub/p{number}.png",
    )  # fmt: skip


def dataset(folder, count: int = 3, make=scene_of):
    engine.run(engine.each(make), engine.Items(range(count), per_shard=2), folder, kind="scene",
               progress=False)  # fmt: skip
    return folder


@pytest.fixture
def scenes(tmp_path):
    return dataset(tmp_path / "scenes")


def read_back(path, to: str) -> list[Grounded]:
    reader = {
        "omni3d": convert.FORMS["omni3d"].read,
        "coco": convert.FORMS["omni3d"].read,
        "qwen3-vl": qwen_chats.read,
        "n3d-upstream": convert.FORMS["upstream-chats"].read,
        "plain": convert.FORMS["plain"].read,
    }[to]
    options = {"camera": CAMERA} if to == "n3d-upstream" else {}
    items = list(reader(path / "data.json" if to == "n3d-upstream" else path, **options))
    assert not [i for i in items if isinstance(i, Drop)]
    return [i for i in items if isinstance(i, Grounded)]


@pytest.mark.parametrize("to", exporting_scenes.TARGETS)
def test_every_target_has_a_reader(scenes, tmp_path, to):
    out = tmp_path / "out.jsonl"
    report = exporting.export(scenes, out, to)
    assert (report.scenes, report.objects, report.by_reason) == (3, 6, {})
    items = read_back(out, to)
    assert len(items) == 3
    for number, item in enumerate(items):
        want = scene_of(number)
        assert [o.label for o in item.scene.objects] == [o.label for o in want.objects]
        boxes = want.boxes.hull() if to == "n3d-upstream" else want.boxes
        found = item.scene.boxes
        assert np.allclose(found.center, boxes.center, atol=1e-4)
        assert solids.same(found, boxes)
        assert item.image == want.image
        if to != "n3d-upstream":
            assert item.scene.licence == want.licence
            assert item.camera == CAMERA


def test_coco_is_read_by_readers_of_coco(scenes, tmp_path):
    """Rectangles, masks and licences are there for `lift coco` and any tool for COCO."""
    exporting.export(scenes, tmp_path / "c.json", "coco")
    for number in range(3):
        path = tmp_path / f"images/sub/p{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    pictures = list(coco.read(tmp_path / "c.json", tmp_path / "images"))
    assert len(pictures) == 3
    first = pictures[0]
    assert isinstance(first, Picture)
    assert first.licence == "CC-BY-4.0"
    loaded = load(first)
    want = scene_of(0).objects[0].region
    assert want is not None
    assert loaded.regions[0].rectangle == want.rectangle
    assert np.array_equal(loaded.regions[0].mask, want.mask)
    raw = json.loads((tmp_path / "c.json").read_text())
    assert raw["annotations"][0]["area"] == want.mask.sum()


def test_points_files_are_those_of_the_released_model(scenes, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        path = tmp_path / f"images/sub/p{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).save(path)
        if number < 2:
            (tmp_path / "depth").mkdir(exist_ok=True)
            depth = np.full((30, 40), 2000 + number, np.uint16)
            Image.fromarray(depth).save(tmp_path / f"depth/p{number}.png")
    views = Views(tmp_path / "images", f"sensor:{tmp_path / 'depth'}")
    report = exporting.export(scenes, tmp_path / "up", "n3d-upstream", views)
    assert (report.scenes, report.by_reason) == (2, {"depth-missing": 1})
    first, _ = convert.FORMS["upstream-chats"].read(tmp_path / "up/data.json")
    assert isinstance(first, Grounded)
    assert first.camera is not None
    assert first.camera.width == 640
    assert np.allclose(first.scene.boxes.center, scene_of(0).boxes.center, atol=1e-5)
    points = tmp_path / "up/sub/p1.npz"
    view = read_rgbd(tmp_path / "images/sub/p1.png", points)
    assert view.depth is not None
    assert abs(float(view.depth[3, 3]) - 2.001) < 1e-3
    record = json.loads((tmp_path / "up/data.json").read_text())[0]
    assert dialect.free_prompt(record["messages"][0]["content"]) == dialect.detect_prompt()
    before = points.stat().st_mtime_ns
    exporting.export(scenes, tmp_path / "up", "n3d-upstream", views)
    assert points.stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="--images"):
        exporting.export(scenes, tmp_path / "u2", "n3d-upstream", Views(None, "sensor:x"))


def bare(number: int) -> Scene:
    return Scene(f"{number}", f"{number}", scene_of(number).objects, licence="CC0")


def test_what_cannot_be_exported_is_said(scenes, tmp_path):
    old = dataset(tmp_path / "old", make=bare)
    with pytest.raises(InputError, match="lift them again"):
        exporting.export(old, tmp_path / "o.json", "omni3d")
    with pytest.raises(ConfigError, match="omni3d, coco"):
        exporting.export(scenes, tmp_path / "o.json", "omnid3")
    with pytest.raises(ConfigError, match="lies in the data set"):
        exporting.export(scenes, scenes / "o.json", "omni3d")
    with pytest.raises(InputError, match="manifest"):
        exporting.export(tmp_path, tmp_path / "o.json", "omni3d")
    (tmp_path / "here").mkdir()
    with pytest.raises(ConfigError, match="must be a file"):
        exporting.export(scenes, tmp_path / "here", "omni3d")
    assert not (tmp_path / "o.json").exists()


def test_a_failed_export_leaves_the_old_file(scenes, tmp_path, monkeypatch):
    out = tmp_path / "o.json"
    out.write_text("old")

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting_scenes.omni3d, "annotation", broken)
    with pytest.raises(ConfigError, match="cannot be written"):
        exporting.export(scenes, out, "omni3d")
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_memory_does_not_grow_with_the_scenes(tmp_path):
    peaks = []
    for count in (40, 160):
        folder = dataset(tmp_path / f"s{count}", count)
        tracemalloc.start()
        exporting.export(folder, tmp_path / "o.json", "omni3d")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 0.5e6, peaks


def test_a_file_of_boxes_becomes_scenes_to_ask_about(scenes, tmp_path, capsys):
    """omni3d out and in again: the same objects, licences and cameras, ready for `n3d ask`."""
    exporting.export(scenes, tmp_path / "o.json", "omni3d")
    for argv in (
        ["convert", str(tmp_path / "o.json"), str(tmp_path / "in"), "--from", "omni3d", "--to",
         "scenes", "--up=0,-1,0.1"],
        ["ask", str(tmp_path / "in"), "--out", str(tmp_path / "qa")],
        ["export", str(tmp_path / "in"), "--to", "coco", "--out", str(tmp_path / "c.json")],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            cli.main(argv)
        assert not stop.value.code, capsys.readouterr().err
    back = list(shards.read(tmp_path / "in"))
    assert [s.licence for s in back] == ["CC-BY-4.0", "", "CC0"]
    for number, scene in enumerate(back):
        want = scene_of(number)
        assert (scene.camera, scene.image) == (CAMERA, want.image)
        assert solids.same(scene.boxes, want.boxes)
        assert want.up is not None
        assert np.allclose(scene.up, want.up)
    assert manifests.read(tmp_path / "qa").kind == "qa"
    assert all(isinstance(q, QA) for q in shards.read(tmp_path / "qa"))
    again = exporting_scenes.take(tmp_path / "o.json", tmp_path / "in", form="omni3d",
                                  up=[0, -1, 0.1])  # fmt: skip
    assert again.skipped == again.shards
