"""Files of replies and of boxes by any protocol of the field: reports with their provenance."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from n3d import __version__
from n3d.errors import InputError
from n3d.evaluate.boxes import protocols as boxes
from n3d.evaluate.boxes import reading
from n3d.evaluate.chains import grading
from n3d.evaluate.chains import records as chain_records
from n3d.evaluate.replies import protocols, records
from n3d.pipelines import evaluating, judging
from n3d.scene import Drop
from n3d.sources import benchmarks, files

MOST_DROPS = 100


def reasoning(
    path: str | Path,
    protocol: str,
    *,
    truth: str | Path | None = None,
    seed: int = 0,
    judge: judging.Judge | None = None,
) -> dict[str, Any]:
    """The report on a file of replies: `items`, the totals, what was dropped, where it is from.

    `truth` is a file of questions where the replies have none. A `judge` marks beside the rules,
    whose marks stay what they are.
    """
    chosen = protocols.find(protocol)
    totals, found, drops = protocols.run(chosen, records.read(path, truth), seed=seed)
    if not found:
        detail = f"; the first: {drops[0].detail}" if drops else ""
        raise InputError(
            f"holds no question that can be marked{detail}", code="records-none", file=path,
            hint="One JSON object a line: id, question, reference, response, category",
        )  # fmt: skip
    items = [protocols.to_json(identity, m) for identity, m in found]
    return {
        "protocol": chosen.name,
        **provenance([p for p in (path, truth) if p is not None], seed),
        **totals,
        **({} if judge is None else {"judge": judging.beside(judge, path, truth, items)}),
        **dropped(drops),
        "items": items,
    }


def chains(
    path: str | Path, *, protocol: str = "n3d-bench", camera: str | Path | None = None
) -> dict[str, Any]:
    """The report on a file of reasoning texts: every statement calculated again."""
    rules = protocols.find(protocol).rules
    found: list[grading.Graded] = []
    drops: list[Drop] = []
    for record in chain_records.read(path, camera):
        if isinstance(record, Drop):
            drops.append(record)
        else:
            found.append(grading.grade(record, rules))
    if not found:
        detail = f"; the first: {drops[0].detail}" if drops else ""
        raise InputError(f"holds no reasoning text{detail}", code="records-none", file=path)
    return {
        "protocol": protocol,
        **provenance([path], 0),
        **grading.summary(found),
        **dropped(drops),
        "items": [g.to_json() for g in found],
    }


def fetch(name: str, folder: str | Path, out: Path) -> dict[str, Any]:
    """Write a benchmark's local files as one file of records: how many, what was dropped."""
    drops: list[Drop] = []
    lines: list[str] = []
    for record in benchmarks.read(name, folder):
        if isinstance(record, Drop):
            drops.append(record)
        else:
            kept = {k: v for k, v in record.items() if v is not None}
            lines.append(json.dumps(kept, allow_nan=False))
    if not lines:
        detail = f"; the first: {drops[0].detail}" if drops else ""
        raise InputError(f"holds no record of {name}{detail}", code="records-none", file=folder)
    files.write_text(out, "".join(f"{line}\n" for line in lines))
    return {"records": len(lines), **dropped(drops)}


def provenance(paths: Sequence[str | Path], seed: int) -> dict[str, Any]:
    """What a report rests on: files by their hash, the code's version and commit, the seed."""
    return {
        "files": {Path(p).name: f"sha256:{_sha256(p)}" for p in paths},
        "n3d": __version__,
        "commit": evaluating.commit(),
        "seed": seed,
    }


def _sha256(path: str | Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def dropped(drops: Sequence[Drop]) -> dict[str, Any]:
    """How many records were set aside, by reason, and the first of them."""
    return {
        "dropped": {
            "count": len(drops),
            "by_reason": dict(sorted(Counter(d.reason for d in drops).items())),
            "first": [
                {"id": d.id, "reason": d.reason, "detail": d.detail} for d in drops[:MOST_DROPS]
            ],
        }
    }


def grounding(
    predictions: str | Path,
    truth: str | Path,
    protocol: str,
    *,
    proximity: str = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """The report on a file of predicted boxes beside a file of true ones."""
    boxes.find(protocol)
    true, lost = reading.truth(truth)
    found, more = reading.predictions(predictions, true)
    true = reading.with_cameras(true, predictions)
    options = boxes.Options(proximity, seed)
    return {
        "protocol": protocol,
        **provenance([predictions, truth], seed),
        "images": len(true.images),
        "categories": len(set(true.boxes.category.tolist())),
        "true_boxes": len(true.boxes),
        "ignored_boxes": int(true.boxes.ignored.sum()),
        "predictions": len(found),
        **boxes.evaluate(protocol, found, true, options),
        **dropped([*lost, *more]),
    }
