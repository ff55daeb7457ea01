"""How often `n3d doctor` finds the convention of a file: random scenes in random conventions.

A case is a scene of boxes on a floor, seen by a random camera and written in a random convention
with 2D boxes that are exact, rounded, or tight around the things. The doctor is right where the
boxes it reads are the true ones; "ambiguous" is no answer, and a case is called identifiable if
no other convention gives 2D boxes as close to the true projections (1 % of their sides) but other
solids.

Run: python benchmarks/doctor.py [--cases 1000] [--seed 0] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from n3d.geometry import Box3D, Camera
from n3d.geometry.pose import axis_rotation, euler
from n3d.pipelines import diagnosing
from n3d.pipelines.diagnoses import Diagnosis
from n3d.scene import typical
from n3d.sources import candidates, conventions, described, foreign, solids, turning
from n3d.sources.conventions import Convention

FRAMES = (*conventions.FRAME_NAMES, "rdf", "rdf", "rub", "luf", "rfu", "flu")
LAYOUTS = ("coco", "list", "rows", "csv", "named")
NOISES = ("exact", "rounded", "tight")


@dataclass(frozen=True)
class Case:
    """One file on disk and what it truly says."""

    path: Path
    camera: Camera
    camera_file: Path | None
    convention: Convention
    boxes: Box3D
    rectangles: np.ndarray
    labelled: bool
    noise: str
    layout: str
    up: np.ndarray | None


def make(seed: int, folder: Path) -> Case:
    """The case of a seed; the same seed is the same file."""
    rng = np.random.default_rng(seed)
    camera = _camera(rng)
    kind = rng.choice(["yaw", "yaw", "euler", "quaternion", "matrix", "none"])
    count = int(rng.integers(4, 25))
    leans = seed % 8 == 7
    tilt = _tilt(rng, str(kind), leans)
    labels, boxes = _scene(rng, camera, count, str(kind), tilt)
    labelled = bool(rng.random() < 0.75)
    noise = str(rng.choice(NOISES))
    convention = replace(_convention(rng, str(kind)), level=leans)
    up = tilt @ [0.0, -1.0, 0.0] if leans else None
    boxes = convention.boxes(*convention.rows(boxes, up), up)  # what the file can hold
    rectangles = _rectangles(rng, boxes, camera, noise)
    layout = str(rng.choice(LAYOUTS))
    if layout == "csv":  # its columns are named
        convention = replace(convention, rectangle="xyxy:px")
    path, camera_file = _write(
        folder / f"case{seed}", layout, convention, boxes, rectangles,
        labels if labelled else [""] * len(labels), camera, rng, up,
    )  # fmt: skip
    return Case(
        path, camera, camera_file, convention, boxes, rectangles, labelled, noise, layout, up
    )


def _camera(rng: np.random.Generator) -> Camera:
    width, height = [(640, 480), (1280, 720), (1920, 1080), (720, 960)][rng.integers(4)]
    f = max(width, height) / (2 * np.tan(np.radians(rng.uniform(45, 90)) / 2))
    cx, cy = width * rng.uniform(0.47, 0.53), height * rng.uniform(0.47, 0.53)
    return Camera(f, f * rng.uniform(0.98, 1.02), cx, cy, width, height)


def _tilt(rng: np.random.Generator, kind: str, leans: bool) -> np.ndarray:
    """How the ground is turned in the camera: not at all where boxes have a yaw in its frame."""
    pitch = rng.uniform(-0.1, 0.5)
    if leans:
        return axis_rotation(0, pitch) @ axis_rotation(2, rng.uniform(-0.06, 0.06))
    return axis_rotation(0, 0.0 if kind in ("yaw", "none") else pitch)


def _scene(
    rng: np.random.Generator, camera: Camera, count: int, kind: str, tilt: np.ndarray
) -> tuple[list[str], Box3D]:
    """Things that stand upright, all of them before the camera and in view."""
    names = [n for n, v in typical.LONGEST.items() if 0.1 <= v <= 6]
    labels, found = [], []
    while len(found) < count:
        label = str(rng.choice(names))
        longest = typical.LONGEST[label] * np.exp(rng.normal(0, 0.25))
        size = longest * rng.permutation([1.0, rng.uniform(0.35, 1), rng.uniform(0.2, 0.9)])
        z = longest * np.exp(rng.uniform(np.log(1.5), np.log(12)))
        u, v = rng.uniform(0.05, 0.95) * camera.width, rng.uniform(0.1, 0.95) * camera.height
        yaw = 0.0 if kind == "none" else rng.uniform(-np.pi, np.pi)
        box = Box3D(camera.lift([u, v], z), size, tilt @ euler(yaw))
        seen = np.clip(box.project(camera), 0, [camera.width, camera.height] * 2)
        whole = box.project(camera)
        share = np.prod(seen[2:] - seen[:2]) / np.prod(whole[2:] - whole[:2])
        if box.corners[:, 2].min() > 0.05 and share > 0.6 and min(seen[2:] - seen[:2]) > 12:
            labels.append(label)
            found.append(box)
    return labels, Box3D.stack(found)


def _convention(rng: np.random.Generator, kind: str) -> Convention:
    frame = str(rng.choice(FRAMES))
    axis = "xyz"[int(np.abs(Convention(frame).up).argmax())]
    unit = str(rng.choice(["rad", "rad", "deg", "pi"]))
    sign = str(rng.choice(["+", "+", "-"]))
    orders = [str(rng.choice(turning.ORDERS)) for _ in range(2)]
    rotation = {
        "none": "none",
        "yaw": f"yaw:{sign}{axis}:{unit}",
        "euler": f"euler:{orders[0]}:{orders[1]}:{sign}:{unit}",
        "quaternion": str(rng.choice(list(turning.every(4))[:3])),
        "matrix": str(rng.choice(list(turning.every(9)))),
    }[kind]
    return Convention(
        frame,
        unit=str(rng.choice(["m", "m", "m", "cm", "mm"])),
        anchor="bottom" if kind in ("yaw", "none") and rng.random() < 0.3 else "center",
        size=str(rng.choice(turning.ORDERS)),
        half=bool(rng.random() < 0.2),
        rotation=rotation,
        rectangle=f"{rng.choice(['xyxy', 'xywh'])}:{rng.choice(['px', 'px', 'unit'])}",
        layout=str(rng.choice(conventions.LAYOUTS)),
    )


def _rectangles(rng: np.random.Generator, boxes: Box3D, camera: Camera, noise: str) -> np.ndarray:
    whole = boxes.project(camera)
    if noise == "tight":  # things fill their boxes, but not to the corners
        side = np.repeat((whole[:, 2:] - whole[:, :2]), 2, axis=1)[:, [0, 2, 1, 3]]
        whole = whole + rng.uniform(0, 0.06, whole.shape) * side * [1, 1, -1, -1]
        whole = whole + rng.normal(0, 1, whole.shape)
    seen = np.clip(whole, 0, [camera.width, camera.height] * 2)
    return seen.round() if noise != "exact" else seen


def _write(path, layout, convention, boxes, rectangles, labels, camera, rng, up):
    location, sizes, turns = convention.rows(boxes, up)
    given = conventions.write_rectangles(
        rectangles, convention.rectangle, camera.width, camera.height
    )
    rows = list(zip(labels, location.tolist(), sizes.tolist(), turns.tolist(), given.tolist()))
    intrinsics = {"width": camera.width, "height": camera.height, "K": camera.matrix.tolist()}
    camera_file = path.with_suffix(".camera.json")
    camera_file.write_text(json.dumps(intrinsics))
    if layout == "csv":
        head = ["label", "cx", "cy", "cz", "sx", "sy", "sz"]
        head += {0: [], 1: ["yaw"], 3: ["rx", "ry", "rz"], 4: ["qw", "qx", "qy", "qz"],
                 9: ["rotation"]}[turns.shape[1]]  # fmt: skip
        if turns.shape[1] != 9:
            lines = [",".join([*head, "x1", "y1", "x2", "y2"])]
            for label, c, s, t, r in rows:
                lines.append(",".join([label, *(repr(v) for v in (*c, *s, *t, *r))]))
            path = path.with_suffix(".csv")
            path.write_text("\n".join(lines) + "\n")
            return path, camera_file
    path = path.with_suffix(".json")
    if layout == "rows" and turns.shape[1] in (0, 1, 3, 4):
        flip = convention.layout == "size-center"
        records = [
            {"label": n, "bbox_3d": [*(s if flip else c), *(c if flip else s), *t], "bbox2d": r}
            for n, c, s, t, r in rows
        ]
        path.write_text(json.dumps(records))
        return path, camera_file
    keys = [("center", "size", "rotation"), ("location", "dimensions", "orientation"),
            ("translation", "extent", "rot")][rng.integers(3)]  # fmt: skip
    records = [
        {"category": n, keys[0]: c, keys[1]: s, **({keys[2]: t} if t else {}), "bbox2d": r,
         "image_id": 1}
        for n, c, s, t, r in rows
    ]  # fmt: skip
    if layout == "coco":
        images = [{"id": 1, "file_name": "a.jpg", **intrinsics}]
        path.write_text(json.dumps({"images": images, "annotations": records}))
        return path, None
    path.write_text(json.dumps(records))
    return path, camera_file


def judge(case: Case) -> tuple[str, Diagnosis]:
    """("right" | "wrong" | "ambiguous" | "ambiguous without the truth" | "none", diagnosis).

    Where the camera leans the convention is judged, with the true direction of gravity; the one
    that was found is judged by `lean_error`.
    """
    found = diagnosing.diagnose(case.path, camera=case.camera_file)
    if found.verdict == "none":
        return "none", found
    left = [
        replace(r.convention, unit=unit)
        for r in (found.best, *found.others)
        for unit in found.units
    ]
    table = foreign.read(case.path)
    holds = []
    for convention in left:
        each = table.swapped() if convention.layout == "size-center" and table.bare else table
        boxes = described.boxes(each, convention, case.up, len(case.boxes))
        holds.append(boxes is not None and solids.same(boxes, case.boxes))
    if found.verdict == "known":
        return "right" if holds[0] else "wrong", found
    return "ambiguous" if any(holds) else "ambiguous without the truth", found


def lean_error(case: Case, found: Diagnosis) -> float | None:
    """Degrees between the true and the found direction of gravity, None where none was found."""
    if case.up is None or found.up is None:
        return None
    return float(np.degrees(np.arccos(np.clip(case.up @ np.array(found.up), -1, 1))))


def identifiable(case: Case) -> bool:
    """Whether, with exact 2D boxes, all conventions that give other solids are off by more than
    twice the noise of the case's 2D boxes and 1 % of their sides, and things have names."""
    table = foreign.read(case.path)
    tables = [table, *([table.swapped()] if table.bare else [])]
    size = np.array([case.camera.width, case.camera.height] * 2)
    true = np.clip(case.boxes.project(case.camera), 0, size)
    side = (true[:, 2:] - true[:, :2]).mean(axis=1)
    noise = float((np.abs(case.rectangles - true).mean(axis=1) / side).mean())
    limit = 2 * noise + 0.01
    for each in tables:
        if min(min(r.sizes) for r in each.rows) <= 0:
            continue
        rows = [replace(r, rectangle=xyxy) for r, xyxy in zip(each.rows, true.tolist())]
        evidence = candidates.Evidence.of(rows, [case.camera] * len(rows))
        floor = candidates.FLOOR_PX / float(side.max())
        within = 2 * len(true) * np.log((limit + 1) / floor)
        for found in candidates.search(evidence.some(), within=within, order="xyxy", most=limit):
            convention = replace(found.convention, unit=case.convention.unit)
            boxes = described.boxes(each, convention, None, len(true))
            if boxes is not None and not solids.same(boxes, case.boxes):
                return False
    return case.labelled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print each case that is not right")
    options = parser.parse_args()
    counts: dict[str, Counter] = {n: Counter() for n in ("identifiable", "others", "leaning")}
    leans: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.cases):
            case = make(seed, Path(folder))
            verdict, found = judge(case)
            group = "identifiable" if case.up is None and identifiable(case) else "others"
            group = group if case.up is None else "leaning"
            error = lean_error(case, found)
            leans += [] if error is None or verdict != "right" else [error]
            counts[group][verdict] += 1
            if options.show and verdict != "right":
                print(seed, group, verdict, case.noise, len(case.boxes), case.convention)
                print("    ", [str(r.convention) for r in (found.best, *found.others)], found.units)
    report(counts, options.json)
    if leans:
        print(f"gravity of right ones off by {np.median(leans):.2f} degrees (median), "
              f"{np.quantile(leans, 0.95):.2f} (95 %)")  # fmt: skip


VERDICTS = ("right", "wrong", "ambiguous", "ambiguous without the truth", "none")


def report(counts: dict[str, Counter], target: Path | None) -> None:
    table = Table(title="n3d doctor on generated files")
    for column in ("cases", "", *VERDICTS, "right"):
        table.add_column(column, justify="right" if column else "left")
    rows = []
    for name, found in counts.items():
        total = sum(found.values())
        share = found["right"] / total if total else 0.0
        rows.append({"cases": name, "total": total, **{v: found[v] for v in VERDICTS}})
        table.add_row(name, str(total), *(str(found[v]) for v in VERDICTS), f"{share:.2%}")
    Console().print(table)
    if target:
        target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
