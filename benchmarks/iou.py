"""Pairs of oriented boxes per second on one core, against other exact methods.

Run: python benchmarks/iou.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from rich.console import Console
from rich.table import Table
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError

from n3d.geometry import Box3D, euler, overlap


def random_boxes(rng: np.random.Generator, n: int, *, upright: bool) -> Box3D:
    """Boxes of 0.3 to 2 m within a cube of 1.8 m: more than 40 % of the pairs overlap."""
    angles = rng.uniform(-np.pi, np.pi, (3, n))
    if upright:
        angles[1:] = 0
    return Box3D(rng.uniform(-0.9, 0.9, (n, 3)), rng.uniform(0.3, 2, (n, 3)), euler(*angles))


def shapely_upright(a: Box3D, b: Box3D) -> np.ndarray:
    """IoU of boxes turned about y only: shapely's polygons, all pairs in one call, times height."""
    outlines, low, high = [], [], []
    for box in (a, b):
        outlines.append(shapely.polygons(box.corners[:, [0, 1, 5, 4]][..., [0, 2]]))
        low.append(box.center[:, 1] - box.size[:, 1] / 2)
        high.append(box.center[:, 1] + box.size[:, 1] / 2)
    height = np.clip(np.minimum(*high) - np.maximum(*low), 0, None)
    shared = shapely.area(shapely.intersection(*outlines)) * height
    return shared / (a.volume + b.volume - shared)


def half_spaces(a: Box3D, b: Box3D) -> np.ndarray:
    """IoU by scipy: the deepest common point, the dual hull around it, the hull of its corners."""
    shared = np.zeros(len(a))
    for i, (x, y) in enumerate(zip(a, b)):
        axes = np.concatenate([x.rotation.T, -x.rotation.T, y.rotation.T, -y.rotation.T])
        centers = np.repeat([x.center, y.center], 6, axis=0)
        half = np.concatenate([x.size, x.size, y.size, y.size]) / 2
        planes = np.c_[axes, -(axes * centers).sum(axis=1) - half]
        best = linprog([0, 0, 0, -1], np.c_[axes, np.ones(12)], -planes[:, 3], bounds=(None, None))
        if best.status == 0 and best.x[3] > 0:
            try:
                corners = HalfspaceIntersection(planes, best.x[:3]).intersections
                shared[i] = ConvexHull(corners).volume
            except QhullError:  # all but touching
                pass
    return shared / (a.volume + b.volume - shared)


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def measure(
    kind: str, name: str, reference: Callable, share: int, options: argparse.Namespace
) -> list[dict[str, object]]:
    """Rows for one kind of boxes; the reference gets every `share`-th part of the pairs."""
    rng, n = np.random.default_rng(options.seed), options.pairs
    a, b = (random_boxes(rng, n, upright=kind == "shared axis") for _ in range(2))
    few_a, few_b = a[: n // share], b[: n // share]
    side = int(n**0.5)
    some_a, some_b = a[:side], b[:side]
    ours = overlap.iou_pairs(a, b)
    difference = float(np.abs(ours[: n // share] - reference(few_a, few_b)).max())
    runs = (
        ("n3d, pairs", lambda: overlap.iou_pairs(a, b), n, options.repeats),
        ("n3d, matrix", lambda: overlap.iou(some_a, some_b), side**2, options.repeats),
        (name, lambda: reference(few_a, few_b), n // share, min(options.repeats, 5)),
    )
    speeds = [count / median_seconds(run, repeats) for _, run, count, repeats in runs]
    return [
        {
            "boxes": kind,
            "method": method,
            "pairs_per_s": speed,
            "ratio": speed / speeds[-1],
            "overlapping": float((ours > 0).mean()),
            "max_difference": difference,
        }
        for (method, *_), speed in zip(runs, speeds)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = measure("any rotation", "scipy half-spaces", half_spaces, 500, options)
    rows += measure("shared axis", "shapely arrays", shapely_upright, 1, options)
    table = Table(title="IoU of oriented 3D boxes, one core, medians")
    for column in ("boxes", "method", "overlapping", "pairs/s", "times", "difference"):
        table.add_column(column, justify="left" if column in ("boxes", "method") else "right")
    for row in rows:
        table.add_row(
            str(row["boxes"]),
            str(row["method"]),
            f"{row['overlapping']:.0%}",
            f"{row['pairs_per_s']:,.0f}",
            f"{row['ratio']:.1f}",
            f"{row['max_difference']:.1e}",
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
