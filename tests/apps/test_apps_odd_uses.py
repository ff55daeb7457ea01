"""Odd but legal ways of using the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from bad_inputs import QUESTION, Room
from rich.console import Console

from n3d.apps import cli, show
from n3d.pipelines import lifting
from n3d.scene import manifests, shards


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


@pytest.fixture
def run(capsys):
    def run(argv) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in argv])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return run


def scenes_of(folder) -> list:
    entries = manifests.read(folder).shards
    return [s for e in entries for s in shards.read(manifests.data_file(folder, e.name))]


def test_relative_paths_and_names_with_spaces_and_accents(room, run, monkeypatch):
    home = room.folder / "Büro 1"
    shutil.copytree(room.folder / "images", home / "ein Bild")
    for path in (room.depth, room.camera, room.regions):
        shutil.copy(path, home)
    monkeypatch.chdir(home)
    code, out, err = run(
        ["answer", "ein Bild/bad.png", QUESTION, "--depth", "bad.npy", "--camera", "bad.json",
         "--regions", "regions.json", "--out", "Antwort 1/größe"]
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert (home / "Antwort 1/größe/answer.png").is_file()
    assert "wrote Antwort 1/größe/answer.json and Antwort 1/größe/answer.png" in out


def test_an_undecodable_output_name_is_written_and_shown_escaped(room, run):
    code, out, _ = run([*room.view()[:-1], room.folder / "seen\udcff.png"])
    assert code == 0
    assert "seen\\udcff.png" in out
    assert (room.folder / "seen\udcff.png").is_file()


@pytest.mark.parametrize("command", ["answer", "lift", "ask", "inspect"])
def test_json_to_stdout_is_nothing_but_json(room, run, command):
    lift = room.lift()
    assert run(lift)[0] == 0
    scenes = room.folder / "scenes"
    argv = {
        "answer": room.answer(),
        "lift": lift,
        "ask": ["ask", scenes, "--out", room.folder / "questions"],
        "inspect": ["inspect", scenes],
    }[command]
    code, out, _ = run([*argv, "--json", "-"])
    assert code == 0
    assert isinstance(json.loads(out), dict)


def test_answers_can_be_asked_again(room, run):
    assert run(room.answer())[0] == 0
    record = json.loads((room.folder / "out/answer.json").read_text())
    boxes = room.folder / "boxes.json"
    assert run([*room.view()[:-1], boxes])[0] == 0
    plain = room.folder / "plain.jsonl"
    assert run(["convert", boxes, plain, "--from", "plain"])[0] == 0
    for source in (room.folder / "out/answer.json", boxes, plain):
        argv = ["answer", room.image, QUESTION, "--boxes", source, "--json", "-"]
        code, out, err = run(argv)
        assert (code, err) == (0, "")
        again = json.loads(out)
        assert again["value"] == pytest.approx(record["value"])
        assert again["provenance"] == record["provenance"] | {
            "up_source": again["provenance"]["up_source"]
        }


def test_boxes_of_several_pictures_have_no_frame_in_common(room, run):
    boxes = room.folder / "boxes.json"
    assert run([*room.view()[:-1], boxes])[0] == 0
    (one,) = json.loads(boxes.read_text())
    boxes.write_text(json.dumps([one, one | {"scene": "other"}]))
    code, _, err = run(["answer", room.image, QUESTION, "--boxes", boxes])
    assert code == 2
    assert "2 scenes" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "no 3D boxes"),
        ("[]", "no boxes"),
        ('{"objects": [{"id": "a"}]}', "label"),
        ('{"objects": 3}', "objects"),
        ('{"scene": []}', "boxes.json"),
        ('{"objects": [], "up": [0, 0, 0]}', "up"),
        ('[{"label": "mug"}]', "record 0"),
    ],
)
def test_files_that_hold_no_boxes(room, run, content, words):
    boxes = room.folder / "boxes.json"
    boxes.write_text(content)
    code, out, err = run(["answer", room.image, QUESTION, "--boxes", boxes])
    assert (code, out) == (2, "")
    assert "boxes.json" in err
    assert words in err
    assert "Traceback" not in err


def test_regions_and_boxes_together_are_refused(room, run):
    for argv in (room.answer(), room.view()):
        code, _, err = run([*argv, "--boxes", room.regions])
        assert code == 2
        assert "--regions" in err or "Known" not in err


def test_a_picture_alone_can_be_viewed(room, run):
    target = room.folder / "alone.png"
    code, out, err = run(["view", room.image, "--out", target])
    assert (code, err) == (0, "")
    assert out.splitlines() == [f"wrote {target}"]
    assert target.stat().st_size > 0


@pytest.mark.parametrize("form", ["html", "ply", "glb"])
def test_a_picture_alone_is_no_scene(room, run, form):
    target = room.folder / f"alone.{form}"
    code, _, err = run(["view", room.image, "--out", target])
    assert code == 2 or target.stat().st_size > 0
    assert "Traceback" not in err


def test_regions_without_depth_are_drawn_but_not_lifted(room, run):
    target = room.folder / "REGIONS.PNG"
    shown = ["view", room.image, "--regions", room.regions, "--out"]
    code, out, err = run([*shown, target])
    assert (code, err) == (0, "")
    assert "1 regions, without depth not lifted" in out
    code, _, err = run([*shown, room.folder / "regions.html"])
    assert code == 2
    assert "--depth" in err
    code, _, err = run(["answer", room.image, QUESTION, "--regions", room.regions])
    assert code == 2
    assert "Give --depth" in err


@pytest.mark.parametrize("options", [["--fov", "190"], ["--depth-scale", "0"], ["--fov", "nan"]])
def test_options_that_fit_no_picture_stop_before_work(room, run, options):
    code, _, err = run([*room.lift(), *options])
    assert code == 2
    assert options[0] in err
    assert not (room.folder / "scenes").exists()


def test_json_is_not_written_over_an_input(room, run):
    before = room.regions.read_bytes()
    code, _, err = run([*room.answer(), "--json", room.regions])
    assert code == 2
    assert "is an input" in err
    assert room.regions.read_bytes() == before


def test_lifting_again_says_that_it_resumes_and_what_comes_next(room, run):
    argv = room.lift()
    first = run(argv)[1]
    assert "2 kept, 0 dropped" in first
    assert "resumed" not in first
    assert f"next: n3d ask {room.folder / 'scenes'} --out questions" in first
    again = run(argv)[1]
    assert "resumed: 1 of 1 shards were finished before" in again


def test_inspection_shows_labels_and_reasons(room, run):
    room.write_regions([*room.entries, {"label": "block", "bbox": [0, 0, 0, 5]}])
    assert run(room.lift())[0] == 0
    code, out, _ = run(["inspect", room.folder / "scenes"])
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["block", "2"] in rows
    assert ["region-empty", "1"] in rows
    assert str(room.folder / "scenes/drops") in out


def test_cameras_of_a_data_set(room, run):
    """Beside the depth, a folder of them, one for all, a field of view, none."""
    lift = room.lift()
    (room.folder / "cameras").mkdir()
    for name in ("bad", "good"):
        source = room.folder / f"depth/{name}.json"
        shutil.copy(source, room.folder / "cameras")
    for number, (options, sources) in enumerate(
        [
            ([], {"given"}),
            (["--camera", room.folder / "cameras"], {"given"}),
            (["--camera", room.folder / "cameras/good.json"], {"given"}),
            (["--fov", "60"], {"given"}),
            (None, {"assumed:fov-60"}),
        ]
    ):
        if options is None:
            for name in ("bad", "good"):
                (room.folder / f"depth/{name}.json").unlink()
        out = room.folder / f"scenes{number}"
        code, text, err = run([*lift[:-1], out, *(options or [])])
        assert (code, err) == (0, "")
        assert {s.provenance.camera for s in scenes_of(out)} == sources
        assert ("assumed field of view" in text) == (options is None)
        if options is None:
            assert all(s.provenance.scale_sigma > 0 for s in scenes_of(out))


def test_an_interrupted_run_says_how_to_go_on(room, run, monkeypatch):
    whole = lifting.Lift.__call__

    def stopped(self, pictures):
        yield from whole(self, pictures)
        raise KeyboardInterrupt

    argv = [*room.lift(), "--per-shard", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(lifting.Lift, "__call__", stopped)
        code, _, err = run(argv)
    assert code == 130
    assert "run the same command again to resume" in err
    assert "Traceback" not in err
    assert run(argv)[0] == 0


@pytest.mark.parametrize("width", [20, 60])
def test_narrow_windows_cut_no_label_and_no_number(room, run, monkeypatch, width):
    label = "blockwithaverylongname"
    room.write_regions([room.entries[0] | {"label": label}])
    monkeypatch.setattr(show, "console", Console(width=200))
    _, wide, _ = run(room.view())
    monkeypatch.setattr(show, "console", Console(width=width))
    code, out, _ = run(room.view())
    assert code == 0
    assert out.split() == wide.split()
    assert label in out


def test_a_reader_that_leaves_early_gets_no_traceback(room):
    code = f"from n3d.apps import cli\ncli.main({[*room.answer(), '--json', '-']!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()


def test_no_colours_where_none_are_wanted(room):
    """A pipe gets plain text, and so does a terminal where NO_COLOR is set."""
    code = f"from n3d.apps import cli\ncli.main({room.answer()!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b"\x1b" not in done.stdout
