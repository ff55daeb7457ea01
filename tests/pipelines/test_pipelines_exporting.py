"""Exports: each form as its readers want it, pictures where they are said to be, no half files."""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import room_samples as rooms
from n3d import reason
from n3d.errors import ConfigError, InputError
from n3d.geometry import Camera
from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.pipelines import exporting_questions as exporting
from n3d.pipelines import packing
from n3d.reason import ops
from n3d.scene import Scene as SceneNoun
from n3d.scene import Trace, asked, files, records, shards
from n3d.sources import qwen
from n3d.view import marks


@pytest.fixture(scope="module")
def order() -> exporting.Order:
    paths = rooms.lifted()
    return exporting.Order(paths["questions"], paths["scenes"], paths["images"], paths["depth"])


@pytest.fixture(scope="module")
def count(order) -> int:
    return sum(1 for _ in shards.read(order.questions))


def check_picture(out, name: str) -> None:
    """A name below the folder of a file that decodes."""
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    with Image.open(out / name) as image:
        assert image.convert("RGB").size == (320, 240)


def check_share_gpt(record: dict, tags: dict, out) -> None:
    """LLaMA-Factory: turns of user and assistant in turn, one <image> for each picture."""
    roles = [m[tags["role_tag"]] for m in record["messages"]]
    assert roles == [tags["user_tag"], tags["assistant_tag"]]
    texts = [m[tags["content_tag"]] for m in record["messages"]]
    assert all(isinstance(t, str) and t.strip() for t in texts)
    assert "".join(texts).count("<image>") == len(record["images"]) == 1
    for name in record["images"]:
        check_picture(out, name)


def test_llama_factory(order, count, tmp_path):
    report = exporting.export(order, tmp_path, "llama-factory")
    info = json.loads((tmp_path / "dataset_info.json").read_text())["n3d"]
    assert info["formatting"] == "sharegpt"
    assert info["columns"] == {"messages": "messages", "images": "images"}
    lines = (tmp_path / info["file_name"]).read_text().splitlines()
    assert len(lines) == report.kept == count
    for line in lines:
        check_share_gpt(json.loads(line), info["tags"], tmp_path)


def test_llava(order, count, tmp_path):
    exporting.export(replace(order, style="answer"), tmp_path, "llava")
    found = json.loads((tmp_path / "questions.json").read_text())
    assert len(found) == len({r["id"] for r in found}) == count
    for record in found:
        assert [t["from"] for t in record["conversations"]] == ["human", "gpt"]
        assert record["conversations"][0]["value"].startswith("<image>\n")
        assert record["conversations"][1]["value"].strip()
        check_picture(tmp_path, record["image"])


