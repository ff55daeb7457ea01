"""What any chat model says around its answer: thoughts, fences, lists. The answer without it."""

from __future__ import annotations

import re

from n3d.errors import QuestionError
from n3d.language import questions
from n3d.language.reading import Faults, Parsed
from n3d.language.traces import PROMPT

MOST = 3
LONGEST = 400
_OPENED = re.compile(r"\s*+<think(?:ing)?>")
_CLOSED = re.compile(r"</think(?:ing)?>")
_MARK = re.compile(r"(?:[-*•]|\(?[0-9]{1,2}[.):])[ \t]++")
_QUOTES = "\"'`“”‘’*"


def start(text: str) -> int:
    """Where the answer begins: after the last thought; at the end where a thought is not closed."""
    at = 0
    for match in _CLOSED.finditer(text):  # chat templates may open it in the prompt
        at = match.end()
    return len(text) if at == 0 and _OPENED.match(text) else at


def lines(text: str, most: int = MOST) -> Parsed[str]:
    """The sentences of an answer that was to hold one on each line, without their list marks.

    Fences and lines that end in a colon are passed over, longer lists cut at `most`; lines that
    are no question text (`questions.clean`) are faults.
    """
    faults = Faults(text)
    found: list[str] = []
    at = start(text)
    if at == len(text) and text.strip():
        faults.add("truncated", 0, len(text), "the text ends inside a thought")
    for line in text[at:].split("\n"):
        offset, at = at, at + len(line) + 1
        said = _MARK.sub("", line.strip(), count=1).strip(_QUOTES + " \t\r")
        if not said or line.lstrip().startswith("```") or said.endswith(":"):
            continue
        try:
            said = questions.clean(said, limit=LONGEST)
        except QuestionError as error:
            faults.add("malformed", offset, offset + len(line), str(error))
            continue
        if said not in found:
            found.append(said)
        if len(found) == most:
            break
    return Parsed(tuple(found), tuple(faults.found))


def session(text: str) -> str:
    """The lines of an answer that look like a trace, ready for `traces.parse`; "" without one.

    That is each step and the next line that is not empty, its result, up to the end of the fence
    in which they stand.
    """
    found: list[str] = []
    due = False
    for line in text[start(text) :].split("\n"):
        line = line.strip()
        if line.startswith("```") and found:
            break
        step = line.startswith(PROMPT)
        if line and (step or due):
            found.append(line)
            due = step
    return "".join(f"{line}\n" for line in found)
