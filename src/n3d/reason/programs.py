"""Writing a trace while it runs."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from n3d.reason import ops
from n3d.reason.worlds import Run, World, as_run, as_value
from n3d.scene import Arg, Step, Trace, Value, Var


def variable_names() -> Iterator[str]:
    """a, b, ... z, a1, b1, ..."""
    yield from string.ascii_lowercase
    number = 1
    while True:
        yield from (f"{letter}{number}" for letter in string.ascii_lowercase)
        number += 1


@dataclass
class Program:
    """Steps run on a world as they are written; each step gives the variable of its result."""

    world: World
    steps: list[Step] = field(default_factory=list)
    _runs: list[Run] = field(default_factory=list)

    def step(self, op: str, *args: Arg) -> Var:
        """Run one operation and keep the step; TraceError where it cannot run."""
        run = ops.apply(op, [self._value(a) for a in args], self.world)
        self.steps.append(Step(op, args, as_value(run)))
        self._runs.append(run)
        return Var(str(len(self.steps) - 1))

    def _value(self, arg: Arg) -> Run:
        if isinstance(arg, Var):
            return self._runs[int(arg.name)]
        if isinstance(arg, tuple):
            return tuple(self._value(a) for a in arg)
        return as_run(arg, self.world)

    def out(self, var: Var) -> Value:
        """The result a variable stands for."""
        return self.steps[int(var.name)].out

    def trace(self) -> Trace:
        """The steps as a trace; only results that are used again get a name."""
        used = sorted({int(v) for s in self.steps for v in _variables(s.args)})
        names = dict(zip((str(i) for i in used), variable_names()))
        return Trace(
            tuple(
                Step(s.op, _renamed(s.args, names), s.out, names.get(str(i)))
                for i, s in enumerate(self.steps)
            )
        )


def _variables(arg: Arg) -> Iterator[str]:
    if isinstance(arg, Var):
        yield arg.name
    elif isinstance(arg, tuple):
        for a in arg:
            yield from _variables(a)


def _renamed(arg: Any, names: dict[str, str]) -> Any:
    if isinstance(arg, Var):
        return Var(names[arg.name])
    return tuple(_renamed(a, names) for a in arg) if isinstance(arg, tuple) else arg
