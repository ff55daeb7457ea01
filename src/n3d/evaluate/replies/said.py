"""What every reader of replies gives back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_CANNOT = (
    r"(?:can(?:no|')t|cannot|could ?n(?:o|')t|unable|not able|impossible|not possible|"
    r"(?:do|does|did|have|has|is) ?n(?:o|')t|no (?:way|means)|difficult|hard|not|nothing)"
)
_REFUSALS = re.compile(
    r"\bi(?:'m| am) sorry\b|\b(?:i )?apologi[sz]e\b|\bas an? (?:ai|language model)\b"
    r"|\b(?:insufficient|not enough|lack of) (?:information|data|context|detail)"
    r"|\bno (?:image|picture|photo|visual)\b[^.]{0,40}\b(?:provided|given|attached|available)"
    r"|\bindeterminate\b|\bunknown\b|\bundetermined\b|\bn/a\b|\bunanswerable\b"
    rf"|\b{_CANNOT}\b[^.;]{{0,60}}?\b(?:determin|answer|tell|measure|see\b|say\b|provide|estimat|"
    r"assist|help|infer|know|sure|identif|compute|calculat|clear|visible|given|specified|assess|"
    r"judge|view|access|ascertain)",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:but|however|although|still|nevertheless|if i had to|estimated? (?:to be|at)?|my guess|"
    r"best guess|approximately|roughly|about|around|appears? to|seems? to|likely)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """What a text says; `value` None where nothing could be read, and `how` then says why."""

    value: Any
    how: str

    @property
    def read(self) -> bool:
        return self.value is not None


def nothing(how: str) -> Said:
    """What is said where nothing can be read."""
    return Said(None, how)


def refusal(text: str) -> tuple[bool, str]:
    """Whether a text says that it cannot answer, and what is left to read beside that."""
    found = _REFUSALS.search(text)
    if found is None:
        return False, text
    turn = _TURN.search(text, found.end())
    return True, text[turn.start() :] if turn else ""
