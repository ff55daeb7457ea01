"""Numbers in English prose: digits, fractions, words. Ordinals and names such as 3D are none."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS: dict[str, int] = {
    **{w: i for i, w in enumerate(_ONES)},
    **{w: 10 * i for i, w in enumerate(_TENS, 2)},
    "fourty": 40,
    "hundred": 100,
    "thousand": 1000,
}
_PARTS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "eighth": 8,
          "tenth": 10}  # fmt: skip
_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
_PART = "|".join(sorted(_PARTS, key=len, reverse=True))
_NUMBER = rf"(?:{_WORD})(?:(?:[ -]|(?:(?<=hundred)|(?<=thousand)) and )(?:{_WORD}))*+"
_AND_PART = rf"[ -]and[ -](?P<over>an?|one|two|three)[ -](?P<part>{_PART})s?"
_WORDED = re.compile(
    rf"\b(?P<whole>(?:an?[ -](?=hundred|thousand))?{_NUMBER})"
    rf"(?:[ -]point(?P<places>(?:[ -](?:{'|'.join(_ONES[:10])}))++))?(?:{_AND_PART})?\b",
    re.IGNORECASE,
)
_FRACTION_WORDS = re.compile(
    rf"\b(?:(?P<over>an?|one|two|three)[ -])?(?P<part>{_PART})s?\b"
    r"(?:[ -]of)?(?:[ -](?:an?|one|the)\b)?",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![\w.])(?P<sign>(?<![\w)\]] )(?<![\w)\]])[+-]|)"
    r"(?:(?P<whole>[0-9]{1,6}+)[ -](?P<top>[0-9]{1,3}+)/(?P<below>[0-9]{1,3}+)(?![\w/])"
    r"|(?P<over>[0-9]{1,6}+)/(?P<under>[0-9]{1,3}+)(?![\w/])"
    r"|(?P<comma>[0-9]{1,6}+,[0-9]{1,2}+)(?=\s?(?:[mc]m?\b|met|cent|f[et]|in))"
    r"|(?P<plain>(?:[0-9]{1,3}+(?:,[0-9]{3}+)++|[0-9]{1,15}+)(?:\.[0-9]{1,30}+)?+|\.[0-9]{1,30}+)"
    r"(?:[eE](?P<power>[+-]?[0-9]{1,2}+)(?![\w.]))?)"
    r"(?!(?:st|nd|rd|th|d)\b|[0-9_])",
    re.IGNORECASE,
)
# "the one on the left", "one of them": no number.
_PRONOUN_BEFORE = re.compile(
    r"\b(?:the|this|that|which|no|any|each|every|another|other|first|second)[ ]$", re.IGNORECASE
)
_PRONOUN_AFTER = re.compile(r"[ ](?:of|that|which|another|on|in|to|side|with)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Numeral:
    """A number and where it stands in the text. `worded` is one that is written out."""

    value: float
    start: int
    end: int
    worded: bool = False


def plain(text: str) -> str:
    """The text with one form for each kind of quote, dash, space and digit, and written-out
    fractions: "1½" becomes "1 1/2"."""
    out = []
    for c in text:
        part = unicodedata.normalize("NFKC", c) if unicodedata.category(c) == "No" else ""
        if "\u2044" in part:
            apart = bool(out) and out[-1][-1].isdigit()
            out.append((" " if apart else "") + part.replace("\u2044", "/"))
        else:
            out.append(c)
    text = unicodedata.normalize("NFKC", "".join(out))
    for found, wanted in (("‘’ʼ′`", "'"), ("“”″", '"'), ("‐‑‒–—−", "-")):
        for c in found:
            text = text.replace(c, wanted)
    return text.replace("''", '"')


def find(text: str) -> tuple[Numeral, ...]:
    """All numbers of a text that went through `plain`, in order."""
    found = [n for match in _DIGITS.finditer(text) if (n := _of_digits(match))]
    for pattern, read in ((_FRACTION_WORDS, _of_fraction), (_WORDED, _of_words)):
        found += [n for match in pattern.finditer(text) if (n := read(text, match))]
    out: list[Numeral] = []
    for number in sorted(found, key=lambda n: (n.start, -n.end)):
        if not out or number.start >= out[-1].end:
            out.append(number)
    return tuple(out)


def _of_digits(match: re.Match[str]) -> Numeral | None:
    g = match.groupdict()
    over, under = g["top"] or g["over"], g["below"] or g["under"]
    if over is not None:
        if int(under) == 0:
            return None
        value = int(g["whole"] or 0) + int(over) / int(under)
    elif g["comma"] is not None:
        value = float(g["comma"].replace(",", "."))
    else:
        value = float(g["plain"].replace(",", "")) * 10.0 ** int(g["power"] or 0)
    return Numeral(-value if g["sign"] == "-" else value, match.start(), match.end())


def _of_words(text: str, match: re.Match[str]) -> Numeral | None:
    words = [w for w in re.split(r"[ -]", match["whole"].lower()) if w != "and"]
    if words == ["one"] and not (match["places"] or match["part"]) and _pronoun(text, match):
        return None
    value = total = 0.0
    for word in (w for w in words if w in WORDS):
        number = WORDS[word]
        if number == 100:
            value = max(value, 1.0) * 100
        elif number == 1000:
            total, value = total + max(value, 1.0) * 1000, 0.0
        else:
            value += number
    total += value
    if match["places"]:
        digits = re.split(r"[ -]", match["places"].strip(" -").lower())
        total += sum(WORDS[d] / 10.0 ** (i + 1) for i, d in enumerate(digits))
    if match["part"]:
        total += _count(match["over"]) / _PARTS[match["part"].lower()]
    return Numeral(total, match.start(), match.end(), True)


def _pronoun(text: str, match: re.Match[str]) -> bool:
    before = _PRONOUN_BEFORE.search(text, 0, match.start())
    return bool(before or _PRONOUN_AFTER.match(text, match.end()))


def _of_fraction(text: str, match: re.Match[str]) -> Numeral | None:
    """A part of something: "half a metre". Without "a" before it or after it, it may be a place
    ("the left half"), a number it is not."""
    part = match["part"].lower()
    told = match["over"] is not None or part == "half"
    if not told or (part == "half" and match["over"] is None and _adjective(text, match.start())):
        return None
    return Numeral(_count(match["over"] or "one") / _PARTS[part], match.start(), match.end(), True)


def _adjective(text: str, at: int) -> bool:
    words = r"\b(?:the|left|right|upper|lower|top|bottom|first|second)[ ]$"
    return bool(re.search(words, text[:at], re.IGNORECASE))


def _count(word: str) -> int:
    return 1 if word.lower() in ("a", "an") else WORDS[word.lower()]
