"""A report as a folder for people and programs: report.json, report.md, report.html.

All three say what the numbers rest on: files by their hash, version, commit, seed, protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from n3d.evaluate import cards
from n3d.scene import files
from n3d.sources import files as texts
from n3d.view import charts

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.15em .8em;border-bottom:1px solid #ddd;"
    "text-align:left}td:last-child{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{white-space:pre-wrap;background:#f6f6f6;padding:1em}"
)
HEAD = ("protocol", "n3d", "commit", "seed")
MOST_ITEMS = 200


def write(report: dict[str, Any], folder: str | Path) -> Path:
    """Write the three files of a report; the folder is made."""
    return save(folder, report, markdown(report), html(report))


def save(folder: str | Path, told: dict[str, Any], as_markdown: str, as_html: str) -> Path:
    """Write report.json, report.md and report.html; the folder is made."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, folder) from None
    files.write_json(folder / "report.json", told)
    texts.write_text(folder / "report.md", as_markdown)
    texts.write_text(folder / "report.html", as_html)
    return folder


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown: what it rests on, every number, the card of the protocol."""
    lines = [f"# {report['protocol']}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in _about(report)]
    lines += ["", "| measure | |", "|---|---|"]
    lines += [f"| {_cell(path)} | {told(value)} |" for path, value in leaves(report)]
    lines += ["", *_items(report), *_card(report)]
    return "\n".join(lines) + "\n"


def html(report: dict[str, Any]) -> str:
    """The report as one page without any other file, with charts."""

    def table(rows) -> str:
        cells = "".join(f"<tr><td>{escape(str(a))}<td>{escape(str(b))}" for a, b in rows)
        return f"<table>{cells}</table>"

    title = escape(f"{report['protocol']}: report")
    parts = [f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"]
    parts += [f"<h1>{escape(report['protocol'])}</h1>", table(_about(report)), *_charts(report)]
    parts += ["<h2>Numbers</h2>", table((p, told(v)) for p, v in leaves(report))]
    items = _items(report)
    if items:
        parts.append(f"<h2>Items</h2><pre>{escape(chr(10).join(items))}</pre>")
    card = _card(report)
    if card:
        parts.append(f"<h2>Protocol</h2><pre>{escape(chr(10).join(card))}</pre>")
    return "\n".join(parts) + "\n"


def _about(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((k, str(report[k])) for k in HEAD)
    yield from (report["files"].items())
    dropped = report["dropped"]
    told_reasons = ", ".join(f"{n} {why}" for why, n in dropped["by_reason"].items())
    yield "set aside", f"{dropped['count']}" + (f" ({told_reasons})" if told_reasons else "")


def leaves(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every number of a report; lists and what it rests on are left out."""
    for key, part in value.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(part, dict):
            if name not in ("files", "dropped"):
                yield from leaves(part, name)
        elif not isinstance(part, list) and name not in HEAD:
            yield name, part
        elif key == "interval_95":
            yield name, " to ".join(told(v) for v in part)


def told(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _charts(report: dict[str, Any]) -> Iterator[str]:
    rows = report.get("categories")
    if isinstance(rows, dict):
        shown = [(k, v["all"], v["interval_95"]) for k, v in rows.items()]
        shown.append(("overall", report["overall"]["all"], report["overall"]["interval_95"]))
        yield charts.bars("Right, of all questions (95 % intervals by image)", shown)
    for name in ("ap3d", "ap2d"):
        found = report.get(name)
        if isinstance(found, dict):
            points = [(float(k), v) for k, v in found["ap_by_threshold"].items()]
            yield charts.curve(f"{name}: AP by IoU threshold", points, "IoU", "AP")
            kinds = [(k, v, None) for k, v in found["ap_by_category"].items()]
            yield charts.bars(f"{name} by category", kinds[:40])
    if "ap_by_threshold" in report:
        points = [(float(k), v) for k, v in report["ap_by_threshold"].items()]
        yield charts.curve("AP by centre distance", points, "parts of the radius", "AP")
    if "chain_right" in report:
        names = ("answer_right", "program_right", "chain_right", "statements_right")
        yield charts.bars("Chains", [(n.replace("_", " "), report[n], None) for n in names])


def _items(report: dict[str, Any]) -> list[str]:
    """How each item was marked, the first of many."""
    lines = []
    for item in report.get("items", [])[:MOST_ITEMS]:
        if "mark" in item:
            mark = "-" if item["mark"] is None else f"{item['mark']:g}"
            lines.append(f"* {item['id']}: {mark}, read as {item['read_as']} ({item['how']})")
        else:
            lines.append(f"* {item['id']}: chain {item['chain_right']}, blame {item['blame']}")
            lines += [f"  * {s['text']}: {s['note']}" for s in item["faults"]]
    return [*lines, ""] if lines else []


def _card(report: dict[str, Any]) -> list[str]:
    known = cards.cards().get(report["protocol"])
    return [] if known is None else cards.text(known).replace("# ", "## ", 1).splitlines()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
