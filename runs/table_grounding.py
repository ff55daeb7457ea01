"""Tables 3 and 4 of the N3D-VLM paper (arXiv 2512.16561): is the object that a phrase names found?

    python runs/table_grounding.py --model n3d-mini [--model DIR ...] --out out/grounding
        [--set NAME=QUESTIONS,SCENES,IMAGES[,DEPTHS] ...] [--limit 100] [--no-depth]

A set is what `n3d lift refcoco` and `n3d ask --kinds locate` wrote: its requests for one object are
asked, by expression or by class. Without sets a small one of rendered rooms is made, whose figures
compare with nothing published. Rows are marked by the protocol "n3d-paper"
(`n3d eval protocols n3d-paper` tells what is comparable): projected IoU and offset by the paper's
rule for corners, 3D IoU and offset after alignment to the true depth, and as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from made import Set, rendered
from rich.console import Console
from rich.progress import track
from rich.table import Table

import n3d
from n3d import sources
from n3d.errors import N3DError
from n3d.pipelines import marking
from n3d.scene import QA, Object3D, Scene, asked, files

KINDS = ("locate_expression", "locate_one")


def queries(chosen: Set, limit: int) -> Iterator[tuple[Scene, list[QA]]]:
    """The first scenes of a set with what asks for one object of them."""
    found = (
        (scene, [q for q in qas if q.kind in KINDS and len(q.objects) == 1])
        for scene, qas in asked.together(chosen.questions, chosen.scenes)
    )
    return islice((pair for pair in found if pair[1]), limit)


def line(name: str, objects: list[Object3D], **more: Any) -> str:
    told = [
        {"label": "it", "center": o.box.center.tolist(), "size": o.box.size.tolist(),
         "R": o.box.rotation.tolist(), "score": o.score}
        for o in objects
    ]  # fmt: skip
    return json.dumps({"id": name, "objects": told, **more}) + "\n"


def run(model: str, chosen: Set, out: Path, limit: int, depth: bool) -> dict[str, Any]:
    """The report of one model on one set; truth and predictions stay in `out`."""
    loaded = n3d.load(model)
    truth, found = [], []
    for scene, qas in track(list(queries(chosen, limit)), f"{model} on {chosen.name}"):
        folder = chosen.depths if depth else None
        try:
            view = sources.reopening.reopen(scene, chosen.images, folder).rgbd
        except N3DError as e:
            Console(stderr=True).print(f"left out: {e}")
            continue
        assert view is not None
        look = loaded.look(view)
        camera = {"K": view.camera.matrix.tolist(), "image_size": [view.width, view.height]}
        for qa in qas:
            phrase = qa.query.names[0] if qa.query and qa.query.names else qa.question
            told = loaded.ground(look, phrase)
            truth.append(line(qa.id, [scene.objects[qa.objects[0]]], text=phrase, **camera))
            # One object is meant: the surest is the answer.
            found.append(line(qa.id, sorted(told, key=lambda o: -o.score)[:1]))
    out.mkdir(parents=True, exist_ok=True)
    files.write_bytes(out / "truth.jsonl", "".join(truth).encode())
    files.write_bytes(out / "found.jsonl", "".join(found).encode())
    return marking.grounding(out / "found.jsonl", out / "truth.jsonl", "n3d-paper")


def cells(report: dict[str, Any]) -> list[str]:
    flat, aligned, metric = report["projected"], report["depth_aligned"], report["metric"]

    def both(iou: dict, offset: dict) -> str:
        return f"{iou['mean']:.2f} / {offset['mean']:.2f}"

    return [
        str(report["true_boxes"]),
        both(flat["iou"]["n3d_rule"], flat["offset_normalised"]["rectangle_center_n3d_rule"]),
        both(aligned["iou_3d"], aligned["offset_3d_m"]),
        both(metric["iou_3d"], metric["offset_3d_m"]),
        f"{100 * metric['acc25']['mean']:.1f} %",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--set", action="append", type=Set.of, default=[], dest="sets")
    parser.add_argument("--rooms", type=int, default=60, help="of the set that is made")
    parser.add_argument("--limit", type=int, default=1 << 30, help="scenes of each set")
    parser.add_argument("--no-depth", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    sets = given.sets or [rendered(given.out / "made", given.rooms, kinds="locate")]
    table = Table(title="grounding of one object: IoU / offset")
    for name in ("model", "set", "objects", "projected", "3D, aligned", "3D, metric", "Acc@.25"):
        table.add_column(name, justify="left" if name in ("model", "set") else "right")
    reports = []
    for model in given.model:
        for number, chosen in enumerate(sets):
            place = given.out / f"{Path(model).name}-{number}"
            report = run(model, chosen, place, given.limit, not given.no_depth)
            reports.append({"model": model, "set": chosen.name, **report})
            table.add_row(model, chosen.name, *cells(report))
    files.write_json(given.out / "table.json", reports)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
