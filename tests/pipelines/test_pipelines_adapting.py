"""A model fitted to annotated pictures, with a few steps of n3d-mini: the whole way, resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

import n3d  # noqa: E402
from n3d.apps import cli  # noqa: E402
from n3d.errors import ConfigError  # noqa: E402
from n3d.pipelines import adapting, rooms  # noqa: E402
from n3d.synthetic import split_seed  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("mine")
    rooms.write([split_seed("train", i) for i in range(10)], home)
    return home


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in args])
    return int(stop.value.code or 0)


def test_one_command_adapts_and_goes_on(folder, tmp_path, capsys):
    out = tmp_path / "out"
    command = ("adapt", folder, "--base", "n3d-mini", "--out", out, "--epochs", 2)
    assert run(*command, "--minutes", 1e-6) == 0
    assert "goes on" in capsys.readouterr().out
    assert not (out / "model").exists()
    assert run(*command) == 0
    told = capsys.readouterr().out
    assert "acc25" in told
    report = json.loads((out / "report.json").read_text())
    assert report["pictures"] == {"train": 7, "tune": 1, "test": 2}
    for side in ("before", "after"):
        assert report[side]["items"]["by_kind"]["detect"] == 2
        assert 0 <= report[side]["acc25"]["overall"] <= 1
    old, new = n3d.load("n3d-mini"), n3d.load(out / "model")
    assert any((a != b).any() for a, b in zip(old.network.parameters(), new.network.parameters()))


def test_what_is_asked_is_about_what_is_there(folder):
    data = adapting.of_folder(folder)
    kinds = set()
    for sitting in adapting.sittings(data, 0, 4):
        ids = [i.id for i in sitting.items]
        assert len(ids) == len(set(ids))
        for item in sitting.items:
            kinds.add(item.request)
            assert item.absent == (item.kind == "absent_class")
    assert kinds == {"detect", "locate", "ask"}


def test_folders_that_will_not_do_are_told(folder, tmp_path, capsys):
    assert run("adapt", tmp_path, "--base", "n3d-mini", "--out", tmp_path / "o") == 2
    assert "annotations.json" in capsys.readouterr().err
    few = tmp_path / "few"
    rooms.write([split_seed("train", 0)], few)
    assert run("adapt", few, "--base", "n3d-mini", "--out", tmp_path / "o") == 2
    assert "1 pictures" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="epochs"):
        adapting.Adaptation("n3d-mini", adapting.of_folder(folder), tmp_path, epochs=0)
    with pytest.raises(ConfigError, match="shares"):
        adapting.Adaptation("n3d-mini", adapting.of_folder(folder), tmp_path, test=0.9, tune=0.2)
