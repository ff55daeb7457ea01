"""When two traces are the same program, and a program on other boxes than its own.

A trace is read as the expression of its last step: names of results and unused steps do not
matter. Two expressions are equivalent when they are equal after

* objects have been replaced by the true objects they stand for;
* arguments in any order are sorted where the operation does not care: distances, gaps, the ends
  of an angle, the flanks of "between", lists of which one is picked or which are put in order;
* converses are written one way: right_of(a, b) as left_of(b, a), nearer(a, b) as
  smallest([a, b]), the opposite view as the exchanged one;
* words that an operation takes anyway are left out: clock(a, "floor").

A distance names the first of its objects when it is compared, so below an operation that picks
an object the order of its arguments does matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from n3d import reason
from n3d.reason import labels
from n3d.scene import Arg, Object3D, Quantity, Ref, Step, Trace, Value, Var

COMMUTATIVE = frozenset(
    {
        "distance", "horizontal_distance", "vertical_distance", "camera_horizontal_distance",
        "camera_vertical_distance", "gap", "view_angle",
    }
)  # fmt: skip
CONVERSES = {"right_of": "left_of", "behind": "in_front_of", "below": "above", "less": "greater"}
PICKS = {
    **dict.fromkeys(("nearer", "shorter", "thinner", "smaller"), "smallest"),
    **dict.fromkeys(("farther", "taller", "wider", "bigger"), "largest"),
}
FROM_LISTS = ("smallest", "largest", "ascending", "descending")
DEFAULT_WORDS = {
    "clock": "floor",
    "side": "left-right",
    "left_of": "camera",
    "in_front_of": "camera",
}
MIRRORED = ("left_of", "in_front_of")


def equivalent(a: Trace, b: Trace, where: Mapping[int, int] | None = None) -> bool:
    """Whether trace `a` computes what `b` does.

    `where` tells which object of `b` each object of `a` stands for; an object that is not in it
    stands for none. Without it the objects are the same.
    """
    known: dict[Hashable, int] = {}
    return _Reader(a, known, where).root() == _Reader(b, known, None).root()


@dataclass
class _Reader:
    """Numbers for the expressions of one trace; equal expressions have equal numbers.

    Numbers instead of nested tuples: a short trace may stand for an exponentially large tree.
    """

    trace: Trace
    known: dict[Hashable, int]
    where: Mapping[int, int] | None
    _done: dict[tuple[int, bool], int] = field(default_factory=dict)

    def root(self) -> int:
        steps = self.trace.steps
        for i in range(len(steps)):  # in order, so that nothing recurses deeply
            for keep in (False, True):
                self._done[i, keep] = self._step(i, keep)
        return self._done[len(steps) - 1, False]

    def _number(self, key: Hashable) -> int:
        return self.known.setdefault(key, len(self.known))

    def _step(self, i: int, keep: bool) -> int:
        """`keep` says that it matters which object the result is of."""
        step = self.trace.steps[i]
        op = PICKS.get(step.op, step.op)
        arguments = (step.args,) if op != step.op else step.args
        below = op in FROM_LISTS or keep
        args = [self._arg(a, i, below) for a in arguments]
        op, args = self._normal(op, args, keep)
        return self._number((op, tuple(args)))

    def _normal(self, op: str, args: list[Any], keep: bool) -> tuple[str, list[Any]]:
        if op in CONVERSES and len(args) >= 2:
            op, args = CONVERSES[op], [args[1], args[0], *args[2:]]
        word = DEFAULT_WORDS.get(op)
        if word is not None and args and args[-1] == self._number(("text", labels.normal(word))):
            args = args[:-1]
        if op in MIRRORED and len(args) == 3 and args[2] == self._number(("text", "opposite")):
            args = [args[1], args[0]]
        if op in COMMUTATIVE and not keep:
            args = sorted(args)
        elif op == "angle" and len(args) == 3 and not keep:
            args = [*sorted((args[0], args[2])), args[1]]
        elif op == "between" and len(args) == 3:
            args = [args[0], *sorted(args[1:])]
        return op, args

    def _arg(self, arg: Arg, i: int, keep: bool) -> int:
        if isinstance(arg, Ref):
            if self.where is None:
                return self._number(("box", arg.index))
            if arg.index in self.where:
                return self._number(("box", self.where[arg.index]))
            return self._number(("nothing", arg.index))
        if isinstance(arg, Var):
            for k in range(i - 1, -1, -1):
                if self.trace.steps[k].name == arg.name:
                    return self._done[k, keep]
            return self._number(("unbound", arg.name))
        if isinstance(arg, Quantity):
            return self._number(("number", round(arg.value, 9), arg.unit))
        if isinstance(arg, tuple):
            # All lists of the language are picked from, put in order or counted.
            return self._number(("list", *sorted(self._arg(a, i, keep) for a in arg)))
        return self._number(("text", labels.normal(str(arg))))


def named(trace: Trace) -> tuple[int, ...]:
    """The objects that the arguments of a trace name, in the order of their first use."""
    found: dict[int, None] = {}

    def visit(arg: Arg) -> None:
        if isinstance(arg, Ref):
            found.setdefault(arg.index)
        elif isinstance(arg, tuple):
            for a in arg:
                visit(a)

    for step in trace.steps:
        visit(step.args)
    return tuple(found)


def moved(trace: Trace, where: Mapping[int, int]) -> Trace | None:
    """The trace with its arguments on the objects of `where`; None where one has none there.

    Results stay as written: see `rerun`.
    """
    if any(i not in where for i in named(trace)):
        return None

    def move(arg: Any) -> Any:
        if isinstance(arg, Ref):
            return Ref(where[arg.index])
        return tuple(move(a) for a in arg) if isinstance(arg, tuple) else arg

    return Trace(tuple(replace(s, args=move(s.args)) for s in trace.steps))


def rerun(trace: Trace, objects: Sequence[Object3D], up=None) -> Trace:
    """The same calls with the results that they have on these objects; TraceError where one
    cannot run."""
    _, values = reason.replay(trace, objects, up=up)
    return Trace(tuple(Step(s.op, s.args, v, s.name) for s, v in zip(trace.steps, values)))


def same_value(a: Value, b: Value) -> bool:
    """Whether two computed values are the same, numbers to a relative 1e-6."""
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        close = abs(a.value - b.value) <= 1e-6 * max(abs(a.value), abs(b.value), 1e-3)
        return a.unit == b.unit and close
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same_value, a, b))
    return type(a) is type(b) and a == b
