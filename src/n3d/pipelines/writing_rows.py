"""Reports of runs as a folder: report.json, report.md, report.html, rows beside each other.

The page loads nothing. It says what the numbers rest on, shows shares with their intervals, kinds
of questions in a table, blame, and the worst answers as pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from n3d.pipelines import writing_up
from n3d.view import charts

HEADLINES = (
    "answer_right", "joint", "acc25", "acc50", "mean_iou", "f1_25", "absent_refused",
    "program_right", "chain_right", "boxes_right", "coverage_90",
)  # fmt: skip
BLAME = ("format", "grounding", "program", "arithmetic")
LEFT_OUT = ("rows", "figures", "replies", "items_of_replies", "intervals_95")
STYLE = writing_up.STYLE + (
    "td:not(:first-child),th:not(:first-child){text-align:right;font-variant-numeric:tabular-nums}"
    ".about td{text-align:left!important;overflow-wrap:anywhere}"
    ".wide{overflow-x:auto}svg{max-width:100%;height:auto}small{color:#666;white-space:nowrap}"
    ".worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(17em,1fr));gap:1.2em}"
    "figure{margin:0}figure img{max-width:100%;height:auto;display:block}"
    "figcaption{overflow-wrap:anywhere;font-size:14px}"
)


def write(report: dict[str, Any], folder: str | Path) -> Path:
    """Write the three files of a report of one run or of rows; the folder is made."""
    told = {k: v for k, v in report.items() if k != "figures"}
    return writing_up.save(folder, told, markdown(report), html(report))


def rows_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a report by name; one run is one row."""
    return report.get("rows") or {str(report["model"]): report}


# -- cells -----------------------------------------------------------------------------------


