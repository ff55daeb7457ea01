"""How results look in a terminal and in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from n3d.scene import files

console = Console()
MOST_LABELS = 20


def say(text: str = "") -> None:
    """One line as it is, never cut or broken: paths stay whole in pipes and narrow windows."""
    console.print(shown(text), markup=False, highlight=False, soft_wrap=True)


def shown(text: str) -> str:
    """Text that no terminal takes for a command: what cannot be printed is escaped."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def prediction(p, question_first: bool = True) -> None:
    """Question, boxes, trace, answer, check and provenance of a Prediction."""
    from n3d.language import traces

    if question_first:
        console.print(f"[bold]{escape(shown(p.question))}[/bold]", soft_wrap=True, highlight=False)
    if p.objects:
        objects(p.objects)
    if p.trace is not None:
        say(traces.write(p.trace).rstrip())
    if p.answer is not None:
        text = f"\n[bold green]{escape(shown(p.answer.text))}[/bold green]"
        console.print(text, highlight=False, soft_wrap=True)
    if p.check is not None:
        if p.check.agrees:
            console.print("check: the trace was run again and agrees", style="dim")
        else:
            text = f"check: step {p.check.step} disagrees: {p.check.reason}"
            console.print(text, style="red", markup=False, soft_wrap=True)
    v = p.provenance
    console.print(
        f"camera {v.camera}, depth {v.depth}, up {v.up}{'' if v.metric else ', not metric'}",
        style="dim",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for note in p.notes:
        text = f"note: {escape(shown(note))}"
        console.print(text, style="yellow", highlight=False, soft_wrap=True)


def objects(found) -> None:
    """Centre, size and score of each object; standard deviations where any is known."""
    doubted = any(o.spread is not None for o in found)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    deviations = ("± centre", "± size") if doubted else ()
    for name in ("", "label", "centre x y z (m)", "size x y z (m)", *deviations, "score"):
        table.add_column(name, no_wrap=name != "label", overflow="fold", max_width=40)
    for i, o in enumerate(found):
        center = " ".join(f"{v:6.2f}" for v in o.box.center)
        size = " ".join(f"{v:.2f}" for v in o.box.size)
        doubts = ("", "") if o.spread is None else (o.spread.center.max(), o.spread.size.max())
        doubts = [v if v == "" else f"{v:.2f}" for v in doubts] if doubted else []
        name = escape(shown(o.label))
        table.add_row(f"bbox_{i}", name, center, size, *doubts, f"{o.score:.2f}")
    _print_whole(table)


def _print_whole(table: Table) -> None:
    """Print a table at its own width: in a narrow window a cut number would be another number."""
    table.width = console.measure(table, options=console.options.update(width=1000)).maximum
    console.print(table, crop=False)


def counts(title: str, kept: int, dropped: int, by_reason: dict[str, int], drops: Path) -> None:
    """Kept and dropped records with the reasons, most frequent first, and where they are told."""
    text = f"[bold]{escape(shown(title))}[/bold]: {kept} kept, {dropped} dropped"
    console.print(text, highlight=False, soft_wrap=True)
    _histogram("reason", by_reason)
    if dropped:
        say(f"each dropped record with its reason: {drops}")


def weights(rows: Sequence[dict[str, Any]]) -> None:
    """Weights by task, with their size, licence and whether they are here."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "name", "task", "MB", "licence", "about"):
        table.add_column(name, justify="right" if name == "MB" else "left", overflow="fold")
    for row in rows:
        licence = row["licence"] + ("" if row["commercial"] else " (not commercial)")
        about = row["about"] or row["repo"]
        here = "here" if row["here"] else ""
        table.add_row(here, row["name"], row["task"], str(row["size_mb"]), licence, about)
    _print_whole(table)


def labels(found: dict[str, int], name: str = "label") -> None:
    """How often each label is there; of many, the most frequent."""
    _histogram(name, found)


def _histogram(name: str, found: dict[str, int]) -> None:
    if not found:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(name, overflow="fold")
    table.add_column("count", justify="right")
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    for key, count in ordered[:MOST_LABELS]:
        table.add_row(escape(shown(key)), str(count))
    _print_whole(table)
    if len(ordered) > MOST_LABELS:
        say(f"and {len(ordered) - MOST_LABELS} more: --json - lists all")


def report(found: dict[str, Any]) -> None:
    """What was asked of whom, and every measure overall: shares as percentages."""
    about = ("model", "benchmark", "split", "scenes", "commit")
    say(", ".join(f"{k} {found[k]}" for k in about if found.get(k) is not None))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measure")
    table.add_column("overall", justify="right")
    for key, value in found.items():
        if isinstance(value, dict) and "overall" in value:
            table.add_row(key, _measured(key, value["overall"]))
    _print_whole(table)


def before_and_after(before: dict[str, Any], after: dict[str, Any], keys: Iterable[str]) -> None:
    """Measures of two reports beside each other."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("measure", "before", "after"):
        table.add_column(column, justify="left" if column == "measure" else "right")
    for key in keys:
        table.add_row(key, *(_measured(key, found[key]["overall"]) for found in (before, after)))
    _print_whole(table)


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
        say(
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
                escape(shown(name)), str(row["questions"]), str(row["answered"]), of_all, span,
                answered,
            )  # fmt: skip
    _print_whole(table)
    m = found["measures"]
    if m["questions"]:
        error, within = m["median_relative_error"], m["within_10"]["all"]
        say(f"median relative error {_measured('', error)}")
        say(f"within 10 %, of all measures: {_measured('', within)}")
    if found["unreadable"]:
        told = ", ".join(f"{n} {why}" for why, n in found["unreadable"].items())
        say(f"not read, so wrong: {told}")
    if found["dropped"]["count"]:
        told = ", ".join(f"{n} {why}" for why, n in found["dropped"]["by_reason"].items())
        say(f"set aside: {told}")


def chains(items: Sequence[dict[str, Any]]) -> None:
    """Each chain of thought with what is wrong in it."""
    words = {True: "right", False: "wrong", None: "not known"}
    for item in items:
        told = ", ".join(f"{k} {words[item[f'{k}_right']]}" for k in ("answer", "program", "chain"))
        say(f"{item['id']}: {told}; blame {item['blame']}")
        for name in ("faults", "carried"):
            for step in item[name]:
                say(f"  {name.removesuffix('s')}: {step['text']}: {step['note']}")


def flat(found: dict[str, Any]) -> None:
    """Every number of a report with nested parts, by its path; files and hashes left out."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measure")
    table.add_column("", justify="right")
    for path, value in _leaves(found):
        if path not in ("n3d", "commit", "seed"):
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            table.add_row(escape(shown(path)), escape(shown(text)))
    _print_whole(table)
    if found["dropped"]["count"]:
        told = ", ".join(f"{n} {why}" for why, n in found["dropped"]["by_reason"].items())
        say(f"set aside: {told}")


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    for key, part in value.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(part, dict):
            if key not in ("files", "dropped"):
                yield from _leaves(part, name)
        elif not isinstance(part, list):
            yield name, "-" if part is None else part


def write_json(value: Any, target: str | Path) -> None:
    """Write JSON to a file, whole or not at all, or to stdout for "-"."""
    if str(target) == "-":
        json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
        sys.stdout.flush()
    else:
        files.write_json(folder_of(target), value)


def folder_of(path: str | Path) -> Path:
    """The path, its folder made; ConfigError where that cannot be."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, path.parent) from None
    return path
