"""Sentence patterns that are both written and read.

A pattern is text with `{slots}` for names, `<classes>` for words that fix an option,
`(this|that)` for alternatives and `[optional]` parts. Slots and classes do not stand inside
alternatives or optional parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Words = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Class name -> word -> the options that the word fixes."""

_TOKEN = re.compile(r"\{(\w+)\}|<(\w+)>")
_GROUP = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
MAX_READINGS = 40


@dataclass(frozen=True)
class Reading:
    """One way a text fits a pattern: the slots' texts and the options its words fix."""

    slots: dict[str, str]
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Template:
    """A pattern with its word classes."""

    pattern: str
    words: Words = field(default_factory=dict)

    @cached_property
    def first(self) -> str | None:
        """The word every text of the pattern begins with, if there is just one."""
        word = self.pattern.split(" ")[0].rstrip(",")
        return None if re.search(r"[{}<>()\[\]|,']", word) else word

    @cached_property
    def _parts(self) -> tuple[list[re.Pattern[str]], list[str]]:
        """The literals between slots as compiled expressions, and the slots."""
        pieces = re.split(r"\{(\w+)\}", self.pattern.rstrip("?.!"))
        literals = [self._literal(text) for text in pieces[::2]]
        compiled = [re.compile(x, re.IGNORECASE) for x in literals[:-1]]
        return [*compiled, re.compile(f"(?:{literals[-1]})$", re.IGNORECASE)], pieces[1::2]

    def _literal(self, text: str) -> str:
        if text == ", ":
            # Nothing else parts the two slots, so the mark must be there.
            return r"\s*[,:;–—]+\s*|\s+-+\s+"
        out = []
        for token in re.split(r"(<\w+>|[()\[\]|]|, | )", text):
            if token.startswith("<"):
                name = token[1:-1]
                choices = sorted(self.words[name], key=len, reverse=True)
                out.append(f"(?P<{name}>{'|'.join(map(re.escape, choices))})")
            elif token in "()|[]" and token:
                out.append({"(": "(?:", "[": "(?:", ")": ")", "]": ")?", "|": "|"}[token])
            elif token == ", ":
                out.append(r"(?:\s*[,:;–—-]+\s*|\s+)")
            else:
                out.append(re.escape(token))
        return "".join(out)

    def read(self, text: str) -> Iterator[Reading]:
        """All ways (at most MAX_READINGS) the whole text fits the pattern."""
        literals, slots = self._parts
        start = literals[0].match(text) if slots else literals[0].fullmatch(text)
        if start is None:
            return
        for count, reading in enumerate(self._rest(text, 1, start.end(), {}, start.groupdict())):
            if count >= MAX_READINGS:
                return
            yield reading

    def _rest(self, text, k, at, slots, words) -> Iterator[Reading]:
        literals, names = self._parts
        if k > len(names):
            yield Reading(dict(slots), self._options(words))
            return
        last = k == len(names)
        for m in literals[k].finditer(text, at + 1) if at < len(text) else ():
            name = text[at : m.start()].strip(" ,;")
            if name:
                found = {**slots, names[k - 1]: name}
                yield from self._rest(text, k + 1, m.end(), found, {**words, **m.groupdict()})
            if last:
                return

    def _options(self, words: Mapping[str, str]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for name, word in words.items():
            if word is not None:
                options.update(self.words[name][word.casefold()])
        return options

    def can_say(self, options: Mapping[str, Any]) -> bool:
        """Whether every class of the pattern has a word for these options."""
        return all(self._sayable(name, options) for name in self.classes)

    @property
    def classes(self) -> list[str]:
        return re.findall(r"<(\w+)>", self.pattern)

    def _sayable(self, name: str, options: Mapping[str, Any]) -> list[str]:
        return [
            word
            for word, fixed in self.words[name].items()
            if all(options.get(key) == value for key, value in fixed.items())
        ]

    def write(
        self, slots: Mapping[str, str], options: Mapping[str, Any], rng: np.random.Generator
    ) -> str:
        """A sentence of the pattern; free choices are drawn."""

        def drawn(m: re.Match[str]) -> str:
            if m[2] is not None:
                return m[2] if rng.random() < 0.5 else ""
            choices = m[1].split("|")
            return choices[rng.integers(len(choices))]

        text = _GROUP.sub(drawn, self.pattern)

        def filled(m: re.Match[str]) -> str:
            if m[1]:
                return slots[m[1]]
            choices = self._sayable(m[2], options)
            return choices[rng.integers(len(choices))]

        text = re.sub(r"\bi\b(?!')", "I", text)
        text = _TOKEN.sub(filled, text)
        return text[0].upper() + text[1:]
