"""Pages of data sets: each class, kind and reason is shown or told."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

import room_samples as rooms
from n3d import reason
from n3d.errors import ConfigError
from n3d.pipelines import inspecting, leafing, lifting
from n3d.pipelines.leafing import Places
from n3d.scene import files, shards


@pytest.fixture(scope="module")
def lifted():
    return rooms.lifted()


def write(folder, places, page) -> dict[str, int]:
    """The page's sections, with how many pictures each has."""
    leafing.write(folder, inspecting.facts(folder), places, page)
    parts = re.findall(r"<h2>(.*?)</h2>(.*?)</section>", page.read_text(), re.DOTALL)
    assert "http://" not in page.read_text()
    return {name: body.count("<img") for name, body in parts}


def test_scenes_are_shown_by_class_and_drops_by_reason(lifted, tmp_path):
    raw = json.loads(lifted["annotations"].read_text())
    raw["annotations"][0]["bbox"] = [3, 3, 4, 4]
    raw["annotations"][0].pop("segmentation")
    raw["annotations"][5]["iscrowd"] = 1
    raw["images"][3]["file_name"] = "gone.png"
    annotations = tmp_path / "annotations.json"
    files.write_json(annotations, raw)
    out = tmp_path / "scenes"
    report = lifting.lift(
        "coco", annotations, lifted["images"], depth=f"sensor:{lifted['depth']}", out=out,
        progress=False,
    )  # fmt: skip
    assert {"region-crowd", "image-missing"} < set(report.by_reason)
    places = Places(lifted["images"], annotations=annotations, samples=2)
    found = write(out, places, tmp_path / "page.html")
    labels = {o.label for scene in shards.read(out) for o in scene.objects}
    reasons = {f"dropped: {name}" for name in report.by_reason}
    assert set(found) == labels | reasons
    assert all(1 <= found[label] <= 2 for label in labels)
    assert found["dropped: image-missing"] == 0  # there is no picture of it
    (own,) = reasons - {"dropped: image-missing", "dropped: region-crowd"}
    assert found[own] == min(report.by_reason[own.split(": ")[1]], 2)
    assert "coco:4" in (tmp_path / "page.html").read_text()


def test_questions_are_shown_by_kind(lifted, tmp_path):
    places = Places(lifted["images"], scenes=lifted["scenes"], samples=1)
    found = write(lifted["questions"], places, tmp_path / "page.html")
    kinds = {qa.kind for qa in shards.read(lifted["questions"])}
    assert set(found) == kinds
    assert set(found.values()) == {1}
    assert set(found) <= {*reason.KINDS, *reason.LOCATE_KINDS}


def test_a_page_without_its_pictures_is_told(lifted, tmp_path):
    places = Places(tmp_path, scenes=lifted["scenes"])
    assert write(lifted["questions"], places, tmp_path / "page.html") == {}
    with pytest.raises(ConfigError, match="--scenes"):
        write(lifted["questions"], replace(places, scenes=None), tmp_path / "page.html")
    with pytest.raises(ConfigError, match="samples"):
        Places(tmp_path, samples=0)
