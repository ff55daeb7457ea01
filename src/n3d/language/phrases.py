"""The parts of a trace line: names, arguments and values, as text and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar

from n3d.errors import FormatError, TraceError
from n3d.language import labels
from n3d.scene import Arg, Quantity, Ref, Value, Var, quantities

T = TypeVar("T")
MAX_DEPTH = 4
"""How deep lists may be nested."""

_NAME = re.compile(r"(?!bbox_[0-9])[a-z][a-z0-9_]{0,39}(?![A-Za-z0-9_])")
_WORD = re.compile(r"[a-z]+(?:[_ ][a-z]+)*(?![A-Za-z0-9_])")
_BOX = re.compile(r"bbox_([0-9]{1,6})(?![A-Za-z0-9_])")
_QUANTITY = re.compile(quantities.PATTERN)
_RESERVED = ("yes", "no")


def is_name(word: str) -> bool:
    """Whether an operation or a result can be called so."""
    return _NAME.fullmatch(word) is not None and word not in _RESERVED


def write_arg(arg: Arg) -> str:
    """Boxes and names bare, quantities with units, texts as JSON strings, lists in brackets."""
    if isinstance(arg, tuple):
        return f"[{', '.join(write_arg(a) for a in arg)}]"
    if isinstance(arg, Var):
        if not is_name(arg.name):
            raise TraceError(f"{arg.name!r} is not a name", code="trace-name")
        return arg.name
    if isinstance(arg, str):
        return _string(arg)
    return _atom(arg)


def write_value(value: Value) -> str:
    """As arguments, but truth as yes or no and ordinary words without quotes."""
    if isinstance(value, tuple):
        return f"[{', '.join(write_value(v) for v in value)}]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        bare = _WORD.fullmatch(value) is not None and value not in _RESERVED
        return value if bare else _string(value)
    return _atom(value)


def _atom(value: object) -> str:
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, Quantity):
        return quantities.write(value)
    raise TraceError(f"a {type(value).__name__} has no text in a trace", code="trace-value")


def _string(text: str) -> str:
    try:
        labels.check(text)
    except FormatError as error:
        raise TraceError(error.message, code="trace-text") from None
    return labels.quote(text)


def read_call(line: str) -> tuple[str | None, str, tuple[Arg, ...]]:
    """Name or None, operation and arguments of `a = op(x, y)`; TraceError for any other line."""
    reader = _Reader(line)
    name, op = None, reader.name()
    if reader.take(" = "):
        name, op = op, reader.name()
    reader.expect("(")
    args = reader.items(")", reader.arg, 0)
    reader.end()
    return name, op, args


def read_value(line: str) -> Value:
    """The value on a result line; TraceError where there is none."""
    reader = _Reader(line)
    value = reader.value(0)
    reader.end()
    return value


class _Reader:
    """Reads one line from left to right without ever going back."""

    def __init__(self, line: str) -> None:
        self.line, self.at = line.rstrip(" \t\r"), 0

    def arg(self, depth: int) -> Arg:
        found = self._common(self.arg, depth)
        return Var(self.name()) if found is None else found

    def value(self, depth: int) -> Value:
        found = self._common(self.value, depth)
        if found is not None:
            return found
        match = self._match(_WORD)
        if match is None:
            raise self.error("expected a value")
        return match == "yes" if match in _RESERVED else match

    def _common(self, item: Callable[[int], T], depth: int) -> Ref | Quantity | str | tuple | None:
        if self.take("["):
            if depth >= MAX_DEPTH:
                raise self.error(f"lists nested more than {MAX_DEPTH} deep")
            return self.items("]", item, depth + 1)
        box = self._match(_BOX)
        if box is not None:
            return Ref(int(box[5:]))
        number = self._match(_QUANTITY)
        if number is not None:
            return quantities.read(number)
        string = self._match(labels.QUOTED)
        if string is None:
            return None
        try:
            text = json.loads(string)
            labels.check(text)
        except (ValueError, FormatError):
            raise self.error("broken string") from None
        return text

    def items(self, close: str, item: Callable[[int], T], depth: int) -> tuple[T, ...]:
        if self.take(close):
            return ()
        out = [item(depth)]
        while self.take(","):
            self.take(" ")
            out.append(item(depth))
        self.expect(close)
        return tuple(out)

    def name(self) -> str:
        match = self._match(_NAME)
        if match is None or match in _RESERVED:
            raise self.error("expected a name")
        return match

    def take(self, text: str) -> bool:
        found = self.line.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.error(f"expected {text!r}")

    def end(self) -> None:
        if self.at < len(self.line):
            raise self.error("expected the end of the line")

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.line, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def error(self, message: str) -> TraceError:
        cut = self.at >= len(self.line)
        where = "at the end" if cut else f"at {self.line[self.at : self.at + 20]!r}"
        return TraceError(f"{message} {where}", code="trace-end" if cut else "trace-syntax")
