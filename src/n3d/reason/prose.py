"""Traces and answers in words, for people; never read back."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from n3d.reason import units
from n3d.reason.expressing import express
from n3d.reason.ops import OPERATIONS
from n3d.scene import Object3D, Quantity, Query, Ref, Trace, Value, Var

# An answer that holds in fewer drawings than this is too close to call.
SURE = 0.6


def explain(trace: Trace, objects: Sequence[Object3D], up=None) -> str:
    """The steps as numbered sentences; "(1)" in a later one is the result of the first."""
    results: dict[str, str] = {}
    lines = []
    for number, step in enumerate(trace.steps, start=1):
        args = [_said(a, objects, results, up) for a in step.args]
        what = _step_text(step.op, args)
        out = value_text(step.out, objects, up)
        lines.append(f"{number}. {what[0].upper()}{what[1:]}: {out}.")
        if step.name is not None:
            results[step.name] = f"({number})"
    return "\n".join(lines)


def _step_text(op: str, args: list[str]) -> str:
    operation = OPERATIONS.get(op)
    if operation is None:
        return f"{op} of {', '.join(args)}"
    what = operation.says.format(*args, *[""] * 4)
    if op == "bearing" and len(args) > 2:
        what += f", facing {args[2]}"
    if args and args[-1] == "opposite":
        what += ", seen from the opposite side"
    return what


def _said(arg, objects, results: dict[str, str], up) -> str:
    if isinstance(arg, Var):
        return results.get(arg.name, arg.name)
    if isinstance(arg, tuple):
        return ", ".join(_said(a, objects, results, up) for a in arg)
    return value_text(arg, objects, up)


def name(index: int, objects: Sequence[Object3D], up=None) -> str:
    """What an object is called: an unambiguous phrase, else its number and label."""
    if not 0 <= index < len(objects):
        return f"bbox_{index}"
    expression = express(index, objects, up)
    return f"the {expression}" if expression else f"{index}_{objects[index].label}"


def value_text(value: Value, objects: Sequence[Object3D], up=None) -> str:
    """A value for people, in its default unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Ref):
        return name(value.index, objects, up)
    if isinstance(value, tuple):
        return ", ".join(value_text(v, objects, up) for v in value) or "none"
    if isinstance(value, Quantity):
        return quantity_text(value)
    return str(value)


def quantity_text(value: Quantity, unit: str | None = None) -> str:
    """A quantity in the unit asked for, or in its default one."""
    chosen = units.DEFAULT[value.unit] if unit is None else units.find(unit, value.unit)
    if value.unit == "1" and float(value.value).is_integer():
        return f"{value.value:.0f}"
    return units.text(value.value / chosen.factor, chosen)


def answer_text(
    query: Query,
    value: Value,
    objects: Sequence[Object3D],
    up=None,
    *,
    interval: tuple[float, float] | None = None,
    probability: float | None = None,
    level: float = 0.9,
) -> str:
    """The answer in words, with its interval or, where it is unsure, its probability."""
    if isinstance(value, Quantity):
        text = quantity_text(value, query.options.get("unit"))
        if query.kind == "ratio":
            text += " times"
        if interval is not None:
            most = _decimals(text)
            text += f" ({level:.0%}: {range_text(*interval, most=most)})".replace("%:", " %:")
    else:
        text = value_text(value, objects, up)
        text = text[0].upper() + text[1:]
    if probability is not None and probability < 0.995:
        close = ", too close to call" if probability < SURE else ""
        text += f" ({probability:.0%}{close})".replace("%", " %")
    return text


def _decimals(text: str) -> int:
    """How many decimals the first number of a text has."""
    found = re.search(r"[0-9]+(?:\.([0-9]+))?", text)
    return len(found[1] or "") if found else 0


def range_text(low: float, high: float, *, most: int = 4) -> str:
    """An interval rounded outwards to the first digit of its width (the second where the first
    is 1 or 2), with at most `most` decimals."""
    width = high - low
    places = 0
    if width > 0:
        power = math.floor(math.log10(width))
        places = max(0, -power + (width < 3 * 10.0**power))
    places = min(places, most)
    scale = 10.0**places
    down, up = math.floor(low * scale + 1e-9) / scale, math.ceil(high * scale - 1e-9) / scale
    between = " to " if down < 0 else "-"
    return f"{down:.{places}f}{between}{up:.{places}f}"
