"""The scripts of published tables run end to end, on a few rendered rooms and n3d-mini."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[2] / "runs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="needs the model extra: torch"
    ),
]


def run(name: str, out: Path, monkeypatch, capsys, *argv: str) -> tuple[str, list | dict]:
    """What a script prints, and its table.json."""
    monkeypatch.syspath_prepend(str(RUNS))
    monkeypatch.setattr(sys, "argv", [name, *argv, "--out", str(out)])
    runpy.run_path(str(RUNS / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out, json.loads((out / "table.json").read_text())


def test_grounding(tmp_path, monkeypatch, capsys):
    said, found = run(
        "table_grounding", tmp_path, monkeypatch, capsys, "--model", "n3d-mini", "--rooms", "3"
    )
    assert "projected" in said
    (row,) = found
    assert row["protocol"] == "n3d-paper"
    assert row["true_boxes"] > 1
    assert 0 <= row["projected"]["iou"]["n3d_rule"]["mean"] <= 1
    truth = (tmp_path / "n3d-mini-0/truth.jsonl").read_text().splitlines()
    assert len(truth) == row["true_boxes"]


def test_reasoning(tmp_path, monkeypatch, capsys):
    rows = ("blind", "n3d-mini", "true-boxes")
    said, found = run(
        "table_reasoning", tmp_path, monkeypatch, capsys, "--rooms", "6", "--questions", "12",
        *(a for row in rows for a in ("--row", row)),
    )  # fmt: skip
    assert "numerical" in said
    assert [r["row"] for r in found] == list(rows)
    assert found[2]["overall"]["all"] == 1
    assert found[0]["overall"]["questions"] == found[1]["overall"]["questions"] == 12


def test_ablation(tmp_path, monkeypatch, capsys):
    said, found = run(
        "table_ablation", tmp_path, monkeypatch, capsys, "--row", "mini=n3d-mini", "--limit", "3",
        "--depths", "true", "none",
    )  # fmt: skip
    assert "f1_25" in said
    assert set(found["detection"]) == {"mini, depth true", "mini, depth none"}
    true, none = (
        found["detection"][f"mini, depth {d}"]["f1_25"]["overall"] for d in ("true", "none")
    )
    assert true > none
    assert "mini, true boxes" in found["answers"]
