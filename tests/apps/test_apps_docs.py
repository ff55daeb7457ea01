"""Every command on the page of commands runs, in order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from n3d.apps import cli

PAGE = Path(__file__).parents[2] / "docs/commands.md"


def test_the_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
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
    assert used == {command.__name__ for command in cli.COMMANDS}
    made = {p.name for p in tmp_path.iterdir()}
    assert {"answer", "boxes.png", "scene.html", "points.ply", "back.json", "questions"} <= made
