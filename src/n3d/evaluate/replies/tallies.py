"""From marks to shares: all questions and answered ones, micro and macro, with intervals.

Shares are 0 to 1, None where nothing was counted. A reply that cannot be read is wrong in `all`
and left out of `answered_only`. Intervals are from draws of whole images, or of questions where
no image is known (`evaluate.bootstrap`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from n3d.evaluate import bootstrap
from n3d.evaluate.replies import kinds
from n3d.evaluate.replies.marks import Mark


def report(
    marks: Sequence[Mark], *, group: Callable[[str], str] = str, seed: int = 0
) -> dict[str, Any]:
    """All totals of a protocol; `group` names the row of a table that a category belongs to."""
    shares = _Shares(marks, seed)
    rows: dict[str, list[int]] = {}
    for i, m in enumerate(marks):
        rows.setdefault(group(m.category) or m.kind, []).append(i)
    every = range(len(marks))
    is_open = [m.kind in kinds.OPEN for m in marks]
    by_row = {name: shares.of(rows[name]) for name in sorted(rows)}
    out: dict[str, Any] = {"overall": {**shares.of(every), "macro": _macro(by_row.values())}}
    for name, wanted in (("open", True), ("numerical", False)):
        chosen = [i for i in every if is_open[i] == wanted]
        own = [shares.of(v) for v in rows.values() if is_open[v[0]] == wanted]
        out[name] = {**shares.of(chosen), "macro": _macro(own)}
    return {
        **out,
        "categories": by_row,
        "clock": _clock(marks, shares),
        "numerical_by_clock_rule": _by_clock_rule(marks, shares),
        "measures": _measures(marks),
        "unreadable": dict(sorted(Counter(_why(m) for m in marks if m.mark is None).items())),
    }


class _Shares:
    """Shares of marks, with the same draws of images for each of them."""

    def __init__(self, marks: Sequence[Mark], seed: int) -> None:
        self.marks = marks
        names = [f"id {m.id}" if m.image is None else f"image {m.image}" for m in marks]
        self.draws = bootstrap.Draws(names, seed)

    def of(self, chosen: Iterable[int], value: Callable[[Mark], Any] | None = None):
        """The shares of some marks, of the mark itself or of another value of readable ones."""
        chosen = np.fromiter(chosen, int)
        read = [self.marks[i].mark is not None for i in chosen]
        got = np.array(
            [
                0.0 if m.mark is None else float(m.mark if value is None else value(m) or 0)
                for m in (self.marks[i] for i in chosen)
            ]
        )
        return {
            "questions": len(chosen),
            "answered": int(sum(read)),
            "answer_rate": _mean(read),
            "all": _mean(got),
            "answered_only": _mean(got[np.array(read, bool)]) if len(chosen) else None,
            "interval_95": self.draws.interval(chosen, got),
        }


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _macro(rows: Iterable[dict[str, Any]]) -> dict[str, float | None]:
    """The mean of the rows of a table, each counting once."""
    rows = list(rows)
    return {
        key: _mean([r[key] for r in rows if r[key] is not None]) for key in ("all", "answered_only")
    }


def _clock(marks: Sequence[Mark], shares: _Shares) -> dict[str, Any]:
    """Hours by both rules of the field."""
    chosen = [i for i, m in enumerate(marks) if m.kind == "hour"]
    return {
        "exact": shares.of(chosen, lambda m: m.numbers.get("exact")),
        "within_1": shares.of(chosen, lambda m: m.numbers.get("within_1")),
        "mean_hours_off": _mean(
            [m.numbers["hours_off"] for m in marks if "hours_off" in m.numbers]
        ),
    }


def _by_clock_rule(marks: Sequence[Mark], shares: _Shares) -> dict[str, Any]:
    """All numerical questions with hours exact, and with hours within one."""
    chosen = [i for i, m in enumerate(marks) if m.kind not in kinds.OPEN]

    def by(rule: str) -> Callable[[Mark], Any]:
        return lambda m: m.numbers.get(rule) if m.kind == "hour" else m.mark

    return {rule: shares.of(chosen, by(rule)) for rule in ("exact", "within_1")}


def _measures(marks: Sequence[Mark]) -> dict[str, Any]:
    own = [m for m in marks if m.kind in ("measure", "number")]
    read = [m.numbers for m in own if m.numbers]
    errors = [n["relative_error"] for n in read if n["relative_error"] is not None]

    def share(key: str) -> dict[str, float | None]:
        got = [float(n[key] or 0) for n in read]
        return {"all": sum(got) / len(own) if own else None, "answered_only": _mean(got)}

    return {
        "questions": len(own),
        "answered": sum(m.mark is not None for m in own),
        **{k: share(k) for k in ("within_25", "within_10", "delta_1", "mra", "mra_strict")},
        "median_relative_error": float(np.median(errors)) if errors else None,
        "mean_relative_error": _mean(errors),
        "mean_relative_error_eps": _mean(
            [n["relative_error_eps"] for n in read if n["relative_error_eps"] is not None]
        ),
    }


def _why(m: Mark) -> str:
    return "refusal" if m.refused else m.how
