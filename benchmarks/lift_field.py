"""Lifting beside what the field does: images a second of one core, and whose boxes are right.

    python benchmarks/lift_field.py [--scenes 20] [--rounds 3] [--json FILE]

The field's way, with scipy and scikit-learn, by the thresholds of SpatialRGPT's data pipeline: the
points of a mask; statistical outliers (10 neighbours, 1.2 deviations); thinned to voxels of
max(1 cm, 3 std / 40); the largest cluster of DBSCAN (eps 0.2 m, 10 points); a box along the axes of
the camera. "Unthinned" leaves the voxels out. Both ways see the same decoded rooms of the split
"test", 640x480, with a structured-light camera's faults and masks one pixel too wide. IoU is that
of boxes along the camera's axes around the true ones, which favours the field's, and of the boxes
themselves. Times are medians of rounds in turn, of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial import cKDTree
from sklearn.cluster import DBSCAN

from n3d import lift, synthetic
from n3d.geometry import Box3D, overlap
from n3d.scene import RGBD, Region
from n3d.synthetic.sensor import SensorConfig, dilate

NEIGHBOURS, DEVIATIONS = 10, 1.2
EPS, LEAST = 0.2, 10
Found = dict[str, Box3D]


def views(count: int) -> list[tuple[RGBD, list[Region], Found]]:
    """Rooms with their regions, masks loose, and the true boxes by the regions' ids."""
    config = synthetic.SceneConfig(sensor=SensorConfig.structured_light())
    made = [synthetic.make(synthetic.split_seed("test", i), config) for i in range(count)]
    return [
        (
            m.rgbd,
            [replace(r, mask=dilate(r.mask, 1)) for r in m.picture.regions if r.mask is not None],
            {str(o.region.id): o.box for o in m.targets if o.region is not None},
        )
        for m in made
    ]


def field(view: RGBD, regions: list[Region], *, thin: bool) -> Found:
    """The boxes of the field's way, those of a region with too few points left out."""
    assert view.depth is not None
    points = view.camera.unproject(view.depth)
    found: Found = {}
    for region in regions:
        own = points.points(region.mask).astype(float)
        if len(own) < LEAST:
            continue
        spread = cKDTree(own).query(own, NEIGHBOURS + 1)[0][:, 1:].mean(axis=1)
        own = own[spread <= spread.mean() + DEVIATIONS * spread.std()]
        if thin:
            voxel = max(0.01, 3 * own.std() / 40)
            own = own[np.unique(np.floor(own / voxel), axis=0, return_index=True)[1]]
        labels = DBSCAN(eps=EPS, min_samples=LEAST).fit_predict(own)
        if (labels >= 0).any():
            own = own[labels == np.bincount(labels[labels >= 0]).argmax()]
        low, high = own.min(axis=0), own.max(axis=0)
        if len(own) >= LEAST and (high > low).all():
            found[str(region.id)] = Box3D((low + high) / 2, high - low)
    return found


def ours(view: RGBD, regions: list[Region]) -> Found:
    return {o.id: o.box for o in lift.lift_view(view, regions).objects}


WAYS: dict[str, Callable[[RGBD, list[Region]], Found]] = {
    "n3d.lift": ours,
    "field's way": lambda v, r: field(v, r, thin=True),
    "field's way, unthinned": lambda v, r: field(v, r, thin=False),
}


def score(found: list[Found], true: list[Found]) -> dict[str, float]:
    """Medians over all true boxes; one that was not found has IoU 0."""
    own, hull = [], []
    for mine, real in zip(found, true, strict=True):
        for name, box in real.items():
            got = mine.get(name)
            own.append(0.0 if got is None else float(overlap.iou(got, box)[0, 0]))
            hull.append(0.0 if got is None else float(overlap.iou(got.hull(), box.hull())[0, 0]))
    return {
        "boxes": len(own),
        "hull_iou": float(np.median(hull)),
        "iou": float(np.median(own)),
        "iou_over_half": float(np.mean(np.array(own) > 0.5)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    seen = views(given.scenes)
    for way in WAYS.values():  # compiled and loaded before the clock runs
        way(*seen[0][:2])
    took: dict[str, list[float]] = {name: [] for name in WAYS}
    report: dict[str, Any] = {"scenes": given.scenes, "rounds": given.rounds}
    for _ in range(given.rounds):
        for name, way in WAYS.items():
            began = time.process_time()
            found = [way(view, regions) for view, regions, _ in seen]
            took[name].append(time.process_time() - began)
            report[name] = score(found, [true for *_, true in seen])
    table = Table(title=f"{given.scenes} rooms, one core")
    for head in ("", "images/s", "n3d faster by", "IoU along the axes", "IoU", "over .5"):
        table.add_column(head, justify="right" if head else "left")
    for name in WAYS:
        told = report[name]
        told["images_per_s"] = given.scenes / statistics.median(took[name])
        ratios = [a / b for a, b in zip(took[name], took["n3d.lift"], strict=True)]
        told["n3d_faster_by"] = statistics.median(ratios)
        table.add_row(
            name, f"{told['images_per_s']:.1f}", f"{told['n3d_faster_by']:.1f}",
            f"{told['hull_iou']:.3f}", f"{told['iou']:.3f}", f"{100 * told['iou_over_half']:.0f} %",
        )  # fmt: skip
    Console(width=110).print(table)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
