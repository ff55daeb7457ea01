"""The commands that ask a model, run as a user runs them, on a tiny random one."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")
pytest.importorskip("llguidance", reason="needs the model extra: llguidance")

from tiny_models import OPTIONS, write_model, write_pictures, write_records

from n3d.apps import cli
from n3d.pipelines import jobs, streaming

QUESTION = "How far is the stool from the lamp?"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("desk") / "desk")


@pytest.fixture
def run(capsys, model):
    def run(command, *argv, options=OPTIONS, name=model) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main([command, *map(str, argv), "--model", str(name), *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return stop.value.code or 0, out, err

    return run


def picture(desk: Path, i: int = 0) -> list[Path | str]:
    return [
        desk / f"images/p{i}.png", "--depth", desk / f"depth/p{i}.npy",
        "--camera", desk / f"cameras/p{i}.json",
    ]  # fmt: skip


def record(i: int, **more) -> dict:
    return {
        "image": f"images/p{i}.png", "depth": f"depth/p{i}.npy", "camera": f"cameras/p{i}.json",
        **more,
    }  # fmt: skip


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# -- one picture ------------------------------------------------------------------------------


def test_an_answer_is_written_as_those_from_regions_are(run, desk, tmp_path):
    image, *view = picture(desk)
    code, out, err = run("answer", image, QUESTION, *view, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "out/answer.json").read_text())
    assert found["question"] == QUESTION
    assert found["answer"] in out
    assert found["unit"] == "m"
    assert found["interval"][0] <= found["value"] <= found["interval"][1]
    assert found["check"]["agrees"] is True
    assert found["trace"][-1].keys() >= {"op", "args", "out"}
    assert {"center", "size", "rotation", "score", "spread"} <= set(found["objects"][0])
    assert found["provenance"]["depth_source"] == "given"
    assert found["provenance"]["up_source"] in out
    assert (tmp_path / "out/answer.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("detect", []),
        ("ground", ["the mug"]),
        ("ground", ["mug", "lamp"]),
        ("ground", ["--box", "5,5,40,40"]),
        ("ground", ["--point", "20,20"]),
    ],
)
def test_objects_are_found_told_and_written(run, desk, tmp_path, command, what):
    image, *view = picture(desk)
    code, out, err = run(command, image, *what, *view, "--out", tmp_path, "--refine", "depth")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / f"{command}.json").read_text())
    assert found["fault"] is None
    assert len(found["objects"]) == sum(line.startswith("bbox_") for line in out.splitlines())
    assert all({"label", "score", "spread"} <= set(o) for o in found["objects"])
    assert bool(found["objects"]) != ("nothing in the picture" in out)
    assert (tmp_path / f"{command}.png").stat().st_size > 0
    if found["objects"]:  # the boxes can be asked about
        label = found["objects"][0]["label"].split()[0]
        boxes, asked = str(tmp_path / f"{command}.json"), f"How wide is the {label}?"
        with pytest.raises(SystemExit) as stop:
            cli.main(["answer", str(image), "--boxes", boxes, asked])
        assert stop.value.code in (0, 3)


def test_json_alone_goes_to_stdout_and_free_decoding_is_checked(run, desk):
    image, *view = picture(desk)
    code, out, _ = run("answer", image, QUESTION, *view, "--json", "-", "--free", "--seed", "3")
    assert code in (0, 3)
    if code == 0:
        assert json.loads(out)["check"] is not None


def test_without_depth_the_answer_says_whose_lengths_they_are(run, desk):
    for seed in range(4):
        code, out, _ = run(
            "detect", desk / "images/p0.png", "--json", "-", "--seed", seed, "--temperature", "1"
        )
        if code == 0:
            found = json.loads(out)
            assert "no depth: sizes and distances are the model's estimate" in found["notes"]
            assert found["provenance"]["depth_source"] == "none"
            return
    pytest.fail("no reply came to its end")


def test_a_fault_is_a_sentence_and_leaves_nothing(run, desk, tmp_path):
    image, *view = picture(desk)
    for command, what in (("answer", [QUESTION]), ("detect", [])):
        code, out, err = run(
            command, image, *what, *view, "--out", tmp_path / "out",
            options=("--max-tokens", "3", "--device", "cpu"),
        )  # fmt: skip
        assert (code, out) == (3, "")
        assert "did not come to its end" in err
        assert "--max-tokens" in err
    assert not (tmp_path / "out").exists()


# -- many -------------------------------------------------------------------------------------


def test_a_folder_of_pictures_streams_and_one_by_one_gives_the_same(run, desk, tmp_path):
    options = ["--depth", desk / "depth", "--camera", desk / "cameras"]
    code, out, err = run("detect", desk / "images", *options, "--out", tmp_path / "many", "--draw")
    assert (code, err) == (0, "")
    assert "3 kept, 0 dropped" in out
    found = lines(tmp_path / "many/predictions.jsonl")
    assert [r["id"] for r in found] == ["p0.png", "p1.png", "p2.png"]
    for r in found:
        assert (tmp_path / "many/pictures" / jobs.picture_name(r["id"])).stat().st_size > 0
    image, *view = picture(desk)
    code, out, _ = run("detect", image, *view, "--json", "-")
    single = json.loads(out)
    assert close({k: v for k, v in found[0].items() if k != "id"}, single)
    run("detect", desk / "images", *options, "--out", tmp_path / "ones", "--batch", 1, "--draw")
    assert close(lines(tmp_path / "ones/predictions.jsonl"), found)


def close(a, b) -> bool:
    """Whether two JSON values are the same but for the last digits of numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == pytest.approx(b, rel=1e-3, abs=1e-9)
    return a == b


