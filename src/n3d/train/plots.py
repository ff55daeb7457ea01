"""The log of a run as a picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

PANELS = (
    ("loss", ("loss", "val/loss"), True),
    ("numbers", ("uv", "z", "size", "yaw"), False),
    ("words", ("structure", "label", "program", "pointing"), False),
    ("dense errors", ("val/dense_z", "val/dense_size", "val/dense_uv"), True),
    ("boxes", ("val/acc25", "val/acc50", "val/mean_iou", "val/f1_25", "val/absent_refused"), False),
    ("views/s", ("views_per_s",), False),
)
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")
_W, _H, _EDGE = 460, 260, 46


def draw(log: Iterable[dict[str, Any]], path: Path) -> None:
    """A PNG with one panel for each group of curves, over views seen."""
    lines = list(log)
    sheet = Image.new("RGB", (3 * _W, 2 * _H), "white")
    for k, (title, names, logarithmic) in enumerate(PANELS):
        panel = _panel(lines, title, names, logarithmic)
        sheet.paste(panel, ((k % 3) * _W, (k // 3) * _H))
    part = path.with_name(f".{path.name}")
    sheet.save(part, "PNG")
    part.replace(path)


def _panel(lines: list[dict], title: str, names: tuple[str, ...], logarithmic: bool) -> Image.Image:
    import math

    image = Image.new("RGB", (_W, _H), "white")
    pen = ImageDraw.Draw(image)
    curves = []
    for name in names:
        found = [(x["views"], x[name]) for x in lines if isinstance(x.get(name), (int, float))]
        found = [(x, y) for x, y in found if math.isfinite(y) and (y > 0 or not logarithmic)]
        curves.append([(x, math.log10(y) if logarithmic else y) for x, y in found])
    points = [p for c in curves for p in c]
    pen.text((_EDGE, 6), title, fill="black")
    if not points:
        return image
    right = max(x for x, _ in points) or 1
    low, high = min(y for _, y in points), max(y for _, y in points)
    high = high if high > low else low + 1
    box = (_EDGE, 24, _W - 10, _H - 30)
    pen.rectangle(box, outline="#999999")

    def at(x: float, y: float) -> tuple[float, float]:
        return (box[0] + (box[2] - box[0]) * x / right,
                box[3] - (box[3] - box[1]) * (y - low) / (high - low))  # fmt: skip

    for y in (low, high):
        shown = 10**y if logarithmic else y
        pen.text((2, at(0, y)[1] - 6), f"{shown:.3g}", fill="black")
    pen.text((box[2] - 60, box[3] + 6), f"{right:,} views", fill="black")
    for i, (name, curve) in enumerate(zip(names, curves)):
        colour = _COLOURS[i % len(_COLOURS)]
        if len(curve) > 1:
            pen.line([at(x, y) for x, y in curve], fill=colour, width=2)
        pen.text((_EDGE + 90 + 74 * i, 6), name.split("/")[-1][:11], fill=colour)
    return image
