"""Questions as people type them, made fit for a prompt or refused."""

from __future__ import annotations

import unicodedata

from n3d.errors import QuestionError

LIMIT = 2000
# Letters and symbols of Unicode that show nothing.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def clean(text: str, *, limit: int = LIMIT) -> str:
    """The question on one line, without control, zero-width and direction characters.

    Raises QuestionError for anything but text, more than `limit` characters, NUL, lone
    surrogates, and text in which no letter or digit is left. Special tokens are left alone:
    prompts pass what they are given through `labels.neutralize`.
    """
    if not isinstance(text, str):
        raise _refused("question-type", f"must be a text, got {type(text).__name__}")
    if len(text) > limit:
        raise QuestionError(
            f"has {len(text)} characters", code="question-long", field="question", limit=f"{limit}"
        )
    out = []
    for c in text:
        if c == "\0":
            raise _refused("question-nul", "holds NUL")
        if "\ud800" <= c <= "\udfff":
            raise _refused("question-surrogate", "holds a lone surrogate: it is not valid text")
        category = unicodedata.category(c)
        if c.isspace() or category in ("Zl", "Zp", "Zs"):
            out.append(" ")
        elif category not in ("Cc", "Cf") and c not in _BLANK:
            out.append(c)
    question = " ".join("".join(out).split())
    if not any(c.isalnum() for c in question):
        raise _refused("question-empty", "holds no letter or digit")
    return question


def _refused(code: str, message: str) -> QuestionError:
    return QuestionError(message, code=code, field="question")
