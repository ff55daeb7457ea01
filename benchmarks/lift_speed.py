"""How fast masks become boxes: images per second of one core, and where the time goes.

    python benchmarks/lift_speed.py [--quick] [--json FILE]

A 640x480 view of ten objects on a floor, masks and gravity given, depth decoded: region masks
in, boxes out. Also rectangles without masks, and gravity from the floor. Times are those of the
processor, in the median of the repeats; "least disturbed" is the best repeat, because other work
on the machine slows a processor too, and "wall" is what a clock on the wall says.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from n3d import lift
from n3d.geometry import Camera, Pose, euler
from n3d.geometry.pose import upright
from n3d.lift import cleaning, fitting
from n3d.scene import RGBD, Region
from n3d.synthetic import raycast
from n3d.synthetic.boxes import degrade, dilate
from n3d.synthetic.primitives import Primitives

CAMERA = Camera(525, 525, 320, 240, 640, 480)


def view_of_ten(seed: int = 0) -> tuple[RGBD, list[Region]]:
    """Ten boxes in two rows on a floor before a wall, seen from above, with their masks."""
    rng = np.random.default_rng(seed)
    tilt = Pose(euler(pitch=0.35), np.zeros(3))
    parts = [
        Primitives.plane((0, 1.5, 0), (0, -1, 0)),
        Primitives.plane((0, 0, 6.0), (0, 0, -1)),
    ]
    for k in range(10):
        row, column = divmod(k, 5)
        size = rng.uniform(0.45, 0.7, 3)
        center = [
            (column - 2 + 0.5 * row) * (0.75 + 0.15 * row),
            1.5 - size[1] / 2,
            2.4 + 1.5 * row,
        ]
        parts.append(Primitives.box(center, size, euler(yaw=rng.uniform(-1, 1)), k))
    cast = raycast.cast(Primitives.join(parts).transform(tilt), CAMERA)
    regions = []
    for k in range(10):
        mask = cast.ids == k
        if mask.sum() < 200:
            raise RuntimeError(f"object {k} is hidden")
        mask = dilate(mask)
        y, x = np.nonzero(mask)
        rectangle = (x.min(), y.min(), x.max() + 1, y.max() + 1)
        regions.append(Region(f"box {k}", tuple(map(float, rectangle)), mask))
    image = np.full((480, 640, 3), 128, np.uint8)
    up = tilt.rotation @ np.array([0.0, -1.0, 0.0])
    return RGBD(image, CAMERA, degrade(cast.depth, rng), up=up), regions


def times(job, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of every call, of the processor and on the wall, after one to warm up."""
    job()
    spent, passed = [], []
    for _ in range(repeats):
        start, begin = time.process_time(), time.perf_counter()
        job()
        spent.append(time.process_time() - start)
        passed.append(time.perf_counter() - begin)
    return spent, passed


def seconds(job, repeats: int) -> float:
    """Median seconds of the processor of one call."""
    return statistics.median(times(job, repeats)[0])


def measure(repeats: int) -> dict[str, float]:
    view, regions = view_of_ten()
    config = lift.LiftConfig()
    turn = upright(view.up)
    bare = [Region(r.label, r.rectangle) for r in regions]
    plain = RGBD(view.image, view.camera, view.depth)
    lifted = lift.lift_view(view, regions)
    assert len(lifted.objects) == 10, lifted.drops
    crops = [cleaning.clean(view.depth, r.mask, CAMERA.fx, config) for r in regions]
    spent, passed = times(lambda: lift.lift_view(view, regions), repeats)
    whole = statistics.median(spent)
    n = len(regions)
    return {
        "mask_pixels_per_region": float(np.mean([c.pixels for c in crops])),
        "images_per_cpu_second": 1 / whole,
        "images_per_cpu_second_least_disturbed": 1 / min(spent),
        "images_per_wall_second": 1 / statistics.median(passed),
        "region_ms": 1e3 * whole / n,
        "clean_ms": 1e3 / n * seconds(
            lambda: [cleaning.clean(view.depth, r.mask, CAMERA.fx, config) for r in regions],
            repeats,
        ),
        "fit_ms": 1e3 / n * seconds(
            lambda: [fitting.fit(c, CAMERA, turn, config) for c in crops], repeats
        ),
        "segment_rectangle_ms": 1e3 / n * seconds(
            lambda: [lift.segment_rectangle(view, r.rectangle) for r in bare], repeats
        ),
        "rectangle_region_ms": 1e3 / n * seconds(lambda: lift.lift_view(view, bare), repeats),
        "unproject_image_ms": 1e3 * seconds(lambda: view.points, repeats),
        "floor_ms": 1e3 * seconds(lambda: lift.gravity.floor(plain.points), repeats),
    }  # fmt: skip


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", help="write the numbers to this file")
    options = parser.parse_args(argv)
    numbers = measure(5 if options.quick else 40)

    from rich.console import Console
    from rich.table import Table

    table = Table("measure", "value", title="Lifting at 640x480, ten regions, one core")
    for name, value in numbers.items():
        table.add_row(name, f"{value:.3g}" if value < 100 else f"{value:.0f}")
    Console().print(table)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(numbers, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
