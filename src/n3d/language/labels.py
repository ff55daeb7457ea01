"""Labels as text, and other people's text inside prompts: any character goes in and comes back.

An ordinary label is written as it is (`mug`, `night stand`); any other as a JSON string in
which everything that could end a box, start a trace line or be a special token is escaped.
"""

from __future__ import annotations

import json
import re
import unicodedata

from n3d.errors import FormatError

QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*"')

_PLAIN_MARKS = frozenset("_&./'+-")
_PLAIN_LENGTH = 80
# Inside quotes: what special tokens (<...>, [INST]), boxes (=) and trace lines (>>>) are made of.
_ESCAPED = frozenset("<>|=[]")
_INVISIBLE = frozenset(("Cc", "Cf", "Cn", "Co", "Zl", "Zp"))
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_TOKEN_LIKE = re.compile(
    r"\\"  # the escape itself
    r"|<(?=[^\s0-9=\\])"  # <|im_end|>, <image>, </think>
    r"|\[(?=/?[A-Z_]{2,20}\])"  # [INST], [/INST], [IMG]
    r"|bbox_[0-9]{1,9}[ \t]{0,8}(?==)"  # bbox_0=
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def is_plain(label: str) -> bool:
    """Whether the label is written without quotes: words of letters, digits and a few marks."""
    return (
        0 < len(label) <= _PLAIN_LENGTH
        and not label.startswith("bbox_")
        and " " not in (label[0], label[-1])
        and "  " not in label
        and all(c == " " or c in _PLAIN_MARKS or unicodedata.category(c)[0] in "LMN" for c in label)
    )


def write(label: str) -> str:
    """A label as text; FormatError for NUL and lone surrogates, which no text file can hold."""
    check(label)
    return label if is_plain(label) else quote(label)


def quote(text: str) -> str:
    """A JSON string of one line, without special tokens, boxes or invisible characters."""
    return '"' + "".join(_quoted(c) for c in text) + '"'


def _quoted(c: str) -> str:
    if c in _SHORT:
        return _SHORT[c]
    category = unicodedata.category(c)
    if c in _ESCAPED or category in _INVISIBLE or (category == "Zs" and c != " "):
        units = c.encode("utf-16-be")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
    return c


def read(text: str) -> str:
    """The label of a text that `write` or a model wrote; runs of blanks count as one.

    Raises FormatError for a broken JSON string, NUL and lone surrogates.
    """
    text = text.strip(" \t")
    if text.startswith('"') and QUOTED.fullmatch(text):
        try:
            label = json.loads(text)
        except ValueError:
            raise FormatError(
                f"broken escape in {text[:60]!r}", code="label-escape", field="label"
            ) from None
    else:
        label = " ".join(text.split())
    check(label)
    return label


def check(label: str) -> None:
    """Raise FormatError for what no label can hold."""
    if not isinstance(label, str):
        raise FormatError(
            f"must be a text, got {type(label).__name__}", code="label-type", field="label"
        )
    for c in label:
        if c == "\0" or "\ud800" <= c <= "\udfff":
            raise FormatError(
                f"holds {c.encode('unicode_escape').decode() if c != chr(0) else 'NUL'}",
                code="label-character",
                field="label",
                hint="Remove NUL and lone surrogates",
            )


def neutralize(text: str) -> str:
    r"""Other people's text made harmless for a prompt: a backslash breaks what acts as a command.

    `<image>` becomes `<\image>`, `<|im_end|>` `<\|im_end|>`, `[INST]` `[\INST]` and `bbox_0=`
    `bbox_0\=`; a backslash becomes two. Other text stays as it is; `restore` is the inverse.
    """
    return _TOKEN_LIKE.sub(lambda m: m.group() + "\\", text)


def restore(text: str) -> str:
    """The text that `neutralize` was given."""
    return _ESCAPE.sub(r"\1", text)
