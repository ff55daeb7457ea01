"""What makes lifted boxes wrong, and whether their score knows: one table for every fault.

    python benchmarks/lift_errors.py [--scenes 40] [--boxes 30] [--real DATA] [--json F]

Furnished rooms of `n3d.synthetic` (split "test", 640x480, gravity given, masks of the visible
part), clean and with one fault at a time; single boxes, thin things, composites and things that the
image border cuts, blurred and with 0.3 % noise; with --real also the bed and the night stand of SUN
RGB-D's frame 000017, from rectangles that people drew, against boxes that people drew. Errors are
medians: IoU of oriented boxes, metres between centres, mean relative error of the three sizes, and
degrees of yaw to the nearest face (of things that are not round). A region that is dropped counts
in "lifted" alone. The last table sorts all boxes of a setting by the score that lifting gives them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table

from lift_scenes import _turned
from n3d import lift, synthetic
from n3d.geometry import Box3D, Camera, overlap
from n3d.scene import RGBD, Object3D, Region
from n3d.synthetic.boxes import degrade, erode, single_box
from n3d.synthetic.sensor import SensorConfig, dilate

DISTANCES = (2.0, 3.0, 4.0)
LIGHT = SensorConfig.structured_light()


@dataclass(frozen=True)
class Setting:
    """What is wrong with a view: the sensor, the masks by so many pixels, all depth by a factor."""

    sensor: SensorConfig = field(default_factory=SensorConfig)
    grow: int = 0
    scale: float = 1.0
    masks: bool = True

    def region(self, region: Region) -> Region | None:
        """The region as this setting has it; None where nothing of it is left."""
        assert region.mask is not None
        if not self.masks:
            return replace(region, mask=None)
        mask = dilate(region.mask, self.grow) if self.grow >= 0 else erode(region.mask, -self.grow)
        return replace(region, mask=mask) if mask.any() else None


SETTINGS = {
    "clean": Setting(),
    "structured light, mask +1 px": Setting(LIGHT, 1),
    "noise 2 %": Setting(SensorConfig(noise=0.02)),
    "depth x 1.05": Setting(scale=1.05),
    "mask +1 px": Setting(grow=1),
    "mask +2 px": Setting(grow=2),
    "mask +3 px": Setting(grow=3),
    "mask -1 px": Setting(grow=-1),
    "mask -2 px": Setting(grow=-2),
    "mask -3 px": Setting(grow=-3),
    "rectangle only": Setting(masks=False),
}
VARIANTS = {"box": "solid", "thin": "thin", "concave": "concave", "truncated": "truncated"}


def room_rows(setting: Setting, scenes: int) -> list[dict]:
    """One row for every target of the rooms."""
    rows: list[dict] = []
    config = synthetic.SceneConfig(sensor=setting.sensor)
    for index in range(scenes):
        made = synthetic.make(synthetic.split_seed("test", index), config)
        view = made.rgbd
        if setting.scale != 1:
            assert view.depth is not None
            view = replace(view, depth=view.depth * np.float32(setting.scale))
        truth = {o.region.id: o for o in made.targets if o.region is not None}
        whole = [o.region for o in truth.values() if o.region is not None]
        regions = [r for own in whole if (r := setting.region(own)) is not None]
        found = {o.id: o for o in lift.lift_view(view, regions).objects}
        rows += [row(found.get(str(name)), true) for name, true in truth.items()]
    return rows


def box_rows(variant: Any, count: int) -> list[dict]:
    """One row for every single object of a kind, before a far wall."""
    rng = np.random.default_rng([3, ord(variant[0])])
    rows = []
    for k in range(count):
        made = single_box(rng, variant=variant)
        depth = degrade(made.depth, np.random.default_rng([3, k]), 1.2, 0.003)
        image = np.full((*depth.shape, 3), 128, np.uint8)
        y, x = np.nonzero(mask := dilate(made.mask, 1))
        region = Region(variant, (x.min(), y.min(), x.max() + 1, y.max() + 1), mask, id="0")
        view = RGBD(image, made.camera, depth, up=made.up)
        found = lift.lift_view(view, [region]).objects
        true = Object3D("0", variant, made.box)
        rows.append(row(found[0] if found else None, true))
    return rows


def real_rows(data: Path) -> list[dict]:
    """The two annotated boxes of SUN RGB-D 000017, from 50 000 depth samples and rectangles."""
    from PIL import Image

    folder = data / "sunrgbd_000017"
    told = json.loads((folder / "gt_camera.json").read_text())
    image = np.array(Image.open(folder / "000017.jpg").convert("RGB"))
    depth = np.array(Image.open(folder / "depth_sparse_mm.png")).astype(np.float32) / 1000
    camera = Camera.from_matrix(told["K"], told["width"], told["height"], pixel_center=1)
    view = RGBD(image, camera, depth, up=told["gravity_up_cam"])
    rows = []
    for b in told["boxes"]:
        found = lift.lift_view(view, [Region(b["label"], b["bbox2d_gt_xyxy"], id="0")]).objects
        box = Box3D(b["center_cam"], b["size_local_xyz"], b["R_cam"])
        true = Object3D("0", b["label"], box, visibility=1.0)
        rows.append(row(found[0] if found else None, true))
    return rows


def row(found: Object3D | None, true: Object3D) -> dict:
    """The errors of one lifted object; those of a dropped one are missing."""
    told = {"label": true.label, "distance": float(true.box.center[2]), "lifted": found is not None}
    if found is None:
        return told
    real, box = true.box, _turned(found, true)
    axes = np.abs(box.rotation.T @ real.rotation).argmax(axis=0)
    size = np.abs(box.size[axes] - real.size) / real.size
    told |= {
        "iou": float(overlap.iou(box, real)[0, 0]),
        "centre": float(np.linalg.norm(box.center - real.center)),
        "size": float(size.mean()),
        "score": float(found.quality["score"]),
    }
    if not true.attributes.get("round"):
        told["yaw"] = _turn(found.box.rotation.T @ real.rotation)
    return told


def _turn(turn: np.ndarray) -> float:
    """Degrees between the axes of two boxes, whatever they are called: of upright boxes the yaw to
    the nearest face."""
    named = np.zeros((3, 3))
    place = np.abs(turn).argmax(axis=0)
    named[place, range(3)] = np.sign(turn[place, range(3)])
    return float(np.degrees(np.arccos(np.clip((np.trace(turn @ named.T) - 1) / 2, -1, 1))))


def summary(rows: list[dict]) -> dict[str, float]:
    found = [r for r in rows if r["lifted"]]
    told = {"n": len(rows), "lifted": len(found) / len(rows)}
    for name in ("iou", "centre", "size", "yaw"):
        values = [r[name] for r in found if name in r]
        told[name] = float(np.median(values)) if values else float("nan")
    ious = [r["iou"] for r in found]
    told["iou_p10"] = float(np.quantile(ious, 0.1)) if ious else float("nan")
    return told


def scored(rows: list[dict]) -> dict[str, Any]:
    """Boxes by their score: the median IoU of the worst-scored tenth, of the best, and between."""
    found = sorted((r for r in rows if r["lifted"]), key=lambda r: r["score"])
    if len(found) < 20:
        return {}
    from scipy.stats import spearmanr

    ious = np.array([r["iou"] for r in found])
    tenths = np.array_split(ious, 10)
    rank: Any = spearmanr([r["score"] for r in found], ious)[0]
    worst = float(np.median(tenths[0]))
    return {
        "worst_tenth": worst,
        "middle": float(np.median(np.concatenate(tenths[1:-1]))),
        "best_tenth": float(np.median(tenths[-1])),
        "bad_in_worst": float((tenths[0] < 0.5).mean()),
        "bad_in_rest": float((np.concatenate(tenths[1:]) < 0.5).mean()),
        "rank": float(rank),
    }


def groups(rows: list[dict]) -> Iterator[tuple[str, list[dict]]]:
    """The rows by distance, then by class."""
    low = 0.0
    for high in (*DISTANCES, np.inf):
        name = f"{low:g} to {high:g} m" if high < np.inf else f"{low:g} m and more"
        yield name, [r for r in rows if low <= r["distance"] < high]
        low = high
    for label in sorted({r["label"] for r in rows}):
        yield label, [r for r in rows if r["label"] == label]


def run(scenes: int, boxes: int, real: Path | None, say: Callable[[str], Any]) -> dict[str, Any]:
    rows: dict[str, list[dict]] = {}
    for name, setting in SETTINGS.items():
        say(name)
        rows[name] = room_rows(setting, scenes)
    for name, variant in VARIANTS.items():
        say(name)
        rows[f"alone: {name}"] = box_rows(variant, boxes)
    report: dict[str, Any] = {"scenes": scenes, "boxes": boxes}
    if real is not None:
        report["real"] = {r["label"]: summary([r]) for r in real_rows(real)}
    report["settings"] = {name: summary(found) for name, found in rows.items()}
    for name in ("clean", "structured light, mask +1 px"):
        report[name] = {k: summary(g) for k, g in groups(rows[name]) if g}
    report["score"] = {name: s for name, found in rows.items() if (s := scored(found))}
    return report


def show(report: dict[str, Any]) -> None:
    console = Console(width=120)
    counts = f"{report['scenes']} rooms, {report['boxes']} boxes of each kind"
    parts = {"settings": counts, "clean": "clean rooms",
             "structured light, mask +1 px": "rooms, structured light", "real": "real"}  # fmt: skip
    for key, title in parts.items():
        table = Table(title=title)
        for name in ("", "n", "lifted", "IoU", "p10", "centre m", "size %", "yaw deg"):
            table.add_column(name, justify="right" if name else "left")
        for name, s in report.get(key, {}).items():
            table.add_row(
                name, str(s["n"]), f"{s['lifted']:.2f}", f"{s['iou']:.3f}", f"{s['iou_p10']:.3f}",
                f"{s['centre']:.3f}", f"{100 * s['size']:.1f}", f"{s['yaw']:.1f}",
            )  # fmt: skip
        if key in report:
            console.print(table)
    table = Table(title="Does the score know? Median IoU by score, share below IoU .5, rank")
    for name in ("", "worst tenth", "middle", "best tenth", "bad in worst", "in rest", "rank"):
        table.add_column(name, justify="right" if name else "left")
    for name, s in report["score"].items():
        table.add_row(name, *(f"{v:.3f}" for v in s.values()))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--boxes", type=int, default=30)
    parser.add_argument("--real", type=Path, help="folder that holds sunrgbd_000017")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    report = run(given.scenes, given.boxes, given.real, Console(stderr=True).print)
    show(report)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
