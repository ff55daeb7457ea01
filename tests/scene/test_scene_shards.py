"""Shards on disk: they come back, equal records are equal bytes, damage is named."""

from __future__ import annotations

import dataclasses
import errno
import os
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from n3d.errors import ConfigError, InputError
from n3d.geometry import Camera
from n3d.scene import (
    QA,
    RGBD,
    Drop,
    Picture,
    PictureFiles,
    Provenance,
    Scene,
    files,
    manifests,
    shards,
    tables,
)
from n3d.scene.manifests import Manifest, ShardEntry


@pytest.fixture
def samples(nouns):
    return {
        "scene": [nouns.scene(), nouns.scene(False), nouns.scene(objects=1)],
        "qa": [nouns.qa(), nouns.qa(False)],
        "prediction": [nouns.prediction(), nouns.prediction(False)],
        "picture": [nouns.picture(f) for f in ("view", "rgb", "files", "both")],
    }


@pytest.mark.parametrize("kind", ["scene", "qa", "prediction", "picture"])
def test_records_come_back_and_rewrite_to_the_same_bytes(samples, same, tmp_path, kind):
    written = shards.write(tmp_path / "a.parquet", samples[kind])
    assert (written.kind, written.records) == (kind, len(samples[kind]))
    again = list(shards.read(tmp_path / "a.parquet"))
    assert all(map(same, again, samples[kind]))
    assert len(again) == len(samples[kind])
    rewritten = shards.write(tmp_path / "b.parquet", iter(again))
    assert rewritten.sha256 == written.sha256 == files.sha256(tmp_path / "b.parquet")
    assert written.size == (tmp_path / "a.parquet").stat().st_size
    assert sorted(os.listdir(tmp_path)) == ["a.parquet", "b.parquet"]


def test_order_of_keys_does_not_change_the_bytes(nouns, tmp_path):
    thing = nouns.thing()
    other = dataclasses.replace(
        thing,
        attributes=dict(reversed(thing.attributes.items())),
        quality=dict(reversed(thing.quality.items())),
    )
    a = shards.write(tmp_path / "a", [Scene("s", "p", (thing,))])
    b = shards.write(tmp_path / "b", [Scene("s", "p", (other,))])
    assert a.sha256 == b.sha256


