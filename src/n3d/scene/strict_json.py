"""JSON as the standard has it: no NaN, no duplicate keys, bounded depth, errors with a line.

Large files are read element by element with bounded memory: see `stream`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from n3d.errors import InputError

CHUNK = 1 << 20
MAX_ELEMENT = 1 << 28


# One token of JSON text: a string, a mark, or a run of anything else (numbers, words).
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


_DIGITS = "holds a whole number of more digits than Python reads"


class _Refused(ValueError):
    """Text that Python's decoder takes and the standard forbids."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise _Refused("duplicate key")
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
        return _DECODER.decode(text)
    except json.JSONDecodeError as e:
        raise InputError(
            f"is not JSON: {e.msg}", code="json-syntax", file=file, field=f"line {e.lineno}"
        ) from None
    except _Refused:
        message, at = _first_refused(text)
        line = text.count("\n", 0, at) + 1
        raise InputError(message, code="json-strict", file=file, field=f"line {line}") from None
    except RecursionError:
        raise InputError("is nested too deeply", code="json-depth", file=file) from None
    except ValueError:
        raise InputError(_DIGITS, code="json-number", file=file) from None


def _first_refused(text: str, start: int = 0) -> tuple[str, int]:
    """(what is wrong, where) for the first constant or repeated key from `start` on.

    Called only for text in which the decoder has found one.
    """
    open_keys: list[set[str] | None] = []  # per open object its keys so far; None for an array
    before = ""
    for match in _TOKEN.finditer(text, start):
        token = match.group()
        if token in "{[":
            open_keys.append(set() if token == "{" else None)
        elif token in "}]":
            open_keys.pop()
        elif token in ("NaN", "Infinity", "-Infinity"):
            return f"{token} is not JSON", match.start()
        elif token[0] == '"' and before in ("{", ",") and open_keys and open_keys[-1] is not None:
            key = json.loads(token, strict=False)
            if key in open_keys[-1]:
                return f"duplicate key {key!r}", match.start()
            open_keys[-1].add(key)
        before = token
    return "is not JSON", start


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
    try:
        with open(path, encoding="utf-8-sig", newline="") as f:
            yield from _Scanner(f, path).run()
    except OSError as e:
        raise InputError(
            f"cannot be read: {e.strerror or e}", code="file-unreadable", file=path
        ) from None


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
            except _Refused:
                message, self.at = _first_refused(self.buffer, self.at)
                raise self.error(message, "json-strict") from None
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
            except ValueError:
                raise self.error(_DIGITS, "json-number") from None
            # A number near the window's end may go on: "1" of "12", of "1.5" or of "1e-5".
            number = isinstance(value, (int, float))
            if number and len(self.buffer) - end <= 2 and not self.done:
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
        text = message if code in ("json-strict", "json-number") else f"is not JSON: {message}"
        return InputError(text, code=code, file=self.path, field=f"line {line}")
