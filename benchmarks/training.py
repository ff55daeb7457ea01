"""How fast a recipe trains here: each of its stages, by one process and by two.

    python benchmarks/training.py [--recipe runs/mini.json] [--steps 60] [--json FILE]

Views and tokens a second are medians of the lines that the run logs after its first; "filled" is
the share of the places in rows of text that is no padding; the gain of two processes is the ratio
of their views a second to those of one, one thread each. Data are made first and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

VIEWS = 512
ALONE = [sys.executable, "-m", "n3d.apps.cli"]
PAIR = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python", "--"]


def cut(recipe: dict[str, Any], stage: dict[str, Any], steps: int) -> dict[str, Any]:
    """The recipe with little data, of one stage that is short and never validated."""
    parts = [p | {"count": VIEWS} for p in recipe["data"] if p["name"] in stage["parts"]]
    short = stage | {"steps": steps, "decay": 0, "warmup": 0}
    return recipe | {"data": parts, "stages": [short], "validation": {"every": 0}}


def trained(path: Path, run: Path, data: Path, processes: int) -> dict[str, float]:
    """What a run logged: the median of each figure, its first line left out."""
    start = ALONE if processes == 1 else PAIR + ALONE
    command = [*start, "train", str(path), "--run", str(run), "--data", str(data), "--workers", "0"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()][1:]
    names = ("views_per_s", "tokens_per_s", "filled")
    return {n: statistics.median(x[n] for x in lines) for n in names if n in lines[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipe", default="runs/mini.json")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", default="out/bench/training.json")
    given = parser.parse_args()
    recipe = json.loads(Path(given.recipe).read_text())
    found: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for stage in recipe["stages"]:
            path = home / f"{stage['name']}.json"
            path.write_text(json.dumps(cut(recipe, stage, given.steps)))
            run, data = home / "made", home / "data"
            make = ["train", str(path), "--run", str(run), "--data", str(data), "--data-only"]
            subprocess.run([*ALONE, *make], check=True, stdout=subprocess.DEVNULL)
            found[stage["name"]] = {
                str(n): trained(path, home / f"{stage['name']}-{n}", data, n) for n in (1, 2)
            }
    table = Table(title=f"{given.recipe}, {given.steps} steps")
    for name in ("stage", "processes", "views/s", "tokens/s", "filled", "gain"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for name, runs in found.items():
        for processes, told in runs.items():
            filled, gain = told.get("filled"), told["views_per_s"] / runs["1"]["views_per_s"]
            table.add_row(
                name,
                processes,
                f"{told['views_per_s']:.1f}",
                f"{told['tokens_per_s']:.0f}" if filled else "-",
                f"{filled:.1%}" if filled else "-",
                f"{gain:.2f}",
            )
    Console().print(table)
    path = Path(given.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
