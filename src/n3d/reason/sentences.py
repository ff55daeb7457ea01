"""The plain core of a question: without politeness, unit and point of view."""

from __future__ import annotations

import re
from typing import Any

from n3d.reason import units
from n3d.reason.vocabulary import CAMERA

_PICTURE = "(?:image|picture|scene|photo|photograph|frame|view|room|shot)"
_WHO = "(?:photographer|camera|viewer|observer)"
_POV = "(?:perspective|point of view|viewpoint|view|vantage point|eyes|standpoint)"
_POLITE = re.compile(
    r"^(?:"
    r"(?:(?:hi|hello|hey|ok|okay|so|well|now|then|and|um|please|thanks|question)[,:!]? )+"
    r"|(?:please |kindly )?(?:can|could|would|will) you (?:please |kindly )?"
    r"(?:tell me|let me know|answer|determine|work out|figure out|find out|"
    r"(?:say|see)(?= how| what| which| where)),? "
    r"|(?:please )?answer(?: with)? (?:yes or no|true or false|briefly)[,:]? "
    r"|(?:please )?(?:tell me|let me know|do you know|any idea|i wonder|i'd like to know|"
    r"i would like to know|i want to know|i need to know),? "
    rf"|(?:based on|according to|looking at|in) (?:the|this) {_PICTURE}, "
    r")",
    re.IGNORECASE,
)
_SHORT = (
    (re.compile(r"\b(what|who|which|where|how)'?s (?=\S)", re.IGNORECASE), r"\1 is "),
    (re.compile(r"\bi'm\b", re.IGNORECASE), "i am"),
    (re.compile(r"\byou're\b", re.IGNORECASE), "you are"),
    # "the mug (highlighted by a red box)", "chair(s)"; a unit in brackets is read before.
    (re.compile(r" ?\([^()]{1,60}\)"), ""),
    (re.compile(r"^(?:in terms of [a-z]+|considering [a-z ]{1,40}), ", re.IGNORECASE), ""),
    (
        re.compile(
            r"^(?:(?:please )?(?:can|could|would|will) you (?:please )?|please )?"
            r"(?:give|provide|estimate|measure|report|calculate|compute|determine|find|state|specify)"
            r"(?: me)? (?=the )",
            re.IGNORECASE,
        ),
        "what is ",
    ),
    (
        re.compile(
            r"\bthe (?:approximate|estimated|exact|rough|total|overall|actual|measured|real) ",
            re.IGNORECASE,
        ),
        "the ",
    ),
    (re.compile(r"\b(than|as) that of ", re.IGNORECASE), r"\1 "),
    (re.compile(r"\bthe (?:position|location) of (?=\S)", re.IGNORECASE), ""),
    (re.compile(r"^is it (.+?) that is ", re.IGNORECASE), r"is \1 "),
    (
        re.compile(r"\b(?:in|along) (?:a|the) (horizontal|vertical) direction\b", re.IGNORECASE),
        r"\1ly",
    ),
    (re.compile(r" (?:visible|shown|present|depicted|displayed)$", re.IGNORECASE), ""),
)
_SCENE = re.compile(
    rf",? (?:(?:shown |seen |visible |depicted |present )?(?:in|within) (?:the|this) {_PICTURE}"
    r"|in total|altogether|overall|please|thanks|thank you|right now|approximately|roughly|exactly"
    r"|about)(?=$|[ ,.?!])",
    re.IGNORECASE,
)
_ROUGHLY = re.compile(r"\b(?:approximately|roughly|exactly|about|around) (?=how\b)", re.IGNORECASE)
_IN_UNIT = re.compile(
    r",? [(\[]?(?:in|using|expressed in|measured in|given in) (?:terms of )?"
    rf"(?P<unit>{units.NAMES})(?: and inches)?[)\]]?(?=$|[ ,.?!])",
    re.IGNORECASE,
)
# What "how many metres" stands for before another word.
_MANY = {
    "how far": "is it|is|are|apart|away|from|between",
    "how much": "of|separates|separate|lie|does|taller|wider|higher|lower|shorter|longer|closer|"
    "farther|further|thinner|narrower",
    "how": "tall|wide|high|long|deep|thick|broad",
}
_MANY_UNITS = tuple(
    (re.compile(rf"\bhow many (?P<unit>{units.NAMES}) (?=(?:{rest})\b)", re.IGNORECASE), how)
    for how, rest in _MANY.items()
)
_SEEN = "(?:(?:as |when |if )?(?:seen|viewed|looking|observed|looked at) )?"
_OPPOSITE = (
    rf"{_SEEN}(?:from|in) (?:the )?(?:"
    rf"side opposite(?: to| of)?(?: the)? {_WHO}"
    r"|opposite (?:side|direction|view|viewpoint|perspective|end|angle)"
    rf"(?: (?:of|to)(?: the)? (?:{_WHO}|{_PICTURE}))?"
    rf"|other (?:side|end)(?: of the {_PICTURE})?"
    rf"|{_POV} opposite(?: to)?(?: the)? {_WHO})"
)
_CAMERA_VIEW = (
    rf"{_SEEN}from (?:the )?{_WHO}'?s {_POV}"
    rf"|from (?:my|our|this|the current) (?:{_POV}|angle)"
    rf"|{_SEEN}from (?:the )?{_POV} of (?:{CAMERA})"
    rf"|as seen (?:from|by) (?:the )?{_WHO}(?!')"
)
_VIEWERS = (
    rf"{_SEEN}from (?P<who>[^,.?!]+?)'s? (?:own )?{_POV}",
    rf"{_SEEN}from (?:the )?{_POV} of (?P<who>[^,.?!]+?)",
)


