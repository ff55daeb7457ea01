"""How results look in a terminal and in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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
    print_whole(table)


def print_whole(table: Table) -> None:
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


def benchmark(found: dict[str, Any], out: Path) -> None:
    """Groups of a benchmark: how many of those wanted there are, and what guessing gives."""
    truth = ", ".join(f"{count} {name}" for name, count in found["truth"].items())
    say(f"{found['questions']} questions about {found['scenes']} scenes in {out}; truth: {truth}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("group", "wanted", "kept", "chance", "usual answer", "classes known"):
        table.add_column(name, justify="left" if name == "group" else "right")
    for name, told in found["groups"].items():
        keys = ("chance", "blind_usual", "blind_classes")
        shares = ("-" if told[k] is None else f"{100 * told[k]:.0f} %" for k in keys)
        table.add_row(name, str(told["wanted"]), str(told["kept"]), *shares)
    print_whole(table)


def forecast(noun: str, found: Any) -> None:
    """What a run would take: records, time, disk and cost."""
    workers = f"{found.workers} worker{'s' if found.workers > 1 else ''}"
    say(
        f"{found.records} {noun}, of which {found.sampled} were done: {found.seconds_each:.3g} s "
        f"each\nall would take {duration(found.seconds)} on {workers} and {size(found.bytes)} of "
        f"disk, and give about {found.kept} records and {found.dropped} dropped"
    )
    if found.cost is not None:
        say(f"cost: {found.cost:.2f}, at the price given for an hour of one worker")


def duration(seconds: float) -> str:
    """Seconds as people say them: two units at most."""
    for unit, name, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"),
                                     (60, "min", 1, "s")):  # fmt: skip
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} {int(seconds % unit // below)} {small}"
    return f"{seconds:.2g} s"


def size(count: int) -> str:
    """Bytes as people say them."""
    for unit, name in ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def run(title: str, report: Any, json_out: str | None, drops: Path | None = None) -> None:
    """What a run kept and dropped, and whether it went on where another had stopped."""
    if json_out != "-":
        told = report.out / "drops" if drops is None else drops
        counts(title, report.kept, report.dropped, report.by_reason, told)
        if getattr(report, "skipped", 0):
            say(f"resumed: {report.skipped} of {report.shards} shards were finished before")
    if json_out is not None:
        told = {"kept": report.kept, "dropped": report.dropped, "by_reason": report.by_reason}
        write_json(told, json_out)


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
    print_whole(table)


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
    print_whole(table)
    if len(ordered) > MOST_LABELS:
        say(f"and {len(ordered) - MOST_LABELS} more: --json - lists all")


def balance(found: dict[str, Any]) -> None:
    """How questions are spread over groups, numbers of objects, views, distances and answers."""
    names = {
        "by_group": "group",
        "by_objects": "objects in question",
        "by_view": "point of view",
        "by_distance": "depth of objects",
        "by_unit": "unit of answer",
        "by_wording": "wording",
        "most_common_yes_or_no": "share of the more common of yes and no",
    }
    for key, name in names.items():
        _histogram(name, found[key])
    say(f"{found['classes']} classes are asked about; --json - lists them and all answers")


def sizes(found: dict[str, Any]) -> None:
    """Sides and depth of the most frequent classes, 5th, 50th and 95th percentile."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    columns = ("longest", "middle", "shortest", "depth")
    for name in ("label", "count", *(f"{c} side (m)" for c in columns[:3]), "depth (m)", "score"):
        table.add_column(name, justify="left" if name == "label" else "right")
    for label, told in list(found.items())[:MOST_LABELS]:
        spread = (" ".join(f"{v:.2f}" for v in told[c]) for c in columns)
        table.add_row(escape(shown(label)), str(told["count"]), *spread, f"{told['score']:.2f}")
    print_whole(table)


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


def diagnosis(found, command: str) -> None:
    """What convention a file follows, in words, with the evidence and what to run next."""
    verdicts = {
        "known": "the convention is clear",
        "ambiguous": "ambiguous: more than one convention fits",
        "none": "no convention fits",
    }
    say(f"{verdicts[found.verdict]} ({found.used} of {found.boxes} boxes have a 2D box to go by)")
    if found.dropped:
        say(f"{found.dropped} records hold no box and were left out")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, text in _convention(found).items():
        table.add_row(name, escape(shown(text)))
    print_whole(table)
    if found.others:
        say("these give other boxes and fit too:")
        for other in found.others[:MOST_LABELS]:
            best = str(found.best.convention).split(",")
            differs = [p for p in str(other.convention).split(",") if p not in best]
            say(f"  {other.agreement:.3f}  {', '.join(differs) or str(other.convention)}")
    for line in found.advice:
        say(line)
    if found.verdict != "none":
        say(f"next: {command}")


def _convention(found) -> dict[str, str]:
    """What a diagnosis says of each part of a convention."""
    from n3d.sources import conventions, turning

    told = {
        "form": found.form or "none that is documented",
        "agreement": f"{found.best.agreement:.3f} mean IoU of projected and given 2D boxes",
    }
    c = found.best.convention
    if isinstance(c, str):
        return told
    order, _, unit = c.rectangle.partition(":")
    units = {"px": "pixels", "unit": "parts of the image", "thousand": "thousandths of it"}
    parts = {
        "axes": conventions.told_frame(c.frame) + (", level with gravity" if c.level else ""),
        "unit": " or ".join(found.units),
        "position": "middle of the lower face" if c.anchor == "bottom" else "centre",
        "sizes": f"{'half' if c.half else 'full'}, along the axes {', '.join(c.size)}",
        "rotation": turning.told(c.rotation),
        "2D boxes": f"{order}, {units[unit]}",
    }
    if found.up is not None:
        told_up = ", ".join(f"{v:.3f}" for v in found.up)
        parts["gravity"] = f"up is {told_up} in the camera, found with the boxes"
    if "corners" in found.taken:
        parts |= dict.fromkeys(("position", "sizes", "rotation"), "told by the eight corners")
    return {**parts, **told}
