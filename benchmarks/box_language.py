"""What writing boxes as text costs: IoU lost to rounding alone, boxes clipped, tokens per box.

    python benchmarks/box_language.py [--samples 20000] [--json out/bench/box_language.json]

Objects have three independent log-uniform sizes from 5 cm to 1.5 m; their centres are spread
evenly over the image of a 640x480 camera with a focal length of 525 pixels. Depth is uniform
in the ranges stated per row. Nothing here is timed.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from n3d.geometry import Box3D, Camera, axis_rotation, upright
from n3d.geometry.overlap import iou_pairs
from n3d.language import boxes, tokens, upstream
from n3d.language.upstream import Normalizer
from n3d.scene import Object3D

CAMERA = Camera(525.0, 525.0, 320.0, 240.0, 640, 480)
UP = np.array([0.05, -0.95, -0.3])
SIZES = (0.05, 1.5)
SIZE_CLASSES = ((0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8), (0.8, 1.5))
DISTANCES = (0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0)
NEAREST_POINT = 0.4
"""Depth of the nearest pixel in mean distances: where upstream's depth bins begin."""

# Where Qwen2's tokenizer may split: contractions, words with one mark before them, single
# digits, marks, blanks. Tokens never span two pieces, so this count is a lower bound.
PRE_TOKENS = re.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|(?:[^\r\n\w]|_)?[^\W\d_]+|\d"
    r"| ?(?:[^\s\w]|_)+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    result = {
        "samples": options.samples,
        "ceilings": ceilings(rng, options.samples),
        "margins": margins(rng, options.samples),
        "costs": costs(rng),
    }
    show(result)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def sample(
    rng: np.random.Generator,
    n: int,
    depth: tuple[float, float],
    sizes: tuple[float, float] = SIZES,
    up: np.ndarray | None = None,
) -> Box3D:
    """Random boxes: camera-aligned, or with any yaw about `up`."""
    size = np.exp(rng.uniform(*np.log(sizes), (n, 3)))
    center = CAMERA.lift(rng.uniform(0, [640, 480], (n, 2)), rng.uniform(*depth, n))
    if up is None:
        return Box3D(center, size)
    return Box3D(center, size, upright(up) @ axis_rotation(1, rng.uniform(-np.pi, np.pi, n)))


def ceilings(rng: np.random.Generator, n: int) -> list[dict[str, Any]]:
    """IoU of each box with its own text, per dialect and scene."""
    rows = []
    for name, mean, depth in (
        ("mean distance 1.5 m", 1.5, (0.75, 2.25)),
        ("mean distance 3 m", 3.0, (1.5, 4.5)),
        ("mean distance 15 m", 15.0, (7.5, 22.5)),
        ("0.5 to 10 m", 5.25, (0.5, 10.0)),
    ):
        aligned, turned = sample(rng, n, depth), sample(rng, n, depth, up=UP)
        norm = scene(mean, min(depth[0] / mean, NEAREST_POINT))
        clipped = float(np.mean(upstream.clipped(aligned, norm, CAMERA)))
        for dialect, box, back, share in (
            ("upstream, floor", aligned, through_upstream(aligned, norm), clipped),
            ("upstream, rounded", aligned, through_upstream(aligned, norm, True), clipped),
            ("n3d, aligned", aligned, through_n3d(aligned), 0.0),
            ("n3d, upright", turned, through_n3d(turned, UP), 0.0),
        ):
            rows.append({"scene": name, "dialect": dialect, **ceiling(box, back), "clipped": share})
    return rows


