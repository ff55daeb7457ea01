"""Every command on the page of commands and in the tutorial runs, in order."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from n3d.apps import cli

DOCS = Path(__file__).parents[2] / "docs"
MINI = Path(cli.__file__).parents[1] / "model/mini"


def with_models() -> bool:
    """Whether there is a model to run the section of models with."""
    return MINI.is_dir() and importlib.util.find_spec("torch") is not None


def read_page(name: str) -> str:
    """The page; without its section of models where there is none."""
    text = (DOCS / name).read_text(encoding="utf-8")
    if with_models():
        return text
    return re.sub(r"\n## Models\n.*?(?=\n## )", "", text, flags=re.DOTALL)


def run_page(name: str, capsys) -> set[str]:
    """Run the commands of a page in the working directory; the names of those that it has."""
    blocks = re.findall(r"```sh\n(.*?)```", read_page(name), re.DOTALL)
    used = set()
    for line in (line for block in blocks for line in block.splitlines() if line):
        program, *argv = shlex.split(line)
        assert program == "n3d"
        used.add(argv[0])
        with pytest.raises(SystemExit) as stop:
            cli.main(argv)
        out, err = capsys.readouterr()
        assert not stop.value.code, f"{line}\n{err}"
        assert out
    return used


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    used = run_page("commands.md", capsys)
    every = {command.__name__ for command in cli.COMMANDS} | {"eval", "models"}
    every -= {"rephrase"}  # needs a server: see test_apps_datasets
    assert used == (every if with_models() else every - {"ground", "detect"})
    made = {p.name for p in tmp_path.iterdir()}
    assert {"answer", "boxes.png", "scene.html", "points.ply", "back.json", "questions"} <= made


@pytest.mark.skipif(not with_models(), reason="needs n3d-mini and the extra model")
def test_the_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_page("tutorial.md", capsys)
    assert (tmp_path / "answer/answer.png").exists()
    assert (tmp_path / "table/report.html").exists()
    assert (tmp_path / "training/dataset_info.json").exists()
