"""How long a person waits for n3d-mini, on one core, and how much memory it takes.

    python benchmarks/latency.py [--rooms 20] [--model n3d-mini] [--json out/bench/latency.json]

Rendered rooms of the split "test" at 320 x 240. Seconds, each from the picture on: reading it
(`look`), all its objects, one thing by its name, one question with boxes, steps, check and
interval; a second question about the same picture; and eight questions together, each.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

import n3d
from n3d.evaluate.synthetic import Benchmark

TOGETHER = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--model", default="n3d-mini")
    parser.add_argument("--json", default="out/bench/latency.json")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    began = time.perf_counter()
    model = n3d.load(given.model)
    loading = time.perf_counter() - began
    taken: dict[str, list[float]] = {}

    def clock(name: str, work, share: int = 1):
        began = time.perf_counter()
        result = work()
        taken.setdefault(name, []).append((time.perf_counter() - began) / share)
        return result

    for number, sitting in enumerate(Benchmark("test", given.rooms + 1, questions=TOGETHER)):
        if number == 1:
            taken.clear()  # the first room compiles kernels
        view = sitting.view
        asked = [i.question for i in sitting.items if i.qa is not None]
        label = next((i.phrases for i in sitting.items if i.kind == "class"), None)
        if not asked or label is None:
            continue  # a room with nothing to ask about
        clock("look", lambda view=view: model.look(view))
        clock("detect", lambda view=view: model.detect(view))
        clock("ground", lambda view=view, label=label: model.ground(view, label))
        clock("question", lambda view=view, asked=asked: model.answer(view, asked[0]))
        look = model.look(view)
        model.answer(look, asked[0])
        clock("next question", lambda look=look, asked=asked: model.answer(look, asked[-1]))
        many = (asked * TOGETHER)[:TOGETHER]
        clock(f"of {TOGETHER} together", lambda view=view, m=many: model.answer(view, m), TOGETHER)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = Table(title=f"{given.model}, one core: loaded in {loading:.1f} s, peak {memory:.0f} MB")
    for name in ("", "median s", "longest s"):
        table.add_column(name, justify="right" if name else "left")
    for name, times in taken.items():
        table.add_row(name, f"{statistics.median(times):.3f}", f"{max(times):.3f}")
    Console().print(table)
    path = Path(given.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"loading": loading, "peak_mb": memory, "seconds": taken}, indent=1))


if __name__ == "__main__":
    main()