def test_group_borders_change_nothing(nouns, same, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", 3)
    monkeypatch.setattr(shards, "ROWS_PER_READ", 2)
    made = [nouns.scene(objects=i % 3, id=f"s{i}") for i in range(8)]
    shards.write(tmp_path / "a", made)
    assert pq.ParquetFile(tmp_path / "a").num_row_groups == 3
    assert all(map(same, shards.read(tmp_path / "a"), made))


def test_no_records_need_a_kind(tmp_path):
    with pytest.raises(InputError, match="kind"):
        shards.write(tmp_path / "a", [])
    assert shards.write(tmp_path / "a", [], kind="qa").records == 0
    assert list(shards.read(tmp_path / "a")) == []
    with pytest.raises(InputError, match="unknown kind"):
        shards.write(tmp_path / "b", [], kind="boxes")


def test_the_schema_states_its_conventions(samples, tmp_path):
    for kind, made in samples.items():
        shards.write(tmp_path / kind, made)
        schema = pq.read_schema(tmp_path / kind)
        assert schema.metadata[b"n3d.frame"] == b"camera_opencv"
        assert schema.metadata[b"n3d.unit"] == b"m"
        assert schema.metadata[b"n3d.kind"] == kind.encode()
        assert schema.metadata[b"n3d.version"]


def test_columns_can_be_filtered_without_this_package(samples, tmp_path):
    shards.write(tmp_path / "a", samples["scene"])
    table = pq.read_table(
        tmp_path / "a", filters=[("object_count", ">", 1), ("metric", "==", False)]
    )
    assert table["labels"].to_pylist() == [["mug, blue", "mug"]]
    box = table["objects"][0][0].as_py()
    np.testing.assert_array_equal(box["center"], samples["scene"][0].objects[0].box.center)
    assert len(box["rotation"]) == 9
    shards.write(tmp_path / "q", samples["qa"])
    table = pq.read_table(tmp_path / "q", columns=["kind", "ops", "number", "unit"])
    assert table.to_pylist()[0] == {
        "kind": "distance", "ops": ["distance", "pick", "list", "left_of"], "number": 1.56,
        "unit": "m",
    }  # fmt: skip


def test_extra_columns_of_others_are_let_be(samples, same, tmp_path):
    shards.write(tmp_path / "a", samples["scene"])
    table = pq.read_table(tmp_path / "a")
    pq.write_table(table.append_column("mine", pa.array([1, 2, 3])), tmp_path / "b")
    assert all(map(same, shards.read(tmp_path / "b"), samples["scene"]))


# -- pictures -----------------------------------------------------------------------------


def test_scenes_without_a_camera_are_those_of_older_files(nouns, same, tmp_path):
    """A scene's camera and image come back; a file from before they were kept is read too."""
    scene = dataclasses.replace(nouns.scene(), camera=None, image="")
    told = dataclasses.replace(scene, camera=Camera(50, 50, 20, 15, 40, 30), image="a/b.jpg")
    shards.write(tmp_path / "a.parquet", [told, scene])
    back, bare = shards.read(tmp_path / "a.parquet")
    assert same(back, told)
    assert (bare.camera, bare.image) == (None, "")
    table = pq.read_table(tmp_path / "a.parquet").drop_columns(["camera", "image"])
    pq.write_table(table, tmp_path / "old.parquet")
    _, old = shards.read(tmp_path / "old.parquet")
    assert same(old, scene)


def jpeg(folder, size=(16, 12)):
    rng = np.random.default_rng(1)
    path = folder / "photo.jpg"
    Image.fromarray(rng.integers(0, 256, (*size[::-1], 3)).astype(np.uint8)).save(path)
    return path, np.asarray(Image.open(path).convert("RGB"))


def test_an_image_file_keeps_its_own_bytes(tmp_path, same):
    path, image = jpeg(tmp_path)
    view = RGBD(image, Camera(10, 10, 8, 6, 16, 12))
    picture = Picture("p", rgbd=view, files=PictureFiles(str(path)))
    shards.write(tmp_path / "a", [picture])
    row = pq.read_table(tmp_path / "a")["image"].to_pylist()[0]
    assert row == {"bytes": path.read_bytes(), "path": str(path)}
    path.unlink()
    assert same(next(shards.read(tmp_path / "a")), picture)


def test_a_view_that_is_not_its_file_is_kept_as_it_is(tmp_path, same):
    path, image = jpeg(tmp_path)
    view = RGBD(255 - image, Camera(10, 10, 8, 6, 16, 12))
    picture = Picture("p", rgbd=view, files=PictureFiles(str(path)))
    shards.write(tmp_path / "a", [picture])
    assert pq.read_table(tmp_path / "a")["image"].to_pylist()[0]["bytes"][:4] == b"\x89PNG"
    assert same(next(shards.read(tmp_path / "a")), picture)


def test_depth_is_16_bit_with_a_stated_scale(nouns, tmp_path):
    rng = np.random.default_rng(3)
    depth = (rng.random((12, 16)) * 7 + 1).astype(np.float32)
    view = dataclasses.replace(nouns.view(), depth=depth)
    shards.write(tmp_path / "a", [Picture("p", rgbd=view)])
    scale = pq.read_table(tmp_path / "a")["depth"].to_pylist()[0]["scale"]
    assert scale == pytest.approx(depth.max() / 65535)
    back = next(shards.read(tmp_path / "a")).rgbd.depth
    assert np.abs(back.astype(float) - depth).max() <= scale / 2 + 1e-6


def change_column(path, name, change):
    table = pq.read_table(path)
    at = table.schema.get_field_index(name)
    rows = [change(v) for v in table[name].to_pylist()]
    column = pa.array(rows, table.schema.field(at).type)
    pq.write_table(table.set_column(at, table.schema.field(at), column), path)


@pytest.mark.parametrize(
    ("column", "change", "field"),
    [
        ("image", lambda v: {**v, "bytes": b"<html>"}, "image.bytes"),
        ("image", lambda v: {**v, "bytes": v["bytes"][:300]}, "image.bytes"),
        ("image", lambda v: {**v, "bytes": None}, "image.bytes"),
        ("depth", lambda v: {**v, "bytes": b"123"}, "depth"),
        ("depth", lambda v: {**v, "scale": float("nan")}, "depth.scale"),
        ("camera", lambda v: {**v, "fx": -1.0}, "fx"),
        ("camera", lambda v: {**v, "width": 17}, "depth"),
        ("camera", lambda v: {**v, "width": 1 << 30}, "width"),
        ("regions", lambda v: [{**v[0], "rectangle": [1.0]}], "regions[0].rectangle"),
        ("attributes", lambda v: "{", "line 1"),
        ("options", lambda v: v, None),
    ],
)
def test_a_damaged_picture_is_refused_with_its_row(nouns, tmp_path, column, change, field):
    path = tmp_path / "a"
    shards.write(path, [nouns.picture("view")])
    change_column(path, column, change)
    if field is None:
        next(shards.read(path))
        return
    with pytest.raises(Exception) as e:
        list(shards.read(path))
    assert e.value.field == f"row 0: {field}"
    assert e.value.file == str(path)


def test_an_image_bomb_is_refused_by_its_header(nouns, tmp_path):
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    path = tmp_path / "a"
    shards.write(path, [nouns.picture("view")])
    change_column(path, "image", lambda v: {**v, "bytes": bomb})
    with pytest.raises(InputError, match=r"60000|3600000000"):
        list(shards.read(path))


# -- what is refused ----------------------------------------------------------------------


def test_nonsense_leaves_no_file(nouns, tmp_path):
    bad = dataclasses.replace(nouns.thing(), score=float("nan"))
    made = [nouns.scene(), Scene("s1", "p", (nouns.thing(), bad))]
    with pytest.raises(InputError) as e:
        shards.write(tmp_path / "a", made)
    assert e.value.field == "objects[1].score"
    with pytest.raises(InputError, match="qa in a shard of kind scene"):
        shards.write(tmp_path / "a", [nouns.scene(), nouns.qa()])
    with pytest.raises(InputError, match="shard holds no"):
        shards.write(tmp_path / "a", [nouns.thing()])
    with pytest.raises(InputError) as e:
        shards.write(tmp_path / "a", [Scene("s", "p", (), provenance=Provenance(metric=1))])
    assert e.value.field == "provenance.metric"
    assert os.listdir(tmp_path) == []


def test_damaged_and_foreign_files_are_named(samples, tmp_path):
    path = tmp_path / "a.parquet"
    shards.write(path, samples["scene"])
    data = path.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "html.parquet").write_bytes(b"<html></html>")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "foreign.parquet")
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"n3d.frame": b"opengl"}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "frame.parquet")
    pq.write_table(table.drop_columns(["objects"]), tmp_path / "columns.parquet")
    names = ("cut", "empty", "html", "foreign", "frame", "columns", "absent")
    for name in names:
        with pytest.raises(InputError) as e:
            list(shards.read(tmp_path / f"{name}.parquet"))
        assert e.value.file == str(tmp_path / f"{name}.parquet"), name
        assert e.value.code.startswith("shard-")