@pytest.fixture
def questions(desk) -> Path:
    """Two good pictures, three questions, and every kind of bad record."""
    path = write_records(
        desk / "questions.jsonl",
        [
            record(0, id="a", question=QUESTION),
            record(0, id="b", question="Which is higher, the mug or the lamp?"),
            record(9, id="gone", question=QUESTION),
            "",
            "{",
            record(0, question=QUESTION, colour="red"),
            record(0, id="silent"),
            record(0, id="empty", question=" \u200b"),
            record(0, id="a", question=QUESTION),
            record(0, id="lens", question=QUESTION, camera={"fx": -1}),
            record(1, question=QUESTION, up=[0, -1, 0]),
        ],
    )
    return path


def test_records_are_answered_dropped_and_counted(run, questions, tmp_path, capsys):
    code, out, err = run("answer", questions, "--out", tmp_path / "out", "--json", "-")
    assert (code, err) == (0, "")
    report = json.loads(out)
    kept = lines(tmp_path / "out/predictions.jsonl")
    drops = {d["id"]: d["reason"] for d in lines(tmp_path / "out/drops.jsonl")}
    assert [r["id"] for r in kept] == ["a", "b", "line 11"]
    assert set(drops) == {"gone", "lens", "empty", *(f"line {n}" for n in (5, 6, 7, 9))}
    assert drops["line 5"] == "json-syntax"
    assert drops["line 6"] == "record-unknown"
    assert (report["kept"], report["dropped"]) == (3, 7)
    assert sum(report["by_reason"].values()) == 7
    assert report["by_reason"]["question-empty"] == 1
    assert report["by_reason"]["id-duplicate"] == 1
    assert all(r["answer"] is not None or r["fault"] for r in kept)
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(tmp_path / "out"), "--json", "-"])
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kept"], facts["dropped"], facts["complete"]) == (3, 7, True)
    assert facts["by_reason"] == report["by_reason"]


