"""A wheel holds all that answers a question, with the weights, and no tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSWERS = "from n3d.apps.cli import main; main()"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("setuptools") is None, reason="needs setuptools to build a wheel"
    ),
]


def run(*argv: str, **kwargs) -> str:
    """What a Python process printed."""
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this source tree, built from a copy of it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "src", source / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.nbi", "*.nbc"),
    )  # fmt: skip
    run("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index",
        "-w", str(folder), str(source))  # fmt: skip
    return next(folder.glob("n3d-*.whl"))


def test_it_holds_what_the_source_holds(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src/n3d"
    needed = {
        p.relative_to(package.parent).as_posix()
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and p.suffix not in (".nbi", ".nbc")
    }
    assert needed <= names
    assert any(n.endswith("LICENSE") for n in names)
    assert not any(n.startswith(("tests/", "benchmarks/")) for n in names)


def test_it_answers_where_it_is_installed(wheel, tmp_path):
    installed = tmp_path / "site"
    run("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(installed), wheel)
    told = os.environ | {"PYTHONPATH": str(installed)}
    where = run("-c", "import n3d; print(n3d.__file__)", env=told, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed)
    model = "n3d-mini" if importlib.util.find_spec("torch") is not None else "none"
    asked = ("-c", ANSWERS, "demo", "--out", "demo", "--model", model)
    said = run(*asked, env=told, cwd=tmp_path)
    assert "demo" in said
    assert (tmp_path / "demo/index.html").stat().st_size > 10_000
