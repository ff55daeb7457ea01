"""Benchmarks as their publishers lay them out, in small."""

from __future__ import annotations

import json

import pytest

from n3d.errors import ConfigError, InputError
from n3d.scene import Drop
from n3d.sources import benchmarks


def lines(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))


SPATIAL = {
    "id": "a1",
    "image_info": {"file_path": "x/1.jpg"},
    "text_q": "Is Region [0] above Region [1]?",
    "qa_info": {"type": "qualitative", "category": "above_predicate"},
    "conversations": [{"from": "human", "value": "<image> Is ..."},
                      {"from": "gpt", "value": "Yes, Region [0] is above Region [1]."}],
    "bbox": [[0, 0, 5, 5], [1, 1, 4, 4]],
}  # fmt: skip


def test_spatialrgpt_bench(tmp_path):
    file = tmp_path / "SpatialRGPT-Bench_v1.jsonl"
    lines(file, SPATIAL, "no json", {**SPATIAL, "conversations": []})
    good, *bad = benchmarks.read("spatialrgpt-bench", tmp_path)
    assert good["reference"] == "Yes, Region [0] is above Region [1]."
    assert (good["category"], good["image"]) == ("above_predicate", "x/1.jpg")
    assert [d.reason for d in bad if isinstance(d, Drop)] == ["json-syntax", "record-key"]


def test_cv_bench(tmp_path):
    row = {"idx": 3, "type": "3D", "task": "Depth", "question": "Which is closer?",
           "choices": ["chair", "lamp"], "answer": "(B)", "filename": "img/3D/3.png"}  # fmt: skip
    lines(tmp_path / "test_3d.jsonl", row, {**row, "idx": 4, "type": "2D"})
    good, bad = benchmarks.read("cv-bench-3d", tmp_path)
    assert good["question"] == "Which is closer? (A) chair (B) lamp"
    assert (good["reference"], good["category"]) == ("(B)", "Depth")
    assert isinstance(bad, Drop)
    assert bad.reason == "benchmark-part"


def test_refcoco(tmp_path):
    content = {
        "images": [
            {"id": 7, "file_name": "7.jpg", "caption": "the left cup", "width": 64, "height": 48,
             "K": [[50, 0, 32], [0, 50, 24], [0, 0, 1]]},
            {"id": 8, "file_name": "8.jpg", "caption": "nothing"},
        ],
        "annotations": [{"id": 1, "image_id": 7, "bbox": [1, 2, 10, 12], "category_id": 1}],
        "categories": [{"id": 1, "name": "object"}],
    }  # fmt: skip
    (tmp_path / "finetune_refcoco_val.json").write_text(json.dumps(content))
    good, bad = benchmarks.read("refcoco", tmp_path)
    assert good["objects"] == [{"label": "the left cup", "bbox": [1, 2, 10, 12]}]
    assert isinstance(bad, Drop)
    with pytest.raises(InputError, match=r"pickle.*mdetr"):
        benchmarks.find("refcoco", tmp_path / "refs(unc).p")


def test_omni3d(tmp_path):
    content = {"images": [{"id": 1, "width": 64, "height": 48, "file_path": "a.jpg"}],
               "annotations": [{"id": 1, "image_id": 1, "category_name": "chair"}]}  # fmt: skip
    (tmp_path / "Omni3D").mkdir()
    (tmp_path / "Omni3D" / "SUNRGBD_test.json").write_text(json.dumps(content))
    (record,) = benchmarks.read("omni3d", tmp_path)
    assert record["objects"][0]["category_name"] == "chair"
    (tmp_path / "Omni3D" / "KITTI_test.json").write_text("{}")
    with pytest.raises(InputError, match="several files"):
        benchmarks.find("omni3d", tmp_path)


@pytest.mark.parametrize("name", sorted(benchmarks.LAYOUTS))
def test_what_is_missing_is_told_with_where_to_get_it(tmp_path, name):
    with pytest.raises(InputError) as told:
        list(benchmarks.read(name, tmp_path))
    assert benchmarks.LAYOUTS[name].where in str(told.value)


def test_an_unknown_benchmark():
    with pytest.raises(ConfigError, match="refcoco"):
        benchmarks.find("other", ".")