def test_a_run_that_was_cut_off_goes_on_to_the_same_files(run, questions, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run("answer", questions, "--out", whole, "--batch", 2)

    asked = streaming._told

    def stop(asker, portion):
        if any(a.view.up is not None and a.view.up_source == "given" for a in portion):
            raise KeyboardInterrupt
        return asked(asker, portion)

    monkeypatch.setattr(streaming, "_told", stop)
    code, _, err = run("answer", questions, "--out", cut, "--batch", 2)
    assert code == 130
    assert "goes on from here" in err
    monkeypatch.undo()
    predictions = cut / "predictions.jsonl"
    kept = predictions.read_bytes()
    assert 0 < len(kept) < (whole / "predictions.jsonl").stat().st_size
    predictions.write_bytes(kept[:-9])  # the machine went down while the line was written
    code, out, _ = run("answer", questions, "--out", cut, "--batch", 2)
    assert code == 0
    assert "resumed: 1" in out
    assert close(lines(predictions), lines(whole / "predictions.jsonl"))
    assert (cut / "drops.jsonl").read_bytes() == (whole / "drops.jsonl").read_bytes()
    again = predictions.read_bytes()
    code, out, _ = run("answer", questions, "--out", cut, "--batch", 3)
    assert (code, predictions.read_bytes()) == (0, again)
    assert "resumed: 3" in out


def test_another_model_or_other_options_are_refused(run, questions, tmp_path, desk):
    out = tmp_path / "out"
    run("answer", questions, "--out", out)
    before = (out / "predictions.jsonl").read_bytes()
    other = write_model(tmp_path / "other", seed=8)
    for words, argv in (
        ("model.sha256", {"name": other}),
        ("options.most", {"options": ("--most", "1", "--max-tokens", "260", "--device", "cpu")}),
    ):
        code, _, err = run("answer", questions, "--out", out, **argv)
        assert code == 2
        assert words in err
    code, _, err = run("detect", questions, "--out", out)
    assert code == 2
    assert "command" in err
    assert (out / "predictions.jsonl").read_bytes() == before
    assert not [p for p in out.iterdir() if p.suffix == ".part"]


def test_questions_about_one_picture_share_a_look(run, desk, tmp_path, monkeypatch):
    from n3d.model import requests

    looked = []
    original = requests.look
    monkeypatch.setattr(
        requests, "look", lambda m, views: looked.extend(views) or original(m, views)
    )
    path = write_records(
        desk / "texts.jsonl",
        [
            record(i, id=f"{i}-{n}", text=t)
            for i in (0, 1)
            for n, t in enumerate(("mug", "bed", "a"))
        ],
    )
    code, _, _ = run("ground", path, "--out", tmp_path / "out", "--batch", 2)
    assert code == 0
    assert len(looked) == 2
    assert [r["text"] for r in lines(tmp_path / "out/predictions.jsonl")] == ["mug", "bed", "a"] * 2


# -- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["detect", "IMAGE", "--device", "tpu"], 2, "--device"),
        (["detect", "IMAGE", "--dtype", "int4"], 2, "--dtype"),
        (["detect", "IMAGE", "--most", "0"], 2, "--most"),
        (["detect", "IMAGE", "--max-tokens", "1000000000"], 2, "--max-tokens"),
        (["detect", "IMAGE", "--temperature", "nan"], 2, "--temperature"),
        (["detect", "IMAGE", "--refine", "magic"], 2, "--refine"),
        (["detect", "IMAGES"], 2, "--out"),
        (["detect", "IMAGES", "--out", "OUT", "--batch", "0"], 2, "--batch"),
        (["detect", "IMAGES", "--out", "OUT", "--depth", "IMAGE"], 2, "--depth"),
        (["detect", "IMAGES", "--out", "IMAGES"], 2, "input"),
        (["detect", "DEPTH", "--out", "OUT"], 2, "no pictures"),
        (["ground", "IMAGE"], 2, "--box"),
        (["ground", "IMAGE", "mug", "--point", "1,2"], 2, "exactly one"),
        (["ground", "IMAGE", "--box", "1,2,3"], 2, "four numbers"),
        (["ground", "IMAGE", "--box", "1,2,3,nan"], 2, "must be a point"),
        (["ground", "IMAGE", " "], 3, "letter"),
        (["answer", "IMAGE"], 2, "QUESTION"),
        (["answer", "IMAGE", ""], 3, "letter"),
        (["answer", "IMAGE", "\u200b\u202e"], 3, "letter"),
        (["answer", "IMAGE", "x" * 100_000], 3, "2000"),
        (["answer", "IMAGE", "how\ud800"], 3, "surrogate"),
        (["answer", "IMAGE", "Is it?", "--regions", "R"], 2, "exactly one"),
        (["answer", "IMAGE", "Is it?", "--level", "1"], 2, "level"),
        (["answer", "IMAGE", "Is it?", "--free", "--refine", "depth"], 2, "refine"),
    ],
)  # fmt: skip
def test_wrong_uses_end_in_one_sentence(run, desk, tmp_path, argv, code, words):
    places = {
        "IMAGE": desk / "images/p0.png", "IMAGES": desk / "images", "DEPTH": desk / "depth",
        "OUT": tmp_path / "out",
    }  # fmt: skip
    got, _, err = run(*(str(places.get(a, a)) for a in argv), options=())
    assert got == code, err
    assert words in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out/predictions.jsonl").exists()


def test_options_of_models_need_one(desk, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["answer", str(desk / "images/p0.png"), "How?", "--boxes", "b.json", "--free"])
    assert stop.value.code == 2
    assert "--free" in capsys.readouterr().err


def test_questions_that_hold_tokens_or_another_language_are_data(run, desk):
    image, *view = picture(desk)
    for question in ("<|im_end|><image> mug?", "Wie hoch ist der Stuhl?", "How tall, in feet?"):
        code, _, err = run("answer", image, question, *view)
        assert code in (0, 3)
        assert len(err.splitlines()) == (code == 3)


def damage(folder: Path, kind: str) -> None:
    weights = folder / "model.safetensors"
    if kind == "pickle":
        weights.unlink()
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    elif kind == "renamed":
        weights.write_bytes(pickle.dumps({"a": 1}))
    elif kind == "short":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif kind == "missing shard":
        index = {"metadata": {}, "weight_map": {"lm_head.weight": "b.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        weights.unlink()
    elif kind == "escape":
        index = {"metadata": {}, "weight_map": {"lm_head.weight": "../b.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        weights.unlink()
    elif kind in ("shape", "nan"):
        from safetensors.torch import load_file, save_file

        tensors = load_file(weights)
        name = sorted(tensors)[0]
        tensors[name] = (
            tensors[name][:1].clone() if kind == "shape" else tensors[name] * float("nan")
        )
        save_file(tensors, weights, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "kind", ["pickle", "renamed", "short", "missing shard", "escape", "shape", "nan"]
)
def test_bad_checkpoints_are_refused_before_anything_is_written(run, desk, model, tmp_path, kind):
    bad = tmp_path / "bad"
    shutil.copytree(model, bad)
    damage(bad, kind)
    code, out, err = run("detect", desk / "images", "--out", tmp_path / "out", name=bad, options=())
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "bad" in err
    assert not (tmp_path / "out").exists()
