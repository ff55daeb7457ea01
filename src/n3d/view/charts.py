"""Small charts as SVG text: shares with their intervals, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_FONT = "font-family='system-ui, sans-serif' font-size='12'"
_BAR, _INK, _GRID = "#4c78a8", "#222222", "#dddddd"
WIDTH, ROW, LEFT, EDGE = 640, 24, 200, 34


def bars(
    title: str, rows: Sequence[tuple[str, float | None, tuple[float, float] | None]]
) -> str:  # fmt: skip
    """A bar for each (name, share of 0 to 1, interval): None is an empty row."""
    height = EDGE + ROW * len(rows) + 30
    span = WIDTH - LEFT - 60
    out = [_open(height), _title(title)]
    for k in range(0, 101, 20):
        x = LEFT + span * k / 100
        out.append(
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{EDGE}' y2='{height - 28}' stroke='{_GRID}'/>"
        )
        out.append(_text(x, height - 12, f"{k} %", "middle"))
    for i, (name, value, interval) in enumerate(rows):
        y = EDGE + ROW * i
        out.append(_text(LEFT - 8, y + 15, name if len(name) < 30 else name[:28] + "…", "end"))
        if value is None:
            continue
        width = span * min(max(value, 0.0), 1.0)
        out.append(
            f"<rect x='{LEFT}' y='{y + 4}' width='{width:.1f}' height='{ROW - 8}' fill='{_BAR}'/>"
        )
        if interval is not None:
            low, high = (LEFT + span * min(max(v, 0.0), 1.0) for v in interval)
            mid = y + ROW / 2
            path = f"M{low:.1f} {mid - 4}v8M{low:.1f} {mid}H{high:.1f}M{high:.1f} {mid - 4}v8"
            out.append(f"<path d='{path}' stroke='{_INK}' fill='none'/>")
        out.append(_text(WIDTH - 52, y + 15, f"{100 * value:.1f} %", "start"))
    return "".join([*out, "</svg>"])


def curve(
    title: str, points: Sequence[tuple[float, float | None]], x_name: str, y_name: str
) -> str:
    """A curve through (x, share of 0 to 1) points, x as it is."""
    known = [(x, y) for x, y in points if y is not None]
    height, span = 260, WIDTH - 110
    out = [_open(height), _title(title)]
    low, high = (min(x for x, _ in known), max(x for x, _ in known)) if known else (0.0, 1.0)
    high = high if high > low else low + 1

    def place(x: float, y: float) -> tuple[float, float]:
        return 60 + span * (x - low) / (high - low), height - 50 - (height - 90) * min(max(y, 0), 1)

    for k in range(0, 101, 25):
        _, y = place(low, k / 100)
        out.append(f"<line x1='60' x2='{60 + span}' y1='{y:.1f}' y2='{y:.1f}' stroke='{_GRID}'/>")
        out.append(_text(54, y + 4, f"{k} %", "end"))
    for x in (low, (low + high) / 2, high):
        out.append(_text(place(x, 0)[0], height - 32, f"{x:.3g}", "middle"))
    spots = [place(x, y) for x, y in known]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    out.append(f"<polyline points='{line}' fill='none' stroke='{_BAR}' stroke-width='2'/>")
    out += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{_BAR}'/>" for x, y in spots]
    out.append(_text(60 + span / 2, height - 12, x_name, "middle"))
    out.append(_text(60, EDGE - 4, y_name, "start"))
    return "".join([*out, "</svg>"])


def _open(height: float) -> str:
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'>"


def _title(text: str) -> str:
    return f"<text x='8' y='16' {_FONT} font-weight='600' fill='{_INK}'>{escape(text)}</text>"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {_FONT} text-anchor='{anchor}' fill='{_INK}'>"
        f"{escape(text)}</text>"
    )
