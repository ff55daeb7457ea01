"""Every command on the page of commands runs, in order."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from n3d.apps import cli

PAGE = Path(__file__).parents[2] / "docs/commands.md"
MINI = Path(cli.__file__).parents[1] / "model/mini"


def with_models() -> bool:
    """Whether there is a model to run the section of models with."""
    return MINI.is_dir() and importlib.util.find_spec("torch") is not None


def read_page() -> str:
    """The page; without its section of models where there is none."""
    text = PAGE.read_text(encoding="utf-8")
    if with_models():
        return text
    return re.sub(r"\n## Models\n.*?(?=\n## )", "", text, flags=re.DOTALL)


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", read_page(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    used = set()
    for line in lines:
        program, *argv = shlex.split(line)
        assert program == "n3d"
        used.add(argv[0])
        with pytest.raises(SystemExit) as stop:
            cli.main(argv)
        out, err = capsys.readouterr()
        assert not stop.value.code, f"{line}\n{err}"
        assert out
    every = {command.__name__ for command in cli.COMMANDS} | {"eval", "models"}
    every -= {"rephrase"}  # needs a server: see test_apps_datasets
    assert used == (every if with_models() else every - {"ground", "detect"})
    made = {p.name for p in tmp_path.iterdir()}
    assert {"answer", "boxes.png", "scene.html", "points.ply", "back.json", "questions"} <= made
