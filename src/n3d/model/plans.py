"""What a reply is made of: boxes, then a trace whose results are computed while it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from n3d.errors import FormatError, TraceError
from n3d.language import dialogues, grammars, phrases, tokens
from n3d.language.dialogues import Setting
from n3d.language.reading import Parsed
from n3d.model.decoding import Choose, Force, Free, Segment
from n3d.reason import ops
from n3d.reason.programs import Program, variable_names
from n3d.reason.worlds import World
from n3d.scene import Arg, Object3D, Ref, Value, Var


def _choose_boxes(setting: Setting, most: int, *, trace: bool) -> Choose:
    upright = setting.up is not None
    return Choose(grammars.boxes(setting.own, upright, setting.scale, trace=trace, most=most))


class Locating:
    """Boxes alone."""

    def __init__(self, setting: Setting, most: int = grammars.MAX_BOXES) -> None:
        self.setting, self.most = setting, most
        self.begun = False

    def advance(self, text: str) -> Segment | None:
        if self.begun:
            return None
        self.begun = True
        return _choose_boxes(self.setting, self.most, trace=False)


class Talking:
    """A text without rules."""

    def __init__(self) -> None:
        self.begun = False

    def advance(self, text: str) -> Segment | None:
        if self.begun:
            return None
        self.begun = True
        return Free()


def known(found: Parsed[Object3D], given: Sequence[Object3D] | None) -> list[Object3D]:
    """The objects of a reply; those that were given keep all but their boxes, which are those
    of the text, rounded to the grid."""
    if given is None:
        return list(found.items)
    names = {i: given[n] for n, i in reversed(list(found.where.items()))}
    return [replace(names[i], box=o.box) for i, o in enumerate(found.items)]


class Answering:
    """Boxes, then calls; each result is computed from the boxes as written and forced.

    Where `computed` is not set the network writes results itself. `given` boxes begin the reply.
    `fault` is the operation that could not run, or the given box that has no text, if any.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        computed: bool = True,
        given: Sequence[Object3D] | None = None,
        most: int = grammars.MAX_BOXES,
    ) -> None:
        self.setting, self.computed, self.given, self.most = setting, computed, given, most
        self.fault: TraceError | FormatError | None = None
        self._next = self._boxes
        self._labels: dict[int, str] = {}
        self._where: dict[int, int] = {}
        self._program: Any = None
        self._names = variable_names()
        self._name = next(self._names)
        self._kinds: dict[str, str] = {}
        self._bound: dict[str, Var] = {}
        self._begin = 0
        self._may_end = False
        self._unnamed: set[str] = set()

    def advance(self, text: str) -> Segment | None:
        return self._next(text)

    def _boxes(self, text: str) -> Segment | None:
        self._next = self._first
        setting = self.setting
        if self.given is not None:
            # The empty line belongs to the boxes here: tokenizers join it with their last line.
            try:
                written = dialogues.write_boxes(self.given, setting, tilt="snap")
            except FormatError as e:  # outside the grid, or more boxes than there are tokens
                self.fault = e
                return None
            return Force(written if setting.own or not self.given else written + "\n")
        return _choose_boxes(setting, self.most, trace=True)

    def _first(self, text: str) -> Segment | None:
        found = dialogues.read_boxes(text, self.setting)
        self._where = dict(found.where)
        self._labels = {n: found.items[i].label for n, i in self._where.items()}
        if not self._labels:
            return None
        self._program = Program(World.of(known(found, self.given), self.setting.up))
        return self._call(text)

    def _call(self, text: str) -> Segment | None:
        count = len(self._program.steps)
        if count == grammars.MAX_STEPS:
            return None
        self._begin = len(text)
        self._next = self._result
        return Choose(
            grammars.call(
                self.setting.own,
                ops.SIGNATURES,
                self._kinds,
                self._name,
                self._labels,
                may_name=count + 1 < grammars.MAX_STEPS,
                may_end=self._may_end,
            )
        )

    def _result(self, text: str) -> Segment | None:
        line = text[self._begin :].removesuffix("\n")
        if not line or line in self._unnamed:  # said again: it would be so for ever
            return None
        name, op, args = phrases.read_call(tokens.refs_from_tokens(line)[len(">>> ") :])
        self._next = self._call
        self._may_end = name is None
        self._unnamed |= {line} if name is None else set()
        signature = ops.SIGNATURES[op]
        try:
            var = self._program.step(op, *(self._placed(a) for a in args))
            told = phrases.write_value(self._written(self._program.out(var))) + "\n"
        except TraceError as e:  # it cannot be run, or its result is too large to be written
            self.fault = e
            return None
        if name is not None:
            self._bound[name], self._kinds[name] = var, signature.returns
            self._name = next(self._names)
        if not self.computed:
            return Choose(grammars.value(self.setting.own, signature, self._labels))
        return Force(tokens.refs_to_tokens(told) if self.setting.own else told)

    def _placed(self, arg: Arg) -> Arg:
        """An argument as the program knows it: places of objects, its own names of results."""
        if isinstance(arg, tuple):
            return tuple(self._placed(a) for a in arg)
        if isinstance(arg, Var):
            return self._bound[arg.name]
        return Ref(self._where[arg.index]) if isinstance(arg, Ref) else arg

    def _written(self, value: Value) -> Value:
        """A result with the numbers that its boxes were written with."""
        if isinstance(value, tuple):
            return tuple(self._written(v) for v in value)
        if isinstance(value, Ref):
            return Ref(min(n for n, i in self._where.items() if i == value.index))
        return value
