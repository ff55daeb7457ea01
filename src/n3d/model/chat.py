"""Qwen's chat format as text."""

from __future__ import annotations

from collections.abc import Sequence

from n3d.errors import InputError

IMAGE = "<image>"
"""Where a picture stands in a prompt; other people's text must be neutralised before."""
PAD = "<|image_pad|>"
_PLACE = f"<|vision_start|>{PAD}<|vision_end|>"


def write(turns: Sequence[tuple[str, str]]) -> str:
    """The prompt of (role, text) turns, open for the assistant to answer."""
    told = "".join(
        f"<|im_start|>{role}\n{text.replace(IMAGE, _PLACE)}<|im_end|>\n" for role, text in turns
    )
    return f"{told}<|im_start|>assistant\n"


def expand(prompt: str, tokens: Sequence[int]) -> str:
    """The prompt with one image pad for each token of each picture, in order.

    Raises InputError unless there is one place for each picture.
    """
    parts = prompt.split(PAD)
    if len(parts) - 1 != len(tokens):
        raise InputError(
            f"has {len(parts) - 1} places for {len(tokens)} pictures",
            code="prompt-images",
            field="prompt",
            hint=f"Write {IMAGE} once for each picture",
        )
    return parts[0] + "".join(PAD * n + part for n, part in zip(tokens, parts[1:], strict=True))