def about(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the numbers rest on: facts that all rows share."""
    for key, value in report.items():
        if key not in LEFT_OUT and not isinstance(value, dict) and value is not None:
            yield key.replace("_", " "), str(value)
    if report.get("dropped"):
        yield "set aside", ", ".join(f"{n} {why}" for why, n in report["dropped"].items())


def share(row: dict[str, Any], key: str, kind: str | None = None) -> tuple[str, str]:
    """A measure as (percent, its interval), empty where nothing was counted."""
    told = row.get(key) or {}
    value = told.get("overall") if kind is None else told.get("by_kind", {}).get(kind)
    spans = row.get("intervals_95", {}).get(key, {})
    span = spans.get("overall") if kind is None else spans.get("by_kind", {}).get(kind)
    if value is None:
        return "-", ""
    return f"{100 * value:.1f}", "" if span is None else f"{100 * span[0]:.0f}–{100 * span[1]:.0f}"


def tables(report: dict[str, Any]) -> Iterator[tuple[str, list[str], list[list[tuple[str, str]]]]]:
    """(title, columns, rows of cells) of each table, percentages."""
    rows = rows_of(report)
    head = list(rows)
    body = [[(key.replace("_", " "), ""), *(share(r, key) for r in rows.values())]
            for key in HEADLINES if any((r.get(key) or {}).get("overall") is not None
                                        for r in rows.values())]  # fmt: skip
    yield "Overall, %", ["", *head], body
    kinds = sorted({k for r in rows.values() for k in (r.get("answer_right") or {})["by_kind"]})
    if kinds:
        count = next(iter(rows.values()))["items"]["by_kind"]
        body = [[(k.replace("_", " "), ""), (str(count.get(k, 0)), ""),
                 *(share(r, "answer_right", k) for r in rows.values())]
                for k in kinds]  # fmt: skip
        yield "Right answers by kind of question, %", ["", "questions", *head], body
        body = [[(word, ""), *(share(r, f"blame_{word}") for r in rows.values())]
                for word in BLAME]  # fmt: skip
        yield "What wrong answers are to blame on, % of all questions", ["", *head], body
    told = {name: r["replies"] for name, r in rows.items() if "replies" in r}
    if told:
        yield _of_replies(told)


def _of_replies(told: dict[str, dict[str, Any]]):
    names = list(next(iter(told.values()))["categories"])

    def cell(row: dict[str, Any]) -> tuple[str, str]:
        span = row["interval_95"]
        if row["all"] is None:
            return "-", ""
        return f"{100 * row['all']:.1f}", (
            "" if span is None else f"{100 * span[0]:.0f}–{100 * span[1]:.0f}"
        )

    body = [[(name, ""), *(cell(r["categories"][name]) for r in told.values())] for name in names]
    body += [[(k, ""), *(cell(r[k]) for r in told.values())]
             for k in ("open", "numerical", "overall")]  # fmt: skip
    body.append([("answered", ""), *((f"{100 * (r['overall']['answer_rate'] or 0):.1f}", "")
                                     for r in told.values())])  # fmt: skip
    return "Replies in words, by the rules of n3d-bench, %", ["", *told], body


# -- pages -----------------------------------------------------------------------------------


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"# {_title(report)}", "", "| | |", "|---|---|"]
    lines += [f"| {k} | {_plain(v)} |" for k, v in about(report)]
    for title, head, body in tables(report):
        lines += ["", f"## {title}", "", f"| {' | '.join(map(_plain, head))} |"]
        lines += ["|" + "---|" * len(head)]
        lines += [f"| {' | '.join(_plain(f'{a} ({b})' if b else a) for a, b in row)} |"
                  for row in body]  # fmt: skip
    for f in report.get("figures", []):
        lines += ["", f"* {_plain(f['id'])}: {_plain(f['question'])} {_plain(f['told'])} "
                  f"Right: {_plain(f['right'])} Blame: {f['blame']}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def html(report: dict[str, Any]) -> str:
    """The report as one page without any other file."""
    title = escape(_title(report))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    ]
    cells = "".join(f"<tr><td>{escape(a)}<td>{escape(b)}" for a, b in about(report))
    parts += [f"<table class=about>{cells}</table>", *_charts(report)]
    for name, head, body in tables(report):
        parts.append(f"<h2>{escape(name)}</h2><div class=wide><table><tr>")
        parts += [f"<th>{escape(h)}" for h in head]
        for row in body:
            parts.append("<tr>" + "".join(
                f"<td>{escape(a)}" + (f" <small>{escape(b)}</small>" if b else "") for a, b in row
            ))  # fmt: skip
        parts.append("</table></div>")
    figures = report.get("figures", [])
    if figures:
        parts.append("<h2>The worst answers</h2><p>Boxes are those that were found.</p>")
        parts.append("<div class=worst>" + "".join(map(_figure, figures)) + "</div>")
    return "\n".join(parts) + "\n"


def _figure(f: dict[str, str]) -> str:
    words = (("asked", f["question"]), ("told", f["told"]), ("right", f["right"]),
             ("blame", f["blame"]))  # fmt: skip
    told = "".join(f"<b>{k}</b> {escape(v)}<br>" for k, v in words)
    return (
        f"<figure><img alt='{escape(f['question'], quote=True)}' src='{f['image']}'>"
        f"<figcaption>{told}<small>{escape(f['id'])}</small></figcaption></figure>"
    )


def _charts(report: dict[str, Any]) -> Iterator[str]:
    for key in ("answer_right", "acc25"):
        shown = []
        for name, row in rows_of(report).items():
            told = (row.get(key) or {}).get("overall")
            span = row.get("intervals_95", {}).get(key, {}).get("overall")
            shown.append((name, told, None if span is None else (span[0], span[1])))
        if any(v is not None for _, v, _ in shown):
            names = {"answer_right": "Right answers", "acc25": "Boxes asked for with IoU 0.25"}
            yield charts.bars(f"{names[key]} (95 % intervals by view)", shown)


def _title(report: dict[str, Any]) -> str:
    name = "four depths" if report.get("rows_by") == "depth" else "benchmark"
    return f"n3d {report['benchmark']} {name}"


def _plain(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