def test_openai(order, count, tmp_path):
    exporting.export(order, tmp_path, "openai")
    lines = (tmp_path / "questions.jsonl").read_text().splitlines()
    assert len(lines) == count
    for line in lines:
        user, assistant = json.loads(line)["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        image, text = user["content"]
        assert (image["type"], text["type"]) == ("image", "text")
        assert "<image>" not in text["text"]
        assert text["text"].strip()
        assert isinstance(assistant["content"], str)
        check_picture(tmp_path, image["image"])


def test_webdataset(order, count, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "PER_SHARD", 3)
    exporting.export(order, tmp_path, "webdataset")
    tars = sorted(tmp_path.glob("*.tar"))
    assert [t.name for t in tars] == ["n3d-000000.tar", "n3d-000001.tar"]
    told, keys = 0, []
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, rest = member.name.partition(".")
                if not keys or keys[-1] != key:
                    assert key not in keys, "the members of a key must lie beside each other"
                    keys.append(key)
                data = tar.extractfile(member).read()
                if rest == "png":
                    assert Image.open(io.BytesIO(data)).size == (320, 240)
                elif rest == "depth.png":
                    depth = np.asarray(Image.open(io.BytesIO(data)))
                    assert depth.dtype == np.uint16
                    assert 500 < np.median(depth) < 8000  # millimetres
                else:
                    assert rest == "json"
                    record = json.loads(data)
                    scene = records.from_json(SceneNoun, record["scene"])
                    assert scene.camera is not None
                    told += len(record["conversations"])
    assert (len(keys), told) == (len(rooms.SEEDS), count)


def test_parquet(order, count, tmp_path):
    exporting.export(order, tmp_path, "parquet")
    table = pq.read_table(tmp_path / "n3d-000000.parquet")
    meta = table.schema.metadata
    assert (meta[b"n3d.frame"], meta[b"n3d.unit"]) == (b"camera_opencv", b"m")
    rows = table.to_pylist()
    assert sum(len(r["qa"]) for r in rows) == count
    scenes = {s.id: s for s in shards.read(order.scenes)}
    for row in rows:
        scene = scenes[row["id"]]
        assert Image.open(io.BytesIO(row["image"]["bytes"])).size == (row["width"], row["height"])
        camera = Camera(row["K"][0], row["K"][4], row["K"][2], row["K"][5], 320, 240)
        np.testing.assert_allclose(camera.matrix, scene.camera.matrix)
        for box, o in zip(row["boxes3d"], scene.objects, strict=True):
            rotation = qwen.frames.rotation_from_quaternion(box["quat_wxyz"])
            np.testing.assert_allclose(rotation, o.box.rotation, atol=1e-9)
        for question in row["qa"]:
            assert all(0 <= i < len(row["boxes3d"]) for i in question["box_ids"])
            assert (question["program"] is None) == (question["type"] in reason.LOCATE_KINDS)


def test_compact_replies_are_read_back_and_run_again(order, tmp_path):
    exporting.export(replace(order, style="compact"), tmp_path, "llava")
    found = {r["id"]: r for r in json.loads((tmp_path / "questions.json").read_text())}
    for scene, questions in asked.together(order.questions, order.scenes):
        told = scene.provenance
        setting = Setting(scene.camera, None, told.metric, told.depth, scene.up)
        for qa in questions:
            human, gpt = (t["value"] for t in found[qa.id]["conversations"])
            assert human.startswith(dialogues.opening(setting))
            reply = dialogues.read(gpt + "\n", ops.SIGNATURES, setting)
            assert not reply.objects.faults
            labels = [o.label for o in reply.objects.items]
            assert labels == [scene.objects[i].label for i in qa.objects]
            if qa.trace is None:
                assert not reply.steps.items
                continue
            trace = Trace(reply.steps.items)
            check, _ = reason.replay(trace, reply.objects.items, up=scene.up)
            assert check.agrees, gpt
            assert [s.op for s in trace.steps] == [s.op for s in qa.trace.steps]


def test_prose_thinks_before_it_answers_and_boxes_are_true(order, tmp_path):
    exporting.export(order, tmp_path, "llava")
    found = {r["id"]: r for r in json.loads((tmp_path / "questions.json").read_text())}
    for scene, questions in asked.together(order.questions, order.scenes):
        for qa in questions:
            gpt = found[qa.id]["conversations"][1]["value"]
            if qa.trace is not None:
                thought = re.fullmatch(r"<think>\n(.*)\n</think>\n(.*)", gpt, re.DOTALL)
                assert thought[2] == qa.answer.text
                assert thought[1].count("centre (") == len(qa.objects)
                assert f"\n{len(qa.trace.steps)}. " in thought[1]
            elif qa.objects:
                boxes = json.loads(gpt)
                assert len(boxes) == len(qa.objects)
                for box, i in zip(boxes, qa.objects):
                    near = qwen.box_of(box["bbox_3d"])
                    true = scene.objects[i].box
                    np.testing.assert_allclose(near.center, true.center, atol=1e-3)
                    np.testing.assert_allclose(near.rotation, true.rotation, atol=1e-2)
            else:
                assert gpt == "none"


def test_a_rectangle_is_drawn_where_it_is_asked_about(order, tmp_path):
    exporting.export(order, tmp_path, "openai")
    places = [
        (qa, scene)
        for scene, questions in asked.together(order.questions, order.scenes)
        for qa in questions
        if qa.kind == "locate_place"
    ]
    assert places
    for qa, scene in places:
        drawn = np.asarray(Image.open(tmp_path / f"marked/{packing.plain_name(qa.id)}.png"))
        plain = np.asarray(Image.open(order.images / scene.image).convert("RGB"))
        rows, columns = np.nonzero((drawn != plain).any(axis=2))
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose(found, qa.query.options["place"], atol=2)
    image = np.zeros((40, 60, 3), np.uint8)
    for odd in ((-5, -5, 200, 200), (59.6, 39.6, 60, 40), (3, 3, 3.2, 3.2)):
        assert (marks.draw(image, odd) == marks.COLOUR).all(axis=2).any()


def test_an_export_is_done_once_and_the_same_anywhere(order, tmp_path):
    for name in ("a", "b"):
        exporting.export(order, tmp_path / name, "webdataset")
    assert rooms.tree(tmp_path / "a") == rooms.tree(tmp_path / "b")
    before = (tmp_path / "a/n3d-000000.tar").stat().st_mtime_ns
    again = exporting.export(order, tmp_path / "a", "webdataset")
    assert again.kept > 0
    assert (tmp_path / "a/n3d-000000.tar").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="target") as e:
        exporting.export(order, tmp_path / "a", "parquet")
    assert e.value.code == "output-config"


def test_an_export_that_stops_leaves_no_half_file(order, count, tmp_path, monkeypatch):
    calls = []

    def broken(*args, **options):
        calls.append(args)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return written(*args, **options)

    written = exporting.chats.chat
    monkeypatch.setattr(exporting.chats, "chat", broken)
    with pytest.raises(KeyboardInterrupt):
        exporting.export(order, tmp_path / "x", "openai")
    assert not (tmp_path / "x/questions.jsonl").exists()
    assert not (tmp_path / "x/export.json").exists()
    monkeypatch.undo()
    assert exporting.export(order, tmp_path / "x", "openai").kept == count
    assert not list((tmp_path / "x").glob("*.part"))


def test_pictures_that_are_gone_are_dropped_and_told(order, count, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for path in sorted(order.images.iterdir())[1:]:
        files.write_bytes(images / path.name, path.read_bytes())
    report = exporting.export(replace(order, images=images), tmp_path / "x", "llava")
    assert report.by_reason == {"image-missing": 1}
    assert 0 < report.kept < count
    told = [json.loads(x) for x in (tmp_path / "x/drops.jsonl").read_text().splitlines()]
    assert [d["id"] for d in told] == ["coco:1"]


def test_what_cannot_be_exported_is_told(order, tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(ConfigError, match="thesis"):
        exporting.export(order, tmp_path, "llava")
    with pytest.raises(ConfigError, match="llama-factory"):
        exporting.export(order, tmp_path / "x", "llama")
    with pytest.raises(ConfigError, match="compact"):
        exporting.export(replace(order, style="poem"), tmp_path / "x", "llava")
    swapped = replace(order, questions=order.scenes, scenes=order.questions)
    with pytest.raises(InputError, match="kind 'scene'"):
        exporting.export(swapped, tmp_path / "x", "llava")
    assert not (tmp_path / "x/questions.json").exists()
