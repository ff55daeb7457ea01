"""What the doctor finds: readings of a file, a verdict, and the command that follows from it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.geometry import Box3D
from n3d.sources.conventions import Convention

ODDS = 5.0
"""Log odds from which on one convention excludes another: 1 in 150."""
FITS = 0.35
"""The largest error of boxes that are explained at all, in parts of a 2D box's side."""


@dataclass(frozen=True)
class Reading:
    """A convention (or the name of a documented form where that says more), how well its boxes
    cover the 2D boxes (mean IoU), and the log odds of the best one against it."""

    convention: Convention | str
    agreement: float
    odds: float = 0.0


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found. `verdict` is "known", "ambiguous" or "none".

    `best` explains the file best and `found` are its boxes; `others` give other boxes and cannot
    be excluded; `units` are the units that remain, the likeliest first. `form` is a documented
    form that reads the same boxes, or "". Of `boxes` in the file, `used` had a 2D box.
    `up` is the direction against gravity where it was found with the convention.
    """

    verdict: str
    best: Reading
    found: Box3D
    others: tuple[Reading, ...] = ()
    units: tuple[str, ...] = ()
    form: str = ""
    boxes: int = 0
    used: int = 0
    dropped: int = 0
    taken: dict[str, str] = field(default_factory=dict)
    advice: tuple[str, ...] = ()
    up: tuple[float, float, float] | None = None


def command(diagnosis: Diagnosis, path: Any, camera: Any = None, up: str | None = None) -> str:
    """The command line that reads the file as it was found to be."""
    way = diagnosis.form or str(diagnosis.best.convention)
    target = Path(path).with_name(f"{Path(path).stem}_n3d.json")
    words = ["n3d", "convert", str(path), str(target), "--from", way, "--to", "plain"]
    words += [] if camera is None else ["--camera", str(camera)]
    if diagnosis.up is not None:
        up = ",".join(f"{v:.6f}" for v in diagnosis.up)
    words += [] if up is None else [f"--up={up}"]
    return shlex.join(words)


def to_json(diagnosis: Diagnosis, command: str) -> dict[str, Any]:
    """The diagnosis as JSON."""

    def reading(r: Reading) -> dict[str, Any]:
        return {
            "convention": str(r.convention),
            "agreement": round(r.agreement, 4),
            "log_odds_of_best": round(r.odds, 2),
        }

    counts = ("boxes", "used", "dropped", "taken")
    return {
        "verdict": diagnosis.verdict,
        "form": diagnosis.form or None,
        **reading(diagnosis.best),
        "units": list(diagnosis.units),
        "others": [reading(r) for r in diagnosis.others],
        **{k: getattr(diagnosis, k) for k in counts},
        "up": None if diagnosis.up is None else list(diagnosis.up),
        "advice": list(diagnosis.advice),
        "command": None if diagnosis.verdict == "none" else command,
    }