def test_a_full_disk_leaves_nothing(nouns, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left") as e:
        shards.write(tmp_path / "a", [nouns.scene()])
    assert e.value.code == "output-full"
    assert os.listdir(tmp_path) == []


def test_an_old_file_survives_a_failed_rewrite(nouns, tmp_path):
    shards.write(tmp_path / "a", [nouns.scene()])
    before = (tmp_path / "a").read_bytes()

    def broken():
        yield nouns.scene()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        shards.write(tmp_path / "a", broken())
    assert (tmp_path / "a").read_bytes() == before
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_is_a_file_is_refused(nouns, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as e:
        shards.write(tmp_path / "file" / "a", [nouns.scene()])
    assert e.value.code == "output-unwritable"


# -- data sets ----------------------------------------------------------------------------


@pytest.fixture
def dataset(nouns, tmp_path):
    folder = tmp_path / "set"
    entries = []
    (folder / "drops").mkdir(parents=True)
    for i in range(2):
        name = f"{i:05d}"
        made = [nouns.scene(id=f"s{i}{k}") for k in range(3)]
        file = shards.write(manifests.data_file(folder, name), made)
        drops = manifests.write_drops(folder, name, [Drop(f"d{i}", "too-small", "why\ud800\n")])
        entries.append(
            ShardEntry(name, 3, file.size, file.sha256, drops, {"too-small": 1}, file.labels)
        )
    manifests.write(folder, Manifest("scene", tuple(entries), {"seed": 1}, "h", "0"))
    return folder


def test_a_data_set_is_read_in_order(dataset):
    assert [s.id for s in shards.read(dataset)] == ["s00", "s01", "s02", "s10", "s11", "s12"]
    manifest = shards.verify(dataset)
    assert (manifest.kept, manifest.dropped, manifest.by_reason) == (6, 2, {"too-small": 2})
    assert manifest.labels == {"mug": 6, "mug, blue": 6}
    assert manifest.config == {"seed": 1}
    drops = list(manifests.read_drops(dataset))
    assert drops[0] == Drop("d0", "too-small", "why\\ud800\n")


@pytest.mark.parametrize("damage", ["byte", "cut", "absent", "swapped"])
@pytest.mark.parametrize("part", ["shards/00001.parquet", "drops/00001.jsonl"])
def test_a_changed_file_is_named(dataset, part, damage):
    path = dataset / part
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    if damage == "absent":
        path.unlink()
    elif damage == "swapped":
        path.write_bytes((path.parent / path.name.replace("1", "0")).read_bytes())
    else:
        path.write_bytes(data if damage == "byte" else data[:-7])
    with pytest.raises(InputError) as e:
        shards.verify(dataset)
    assert e.value.file == str(path)
    if part.startswith("shards"):
        with pytest.raises(InputError) as e:
            list(shards.read(dataset))
        assert e.value.file == str(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"kept": 6', '"kept": 7'),
        ('"format": 1', '"format": 2'),
        ('"kind": "scene"', '"kind": "qa"'),
        ('"name": "00001"', '"name": "../00001"'),
        ('"records": 3', '"records": 4'),
        ('"too-small": 2', '"too-small": 3'),
        ('"shards": [', '"extra": ['),
        ('"kept": 6,', '"kept": 6, "kept": 6,'),
        ("}", ""),
    ],
)
def test_a_changed_manifest_is_refused(dataset, old, new):
    path = dataset / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError):
        shards.verify(dataset)


def test_an_unfinished_data_set_is_refused(dataset):
    (dataset / "manifest.json").unlink()
    with pytest.raises(InputError, match="resumes"):
        list(shards.read(dataset))


def test_every_kind_has_a_table_and_a_schema():
    for kind in tables.KINDS:
        assert tables.schema(kind).names
    assert tables.KINDS["qa"] is QA
