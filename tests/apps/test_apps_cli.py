"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from n3d import synthetic
from n3d.apps import cli

COMMANDS = (
    "answer", "ground", "detect", "lift", "ask", "bench", "rephrase", "inspect", "view", "convert",
    "export", "doctor", "demo", "train", "adapt", "serve", "eval", "models",
)  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Files of one rendered view."""
    folder = tmp_path_factory.mktemp("desk")
    config = synthetic.SceneConfig(width=320, height=240)
    rendered = synthetic.make(11, config)
    return rendered, synthetic.write(rendered, folder)


def run(capsys, *argv) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def view_options(paths) -> list:
    return ["--depth", paths["depth"], "--camera", paths["camera"]]


def label_once(rendered) -> str:
    """A label that one target alone has."""
    labels = [o.label for o in rendered.targets]
    return next(label for label in labels if labels.count(label) == 1)


def test_help_names_every_command_and_loads_no_numbers():
    code = (
        "import sys\n"
        "from n3d.apps import cli\n"
        "for argv in (['answer', '--help'], ['eval', 'run', '--help'], ['--help']):\n"
        "    try:\n        cli.main(argv)\n    except SystemExit:\n        pass\n"
        "print(sorted({'numpy', 'numba', 'scipy', 'pyarrow', 'PIL'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, heavy = done.stdout.strip().splitlines()
    text = text[-len(COMMANDS) - 2 :]
    assert not any("..." in line for line in text)
    assert all(any(line.split()[:1] == [c] for line in text) for c in COMMANDS)
    assert heavy == "[]"


def test_answer_writes_the_promised_files(desk, capsys, tmp_path):
    rendered, paths = desk
    label = label_once(rendered)
    question = f"How tall is the {label}?"
    code, out, err = run(
        capsys, "answer", paths["image"], question, *view_options(paths),
        "--regions", paths["regions"], "--out", tmp_path / "out",
    )  # fmt: skip
    assert (code, err) == (0, "")
    record = json.loads((tmp_path / "out/answer.json").read_text())
    assert {"question", "answer", "value", "unit", "interval", "objects", "trace", "check"} <= set(
        record
    )
    assert record["question"] == question
    assert record["unit"] == "m"
    assert record["answer"] in out
    assert record["check"]["agrees"] is True
    low, high = record["interval"]
    assert low <= record["value"] <= high
    (thing,) = record["objects"]
    assert {"id", "label", "center", "size", "rotation", "score"} <= set(thing)
    assert record["trace"][-1].keys() >= {"op", "args", "out"}
    assert record["provenance"]["camera_source"] == "given"
    from PIL import Image

    assert Image.open(tmp_path / "out/answer.png").width >= 320


def test_answer_is_near_the_truth(desk, capsys):
    rendered, paths = desk
    label = label_once(rendered)
    truth = next(o for o in rendered.targets if o.label == label)
    code, out, _ = run(
        capsys, "answer", paths["image"], f"What is the height of the {label}?",
        *view_options(paths), "--regions", paths["regions"],
        "--up=" + ",".join(f"{v:.6f}" for v in rendered.rgbd.up), "--json", "-",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["value"] == pytest.approx(truth.box.size[1], rel=0.25)


def test_question_about_what_is_absent_exits_3_and_says_what_is_there(desk, capsys):
    rendered, paths = desk
    code, _out, err = run(
        capsys, "answer", paths["image"], "How tall is the giraffe?", *view_options(paths),
        "--regions", paths["regions"],
    )  # fmt: skip
    assert code == 3
    assert "giraffe" in err
    assert label_once(rendered) in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--depth", "missing.png"], 2, "missing.png"),
        (["--up", "0,1"], 2, "--up"),
        (["--fov", "200"], 2, "180"),
        (["--level", "1.5"], 2, "level"),
        ([], 2, "n3d models fetch"),
        (["--unknown"], 2, "unknown"),
    ],
)
def test_wrong_options_end_in_one_sentence(desk, capsys, options, code, words):
    _, paths = desk
    got, _out, err = run(capsys, "answer", paths["image"], "How tall is the mug?", *options)
    assert got == code
    assert words in err
    assert "Traceback" not in err


def test_unwritable_output_is_a_sentence(desk, capsys, tmp_path):
    rendered, paths = desk
    (tmp_path / "file").write_text("in the way")
    code, _, err = run(
        capsys, "answer", paths["image"], f"How tall is the {label_once(rendered)}?",
        *view_options(paths), "--regions", paths["regions"], "--out", tmp_path / "file/out",
    )  # fmt: skip
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.parametrize("form", ["png", "html", "ply", "glb"])
def test_view_writes_every_form(desk, capsys, tmp_path, form):
    _, paths = desk
    target = tmp_path / f"scene.{form}"
    code, _out, err = run(
        capsys, "view", paths["image"], "--out", target, *view_options(paths),
        "--regions", paths["regions"],
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert target.stat().st_size > 1000


def test_view_refuses_an_unknown_form(desk, capsys, tmp_path):
    _, paths = desk
    code, _, err = run(capsys, "view", paths["image"], "--out", tmp_path / "x.bmp")
    assert code == 2
    assert ".png" in err


def test_version(capsys):
    from n3d import __version__

    assert run(capsys, "--version")[:2] == (0, f"n3d {__version__}\n")
