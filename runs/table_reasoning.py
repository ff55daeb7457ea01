"""Tables 2 and 7 of the N3D-VLM paper (arXiv 2512.16561): answers, by group of questions.

    python runs/table_reasoning.py --row n3d-mini [--row blind ...] --out out/reasoning
        [--set NAME=QUESTIONS,SCENES,IMAGES[,DEPTHS] ...] [--limit 100]
    python runs/table_reasoning.py --row gpt=http://HOST/v1#MODEL --row mine=answers.jsonl ...

A row is a model of n3d, `blind`, `lifted-boxes` or `true-boxes`, a server's model, or a file or
folder of answers. A set is what `n3d bench` chose; without one a small one of rendered rooms is
made, in the shape of N3D-Bench, whose figures compare with nothing published. Replies are marked by
"n3d-bench"; hours by the exact rule (`numerical_by_clock_rule` in table.json has the other).
SpatialRGPT-Bench and CV-Bench-3D, columns of table 2 too, are asked by 'eval import' and
'eval reasoning'.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from made import Set, rendered
from rich.console import Console
from rich.table import Table

from n3d.pipelines import tabling
from n3d.scene import files


def run(row: str, chosen: Set, out: Path, limit: int | None, depth: str) -> dict[str, Any]:
    """The report of one row on one set; its predictions stay in `out`, and resume."""
    name, _, rest = row.partition("=")
    model, endpoint = rest or name, None
    if model.startswith(("http://", "https://")):
        endpoint, _, model = model.partition("#")
    asked = tabling.Asked(
        str(chosen.questions), chosen.scenes, chosen.images, chosen.depths, limit,
        endpoint=endpoint,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    return tabling.one(model, asked, depth, out / f"{name.replace('/', '_')}.jsonl")


def percent(row: dict[str, Any]) -> str:
    return "-" if not row["questions"] else f"{100 * row['all']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--row", action="append", required=True, dest="rows")
    parser.add_argument("--set", action="append", type=Set.of, default=[], dest="sets")
    parser.add_argument("--rooms", type=int, default=100, help="of the set that is made")
    parser.add_argument("--questions", type=int, default=200, help="of the set that is made")
    parser.add_argument("--limit", type=int, help="scenes of each set")
    parser.add_argument("--depth", default="true", help="true, sensor, estimated or none")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    sets = given.sets or [rendered(given.out / "made", given.rooms, benchmark=given.questions)]
    reports: list[dict[str, Any]] = []
    for number, chosen in enumerate(sets):
        found = {
            row: run(row, chosen, given.out / f"rows-{number}", given.limit, given.depth)["replies"]
            for row in given.rows
        }
        groups = dict.fromkeys(g for told in found.values() for g in told["categories"])
        table = Table(title=f"{chosen.name}: right of all, %")
        table.add_column("")
        for name in found:
            table.add_column(name.partition("=")[0], justify="right")
        empty = {"questions": 0}
        for group in groups:
            cells = [told["categories"].get(group, empty) for told in found.values()]
            many = max(c["questions"] for c in cells)
            table.add_row(f"{group} ({many})", *(percent(c) for c in cells))
        for part in ("open", "numerical", "overall"):
            table.add_row(part, *(percent(told[part]) for told in found.values()))
        Console(width=120).print(table)
        reports += [{"row": k, "set": chosen.name, **v} for k, v in found.items()]
    files.write_json(given.out / "table.json", reports)


if __name__ == "__main__":
    main()
