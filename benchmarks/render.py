"""Speed of rendering: whole scenes, and ray casting alone. Medians, as JSON.

    python benchmarks/render.py [--json FILE] [--scenes 60] [--processes 2]

Every process runs its own seeds on one thread; images per second are counted over all of
them on the wall clock, milliseconds (wall and processor) are medians over scenes in one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from n3d.synthetic import SceneConfig, make, raycast

SIZES = ((160, 160), (640, 480))


def medians_ms(action, items) -> tuple[float, float]:
    """Median wall and processor milliseconds; the second is kinder to a shared machine."""
    wall, cpu = [], []
    for item in items:
        start, busy = time.perf_counter(), time.process_time()
        action(item)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    return round(1e3 * statistics.median(wall), 3), round(1e3 * statistics.median(cpu), 3)


def alone(width: int, height: int, scenes: int) -> dict[str, float]:
    """Medians of one process: a whole scene, and one cast of its primitives."""
    config = SceneConfig(width=width, height=height)
    views = [make(seed, config) for seed in range(min(scenes, 12))]
    make_ms, make_cpu_ms = medians_ms(lambda seed: make(seed, config), range(scenes))
    cast_ms, cast_cpu_ms = medians_ms(lambda r: raycast.cast(r.solids, r.rgbd.camera), views * 4)
    return {
        "make_ms": make_ms,
        "make_cpu_ms": make_cpu_ms,
        "cast_ms": cast_ms,
        "cast_cpu_ms": cast_cpu_ms,
        "primitives": statistics.median(len(r.solids) for r in views),
    }


def _many(job: tuple[int, int, int, int]) -> int:
    width, height, first, n = job
    config = SceneConfig(width=width, height=height)
    for seed in range(first, first + n):
        make(seed, config)
    return n


def together(width: int, height: int, scenes: int, processes: int) -> float:
    """Images per second of several processes, after they have started."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_many, [(width, height, 0, 2)] * processes))
        rates = []
        for turn in range(3):
            jobs = [
                (width, height, (turn * processes + k) * scenes, scenes) for k in range(processes)
            ]
            start = time.perf_counter()
            done = sum(pool.map(_many, jobs))
            rates.append(done / (time.perf_counter() - start))
    return round(statistics.median(rates), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    result: dict[str, object] = {"processes": options.processes}
    for width, height in SIZES:
        n = options.scenes if width < 320 else max(options.scenes // 4, 4)
        name = f"{width}x{height}"
        result[name] = {
            **alone(width, height, n),
            "images_per_second": together(width, height, n, options.processes),
        }
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
