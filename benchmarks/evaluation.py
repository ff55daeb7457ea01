"""Processor seconds to mark a large set of 3D detections on one core, beside one pair at a time.

Run: python benchmarks/evaluation.py [--json FILE] [--images N] [--detections N]

The straightforward way has the same rules: for each image and class the IoU of each pair by
itself, then COCO's matching in loops for each range and threshold. It gets a share of the images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from n3d.evaluate.boxes import omni3d, precision, protocols, reading, tables
from n3d.geometry import Box3D, Camera, euler, overlap

CAMERA = Camera(fx=500, fy=500, cx=320, cy=240, width=640, height=480)
KINDS, TRUE = 50, 8


def scene(rng: np.random.Generator, images: int, detections: int) -> tuple[dict, list[dict]]:
    """Eight true objects an image and detections around them, as files of Omni3D hold them."""
    n = images * TRUE
    center = np.c_[rng.uniform(-2, 2, (n, 2)), rng.uniform(2, 40, n)]
    size = rng.uniform(0.3, 2, (n, 3))
    yaw = rng.uniform(-3, 3, n)
    kind = rng.integers(0, KINDS, n)
    of = np.sort(rng.integers(0, n, detections))
    noise = np.exp(rng.normal(0, 0.3, (detections, 1)))
    moved = center[of] + rng.normal(0, 0.15, (detections, 3)) * noise
    moved[:, 2] = np.maximum(moved[:, 2], 0.5)
    true = Box3D(center, size, euler(yaw, 0, 0))
    found = Box3D(moved, size[of] * noise, euler(yaw[of] + rng.normal(0, 0.1, detections), 0, 0))
    score = rng.random(detections)
    annotations = [
        {"id": i + 1, "image_id": i // TRUE, "category_id": int(kind[i]), **row}
        for i, row in enumerate(_rows(true))
    ]
    results = [
        {
            "image_id": int(of[i]) // TRUE,
            "category_id": int(kind[of[i]]),
            "score": float(score[i]),
            **row,
        }
        for i, row in enumerate(_rows(found))
    ]
    truth = {
        "images": [{"id": i, "width": 640, "height": 480} for i in range(images)],
        "categories": [{"id": k, "name": f"kind {k}"} for k in range(KINDS)],
        "annotations": annotations,
    }
    return truth, results


def _rows(box: Box3D) -> list[dict]:
    corners, flat, z = box.corners.tolist(), box.project(CAMERA).tolist(), box.center[:, 2].tolist()
    return [
        {"bbox3D": c, "bbox": [f[0], f[1], f[2] - f[0], f[3] - f[1]], "depth": d}
        for c, f, d in zip(corners, flat, z)
    ]


def pair_by_pair(found: tables.Table, true: tables.Table) -> float:
    """AP3D in loops."""
    values = []
    for kind in np.unique(true.category):
        for_kind: dict[int, list] = {a: [] for a in range(4)}
        totals = [0] * 4
        for image in np.unique(np.r_[found.image, true.image]):
            d = np.flatnonzero((found.image == image) & (found.category == kind))
            t = np.flatnonzero((true.image == image) & (true.category == kind))
            d = d[np.argsort(-found.score[d], kind="stable")][:100]
            iou = [[overlap.iou(found.box[int(i)], true.box[int(j)])[0, 0] for j in t] for i in d]
            for a, (low, high) in enumerate(omni3d.DEPTHS):
                out = [not low <= true.depth[j] <= high for j in t]
                totals[a] += out.count(False)
                order = sorted(range(len(t)), key=lambda j: out[j])
                marks = np.zeros((len(omni3d.THRESHOLDS_3D), len(d), 2), bool)
                for k, threshold in enumerate(omni3d.THRESHOLDS_3D):
                    used: set[int] = set()
                    for i in range(len(d)):
                        best, at = min(threshold, 1 - 1e-10), -1
                        for j in order:
                            if j in used:
                                continue
                            if at >= 0 and not out[at] and out[j]:
                                break
                            if iou[i][j] >= best:
                                best, at = iou[i][j], j
                        outside = not low <= found.depth[d[i]] <= high
                        if at >= 0:
                            used.add(at)
                        marks[k, i] = (
                            (at >= 0 and not out[at], False) if at >= 0 else (False, not outside)
                        )
                for_kind[a].append((found.score[d], marks))
        for a in range(4):
            score = np.concatenate([s for s, _ in for_kind[a]])
            marks = np.concatenate([m for _, m in for_kind[a]], axis=1)
            if totals[a]:
                ap, _ = precision.coco(score, marks[..., 0], marks[..., 1], totals[a])
                if a == 0:
                    values.append(ap)
    return float(np.mean(values))


def seconds(run, repeats: int) -> float:
    """The median processor time of several runs: others on the machine do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--detections", type=int, default=54_000)
    parser.add_argument("--share", type=int, default=50, help="images for each one done in loops")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    truth, results = scene(np.random.default_rng(options.seed), options.images, options.detections)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("true.json", "found.json")]
        for path, content in zip(paths, (truth, results)):
            path.write_text(json.dumps(content))
        reading.truth(paths[0])  # compiled code is loaded
        true, _ = reading.truth(paths[0])
        found, _ = reading.predictions(paths[1], true)
        omni3d.evaluate(found, true.boxes)

        def read():
            t, _ = reading.truth(paths[0])
            reading.predictions(paths[1], t)

        rows = {
            "read both files": seconds(read, options.repeats),
            "AP3D": seconds(lambda: omni3d.evaluate(found, true.boxes), options.repeats),
            "all of omni3d": seconds(
                lambda: protocols.evaluate("omni3d", found, true), options.repeats
            ),
        }
    part = true.boxes.image < max(options.images // options.share, 1)
    few = true.boxes.take(part)
    of_few = found.take(found.image < max(options.images // options.share, 1))
    slow = seconds(lambda: pair_by_pair(of_few, few), 1)
    fast = seconds(lambda: omni3d.evaluate(of_few, few), options.repeats)
    same = abs(pair_by_pair(of_few, few) - (omni3d.evaluate(of_few, few)["ap"] or 0.0))
    rows["pair by pair, by its share of the images"] = slow * options.images / (few.image.max() + 1)
    ratio = rows["pair by pair, by its share of the images"] / rows["AP3D"]
    table = Table(title=f"{len(found):,} detections, {options.images:,} images: processor time")
    table.add_column("")
    table.add_column("seconds", justify="right")
    for name, value in rows.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    Console().print(f"AP3D {ratio:.0f} times faster; on the share alone {slow / fast:.0f} times")
    Console().print(f"difference of AP on the share: {same:.1e}")
    if options.json:
        figures = {**rows, "ratio": ratio, "ratio_share": slow / fast, "difference": same}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
