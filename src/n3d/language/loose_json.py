"""The objects in a text that looks like JSON: in prose, in fences, with slips, cut anywhere.

Models write JSON with single quotes, bare keys, comments and missing commas, and stop in the
middle. What is wanted of them are small objects of names, texts and numbers, so each `{...}` is
taken by itself when it closes, whatever is around it. One pass, bounded depth, no recursion.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 32
LONGEST_NUMBER = 60

_OPEN = re.compile(r"[\[{]")
# Strings end at a line break at the latest; single quotes are also apostrophes, so they are short.
_TOKEN = re.compile(
    r"[\[\]{}:,]"
    r'|"(?:[^"\\\n]|\\.)*+"?+'
    r"|'(?:[^'\\\n]|\\.){0,80}+'?+"
    r"|[+-]?(?:[0-9]{1,12}+(?:\.[0-9]{0,40}+)?+|\.[0-9]{1,40}+)(?:[eE][+-]?[0-9]{1,3})?+(?![\w.])"
    r"|\w++"
)
_NOTHING = ("true", "false", "null", "None", "True", "False")


class Other:
    """Stands for a value that is no text, number, or list of these."""


@dataclass(frozen=True)
class Found:
    """One object: its members in order, repeated keys kept.

    A value is a str, a float, None, a list of these or of such lists, a dict of floats, or Other.
    """

    members: tuple[tuple[str, Any], ...]
    offset: int
    end: int


@dataclass(frozen=True)
class Scan:
    """The objects of a text, where brackets do not match, and where it ends inside one."""

    objects: tuple[Found, ...]
    broken: tuple[tuple[int, int], ...]
    cut: int | None
    empty_list: bool


@dataclass
class _Frame:
    offset: int
    closing: str
    items: list[Any] = field(default_factory=list)
    members: list[tuple[str, Any]] = field(default_factory=list)
    word: Any = None
    key: str | None = None
    prose: bool = False

    def take(self, value: Any) -> None:
        if self.closing == "]":
            self.items.append(value)
        elif self.key is None:
            self.word = value
        else:
            self.members.append((self.key, value))
            self.key = None


def scan(text: str, start: int = 0) -> Scan:
    """All objects from `start` on, inner ones before those around them."""
    reader = _Reader()
    at = start
    while True:
        match = (_TOKEN if reader.stack else _OPEN).search(text, at)
        if match is None:
            break
        at = match.end()
        token = match.group()
        if token[0] == "'" and reader.before not in ("[", "{", ",", ":"):
            at = match.start() + 1  # an apostrophe
            continue
        reader.take(token, match.start())
        reader.before = token
    # A bracket in prose ("[see below") is no beginning of a list.
    cut = next((f.offset for f in reader.stack if not f.prose), None)
    return Scan(tuple(reader.found), tuple(reader.broken), cut, reader.empty_list)


class _Reader:
    def __init__(self) -> None:
        self.stack: list[_Frame] = []
        self.found: list[Found] = []
        self.broken: list[tuple[int, int]] = []
        self.before = ""
        self.empty_list = False

    def take(self, token: str, offset: int) -> None:
        if token in "[{":
            if len(self.stack) == MAX_DEPTH:
                del self.stack[0]
            self.stack.append(_Frame(offset, "]" if token == "[" else "}"))
        elif token in "]}":
            self.close(token, offset + 1)
        elif token == ":":
            top = self.stack[-1]
            top.key = top.word if isinstance(top.word, str) else None
            top.word = None
        elif token == ",":
            self.stack[-1].key = None
        else:
            self.atom(token)

    def atom(self, token: str) -> None:
        top = self.stack[-1]
        if token[0] in "\"'":
            top.take(_string(token))
        elif token in _NOTHING:
            top.take(None)
        elif token[0] in "+-.0123456789" and not token[-1].isalpha() and "_" not in token:
            top.take(_number(token))
        elif top.closing == "}":
            top.take(token)  # bare keys and words
        else:
            top.take(None)
            top.prose = True

    def close(self, token: str, end: int) -> None:
        while self.stack and self.stack[-1].closing != token:
            if all(f.closing != token for f in self.stack):
                return
            lost = self.stack.pop()
            if not lost.prose:
                self.broken.append((lost.offset, end))
        if not self.stack:
            return
        frame = self.stack.pop()
        value = self.list_of(frame) if token == "]" else self.object_of(frame, end)
        if self.stack:
            self.stack[-1].take(value)

    def list_of(self, frame: _Frame) -> Any:
        if any(i is Other or isinstance(i, dict) for i in frame.items):
            return Other
        self.empty_list |= not frame.items
        return frame.items

    def object_of(self, frame: _Frame, end: int) -> Any:
        numbers = bool(frame.members) and all(isinstance(v, float) for _, v in frame.members)
        if numbers and self.stack and self.stack[-1].closing == "}":
            return dict(frame.members)
        self.found.append(Found(tuple(frame.members), frame.offset, end))
        return Other


def _string(token: str) -> str | None:
    """The text of a string; None for one that is not closed or has a broken escape."""
    quote = token[0]
    if len(token) < 2 or token[-1] != quote:
        return None
    if quote == "'":
        return token[1:-1].replace("\\'", "'")
    try:
        return json.loads(token, strict=False)
    except ValueError:
        return None


def _number(token: str) -> float | None:
    try:
        return float(token) if len(token) <= LONGEST_NUMBER else None
    except ValueError:
        return None
