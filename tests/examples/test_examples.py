"""Every example and every cell of the notebook runs, and does what it says."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

import n3d

EXAMPLES = Path(__file__).parents[2] / "examples"
LEAVES = {
    "01": ["answer.png", "regions.json"],
    "02": ["objects.html", "objects.png"],
    "03": [],
    "04": ["questions", "scenes"],
    "05": ["replies.jsonl", "report/report.html"],
    "06": [],
}
NEEDS = {"02": ("torch", "transformers"), "06": ("torch", "fastapi", "uvicorn", "openai")}
SAYS = {"01": " m", "02": "stool", "03": "floor lamp", "04": "?", "05": "right:", "06": "distance"}


def skip_without(*packages: str) -> None:
    for name in packages:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}")
    if packages and not (Path(n3d.__file__).parent / "model/mini").is_dir():
        pytest.skip("needs n3d-mini in the package")


def run(number, folder, monkeypatch, capfd) -> str:
    skip_without(*NEEDS.get(number, ()))
    (path,) = EXAMPLES.glob(f"{number}_*.py")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [str(path), str(folder / "made")])
    runpy.run_path(str(path), run_name="__main__")
    for name in LEAVES[number]:
        assert (folder / "made" / name).exists()
    return capfd.readouterr().out


@pytest.mark.parametrize("number", ["01", "03", "05"])
def test_the_example_runs(number, tmp_path, monkeypatch, capfd):
    assert SAYS[number] in run(number, tmp_path, monkeypatch, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["02", "04", "06"])
def test_the_longer_example_runs(number, tmp_path, monkeypatch, capfd):
    assert SAYS[number] in run(number, tmp_path, monkeypatch, capfd)


def test_every_example_is_run():
    assert {p.name[:2] for p in EXAMPLES.glob("*.py")} == set(LEAVES)
    assert [p.name for p in EXAMPLES.glob("*.ipynb")] == ["room.ipynb"]


@pytest.mark.slow
def test_the_cells_of_the_notebook_run_and_show_pictures(tmp_path, monkeypatch):
    skip_without("torch", "transformers")
    monkeypatch.chdir(tmp_path)
    cells = json.loads((EXAMPLES / "room.ipynb").read_text("utf-8"))["cells"]
    assert all(not c["outputs"] for c in cells if c["cell_type"] == "code")
    names: dict = {}
    shown = []
    for cell in cells:
        if cell["cell_type"] == "code":
            *before, last = "".join(cell["source"]).rstrip().split("\n")
            exec("\n".join(before), names)
            value = eval(last, names)
            shown.append(getattr(value, "_repr_png_", lambda v=value: n3d.view.notebook_png(v)))
    # All but the last, which is a file, are seen as pictures.
    assert [type(png()).__name__ for png in shown[:-1]] == ["bytes"] * (len(shown) - 1)
    assert (tmp_path / "answer.html").exists()
