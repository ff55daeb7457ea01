"""`n3d eval reasoning | grounding | chains | protocols`, run as a user runs them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from n3d.apps import cli
from n3d.view import charts


def run(capsys, *argv) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def replies(tmp_path):
    path = tmp_path / "replies.jsonl"
    rows = [
        {"id": 1, "question": None, "reference": "1.02 meters", "response": "about 3 feet",
         "category": "width_data"},
        {"id": "b", "question": None, "reference": "3 o'clock", "response": "four o'clock",
         "category": "direction"},
        {"id": 3, "question": "Is Region [0] above Region [1]?", "reference": "Yes.",
         "response": "I cannot tell.", "category": "above_predicate", "image": "x.png"},
    ]  # fmt: skip
    lines = [json.dumps(r) for r in rows]
    path.write_text("\n".join([*lines, "no json", lines[0], '{"id": 9}']) + "\n")
    return path


def test_replies_are_marked_and_told(replies, tmp_path, capsys):
    out, folder = tmp_path / "marks.json", tmp_path / "report"
    code, text, err = run(
        capsys, "eval", "reasoning", replies, "--protocol", "spatialrgpt-bench", "--explain",
        "--json", out, "--out", folder,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "read as 0.9144 m ('3 feet')" in text
    found = json.loads(out.read_text())
    assert [(i["id"], i["mark"]) for i in found["items"]] == [(1, 1), ("b", 1), (3, None)]
    assert found["items"][2]["read_as"] == "refusal"
    assert found["dropped"]["by_reason"] == {
        "id-duplicate": 1, "json-syntax": 1, "reference-missing": 1,
    }  # fmt: skip
    assert found["overall"]["all"] == pytest.approx(2 / 3)
    assert found["overall"]["answered_only"] == 1
    assert found["clock"]["exact"]["all"] == 0
    again = json.loads((folder / "report.json").read_text())
    assert again == found
    page = (folder / "report.html").read_text()
    sha = next(iter(found["files"].values()))
    for told in (sha, "above", "Traps", found["n3d"]):
        assert told in page
    assert sha in (folder / "report.md").read_text()


def test_the_exact_hour_is_the_rule_of_n3d_bench(replies, capsys):
    code, text, _ = run(capsys, "eval", "reasoning", replies, "--json", "-")
    assert code == 0
    assert [i["mark"] for i in json.loads(text)["items"]] == [1, 0, None]


BOX = {"center": [0, 0, 3], "size": [1, 1, 1], "R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
CAMERA = {"K": [[500, 0, 320], [0, 500, 240], [0, 0, 1]], "image_size": [640, 480]}


@pytest.fixture
def boxes(tmp_path):
    truth, found = tmp_path / "true.json", tmp_path / "found.json"
    truth.write_text(json.dumps([
        {"scene": "a", "label": "chair", **BOX, **CAMERA},
        {"scene": "b", "label": "lamp", **BOX, **CAMERA},
    ]))  # fmt: skip
    found.write_text(json.dumps([
        {"image_id": "a", "label": "chair", "score": 0.9, **BOX},
        {"image_id": "b", "label": "lamp", "score": 0.2, **BOX, "center": [9, 0, 3]},
        {"image_id": "c", "label": "lamp", "score": 0.2, **BOX},
    ]))  # fmt: skip
    return found, truth


@pytest.mark.parametrize(
    ("protocol", "path", "value"),
    [
        ("n3d-paper", ("metric", "iou_3d", "mean"), 0.5),
        ("omni3d", ("ap3d", "ap"), 0.5),
        ("target-aware", ("ap3d", "ap25"), 0.5),
        ("centre-distance", ("ap",), 0.5),
        ("scanrefer", ("overall", "acc50"), 0.5),
        ("sunrgbd-ap15", ("ap15",), 0.5),
    ],
)
def test_boxes_are_marked_by_every_protocol(boxes, tmp_path, capsys, protocol, path, value):
    found, truth = boxes
    out, folder = tmp_path / "r.json", tmp_path / "report"
    code, text, err = run(
        capsys, "eval", "grounding", found, "--truth", truth, "--protocol", protocol, "--json",
        out, "--out", folder,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "image-unknown" in text
    report = json.loads(out.read_text())
    got = report
    for key in path:
        got = got[key]
    assert got == pytest.approx(value)
    assert set(report["files"]) == {"true.json", "found.json"}
    assert "<svg" in (folder / "report.html").read_text() or protocol in (
        "n3d-paper", "scanrefer", "sunrgbd-ap15",
    )  # fmt: skip


def test_chains_are_calculated_again(tmp_path, capsys):
    path = tmp_path / "chains.json"
    text = "<think>3 + 4 = 18, so it is 18 meters.</think> 18 meters"
    path.write_text(json.dumps([{"id": "x", "response": text, "reference": "7 meters"}]))
    code, out, err = run(capsys, "eval", "chains", path, "--out", tmp_path / "report")
    assert (code, err) == (0, "")
    assert "fault: 3 + 4 = 18: it is 7" in out
    code, out, _ = run(capsys, "eval", "chains", path, "--json", "-")
    found = json.loads(out)
    assert found["items"][0]["blame"] == "arithmetic"
    assert (found["answer_right"], found["chain_right"]) == (0.0, 0.0)


def test_cards_are_printed(capsys):
    code, out, _ = run(capsys, "eval", "protocols")
    assert code == 0
    assert out.count("\n") == 10
    code, out, _ = run(capsys, "eval", "protocols", "omni3d")
    assert "Traps" in out
    code, _, err = run(capsys, "eval", "protocols", "other")
    assert code == 2
    assert "limit: n3d-bench" in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["reasoning", "none.jsonl"], "none.jsonl: does not exist"),
        (["reasoning", "empty.jsonl"], "empty.jsonl: is empty"),
        (["reasoning", "bad.jsonl"], "One JSON object a line"),
        (["reasoning", "bad.jsonl", "--protocol", "other"], "--protocol"),
        (["reasoning", "bad.jsonl", "--json", "bad.jsonl"], "is an input"),
        (["grounding", "bad.jsonl", "--truth", "none.json"], "none.json: does not exist"),
        (["grounding", "bad.jsonl", "--truth", "bad.jsonl", "--protocol", "other"], "scanrefer"),
        (["chains", "bad.jsonl"], "holds no reasoning text"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, argv, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text("no json\n{}\n")
    code, out, err = run(capsys, "eval", *argv)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_charts_are_well_formed():
    rows = [("a < b & 'c'", 0.5, (0.4, 0.6)), ("none", None, None), ("x" * 60, 1.2, None)]
    for text in (charts.bars("t", rows), charts.bars("", []), charts.curve("t", [], "x", "y"),
                 charts.curve("t", [(0.5, 0.1), (0.6, None)], "x", "y")):  # fmt: skip
        assert ET.fromstring(text).tag.endswith("svg")


def test_a_benchmark_is_imported_and_replies_are_joined_to_it(tmp_path, capsys):
    rows = [
        {"idx": i, "type": "3D", "task": "Depth", "question": "Which is closer?",
         "choices": ["chair", "lamp"], "answer": "(B)"}
        for i in range(3)
    ]  # fmt: skip
    folder = tmp_path / "CV-Bench"
    folder.mkdir()
    (folder / "test_3d.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    questions = tmp_path / "q.jsonl"
    code, out, _ = run(capsys, "eval", "import", "cv-bench-3d", folder, "--out", questions)
    assert code == 0
    assert "3 records" in out
    replies = tmp_path / "r.jsonl"
    replies.write_text(
        '{"id": 0, "response": "the lamp"}\n{"id": 1, "response": "(A)"}\n'
        '{"id": 9, "response": "B"}\n'
    )
    code, out, _ = run(
        capsys, "eval", "reasoning", replies, "--truth", questions, "--protocol", "cv-bench-3d",
        "--json", "-",
    )  # fmt: skip
    found = json.loads(out)
    assert [i["mark"] for i in found["items"]] == [1, 0, None]
    assert found["dropped"]["by_reason"] == {"id-unknown": 1}
    code, _, err = run(capsys, "eval", "import", "omni3d", folder, "--out", tmp_path / "x.jsonl")
    assert code == 2
    assert "DATA.md" in err


def test_expressions_are_marked_by_their_rectangles(tmp_path, capsys):
    content = {
        "images": [{"id": 7, "file_name": "7.jpg", "caption": "the left cup"}],
        "annotations": [{"id": 1, "image_id": 7, "bbox": [236, 156, 168, 168]}],
    }
    (tmp_path / "finetune_refcoco_val.json").write_text(json.dumps(content))
    truth, found = tmp_path / "t.jsonl", tmp_path / "f.jsonl"
    assert run(capsys, "eval", "import", "refcoco", tmp_path, "--out", truth)[0] == 0
    record = {"id": 7, **CAMERA, "objects": [{"label": "cup", **BOX}]}
    found.write_text(json.dumps(record) + "\n")
    argv = ["eval", "grounding", found, "--truth", truth, "--json", "-"]
    code, out, _ = run(capsys, *argv)
    report = json.loads(out)
    assert code == 0
    assert report["projected"]["iou"]["n3d_rule"]["mean"] == pytest.approx((168 / 200) ** 2)
    assert report["projected"]["offset_px"]["projected_center"]["mean"] == pytest.approx(0)
    assert report["metric"]["iou_3d"]["mean"] is None


def test_an_imported_split_of_omni3d_is_the_truth(tmp_path, capsys):
    split = tmp_path / "SUNRGBD_test.json"
    split.write_text(json.dumps({
        "images": [{"id": 1, "width": 640, "height": 480, "K": CAMERA["K"], "file_path": "a.jpg"}],
        "categories": [{"id": 5, "name": "chair"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5, "category_name": "chair", "valid3D": True,
             "center_cam": [0, 0, 3], "dimensions": [1, 1, 1], "R_cam": BOX["R"]},
        ],
    }))  # fmt: skip
    truth, found = tmp_path / "t.jsonl", tmp_path / "f.jsonl"
    assert run(capsys, "eval", "import", "omni3d", split, "--out", truth)[0] == 0
    found.write_text(json.dumps({"id": "a", "objects": [{"label": "chair", "score": 1, **BOX}]}))
    for path in (truth, split):
        code, out, _ = run(
            capsys,
            "eval",
            "grounding",
            found,
            "--truth",
            path,
            "--protocol",
            "omni3d",
            "--json",
            "-",
        )
        assert code == 0
        assert json.loads(out)["ap3d"]["ap"] == pytest.approx(1)
