"""Clock directions in replies: "11 o'clock", "eleven o'clock", "10:30", "between 1 and 2 o'clock".

An hour may lie between two: 10:30 and "10 or 11 o'clock" are 10.5, which is within one hour of
both and exactly neither.
"""

from __future__ import annotations

import re

from n3d.evaluate.replies.said import Said, nothing
from n3d.language import conclusions

_WORDS = ("twelve", "eleven", "ten", "nine", "eight", "seven", "six", "five", "four", "three",
          "two", "one")  # fmt: skip
_HOUR = rf"(?:[0-9]{{1,2}}(?:\.0{{1,4}}|\.5)?(?![0-9.]*[0-9])|{'|'.join(_WORDS)})"
_SIGN = r"[\s-]*o[\s']*clock"
_JOIN = r"\s*(?:-|to|or|and|/)\s*"
_CLOCK = re.compile(
    rf"(?<![\w.:])(?P<first>{_HOUR})(?::(?P<minutes>[0-5][0-9]))?"
    rf"(?:(?:{_SIGN})?{_JOIN}(?P<second>{_HOUR}))?{_SIGN}",
    re.IGNORECASE,
)
_TIME = re.compile(r"(?<![\w.:])(?P<first>1[0-2]|0?[0-9]):(?P<minutes>[0-5][0-9])(?![\d:])")
_BARE = re.compile(rf"(?<![\w.:\[(])(?P<first>{_HOUR})(?![\w\])%:]|\.[0-9])", re.IGNORECASE)
_POSITION = re.compile(
    rf"clock\w*[ _](?:position|direction|hour)\s*(?:is|=|:|of)\s*(?P<first>{_HOUR})",
    re.IGNORECASE,
)


def read(text: str) -> Said:
    """The hour that a text states: Said of a float in (0, 12]."""
    for pattern, how in (
        (_CLOCK, "an hour of the clock"),
        (_TIME, "a time of day"),
        (_POSITION, "a clock position"),
    ):
        said = [_hour(m) for m in pattern.finditer(text)]
        hours = [h for h in said if h is not None]
        if hours:
            return _one(hours, text, pattern, how)
        if said:
            return nothing("no hour from 1 to 12")
    bare = [h for m in _BARE.finditer(text) if (h := _hour(m)) is not None]
    if len(set(bare)) == 1 and len(text.split()) <= 12:
        return Said(bare[0], "the only number; an hour assumed")
    return nothing("several numbers, none of them an hour" if bare else "no hour")


def _one(hours: list[float], text: str, pattern: re.Pattern[str], how: str) -> Said:
    if len(set(hours)) == 1:
        return Said(hours[0], how)
    for sentence in reversed(conclusions.sentences(text)):
        last = [h for m in pattern.finditer(sentence) if (h := _hour(m)) is not None]
        if last:
            return Said(last[-1], f"{how}, the last of several")
    return Said(hours[-1], f"{how}, the last of several")


def _hour(match: re.Match[str]) -> float | None:
    g = match.groupdict()
    first = _number(g["first"])
    if first is None:
        return None
    if g.get("minutes"):
        first += int(g["minutes"]) / 60
    second = _number(g["second"]) if g.get("second") else first
    if second is None:
        return None
    apart = (second - first) % 12
    if apart > 6:  # "12 or 11": the short way round
        first, apart = second, 12 - apart
    return (first + apart / 2 - 1e-9) % 12 + 1e-9 if apart else ((first - 1) % 12) + 1


def _number(text: str) -> float | None:
    low = text.lower()
    value = float(12 - _WORDS.index(low)) if low in _WORDS else float(low)
    return value if 0 <= value <= 12 else None


def off(hour: float, true: float) -> float:
    """Hours between two places on the clock the short way round, 0 to 6."""
    apart = abs(hour - true) % 12
    return min(apart, 12 - apart)


def show(hour: float) -> str:
    """An hour in words."""
    return f"{hour:g} o'clock"
