"""Any vision-language model as one function: pictures and text in, text out.

`endpoints.Endpoint` is a model behind a server, `local_chats.LocalChat` one on this machine. The
text is theirs: only `n3d.language` reads it. Other people's text (questions, labels) is passed
through `language.neutralize` before it goes into a prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from n3d.errors import ConfigError, InputError
from n3d.experts import batching

MAX_TOKENS = 1024
LONGEST_TEXT = 200_000
MOST_IMAGES = 16


@runtime_checkable
class Chat(Protocol):
    """A model that answers one turn; equal arguments should give equal replies."""

    def reply(
        self,
        system: str | None,
        text: str,
        images: Sequence[np.ndarray] = (),
        *,
        max_tokens: int = MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """The reply to a text about pictures (h, w, 3) uint8 RGB, which come before it.

        Greedy at temperature 0. A reply of more than `max_tokens` is cut there. Raises InputError
        where the model cannot be asked or gives no text.
        """
        ...


def check(
    system: str | None,
    text: str,
    images: Sequence[np.ndarray],
    max_tokens: int,
    temperature: float,
    seed: int,
) -> None:
    """Raise InputError or ConfigError for arguments of `reply` that no model takes."""
    if system is not None:
        check_text(system, "system")
    check_text(text, "text")
    if len(images) > MOST_IMAGES:
        raise InputError(
            f"{len(images)} pictures", code="chat-images", field="images", limit=f"{MOST_IMAGES}"
        )
    batching.checked(images)
    check_number("max_tokens", max_tokens, 1, 1 << 20)
    check_number("temperature", temperature, 0.0, 100.0)
    check_number("seed", seed, 0, 1 << 62)


def check_text(text: Any, field: str) -> None:
    """Raise InputError for anything but text that can be encoded and is not too long."""
    if not isinstance(text, str):
        raise InputError(
            f"must be a text, got {type(text).__name__}", code="chat-text", field=field
        )
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"has {len(text)} characters", code="chat-text", field=field, limit=f"{LONGEST_TEXT}"
        )
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise InputError("holds NUL or a lone surrogate", code="chat-text", field=field)


def check_number(name: str, value: Any, low: float, high: float) -> None:
    """Raise ConfigError unless a value is a number in range, a whole one where `low` is whole."""
    kinds = int if isinstance(low, int) else (int, float)
    number = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high:
        raise ConfigError(
            f"is {str(value)[:40]!r}",
            code="config-value",
            field=name,
            limit=f"{low:g} to {high:g}",
        )