def _clause(pattern: str, comma: str = ",") -> tuple[re.Pattern[str], ...]:
    """A clause at the beginning, followed by the comma, or at the end of a sentence."""
    return tuple(
        re.compile(p, re.IGNORECASE) for p in (rf"^(?:{pattern}){comma} ", rf",? (?:{pattern})$")
    )


_OPPOSITE_CLAUSE = _clause(_OPPOSITE, ",?")
_CAMERA_CLAUSE = _clause(_CAMERA_VIEW, ",?")
_VIEWER_CLAUSE = tuple(clause for pattern in _VIEWERS for clause in _clause(pattern))


def plain(text: str) -> tuple[str, dict[str, Any], str | None]:
    """The sentence without politeness, unit and view; the options and the viewer's name that
    were taken out of it."""
    options: dict[str, Any] = {}
    text = text.strip().rstrip("?.! ").strip()
    for _ in range(3):
        text = _POLITE.sub("", text).strip()
    text = _ROUGHLY.sub("", text)
    for pattern, how in _MANY_UNITS:
        found = pattern.search(text)
        if found:
            options["unit"] = units.find(found["unit"]).code
            text = f"{text[: found.start()]}{how} {text[found.end() :]}"
    text, found = _cut(text, (_IN_UNIT,))
    if found:
        options["unit"] = units.find(found["unit"]).code
    text = _SCENE.sub("", text).strip(" ,")
    for pattern, plainer in _SHORT:
        text = pattern.sub(plainer, text)
    text, found = _cut(text, _OPPOSITE_CLAUSE)
    if found:
        options["view"] = "opposite"
    if not re.search(r"\bangle\b", text):
        text, _ = _cut(text, _CAMERA_CLAUSE)
    text, found = _cut(text, _VIEWER_CLAUSE)
    viewer = found["who"].strip() if found else None
    return re.sub(" +", " ", text).rstrip("?.! "), options, viewer


def _cut(text: str, patterns: tuple[re.Pattern[str], ...]) -> tuple[str, re.Match[str] | None]:
    """The text without the first match of the patterns."""
    for pattern in patterns:
        found = pattern.search(text)
        if found:
            return (text[: found.start()] + text[found.end() :]).strip(" ,"), found
    return text, None
