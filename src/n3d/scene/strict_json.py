"""JSON as the standard has it: no NaN, no duplicate keys, bounded depth, errors with a line.

Large files are read element by element with bounded memory: see `stream`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from n3d.errors import InputError

CHUNK = 1 << 20
MAX_ELEMENT = 1 << 28


class _Refused(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"duplicate key {key!r}")
            seen.add(key)
    return out


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def loads(text: str | bytes, *, file: Any = None) -> Any:
    """Parse a JSON text; InputError with the line for anything the standard forbids."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as e:
            raise InputError(
                f"is not UTF-8 at byte {e.start}", code="json-encoding", file=file
            ) from None
    try:
        return _decode_all(text)
    except json.JSONDecodeError as e:
        raise InputError(
            f"is not JSON: {e.msg}", code="json-syntax", file=file, field=f"line {e.lineno}"
        ) from None
    except _Refused as e:
        line = _line_of(text, str(e))
        raise InputError(str(e), code="json-strict", file=file, field=f"line {line}") from None
    except RecursionError:
        raise InputError("is nested too deeply", code="json-depth", file=file) from None


def _decode_all(text: str) -> Any:
    return _DECODER.decode(text)


def _line_of(text: str, complaint: str) -> int:
    """The line of a refused token: of the second occurrence of a key, or of the constant."""
    if complaint.startswith("duplicate key"):
        key = json.dumps(complaint.split("duplicate key ", 1)[1].strip("'\""))
        first = text.find(key)
        at = text.find(key, first + 1)
    else:
        at = text.find(complaint.split(" ", 1)[0])
    return text.count("\n", 0, max(at, 0)) + 1


def load(path: str | Path) -> Any:
    """Parse a JSON file; for files of unbounded size use `stream`."""
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise InputError(
            f"cannot be read: {e.strerror or e}", code="file-unreadable", file=path
        ) from None
    return loads(data, file=path)


def stream(path: str | Path) -> Iterator[tuple[str, Any]]:
    """Yield (key, element) of a JSON file whose top level is an object of arrays, or an array.

    Elements of top-level arrays come one by one as (key, element) with key "" for a bare
    array; other members come whole as (key, value). Memory is bounded by the largest element.
    Raises InputError with the line, as `loads` does, at the element that is wrong.
    """
    with open(path, encoding="utf-8-sig", newline="") as f:
        yield from _Scanner(f, path).run()


class _Scanner:
    """A sliding window over a text file, decoding one value at a time."""

    def __init__(self, f: IO[str], path: Any) -> None:
        self.f, self.path = f, path
        self.buffer, self.at, self.line, self.done = "", 0, 1, False

    def run(self) -> Iterator[tuple[str, Any]]:
        first = self.peek()
        if first == "[":
            yield from self.array("")
        elif first == "{":
            self.at += 1
            if self.peek() == "}":
                self.at += 1
            else:
                yield from self.members()
        else:
            raise self.error("expected an object or an array")
        if self.peek():
            raise self.error("extra data after the end")

    def members(self) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self.error("expected a key")
            if key in seen:
                raise self.error(f"duplicate key {key!r}", "json-strict")
            seen.add(key)
            self.expect(":")
            if self.peek() == "[":
                yield from self.array(key)
            else:
                yield key, self.value()
            if self.peek() == ",":
                self.at += 1
                continue
            self.expect("}")
            return

    def array(self, key: str) -> Iterator[tuple[str, Any]]:
        self.expect("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            yield key, self.value()
            if self.peek() == ",":
                self.at += 1
                continue
            self.expect("]")
            return

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.at)
            except _Refused as e:
                raise self.error(str(e), "json-strict") from None
            except RecursionError:
                raise self.error("nested too deeply", "json-depth") from None
            except json.JSONDecodeError as e:
                # The window may end inside the value: widen it until it parses or must fail. A
                # fault well inside the window is a fault of the file.
                cut = e.msg.startswith("Unterminated") or e.pos >= len(self.buffer) - 16
                if self.done or not cut:
                    self.at = min(e.pos, len(self.buffer))
                    raise self.error(e.msg) from None
                if len(self.buffer) - self.at > MAX_ELEMENT:
                    raise self.error("one element is too large", "json-element") from None
                self.fill(len(self.buffer) - self.at)
                continue
            # A number that touches the window's end may go on.
            if end == len(self.buffer) and not self.done and not isinstance(value, (dict, list)):
                self.fill()
                continue
            self.at = end
            return value

    def peek(self) -> str:
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in " \t\r\n":
                self.at += 1
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if self.done:
                return ""
            self.fill()

    def expect(self, char: str) -> None:
        if self.peek() != char:
            raise self.error(f"expected {char!r}")
        self.at += 1

    def fill(self, at_least: int = 0) -> None:
        try:
            more = self.f.read(max(CHUNK, at_least))
        except UnicodeDecodeError as e:
            raise self.error(f"is not UTF-8: {e.reason}", "json-encoding") from None
        self.line += self.buffer.count("\n", 0, self.at)
        self.buffer = self.buffer[self.at :] + more
        self.at = 0
        self.done = not more

    def error(self, message: str, code: str = "json-syntax") -> InputError:
        line = self.line + self.buffer.count("\n", 0, self.at)
        return InputError(
            f"is not JSON: {message}", code=code, file=self.path, field=f"line {line}"
        )
