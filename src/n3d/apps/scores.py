"""How the figures of evaluations look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from n3d.apps import show


def report(found: dict[str, Any]) -> None:
    """What was asked of whom, and every measure overall: shares as percentages."""
    about = ("model", "benchmark", "split", "depth", "scenes", "commit")
    show.say(", ".join(f"{k} {found[k]}" for k in about if found.get(k) is not None))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measure")
    table.add_column("overall", justify="right")
    for key, value in found.items():
        if isinstance(value, dict) and "overall" in value and "by_kind" in value:
            table.add_row(key, _measured(key, value["overall"]))
    show.print_whole(table)


def rows(found: dict[str, Any]) -> None:
    """Reports beside each other: every measure overall, those that nobody has left out."""
    about = ("model", "benchmark", "split", "depth", "scenes", "commit")
    show.say(", ".join(f"{k} {found[k]}" for k in about if found.get(k) is not None))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measure")
    for name in found["rows"]:
        table.add_column(escape(show.shown(name)), justify="right")
    for key, value in next(iter(found["rows"].values())).items():
        if isinstance(value, dict) and "overall" in value and "by_kind" in value:
            told = [row[key]["overall"] for row in found["rows"].values()]
            if any(v is not None for v in told):
                table.add_row(key, *(_measured(key, v) for v in told))
    show.print_whole(table)


def before_and_after(before: dict[str, Any], after: dict[str, Any], keys: Iterable[str]) -> None:
    """Measures of two reports beside each other."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("measure", "before", "after"):
        table.add_column(column, justify="left" if column == "measure" else "right")
    for key in keys:
        table.add_row(key, *(_measured(key, found[key]["overall"]) for found in (before, after)))
    show.print_whole(table)


def _measured(key: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) or key.endswith(("_px_median", "_deg_median", "seconds")):
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{100 * value:.1f} %"


def marks(items: Sequence[dict[str, Any]]) -> None:
    """How each reply was read, one a line."""
    for item in items:
        mark = "-" if item["mark"] is None else f"{item['mark']:g}"
        show.say(
            f"{mark}  {item['id']}  {item['kind']}: read as {item['read_as']} ({item['how']}); "
            f"the reference is {item['reference_read_as']}"
        )


def reasoning(found: dict[str, Any]) -> None:
    """Marks of replies by category: of all questions, and of those that were answered."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "questions", "answered", "right of all", "95 %", "right of answered"):
        table.add_column(name, justify="right" if name else "left")
    clock, numbers = found["clock"], found["numerical_by_clock_rule"]
    rows = [(k, v) for k, v in found["categories"].items()]
    rows += [("open", found["open"]), ("numerical", found["numerical"])]
    if clock["exact"]["questions"]:
        rows += [("hour exact", clock["exact"]), ("hour within 1", clock["within_1"])]
        rows += [(f"numerical, hour {k.replace('_', ' ')}", v) for k, v in numbers.items()]
    for name, row in [*rows, ("overall", found["overall"])]:
        if row["questions"]:
            interval = row["interval_95"]
            span = "" if interval is None else " - ".join(f"{100 * v:.1f}" for v in interval)
            of_all, answered = (_measured("", row[k]) for k in ("all", "answered_only"))
            table.add_row(
                escape(show.shown(name)), str(row["questions"]), str(row["answered"]), of_all, span,
                answered,
            )  # fmt: skip
    show.print_whole(table)
    m = found["measures"]
    if m["questions"]:
        error, within = m["median_relative_error"], m["within_10"]["all"]
        show.say(f"median relative error {_measured('', error)}")
        show.say(f"within 10 %, of all measures: {_measured('', within)}")
    if found["unreadable"]:
        told = ", ".join(f"{n} {why}" for why, n in found["unreadable"].items())
        show.say(f"not read, so wrong: {told}")
    if "judge" in found:
        from n3d.pipelines import judging

        for line in judging.said(found["judge"]):
            show.say(line)
    if found["dropped"]["count"]:
        told = ", ".join(f"{n} {why}" for why, n in found["dropped"]["by_reason"].items())
        show.say(f"set aside: {told}")


def chains(items: Sequence[dict[str, Any]]) -> None:
    """Each chain of thought with what is wrong in it."""
    words = {True: "right", False: "wrong", None: "not known"}
    for item in items:
        told = ", ".join(f"{k} {words[item[f'{k}_right']]}" for k in ("answer", "program", "chain"))
        show.say(f"{item['id']}: {told}; blame {item['blame']}")
        for name in ("faults", "carried"):
            for step in item[name]:
                show.say(f"  {name.removesuffix('s')}: {step['text']}: {step['note']}")


def flat(found: dict[str, Any]) -> None:
    """Every number of a report with nested parts, by its path; files and hashes left out."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measure")
    table.add_column("", justify="right")
    for path, value in _leaves(found):
        if path not in ("n3d", "commit", "seed"):
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            table.add_row(escape(show.shown(path)), escape(show.shown(text)))
    show.print_whole(table)
    if found["dropped"]["count"]:
        told = ", ".join(f"{n} {why}" for why, n in found["dropped"]["by_reason"].items())
        show.say(f"set aside: {told}")


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    for key, part in value.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(part, dict):
            if key not in ("files", "dropped"):
                yield from _leaves(part, name)
        elif not isinstance(part, list):
            yield name, "-" if part is None else part
