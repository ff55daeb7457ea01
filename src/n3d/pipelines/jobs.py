"""The folder of a run that asks a model many things, and what the run is known by.

    OUT/run.json            whose predictions they are: model, input, options
    OUT/predictions.jsonl   one record a line: its id, and the record of an answer
    OUT/drops.jsonl         records that cannot be asked: id, reason, detail
    OUT/pictures/           a PNG of each prediction, where asked for

A record that is in predictions.jsonl is done. Dropped ones are tried again by every run.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d import __version__
from n3d.engine import folders
from n3d.errors import ConfigError
from n3d.pipelines import requesting
from n3d.pipelines.requesting import Wanted
from n3d.scene import Drop, files, strict_json
from n3d.scene.journals import Journal

RUN = folders.RUN
PREDICTIONS, DROPS, PICTURES, LOCK = "predictions.jsonl", "drops.jsonl", "pictures", "run.log"
MOST_BATCH = 1024


@dataclass(frozen=True)
class Report:
    """What a folder of predictions holds, and how many of them were there before this run."""

    kept: int
    dropped: int
    by_reason: dict[str, int]
    faults: dict[str, int]
    resumed: int = 0


@dataclass(frozen=True)
class Job:
    """What is done to the requests of `path`: a `command` of `predicting.COMMANDS` by an asker,
    `batch` at a time."""

    command: str
    path: Path
    shared: requesting.Shared
    batch: int = 8
    draw: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MOST_BATCH:
            raise ConfigError(
                f"is {self.batch}", code="config-range", field="batch", limit=f"1 to {MOST_BATCH}"
            )

    def read(self) -> Iterator[Wanted | Drop]:
        return requesting.read(self.path, self.command, self.shared)


def holds(folder: Path) -> bool:
    """Whether a folder is one of predictions."""
    return (folder / PREDICTIONS).is_file() and (folder / RUN).is_file()


def inspect(folder: Path) -> dict[str, Any]:
    """Counts of a folder of predictions, with the keys of `engine.inspect`; `faults` counts the
    kept ones that have no answer."""
    run = strict_json.load(folder / RUN)
    done, drops = Journal.read(folder / PREDICTIONS), Journal.read(folder / DROPS)
    told = report(done, drops, 0)
    labels = Counter(o["label"] for record in done for o in record.get("objects", ()))
    return {
        "kind": f"{run.get('command')} prediction",
        "complete": told.kept + told.dropped == run.get("records"),
        "kept": told.kept,
        "dropped": told.dropped,
        "by_reason": told.by_reason,
        "faults": told.faults,
        "labels": dict(sorted(labels.items())),
        "config": run.get("options", {}),
    }


def prepare(out: Path, job: Job, options: Any, model: dict[str, Any]) -> int:
    """Make the folder this run's own, or find that it is already; how many records there are.

    Raises ConfigError where it is an input, holds something else or another run, or cannot be
    written.
    """
    _check_apart(out, job)
    mine = {
        "format": 1,
        "version": __version__,
        "command": job.command,
        "model": model,
        "input": _identity(job),
        "records": sum(1 for _ in job.read()),
        "options": {
            **{k: _plain(v) for k, v in vars(options).items()},
            "names": list(job.shared.names),
            "place": None if job.shared.place is None else list(job.shared.place),
            "question": job.shared.question,
            "draw": job.draw,
        },
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / RUN).exists():
            others = sorted(p.name for p in out.iterdir() if p.suffix != ".log")
            if others:
                raise ConfigError(
                    f"is not empty and holds no run of n3d: {', '.join(others[:3])}",
                    code="output-foreign",
                    file=out,
                    field="out",
                    hint="Choose an empty or new folder",
                )
            files.write_json(out / RUN, mine)
            return mine["records"]
    except OSError as e:
        raise files.unwritable(e, out) from None
    found = strict_json.load(out / RUN)
    if found != mine:
        raise ConfigError(
            f"holds another run; different: {', '.join(folders.differing(found, mine))}",
            code="output-config",
            file=out,
            field="out",
            hint=f"Choose another folder, delete this one, or run as its {RUN} says",
        )
    return mine["records"]


def _check_apart(out: Path, job: Job) -> None:
    for path in (job.path, job.shared.depth, job.shared.camera):
        if path is not None and path.resolve() in (out.resolve(), (out / PREDICTIONS).resolve()):
            raise ConfigError(
                "is an input of the command",
                code="output-is-input",
                file=out,
                field="out",
                hint="Choose another folder",
            )


def _identity(job: Job) -> dict[str, Any]:
    """The input by content where that is one file, by the names in it where it is a folder."""
    shared = job.shared
    found: dict[str, Any] = {"options": shared.options}
    for name, path in (("requests", job.path), ("depth", shared.depth), ("camera", shared.camera)):
        if path is not None and path.is_dir():
            names = "\n".join(sorted(repr(p.name) for p in path.iterdir()))
            found[name] = hashlib.sha256(names.encode()).hexdigest()
        elif path is not None:
            found[name] = files.sha256(path)
    return found


def _plain(value: Any) -> Any:
    return vars(value) if hasattr(value, "__dataclass_fields__") else value


def report(done: Journal, drops: Journal, before: int) -> Report:
    """The counts of a folder's two journals."""
    reasons = Counter(d["reason"] for d in drops)
    faults = Counter(r["fault"].partition(":")[0] for r in done if r.get("fault"))
    return Report(len(done), len(drops), dict(reasons), dict(faults), before)


def picture_name(id: str) -> str:
    """The file name of a record's picture: its id where that is a plain name."""
    plain = re.sub(r"[^\w.-]", "_", id, flags=re.ASCII)[:100].lstrip(".")
    if plain != id:
        plain += "-" + hashlib.sha256(id.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{plain}.png"
