"""Annotated pictures without depth, lifted by experts: tiny random networks, and one that knows."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import room_samples
from n3d import sources
from n3d.errors import ConfigError, InputError
from n3d.pipelines import estimating, lifting
from n3d.pipelines.estimating import Estimate, Estimating
from n3d.scene import DepthEstimate, Drop, Picture, manifests, shards

sys.path.insert(0, str(Path(__file__).parents[1] / "experts"))


@pytest.fixture(scope="module")
def rooms():
    return room_samples.lifted()


class Knowing:
    """The depth of the rooms, as an expert that recognises the pictures would tell it."""

    def __init__(self, rooms, *, metric: bool = True, factor: float = 1.0) -> None:
        self.metric, self.factor = metric, factor
        self.batches: list[int] = []
        self.cameras: list = []
        self.known = {}
        for picture in sources.coco.read(
            rooms["annotations"], rooms["images"], depth=rooms["depth"]
        ):
            view = sources.load(picture).rgbd
            self.known[view.image.tobytes()] = view.depth

    def estimate_all(self, images, cameras):
        self.batches.append(len(images))
        self.cameras += cameras
        return [
            DepthEstimate(
                self.known[i.tobytes()] * np.float32(self.factor), c, self.metric,
                "predicted:knowing", 0.1,
            )
            for i, c in zip(images, cameras, strict=True)
        ]  # fmt: skip


@pytest.fixture
def knowing(rooms, monkeypatch):
    """Makes the expert "knowing" there, as its options say."""

    def make(**options) -> Knowing:
        expert = Knowing(rooms, **options)
        monkeypatch.setattr(Estimating, "check", lambda self: None)
        monkeypatch.setattr(estimating, "_depth", lambda name, device: expert)
        return expert

    return make


def run(rooms, out: Path, depth: str = "knowing", **options):
    return lifting.lift(
        "coco", rooms["annotations"], rooms["images"], depth=depth, out=out, per_shard=2,
        progress=False, **options,
    )  # fmt: skip


def boxes(folder: Path) -> list[np.ndarray]:
    return [o.box.corners for scene in shards.read(folder) for o in scene.objects]


def test_an_expert_that_knows_gives_the_boxes_of_a_sensor(rooms, knowing, tmp_path):
    expert = knowing()
    report = run(rooms, tmp_path / "scenes", by=Estimating(batch=2))
    assert report.kept == 4
    assert expert.batches == [2, 2]
    assert all(c is not None for c in expert.cameras)
    for mine, sensor in zip(boxes(tmp_path / "scenes"), boxes(rooms["scenes"]), strict=True):
        np.testing.assert_allclose(mine, sensor)
    for scene in shards.read(tmp_path / "scenes"):
        told = scene.provenance
        assert (told.depth, told.metric, told.scale_sigma) == ("predicted:knowing", True, 0.1)
        assert scene.depth == ""


def test_how_pictures_are_put_together_changes_nothing(rooms, knowing, tmp_path):
    knowing()
    for batch in (1, 2, 8):
        run(rooms, tmp_path / str(batch), by=Estimating(batch=batch))
    trees = [room_samples.tree(tmp_path / str(b)) for b in (1, 2, 8)]
    assert trees[0] == trees[1] == trees[2]


def test_kept_depth_serves_whoever_opens_the_scenes_again(rooms, knowing, tmp_path):
    knowing()
    run(rooms, tmp_path / "scenes", by=Estimating(keep=tmp_path / "depth"))
    scene = next(iter(shards.read(tmp_path / "scenes")))
    assert scene.depth.endswith(".png")
    again = sources.reopening.reopen(scene, rooms["images"], tmp_path / "depth").rgbd
    assert (again.depth_source, again.metric) == ("predicted:knowing", True)
    true = next(iter(shards.read(rooms["scenes"])))
    there = sources.reopening.reopen(true, rooms["images"], rooms["depth"]).rgbd
    near = there.depth < 60
    np.testing.assert_allclose(again.depth[near], there.depth[near], atol=6e-4)


def test_a_sample_keeps_nothing(rooms, knowing, tmp_path):
    knowing()
    found = lifting.forecast(
        "coco", rooms["annotations"], rooms["images"], depth="knowing",
        by=Estimating(keep=tmp_path / "depth"),
    )  # fmt: skip
    assert found.kept > 0
    assert list(tmp_path.iterdir()) == []


def test_relative_depth_gives_no_metres(rooms, knowing, tmp_path):
    knowing(metric=False, factor=300.0)
    run(rooms, tmp_path / "scenes", by=Estimating(keep=tmp_path / "depth"))
    for scene in shards.read(tmp_path / "scenes"):
        assert not scene.provenance.metric
        assert scene.depth.endswith(".npz")
        view = sources.reopening.reopen(scene, rooms["images"], tmp_path / "depth").rgbd
        assert not view.metric


def test_what_the_expert_cannot_see_is_set_aside_alone(rooms, knowing, tmp_path, monkeypatch):
    expert = knowing()
    blind = list(expert.known)[1]
    told = expert.estimate_all

    def refuse(images, cameras):
        if any(i.tobytes() == blind for i in images):
            raise InputError("is too dark", code="image-dark")
        return told(images, cameras)

    monkeypatch.setattr(expert, "estimate_all", refuse)
    report = run(rooms, tmp_path / "scenes", by=Estimating(batch=4))
    assert (report.kept, report.by_reason["image-dark"]) == (3, 1)


@pytest.mark.parametrize("where", ["here", "processes"])
def test_real_adapters_run_in_the_engine(rooms, tmp_path, where):
    pytest.importorskip("torch", reason="needs the model extra: torch")
    pytest.importorskip("transformers", reason="needs the model extra: transformers")
    import expert_samples

    weights, masks = tmp_path / "depth-weights", tmp_path / "mask-weights"
    expert_samples.depth_anything(weights)
    expert_samples.sam(masks)
    report = run(
        rooms, tmp_path / "scenes", str(weights), where=where, workers=1 + (where != "here"),
        by=Estimating(None, str(masks), tmp_path / "depth"),
    )  # fmt: skip
    # A random network's depth fits nothing: what matters is that every record is accounted for.
    found = list(shards.read(tmp_path / "scenes"))
    drops = manifests.read(tmp_path / "scenes").dropped
    assert len(found) == report.kept
    assert len(found) + drops >= 4
    assert len(list((tmp_path / "depth").iterdir())) == 4
    assert all(s.provenance.depth.startswith("predicted:") for s in found)


def test_masks_are_for_regions_that_have_none(rooms, monkeypatch):
    class Whole:
        def masks(self, image, regions):
            return [replace(r, mask=np.ones(image.shape[:2], bool)) for r in regions]

    monkeypatch.setattr(estimating, "_segmenter", lambda name, device: Whole())
    picture = next(iter(sources.coco.read(rooms["annotations"], rooms["images"])))
    picture = sources.load(picture)
    first, *rest = picture.regions
    mixed = replace(picture, regions=(replace(first, mask=None), *rest))
    found = next(iter(Estimate(Estimating(masks="whole"))([mixed])))
    assert isinstance(found, Picture)
    assert found.regions[0].mask.all()
    for mine, own in zip(found.regions[1:], rest, strict=True):
        np.testing.assert_array_equal(mine.mask, own.mask)


def test_a_picture_that_is_gone_is_a_drop(rooms):
    picture = next(iter(sources.coco.read(rooms["annotations"], rooms["images"])))
    gone = replace(picture, files=replace(picture.files, image="nowhere.png"))
    found = list(Estimate(Estimating(depth="none of them"))([gone]))
    assert isinstance(found[0], Drop)


def test_what_cannot_work_is_told_before_any_work(rooms, tmp_path, monkeypatch):
    out = tmp_path / "scenes"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    for depth in ("", "moge:3", "sensor:"):
        with pytest.raises(ConfigError, match="depth"):
            run(rooms, out, depth)
    with pytest.raises(InputError, match="depth-anything-indoor-small"):
        run(rooms, out, "depth-anything-indoor-small")
    with pytest.raises(ConfigError, match="--depth-scale"):
        run(rooms, out, "moge-2", depth_scale=1000.0)
    with pytest.raises(ConfigError, match="--keep-depth"):
        run(rooms, out, f"sensor:{rooms['depth']}", by=Estimating(keep=tmp_path / "depth"))
    assert not out.exists()


class Pointing:
    """A detector that knows the regions of the rooms by their labels."""

    def __init__(self, rooms) -> None:
        self.known = {}
        for picture in sources.coco.read(rooms["annotations"], rooms["images"]):
            loaded = sources.load(picture)
            self.known[loaded.rgbd.image.tobytes()] = loaded.regions

    def find(self, image, names):
        return [replace(r, id=None) for r in self.known[image.tobytes()] if r.label in names]


def test_pictures_that_nobody_annotated_are_searched(rooms, knowing, tmp_path, monkeypatch):
    knowing()
    monkeypatch.setattr(estimating, "_detector", lambda name, device: Pointing(rooms))
    labels = sorted({o.label for s in shards.read(rooms["scenes"]) for o in s.objects})
    nouns = tmp_path / "nouns.txt"
    nouns.write_text("\n".join([*labels, "", labels[0]]))
    by = estimating.experts(nouns=nouns, detector="pointing", batch=4)
    assert by.names == tuple(labels)
    lifting.lift(
        "pictures", None, rooms["images"], depth="knowing", out=tmp_path / "scenes", by=by,
        fov=60.0, progress=False,
    )  # fmt: skip
    found = list(shards.read(tmp_path / "scenes"))
    assert len(found) == 4
    assert all(s.id.startswith("pictures:room_") for s in found)
    mine = sorted(o.label for s in found for o in s.objects)
    annotated = sorted(o.label for s in shards.read(rooms["scenes"]) for o in s.objects)
    assert set(mine) == set(annotated)
    again = sources.reopening.reopen(found[0], rooms["images"])
    assert again.rgbd.image.shape == (240, 320, 3)


def test_regions_come_from_one_place(rooms, tmp_path):
    out = tmp_path / "scenes"

    def go(source, named, **options):
        depth = f"sensor:{rooms['depth']}"
        lifting.lift(source, named, rooms["images"], depth=depth, out=out, **options)

    for source, named, by, field in (
        ("pictures", None, None, "--detector"),
        ("pictures", rooms["annotations"], Estimating(detector="d"), "--annotations"),
        ("coco", None, None, "--annotations"),
        ("coco", rooms["annotations"], Estimating(detector="d"), "--detector"),
    ):
        with pytest.raises(ConfigError, match=field):
            go(source, named, by=by)
    with pytest.raises(ConfigError, match="--nouns"):
        estimating.experts(nouns=tmp_path / "nouns.txt")
    (tmp_path / "empty.txt").write_text("\n \n")
    for name, code in (("gone.txt", "file-missing"), ("empty.txt", "nouns-empty")):
        with pytest.raises(InputError) as refused:
            estimating.experts(nouns=tmp_path / name, detector="d")
        assert refused.value.code == code
    assert not out.exists()
