"""The part of a model's text that answers: after its thoughts, in its box, behind "answer:"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from n3d.language import answers, numerals

LONGEST = 100_000
_TAGGED = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}")
_CUE = re.compile(
    r"\b(?:(?:final|correct|my|the|so the|best) )?(?:answer|conclusion|choice)"
    r"(?: (?:is|would be|should be|must be)\b(?: (?:option|choice))?[ :]*|\s*[:=]\s*)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[*`#$]+|</?[a-z]{1,10}>|\\[,;! ]|^[ \t]*>[ \t]", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Conclusion:
    """`text` is what answers, on lines as written, without marks of emphasis; `whole` all that
    follows the thoughts. `cued` tells whether the text says itself that this is the answer, and
    `cut` whether it ends inside a thought."""

    text: str
    whole: str
    cued: bool = False
    cut: bool = False


def find(text: str) -> Conclusion:
    """The conclusion of any text; of several answers the last one counts."""
    text = text[:LONGEST]
    at = answers.start(text)
    cut = at == len(text) and bool(text.strip())
    rest = text[at:]
    whole = _clean(rest)
    for pattern in (_TAGGED, _BOXED):
        found = pattern.findall(rest)
        if found and found[-1].strip():
            inner = _BOXED.findall(found[-1])
            return Conclusion(_clean(inner[-1] if inner else found[-1]), whole, True, cut)
    cues = list(_CUE.finditer(whole))
    if cues and whole[cues[-1].end() :].strip():
        return Conclusion(whole[cues[-1].end() :].strip(), whole, True, cut)
    return Conclusion(whole, whole, False, cut)


def _clean(text: str) -> str:
    return _MARKS.sub("", numerals.plain(_TEXT.sub(r"\1", text))).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a text; a point inside a number or an abbreviation ends none."""
    parts = re.split(r"(?<=[.!?;])(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)\s+|\n+", text)
    return [p.strip() for p in parts if p.strip()]
