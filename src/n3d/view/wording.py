"""Values, steps, checks and provenance as short text for captions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from n3d.errors import TraceError
from n3d.scene import Answer, Check, Object3D, Provenance, Quantity, Ref, Step, Var, quantities


def value(written: Any) -> str:
    """A step's result or argument: "1.56 m", "bbox_2", "yes", "[bbox_0, bbox_1]"."""
    if isinstance(written, Quantity):
        return quantity(written)
    if isinstance(written, bool):
        return "yes" if written else "no"
    if isinstance(written, (Ref, Var)):
        return str(written)
    if isinstance(written, tuple):
        return "[" + ", ".join(value(v) for v in written) + "]"
    return repr(written) if isinstance(written, str) else str(written)


def quantity(q: Quantity) -> str:
    """A number with its unit, as traces write it; what they refuse is shown as it is."""
    try:
        return quantities.write(q)
    except TraceError:
        return f"{q.value:g} {q.unit}"


def step(s: Step) -> str:
    """The left-hand side of a step: "a = distance(bbox_0, bbox_2)"."""
    call = f"{s.op}({', '.join(value(a) for a in s.args)})"
    return f"{s.name} = {call}" if s.name else call


def check(c: Check | None, steps: int) -> tuple[bool | None, str]:
    """Whether a replay agrees (None: not replayed) and a sentence that says so."""
    if c is None:
        return None, "not replayed"
    if c.agrees:
        return True, "replayed: agrees"
    if c.step is None:
        return False, f"replayed: {c.reason or 'disagrees'}"
    text = f"replayed: step {c.step + 1} of {max(steps, c.step + 1)} disagrees"
    if c.expected is not None and c.got is not None:
        text += f": {value(c.got)} is written, {value(c.expected)} comes out"
    return False, text + (f" ({c.reason})" if c.reason else "")


def interval(a: Answer) -> str:
    """What sampling says of an answer, or an empty text."""
    parts = []
    if a.interval is not None:
        low, high = a.interval
        unit = f" {a.unit}" if a.unit else ""
        parts.append(f"{low:.3g} to {high:.3g}{unit} holds {a.level:.0%} of the samples")
    if a.probability is not None:
        parts.append(f"{a.probability:.0%} of the samples agree")
    return "; ".join(parts)


def measured(item: Object3D, unit: str = " m") -> str:
    """Sides and distance of an object, each with its standard deviation (of the sides the
    largest), and its score, where these are known."""
    box, doubt = item.box, item.spread
    away = float(np.linalg.norm(box.center))
    sides, distance = " x ".join(f"{s:.2f}" for s in box.size), f"{away:.2f}"
    if doubt is not None:
        along = np.asarray(box.center) / max(away, 1e-9)
        sides += _deviation(doubt.size.max())
        distance += _deviation(math.hypot(*(along * doubt.center)))
    score = f", score {item.score:.2f}" if item.score < 0.995 else ""
    return f"{sides}{unit}, {distance}{unit} from the camera{score}"


def _deviation(sigma: float) -> str:
    return f" ± {sigma:.2f}" if 0.005 <= sigma < 100 else ""


def provenance(p: Provenance) -> str:
    """Where camera, depth and gravity come from, on one line."""
    parts = [f"camera: {p.camera}", f"depth: {p.depth}", f"up: {p.up}"]
    if not p.metric:
        parts.append("lengths are not metric")
    if p.scale_sigma > 0:
        parts.append(f"scale uncertain by {p.scale_sigma:.0%}")
    return "; ".join(parts)
