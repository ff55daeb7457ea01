"""Running a trace again: on the boxes it was written for, on others, or on drawn ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n3d.errors import TraceError
from n3d.geometry import Box3D
from n3d.geometry.pose import axis_rotation
from n3d.language import traces
from n3d.reason import ops
from n3d.reason.measures import upright_axis
from n3d.reason.worlds import Numbers, Run, Things, Truths, Words, World, as_run, as_value
from n3d.scene import Arg, Check, Object3D, Quantity, Ref, Trace, Value, Var

# A rounded number may lie exactly half a digit off; floats put it a hair beyond.
SLACK = 1 + 1e-6


@dataclass(frozen=True)
class Sampled:
    """What a trace gives on drawn boxes: the `interval` of a number in its own unit, or the
    `probability` that the drawn boxes give the same answer; `kept` draws gave one at all."""

    interval: tuple[float, float] | None
    probability: float | None
    kept: int


def run(op: str, args: Sequence[Arg], objects: Sequence[Object3D], *, up=None) -> Value:
    """The result of one operation on objects; TraceError where it cannot run."""
    world = World.of(objects, up)
    return as_value(ops.apply(op, [_argument(a, {}, world) for a in args], world))


def replay(
    trace: Trace, objects: Sequence[Object3D], *, up=None
) -> tuple[Check, tuple[Value, ...]]:
    """Run every step again and compare: the check, and the values of the run.

    A step agrees when its written result is, to the digits written, what its operation gives
    on the exact earlier results or on the written ones (who computes with written numbers
    rounds twice). Raises TraceError where a step cannot run at all.
    """
    world = World.of(objects, up)
    exact: dict[str, Run] = {}
    written: dict[str, Run] = {}
    values: list[Value] = []
    wrong: Check | None = None
    for position, step in enumerate(trace.steps):
        try:
            result = ops.apply(step.op, [_argument(a, exact, world) for a in step.args], world)
            value = as_value(result)
            if wrong is None and not agrees(step.out, value):
                second = _on_written(step, written, world)
                if second is None or not agrees(step.out, second):
                    wrong = Check(False, position, value, step.out, reason=_reason(step.op))
            if step.name is not None:
                exact[step.name] = result
                written[step.name] = _as_written(step.out, result, world)
        except TraceError as e:
            e.field = f"step {position + 1}, {step.op}"[:80]
            raise
        values.append(value)
    return wrong or Check(True), tuple(values)


def _reason(op: str) -> str:
    return f"running {op} again gives another result"


def _on_written(step, written: Mapping[str, Run], world: World) -> Value | None:
    try:
        return as_value(
            ops.apply(step.op, [_argument(a, written, world) for a in step.args], world)
        )
    except TraceError:
        return None


def _as_written(out: Value, result: Run, world: World) -> Run:
    """A written result as a value for later steps, measured on the object of the real one."""
    if isinstance(out, Quantity) and isinstance(result, Numbers):
        return Numbers(np.asarray(float(out.value)), out.unit, result.of)
    try:
        return as_run(out, world)
    except TraceError:
        return result


def _argument(arg, names: Mapping[str, Run], world: World) -> Run:
    if isinstance(arg, Var):
        if arg.name not in names:
            raise TraceError(f"uses {arg.name!r} before it is given", code="trace-name")
        return names[arg.name]
    if isinstance(arg, tuple):
        return tuple(_argument(a, names, world) for a in arg)
    return as_run(arg, world)


# -- agreement ------------------------------------------------------------------------------


def agrees(written: Value, computed: Value) -> bool:
    """Whether a written result is the computed one to the digits it was written with."""
    if isinstance(written, Quantity) and isinstance(computed, Quantity):
        if written.unit != computed.unit or not np.isfinite(written.value):
            return False
        off = abs(written.value - computed.value)
        if written.unit == "rad":
            off = abs((off + np.pi) % (2 * np.pi) - np.pi)
        try:
            return off <= traces.resolution(written) * SLACK
        except TraceError:
            return False
    if isinstance(written, tuple) and isinstance(computed, tuple):
        return len(written) == len(computed) and all(map(agrees, written, computed))
    return type(written) is type(computed) and written == computed


# -- drawn boxes ----------------------------------------------------------------------------


def sample(
    trace: Trace,
    objects: Sequence[Object3D],
    *,
    up=None,
    scale_sigma: float = 0.0,
    n: int = 256,
    seed: int = 0,
    level: float = 0.9,
) -> Sampled:
    """Run the trace on `n` drawings of every box within its spread.

    `scale_sigma` is one relative error of all lengths, drawn once per sample. A number gets
    the central interval that holds `level` of the samples, stretched to hold the answer
    itself; anything else the share of samples that agree with the trace's answer. Raises
    TraceError as `replay` does.
    """
    _, values = replay(trace, objects, up=up)
    world = World.of(objects, up, draw(objects, n, seed, up=up, scale_sigma=scale_sigma))
    names: dict[str, Run] = {}
    result: Run = ()
    for step in trace.steps:
        result = ops.apply(step.op, [_argument(a, names, world) for a in step.args], world)
        if step.name is not None:
            names[step.name] = result
    answer = values[-1]
    # Hours and counts are choices: an interval of them would say little.
    chosen = isinstance(answer, Quantity) and answer.unit in ("h", "1")
    if trace.steps[-1].op == "ratio":
        chosen = False
    if isinstance(answer, Quantity) and isinstance(result, Numbers) and not chosen:
        return _interval(answer, np.broadcast_to(result.value, (n,)), level)
    return Sampled(None, float(np.mean(np.broadcast_to(_same(answer, result), (n,)))), n)


def _interval(answer: Quantity, values: np.ndarray, level: float) -> Sampled:
    center = answer.value
    off = values - center
    if answer.unit == "rad":
        off = (off + np.pi) % (2 * np.pi) - np.pi
    off = off[np.isfinite(off)]
    if not off.size:
        return Sampled(None, None, 0)
    low, high = np.quantile(off, [(1 - level) / 2, (1 + level) / 2])
    return Sampled((center + min(float(low), 0.0), center + max(float(high), 0.0)), None, off.size)


def _same(answer: Value, result: Run) -> np.ndarray:
    """Per sample, whether the result is the answer."""
    if isinstance(result, tuple):
        if not isinstance(answer, tuple) or len(answer) != len(result):
            return np.asarray(False)
        return np.logical_and.reduce([_same(a, r) for a, r in zip(answer, result)] or [True])
    if isinstance(result, Things):
        return np.asarray(result.index) == (answer.index if isinstance(answer, Ref) else -1)
    if isinstance(result, (Truths, Words)):
        return np.asarray(result.value) == answer
    return np.isclose(result.value, answer.value if isinstance(answer, Quantity) else np.nan)


def draw(
    objects: Sequence[Object3D], n: int, seed: int, *, up=None, scale_sigma: float = 0.0
) -> Box3D:
    """Boxes (objects, n) drawn around each box: normal centres, log-normal sizes (never
    negative), normal yaw about the side closest to up, one log-normal scale per sample."""
    rng = np.random.default_rng(seed)
    boxes = Box3D.stack(o.box for o in objects)
    count = len(objects)
    scale = np.exp(rng.standard_normal(n) * scale_sigma)[None, :, None]
    normal = rng.standard_normal((count, n, 7))
    center_sigma, size_sigma, yaw_sigma = (
        np.zeros((count, 3)),
        np.zeros((count, 3)),
        np.zeros(count),
    )
    for i, o in enumerate(objects):
        if o.spread is not None:
            center_sigma[i], size_sigma[i], yaw_sigma[i] = (
                o.spread.center,
                o.spread.size,
                o.spread.yaw,
            )
    relative = np.sqrt(np.log1p((size_sigma / boxes.size) ** 2))
    center = boxes.center[:, None] + normal[..., :3] * center_sigma[:, None]
    size = boxes.size[:, None] * np.exp(normal[..., 3:6] * relative[:, None])
    turns = np.stack([axis_rotation(k, normal[..., 6] * yaw_sigma[:, None]) for k in range(3)])
    assert boxes.rotation is not None
    axis = upright_axis(boxes, up) if count else np.zeros(0, dtype=int)
    turn = turns[axis, np.arange(count)]
    return Box3D(center * scale, size * scale, boxes.rotation[:, None] @ turn)