def margins(rng: np.random.Generator, n: int) -> list[dict[str, Any]]:
    """How far n3d is above upstream in each class of size and distance, clipped boxes left out.

    "floor" is what the weights were trained with, "rounded" what upstream could be.
    """
    rows = []
    for mean in DISTANCES:
        for sizes in SIZE_CLASSES:
            box = sample(rng, n, (0.5 * mean, 1.5 * mean), sizes)
            norm = scene(mean, NEAREST_POINT)
            box = box[~np.asarray(upstream.clipped(box, norm, CAMERA))]
            if len(box) < 100:
                continue
            ours = ceiling(box, through_n3d(box))
            for name, nearest in (("floor", False), ("rounded", True)):
                theirs = ceiling(box, through_upstream(box, norm, nearest))
                margin = {key: ours[key] - theirs[key] for key in ours}
                rows.append({"mean": mean, "sizes": sizes, "against": name, **margin})
    return rows


def scene(mean: float, nearest: float) -> Normalizer:
    """The upstream normaliser of a scene with this mean distance."""
    return Normalizer([-mean, -mean, nearest * mean], 1 / mean)


def through_upstream(box: Box3D, norm: Normalizer, nearest: bool = False) -> Box3D:
    return upstream.decode(upstream.encode(box, norm, CAMERA, nearest=nearest), norm, CAMERA)


def through_n3d(box: Box3D, up: np.ndarray | None = None) -> Box3D:
    return boxes.decode(boxes.encode(box, CAMERA, up=up), CAMERA, up=up)


def ceiling(box: Box3D, back: Box3D) -> dict[str, float]:
    iou = iou_pairs(box, back)
    return {"median": float(np.median(iou)), "p5": float(np.percentile(iou, 5))}


def costs(rng: np.random.Generator, n: int = 500) -> list[dict[str, Any]]:
    """Characters, pre-tokens and own tokens of one box labelled "person"."""
    depth = (0.5, 10.0)
    norm = scene(5.25, 0.05)
    rows = []
    for dialect, up in (("upstream", None), ("n3d, aligned", None), ("n3d, upright", UP)):
        stack = sample(rng, n, depth, up=up)
        objects = [Object3D("0", "person", b) for b in stack]
        if dialect == "upstream":
            lines = [upstream.write([o], norm, CAMERA) for o in objects]
        else:
            lines = [boxes.write([o], CAMERA, up=up) for o in objects]
        pieces = [len(PRE_TOKENS.findall(line)) for line in lines]
        own = [] if dialect == "upstream" else [tokens.count(tokens.to_tokens(t)) for t in lines]
        rows.append(
            {
                "dialect": dialect,
                "characters": float(np.mean([len(t) for t in lines])),
                "pre_tokens": float(np.mean(pieces)),
                "own_tokens": max(own) if own else None,
            }
        )
    return rows


def show(result: dict[str, Any]) -> None:
    console = Console(width=96)
    table = Table(title=f"IoU ceiling from writing alone, {result['samples']} boxes per scene")
    for column in ("scene", "dialect", "median", "5th percentile", "clipped"):
        table.add_column(column, justify="left" if column in ("scene", "dialect") else "right")
    for i, row in enumerate(result["ceilings"]):
        table.add_row(
            row["scene"] if i % 4 == 0 else "",
            row["dialect"],
            f"{row['median']:.3f}",
            f"{row['p5']:.3f}",
            f"{row['clipped']:.1%}",
            end_section=i % 4 == 3,
        )
    console.print(table)
    for name in ("floor", "rounded"):
        rows = [r for r in result["margins"] if r["against"] == name]
        console.print(
            f"n3d minus upstream ({name}) in {len(rows)} classes of size and distance, without the "
            f"boxes that upstream clips: median at least {min(r['median'] for r in rows):+.4f}, "
            f"5th percentile at least {min(r['p5'] for r in rows):+.4f}"
        )
    table = Table(title='One box labelled "person"')
    table.add_column("dialect")
    for column in ("characters", "ordinary tokens, at least", "own tokens besides the label"):
        table.add_column(column, justify="right")
    for row in result["costs"]:
        table.add_row(
            row["dialect"],
            f"{row['characters']:.1f}",
            f"{row['pre_tokens']:.1f}",
            "-" if row["own_tokens"] is None else str(row["own_tokens"]),
        )
    console.print(table)


if __name__ == "__main__":
    main()
