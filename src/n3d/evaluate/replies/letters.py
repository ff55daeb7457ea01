"""The option that a reply chooses, by its letter or by its words.

Strict where the expression of lmms-eval takes the first letter that it meets ("Based on the
image, A" is A, "Neither" is none): a letter counts where it stands alone and is no article.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from n3d.evaluate.replies.said import Said, nothing
from n3d.language import conclusions
from n3d.reason import labels

LETTERS = "ABCDEFGH"
# "A" before a lower-case word is an article, "I" never an option.
_LETTER = (
    r"(?:\((?P<p>[A-H])\)|\[(?P<s>[A-H])\]"
    r"|(?<![\w'(\[-])(?P<l>[A-H])(?![\w'-])(?!\.[A-Za-z])(?![ ]+[a-z])"
    r"|(?<![\w'(\[-])(?P<l2>[A-H])(?=[ ]+(?:(?:is|because|since|as|would|seems|should)\b"
    r"|(?:and|or|nor)[ ]+[\[(]?[A-H]\b)))"
)
_ALONE = r"(?![\s,/]+(?:(?:or|and|nor)\s+)?[\[(]?[A-H](?![\w'-]))"
_FREE = re.compile(_LETTER)
_START = re.compile(rf"^\W*(?:(?i:option|choice|answer)\s*:?\s*)?{_LETTER}(?=\W|$){_ALONE}")
_SAID = re.compile(
    rf"\b(?i:answer|choice|option|choose|select|pick|is|it's|would be|going with|therefore|so)"
    rf"(?i:\s*+(?:is|be|would be|option|choice|:|=|-|,)){{0,4}}+\s*+{_LETTER}"
)
_LOWER = re.compile(r"^\W*([a-h])\W*$")
_OPTION = re.compile(
    r"[\[(]?(?<![\w])(?P<letter>[A-H])[\])]?\s*[).:\]]\s*(?P<text>.*?)"
    r"(?=\s*[,;\n]?\s*[\[(]?(?<![\w])[A-H][\])]?\s*[).:\]]\s|\n|$)"
)


def options(question: str | None) -> dict[str, str]:
    """The options that a question lists: "(A) lamp (B) chair", or one on each line."""
    found: dict[str, str] = {}
    for match in _OPTION.finditer(question or ""):
        letter = match["letter"]
        if letter == LETTERS[len(found)]:
            found[letter] = match["text"].strip().rstrip(".,;")
        if len(found) == len(LETTERS):
            break
    return found if len(found) > 1 else {}


def read(text: str, choices: Mapping[str, str] | None = None) -> Said:
    """The letter of the option that a text chooses: Said of "A", "B", ..."""
    choices = choices or {}
    allowed = set(choices) or set(LETTERS)
    only = _LOWER.match(text)
    if only and only[1].upper() in allowed:
        return Said(only[1].upper(), "the letter alone")
    for pattern, how, last in (
        (_START, "the letter it begins with", False),
        (_SAID, "the letter it says is the answer", True),
    ):
        found = [x for m in pattern.finditer(text) if (x := _of(m)) in allowed]
        if found:
            return Said(found[-1] if last else found[0], how)
    by_words = _by_words(text, choices)
    if by_words.read:
        return by_words
    found = {x for m in _FREE.finditer(text) if (x := _of(m)) in allowed}
    if len(found) == 1:
        return Said(found.pop(), "the only letter")
    return nothing("several options" if found else by_words.how)


def _of(match: re.Match[str]) -> str:
    return next(v for v in match.groupdict().values() if v)


def _by_words(text: str, choices: Mapping[str, str]) -> Said:
    """The only option whose words are in the text; of several, in the last such sentence."""
    wanted = {k: labels.normal(v) for k, v in choices.items() if v.strip()}
    for sentence in [text, *reversed(conclusions.sentences(text))]:
        said = f" {_spaced(sentence)} "
        found = [k for k, v in wanted.items() if v and f" {v} " in said]
        # "table lamp" holds "lamp": the longer name is meant.
        found = [k for k in found if not any(_inside(wanted[k], wanted[o]) for o in found)]
        if len(found) == 1:
            return Said(found[0], "the words of the option")
    return nothing("no option")


def _inside(a: str, b: str) -> bool:
    return a != b and f" {a} " in f" {b} "


def _spaced(text: str) -> str:
    words = re.sub(r"[^\w\s'/.]|\.(?!\d)", " ", labels.spaced(text)).split()
    return " ".join(labels.singular(w) for w in words)
