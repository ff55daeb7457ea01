"""Lengths and other measures in replies: "5 ft 11 in", "between one and two metres", "0.91 m".

A number without a unit is in the unit that the question asks for, else in the reference's, else
in metres; `Measure.assumed` tells. Several different measures are narrowed to those beside a word
of the question's quantity, and of those left the last counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from n3d.evaluate.replies.said import Said, nothing
from n3d.language import conclusions, numerals
from n3d.reason import units
from n3d.reason.units import UnitOf

SAME = 0.03
"""Measures that differ by less say the same in two units: "5 feet (1.52 m)"."""

QUANTITIES = {
    "width": r"wid(?:th|e)|across|broad|diameter",
    "height": r"tall|heigh|high|vertical",
    "vertical": r"vertical|above|below|higher|lower|elevat|height",
    "horizontal": r"horizontal|lateral|side",
    "distance": r"distan|apart|away|far|separat|gap|between",
    "depth": r"depth|deep|distan|away|far",
    "length": r"long|length",
}
SMALLER = {("ft", "in"), ("m", "cm"), ("km", "m"), ("yd", "ft"), ("m", "mm"), ("cm", "mm")}
"""Units that are said one after the other."""
_UNIT = re.compile(rf"\s?-?\s?(?P<unit>{units.NAMES})(?![A-Za-z0-9])\.?", re.IGNORECASE)
_MARK = re.compile(r"\s?(?P<unit>['\"]|°)(?![A-Za-z])")
_NOT_INCH = re.compile(
    r"\s+(?:the|height|width|length|depth|total|front|diameter|size|a|an|each|this|terms|all|my)\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"\b(?:an?|one)\s(?P<unit>met(?:er|re)|foot|inch|yard|kilomet(?:er|re)|"
                   r"centimet(?:er|re))\b", re.IGNORECASE)  # fmt: skip
_LABELLED = re.compile(
    r"\b(?:regions?|objects?|masks?|areas?|box(?:es)?|bbox|room|frame|image|picture|photo|view|"
    r"step|option|figure|camera|number|no\.|case|part|line|point|id|item|question|example)\s*"
    r"[\[(<#]?\s*\d+\s*[\])>]?(?!\s?(?:m|cm|mm|ft|in|meters?|metres?|feet)\b)|\[\d+\]|<\w*\d+\w*>"
    r"|^\s*\(?\d{1,2}[.):](?=\s)",
    re.IGNORECASE | re.MULTILINE,
)
_VECTORS = re.compile(r"[\[(]\s*[+-]?[\d.]+(?:\s*,\s*[+-]?[\d.]+)+\s*[\])]")
_TOGETHER = re.compile(r"\.?\s*(?:,|,? and)?\s*")
_PART = re.compile(r"(?:a |one )?(?:half|quarter|third)\b", re.IGNORECASE)
_RANGE = re.compile(r"\s*(?:-|to|through|or|~|up to|and)\s*(?:about |around |roughly )?", re.I)
_BETWEEN = re.compile(r"\bbetween\s+(?:about |around |roughly )?$", re.IGNORECASE)
_CUE = re.compile(
    r"(?:\bis|\bare|\bbe|=|:|\babout|\bapproximately|\baround|\broughly|~|\bmeasures?|"
    r"\bof|≈|\bapprox\.?|\bnearly|\balmost|\bat)\s*$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[;,.!?](?:\s|$)|\band\b|\n")


@dataclass(frozen=True)
class Measure:
    """A number in the unit `of` ("m", "m2", "m3", "rad", "1") that it was converted to; `low` and
    `high` differ for a range, whose middle is the value. `text` is as written."""

    value: float
    of: str
    text: str
    low: float
    high: float
    start: int
    end: int
    unit: str | None = None
    assumed: bool = False

    def __str__(self) -> str:
        unit = units.DEFAULT[self.of].symbol
        note = f", {self.unit or unit} assumed" if self.assumed else ""
        span = f", the middle of {self.low:.4g} to {self.high:.4g}" if self.low < self.high else ""
        return f"{self.value:.6g} {unit} ({self.text!r}{span}{note})".replace("  ", " ")


def asked_unit(question: str | None) -> str | None:
    """The unit that a question asks for ("in feet", "how many inches"), None without one."""
    found = re.search(
        rf"\b(?:in|how many|number of|using|unit:?)\s+({units.NAMES})\b(?!\s+the\b)",
        question or "",
        re.IGNORECASE,
    )
    return units.find(found[1]).code if found and found[1].lower() != "in" else None


def read(
    text: str, *, unit: str | None = None, of: str | None = None, quantity: str | None = None
) -> Said:
    """The measure that a text states: Said of a `Measure`.

    `unit` is that of numbers without one; `of` what must be measured ("m"), any where it is None;
    `quantity` one of QUANTITIES, to choose among several.
    """
    found = [m for m in _all(text, unit) if of is None or m.of == of]
    stated = [m for m in found if not m.assumed]
    if stated:
        chosen = _choose(text, stated, quantity)
        return Said(chosen, "a number with its unit")
    if not found:
        return nothing("no number" if not numerals.find(text) else "no number of the right unit")
    if len({m.value for m in found}) > 1:
        cued = [m for m in found if _CUE.search(text, 0, m.start)]
        if not cued:
            return nothing("several numbers without units")
        return Said(cued[-1], "the last number that is said to be it; unit assumed")
    return Said(found[-1], "the only number; unit assumed")


def _all(text: str, unit: str | None) -> list[Measure]:
    masked = _VECTORS.sub(_blank, _LABELLED.sub(_blank, text))
    found = []
    for n in numerals.find(masked):
        known, end = _unit_after(masked, n.end)
        assumed = known is None
        if known is None:
            known = units.find(unit) if unit else units.DEFAULT["m"]
        value = n.value * known.factor
        found.append(
            Measure(value, known.of, masked[n.start : end].strip(), value, value, n.start, end,
                    known.code, assumed)
        )  # fmt: skip
    for match in _BARE.finditer(masked):
        if all(match.end() <= m.start or match.start() >= m.end for m in found):
            known = units.find(match["unit"])
            v = known.factor
            found.append(Measure(v, known.of, match.group(), v, v, match.start(), match.end(),
                                 known.code))  # fmt: skip
    found.sort(key=lambda m: m.start)
    return _merged(masked, found)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _unit_after(text: str, at: int) -> tuple[UnitOf | None, int]:
    match = _UNIT.match(text, at) or _MARK.match(text, at)
    if match is None:
        return None, at
    name = match["unit"]
    if name in "'\"":
        return units.find("ft" if name == "'" else "in"), match.end()
    if name.lower() == "in" and _NOT_INCH.match(text, match.end("unit")):
        return None, at
    return units.find(name), match.end("unit")


def _merged(text: str, found: list[Measure]) -> list[Measure]:
    """Feet and inches as one, two ends of a range as one."""
    out: list[Measure] = []
    for m in found:
        last = out[-1] if out else None
        if last is not None and (last.of == m.of or last.assumed):
            between = text[last.end : m.start]
            more = _more(last, m, between)
            if more is not None:
                value = last.value + more
                out[-1] = replace(last, value=value, low=value, high=value, end=m.end,
                                  text=text[last.start : m.end].strip())  # fmt: skip
                continue
            if _is_range(text, last, m, between):
                out[-1] = _range(last, m, text)
                continue
        out.append(m)
    return out


def _more(a: Measure, b: Measure, between: str) -> float | None:
    """What b adds to a where it goes on with it: a smaller unit ("5 ft 11 in"), inches without
    their mark ("6'2", "6 feet 2"), a part of the same unit ("a foot and a half")."""
    if a.assumed or a.low < a.high or a.unit is None or b.unit is None:
        return None
    if not b.assumed:
        smaller = (a.unit, b.unit) in SMALLER and _TOGETHER.fullmatch(between)
        return b.value if smaller else None
    number = b.value / units.find(b.unit).factor
    if a.unit == "ft" and not between.strip() and number < 12 and number == int(number):
        return number * units.INCH
    if between.strip().lower() == "and" and _PART.match(b.text):
        return number * units.find(a.unit).factor
    return None


def _is_range(text: str, a: Measure, b: Measure, between: str) -> bool:
    if a.low < a.high or b.value < a.value * (0 if a.assumed else 1):
        return False
    word = _RANGE.fullmatch(between)
    if word is None or (a.assumed != b.assumed and not a.assumed):
        return False
    return "and" not in between or bool(_BETWEEN.search(text, 0, a.start))


def _range(a: Measure, b: Measure, text: str) -> Measure:
    low = a.value
    if a.assumed and not b.assumed and a.unit is not None and b.unit is not None:
        low = a.value / units.find(a.unit).factor * units.find(b.unit).factor
    low, high = sorted((low, b.value))
    words = text[a.start : b.end].strip()
    return replace(b, value=(low + high) / 2, low=low, high=high, start=a.start, text=words)


def _choose(text: str, found: list[Measure], quantity: str | None) -> Measure:
    first = found[0]
    if all(abs(m.value - first.value) <= SAME * abs(first.value) for m in found):
        return first
    if quantity in QUANTITIES:
        pattern = re.compile(QUANTITIES[quantity], re.IGNORECASE)
        near = [m for m in found if pattern.search(_clause(text, m))]
        if near:
            found = near
    last = found[-1]
    # "... is 1.52 m (5 feet)": the first way of saying the last value.
    return next(m for m in found if abs(m.value - last.value) <= SAME * abs(last.value))


def _clause(text: str, m: Measure) -> str:
    """The words around a measure, up to the next comma, "and" or end of a sentence."""
    left = max((x.end() for x in _CLAUSE.finditer(text, 0, m.start)), default=0)
    right = _CLAUSE.search(text[m.end :])
    return text[left : m.end + (right.start() if right else len(text))]


def last_sentence(text: str) -> str:
    """The last sentence of a text that holds a number, else all of it."""
    for sentence in reversed(conclusions.sentences(text)):
        if numerals.find(sentence):
            return sentence
    return text
