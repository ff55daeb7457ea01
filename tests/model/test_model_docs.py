"""The table of the upstream fault in docs/model.md, computed again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the model extra: torch")
pytest.importorskip("transformers", reason="needs the model extra: transformers")

from n3d.model import orders  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "model.md"
ROW = re.compile(r"\| (\d+) x (\d+) \| (\d+) \| ([\d.]+) % \| ([\d.]+) \| ([\d.]+) % \| 100 % \|")


def test_the_table_of_the_upstream_fault_is_right():
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) >= 4
    for row in rows:
        h, w, tokens = map(int, row[:3])
        grid = torch.tensor([[1, h, w]])
        place = orders.raster_of_windows(grid, merge=2, window=112, patch=14)
        raster = torch.arange(h * w)
        windowed = raster.view(-1, 4)[orders.windows(grid, merge=2, window=112, patch=14)].flatten()
        miss = torch.hypot((place // w - raster // w).double(), (place % w - raster % w).double())
        shares = [(place == given).double().mean().item() for given in (raster, windowed)]
        found = (f"{h * w // 4}", f"{shares[0]:.2%}", f"{miss.mean():.1f}", f"{shares[1]:.2%}")
        assert found == (str(tokens), f"{row[3]}%", row[4], f"{row[5]}%"), found
