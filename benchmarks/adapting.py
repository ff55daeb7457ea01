"""What `n3d adapt` gains on pictures of a style that a model has never seen.

    python benchmarks/adapting.py [--rooms 240] [--style negative] [--base n3d-mini] [--epochs 10]
                                  [--json out/bench/adapting.json]

Rendered rooms of the split "test-shifted" (pairs of colour and category, focal lengths and scales
that training never makes), written as an annotated data set in another style: photographs as
negatives, in sepia, or as they are. Four fifths are lifted and practised on, the last fifth is
judged before and after; the boxes that count as true are lifted from masks and exact depth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from n3d.pipelines import adapting, rooms
from n3d.synthetic import split_seed

SEPIA = np.array([[0.39, 0.77, 0.19], [0.35, 0.69, 0.17], [0.27, 0.53, 0.13]])
STYLES = {
    "plain": lambda rgb: rgb,
    "negative": lambda rgb: 255 - rgb,
    "sepia": lambda rgb: (rgb @ SEPIA.T).clip(0, 255),
}


def restyle(folder: Path, style: str) -> None:
    """Give the pictures of a folder another style."""
    for path in sorted(folder.glob("*.png")):
        rgb = np.asarray(Image.open(path).convert("RGB")).astype(float)
        Image.fromarray(STYLES[style](rgb).astype(np.uint8)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rooms", type=int, default=240)
    parser.add_argument("--style", choices=STYLES, default="negative")
    parser.add_argument("--base", default="n3d-mini")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", default="out/bench/adapting", help="Made anew.")
    parser.add_argument("--json", default="out/bench/adapting.json")
    given = parser.parse_args()
    work, console = Path(given.work), Console(width=100)
    shutil.rmtree(work, ignore_errors=True)
    seeds = [split_seed("test-shifted", k) for k in range(given.rooms)]
    paths = rooms.write(seeds, work / "rooms")
    restyle(paths["images"], given.style)
    plan = adapting.Adaptation(
        given.base, adapting.of_folder(work / "rooms"), work / "out", epochs=given.epochs,
        workers=given.workers,
    )  # fmt: skip
    report = adapting.adapt(plan, console.print)
    assert report is not None
    table = Table(title=f"{given.base} on {given.style} rooms: {report['pictures']}")
    for name in ("", "before", "after"):
        table.add_column(name, justify="right" if name else "left")
    for key in adapting.SHOWN:
        values = (report[when][key]["overall"] for when in ("before", "after"))
        table.add_row(key, *("-" if v is None else f"{v:.3f}" for v in values))
    console.print(table)
    Path(given.json).write_text(json.dumps({"style": given.style, **report}, indent=1))


if __name__ == "__main__":
    main()
