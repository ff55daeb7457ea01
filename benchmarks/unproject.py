"""Back-projection of a depth image against the copy bandwidth of this machine.

Run: python benchmarks/unproject.py [--json FILE]

Every method gets 640x480 float32 depth and makes new arrays. Per pixel 17 bytes must move:
4 of depth are read, 12 of points and 1 of validity written. The copies move as many bytes,
half of them read and half written, with the same two habits of memory:

  cached  one frame again and again; results are dropped, so their memory is used again
  large   frames in turn and the last results kept, both larger than any cache
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from n3d.geometry import Camera

CAMERA = Camera(525, 525, 319.5, 239.5, 640, 480)
BYTES_PER_PIXEL = 4 + 12 + 1
FRAMES = 256  # 315 MB of depth
KEPT = 64  # 334 MB of results


def broadcast_inverse(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The textbook form: K^-1 times homogeneous pixels, times depth."""
    v, u = np.mgrid[0.5 : CAMERA.height, 0.5 : CAMERA.width].astype(np.float32)
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    inverse = np.linalg.inv(CAMERA.matrix).astype(np.float32)
    points = (inverse @ pixels[..., None])[..., 0] * depth[..., None]
    return points, depth > 0


def separable(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y from one vector each, interleaved points, as point cloud libraries build them."""
    u = np.arange(CAMERA.width, dtype=np.float32) + np.float32(0.5 - CAMERA.cx)
    v = np.arange(CAMERA.height, dtype=np.float32) + np.float32(0.5 - CAMERA.cy)
    points = np.empty((*depth.shape, 3), np.float32)
    points[..., 0] = u / np.float32(CAMERA.fx) * depth
    points[..., 1] = (v / np.float32(CAMERA.fy))[:, None] * depth
    points[..., 2] = depth
    return points, depth > 0


def median_seconds(function: Callable, frames: list, kept: int, repeats: int) -> float:
    results: deque = deque(maxlen=kept)
    seconds = []
    for i in range(repeats + kept + 3):
        frame = frames[i % len(frames)]
        start = time.perf_counter()
        result = function(frame)
        seconds.append(time.perf_counter() - start)
        results.append(result)
        del result
    return statistics.median(seconds[kept + 3 :])


def measure(repeats: int, seed: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.3, 6, (480, 640)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = 0
    moved = depth.size * BYTES_PER_PIXEL
    half = np.ones(moved // 2, np.uint8)
    methods: list[tuple[str, Callable, np.ndarray, int]] = [
        ("copy of as many bytes", np.copy, half, repeats),
        ("Camera.unproject", CAMERA.unproject, depth, repeats),
        ("NumPy, separable", separable, depth, max(repeats // 4, 5)),
        ("NumPy, broadcast K^-1", broadcast_inverse, depth, max(repeats // 20, 5)),
    ]
    rows: list[dict[str, object]] = []
    for memory, frames, kept in (("cached", 1, 0), ("large", FRAMES, KEPT)):
        copy = 0.0
        for name, function, source, count in methods:
            frame_set = [source.copy() for _ in range(frames)]
            seconds = median_seconds(function, frame_set, kept, count)
            copy = copy or moved / seconds
            rows.append(
                {
                    "memory": memory,
                    "method": name,
                    "frames_per_s": 1 / seconds,
                    "bytes_per_s": moved / seconds,
                    "share_of_copy": moved / seconds / copy,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = measure(options.repeats, options.seed)
    table = Table(title="Back-projection of 640x480 float32 depth, one core, medians")
    for column in ("memory", "method", "frames/s", "GB/s", "share of copy"):
        table.add_column(column, justify="left" if column in ("memory", "method") else "right")
    for row in rows:
        table.add_row(
            str(row["memory"]),
            str(row["method"]),
            f"{row['frames_per_s']:,.0f}",
            f"{row['bytes_per_s'] / 1e9:.1f}",
            f"{row['share_of_copy']:.0%}",
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
