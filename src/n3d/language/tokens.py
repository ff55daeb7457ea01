"""The same boxes in tokens of our own, for a model whose tokenizer can be extended.

A number of four digits is a coarse and a fine token (`<|c57|><|f31|>`), a yaw one token
(`<|y182|>`), and `bbox_3=Bbox(` one token that names the object (`<|bbox_3|>`). The label stays
text. A box takes 13 tokens, 14 with yaw, and those of its label.
"""

from __future__ import annotations

import re

from n3d.errors import FormatError
from n3d.language import grid

MAX_OBJECTS = 100

_BOX = re.compile(
    r"bbox_([0-9]{1,6})=Bbox\((.*),((?:[0-9]{4},){5}[0-9]{4})(?:,([0-9]{3}))?\)", re.DOTALL
)
_REF = re.compile(r"(?<![A-Za-z0-9_])bbox_(0|[1-9][0-9]?)(?![0-9])")
_HEAD = re.compile(r"<\|bbox_([0-9]{1,2})\|>")
_PAIR = r"<\|c([0-9]{2})\|><\|f([0-9]{2})\|>"
_BODY = re.compile(r"((?:<\|c[0-9]{2}\|><\|f[0-9]{2}\|>){6})(?:<\|y([0-9]{3})\|>)?")
_ANY = re.compile(r"<\|(?:bbox_[0-9]{1,2}|[cf][0-9]{2}|y[0-9]{3})\|>")


def special_tokens() -> list[str]:
    """All tokens to add to a tokenizer, in this order: 100 objects, 200 for numbers, 360 yaws."""
    pair = [f"{i:02d}" for i in range(100)]
    return [
        *(f"<|bbox_{i}|>" for i in range(MAX_OBJECTS)),
        *(f"<|c{p}|>" for p in pair),
        *(f"<|f{p}|>" for p in pair),
        *(f"<|y{i:03d}|>" for i in range(grid.YAW_CELLS)),
    ]


def to_tokens(text: str) -> str:
    """Lines that `boxes.write` made, in our own tokens; FormatError for any other line."""
    out = []
    for line in text.split("\n")[:-1]:
        match = _BOX.fullmatch(line)
        if match is None or int(match[1]) >= MAX_OBJECTS:
            raise FormatError(
                f"not a line of the n3d dialect, or of an object beyond {MAX_OBJECTS - 1}: "
                f"{line[:60]!r}",
                code="token-line",
            )
        out.append(f"<|bbox_{int(match[1])}|>{match[2]}")
        out += [f"<|c{n[:2]}|><|f{n[2:]}|>" for n in match[3].split(",")]
        out.append(f"<|y{match[4]}|>" if match[4] else "")
    return "".join(out)


def from_tokens(text: str) -> str:
    """The lines that tokens stand for, for `boxes.read`, which names what is wrong in them."""
    first, *rest = _HEAD.split(text)
    out = [first]
    for number, body in zip(rest[::2], rest[1::2]):
        match = _BODY.search(body)
        if match is None:  # not whole: left open, so that it is read as cut or malformed
            out.append(f"\nbbox_{number}=Bbox({body}")
            continue
        numbers = ",".join("".join(pair) for pair in re.findall(_PAIR, match[1]))
        numbers += f",{match[2]}" if match[2] else ""
        out.append(f"bbox_{number}=Bbox({body[: match.start()]},{numbers})\n{body[match.end() :]}")
    return "".join(out)


def number(cell: int) -> str:
    """A number of four digits as its coarse and its fine token."""
    return f"<|c{cell // 100:02d}|><|f{cell % 100:02d}|>"


def refs_to_tokens(text: str) -> str:
    """A trace whose boxes are named by the tokens that head them."""
    return _REF.sub(r"<|bbox_\1|>", text)


def refs_from_tokens(text: str) -> str:
    """The trace that tokens stand for."""
    return _HEAD.sub(r"bbox_\1", text)


def count(text: str) -> int:
    """Number of our own tokens in a text of `to_tokens`, the labels' tokens not counted."""
    return sum(1 for _ in _ANY.finditer(text))
