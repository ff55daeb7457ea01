"""Tables 5 and 6 of the N3D-VLM paper (arXiv 2512.16561): what depth, and what boxes, are worth.

    python runs/table_ablation.py --row n3d-mini [--row other=DIR ...] --limit 100 --out out

Table 5: precision, recall and F1 at IoU .25 of all objects of a view, for every model (of other
data, size or code of its points: train them by recipes of this folder) and every depth it may see.
Table 6: answers of a model that finds its own boxes, that is given the true ones, that writes its
results itself, and of nobody who looks. On rendered rooms of the benchmark "synthetic", or with
--set on what `n3d bench` chose (table 6 alone).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from made import Set
from rich.console import Console
from rich.table import Table

import n3d
from n3d.evaluate import depths
from n3d.evaluate.items import Sitting
from n3d.evaluate.reporting import Tally
from n3d.pipelines import tabling
from n3d.scene import Prediction, files


def asked(chosen: Set | None, limit: int, **options: Any) -> tabling.Asked:
    if chosen is None:
        return tabling.Asked("synthetic", limit=limit, **options)
    return tabling.Asked(
        str(chosen.questions), chosen.scenes, chosen.images, chosen.depths, limit, **options
    )


def with_true_boxes(model: str, sittings: Iterable[Sitting]) -> dict[str, Any]:
    """Measures of the answers of a model that is given the boxes of what is asked about."""
    loaded = n3d.load(model)
    tally = Tally()
    for sitting in sittings:
        look = loaded.look(sitting.view)
        for item in sitting.items:
            if item.request == "ask" and item.qa is not None:
                boxes = [replace(item.around[i], score=1.0) for i in item.qa.objects]
                told: Prediction = loaded.answer(look, item.question, objects=boxes)
                tally.add(item, told, sitting.view.camera, sitting.view.up)
    return tally.report()


def show(title: str, rows: Sequence[tuple[str, dict[str, Any]]], keys: Sequence[str]) -> None:
    table = Table(title=title)
    table.add_column("")
    for key in keys:
        table.add_column(key, justify="right")
    for name, told in rows:
        found = [told.get(key, {}).get("overall") for key in keys]
        table.add_row(name, *("-" if v is None else f"{100 * v:.1f}" for v in found))
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--row", action="append", required=True, dest="rows", help="[NAME=]MODEL")
    parser.add_argument("--set", type=Set.of)
    parser.add_argument("--limit", type=int, default=100, help="views")
    parser.add_argument("--depths", nargs="+", default=list(depths.MODES), choices=depths.MODES)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    models = {name: path or name for name, _, path in (r.partition("=") for r in given.rows)}
    reports: dict[str, Any] = {"detection": {}, "answers": {}}
    for name, model in models.items():
        place = given.out / name.replace("/", "_")
        if given.set is None:
            for mode in given.depths:
                reports["detection"][f"{name}, depth {mode}"] = tabling.one(
                    model, asked(None, given.limit), mode, place / f"{mode}.jsonl"
                )
        answers = reports["answers"]
        answers[f"{name}, own boxes"] = tabling.one(
            model, asked(given.set, given.limit), "true",
            place / ("set.jsonl" if given.set else "true.jsonl"),
        )  # fmt: skip
        answers[f"{name}, writes its results"] = tabling.one(
            model, asked(given.set, given.limit, computed=False), "true", place / "free.jsonl"
        )
        seen = asked(given.set, given.limit).seen("true")
        answers[f"{name}, true boxes"] = with_true_boxes(model, seen)
    reports["answers"]["blind"] = tabling.one(
        "blind", asked(given.set, given.limit), "true", given.out / "blind.jsonl"
    )
    if reports["detection"]:
        rows = list(reports["detection"].items())
        show("all objects at IoU .25, %", rows, ("f1_25", "precision_25", "recall_25"))
    keys = ("answer_right", "program_right", "chain_right", "boxes_right")
    show("answers, %", list(reports["answers"].items()), keys)
    files.write_json(given.out / "table.json", reports)


if __name__ == "__main__":
    main()
