"""The objects that a reply names: one of several, or all of them in an order."""

from __future__ import annotations

import re
from collections.abc import Sequence

from n3d.evaluate.replies import relations, verdicts
from n3d.evaluate.replies.relations import Relation
from n3d.evaluate.replies.said import Said, nothing
from n3d.language import conclusions

NUMBERED = re.compile(
    r"(?:\b|<)(?P<word>regions?|objects?|masks?|areas?|box)\s*[\[(<_#]?\s*(?P<number>\d+)[\])>]?",
    re.IGNORECASE,
)
_OR = re.compile(
    r"(?:,|\bbetween|\bof|:|\s-|\bis it|\?|^)\s*(?P<first>[^,:?]{1,80}?),?\s+(?:or|and)\s+"
    r"(?P<second>[^,:?]{1,80}?)(?=[,?.]|$| -| (?:is|has|appears|which|who|stands|looks)\b)",
    re.IGNORECASE,
)
_ALIKE = re.compile(r"\b(?:both|neither|none|same|equal(?:ly)?|tie|identical)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|n't|isn't|never|rather than|instead of|nor)\s+(?:the\s+|an?\s+)?$", re.I
)
_SEPARATOR = re.compile(
    r"\s*(?:<|>|->|→|,\s*(?:and\s+|then\s+)?|;|\bthen\b|\bfollowed by\b|\band\b|\n)\s*",
    re.IGNORECASE,
)
_DIRECTION = re.compile(
    r"\b(?:from|in order of|ordered|sorted|order)\b[^:,.]{0,60}?\bto\b[^:,.]{0,30}", re.I
)
_INTRODUCED = re.compile(r"^[^:]{0,120}:\s*")
ALIKE = -1
"""What is read where a reply says that all are alike."""


def regions(*texts: str | None) -> list[str]:
    """The numbered regions of texts, "region 0", in the order of their first mention."""
    found: list[str] = []
    for match in (m for t in texts if t for m in NUMBERED.finditer(t)):
        name = f"{match['word'].lower().rstrip('s')} {int(match['number'])}"
        if name not in found:
            found.append(name)
    return found


def offered(question: str | None) -> list[str]:
    """The two things that a question lets choose from ("..., the man or the woman?")."""
    if not question:
        return []
    numbered = regions(question)
    if len(numbered) > 1:
        return numbered
    found = list(_OR.finditer(question))
    if not found:
        return []
    return [found[-1]["first"].strip(), found[-1]["second"].strip()]


def choice(text: str, names: Sequence[str], asked: Relation | None = None) -> Said:
    """Which of the names a text chooses: Said of its place, ALIKE where it says that there is no
    difference. Where it compares two, its subject is what it says it of."""
    for sentence in conclusions.sentences(text)[::-1] or [text]:
        said = verdicts.mentions(sentence, list(names))
        if not said:
            continue
        which = sorted({w for _, w in said})
        if len(which) == 1:
            if _DENIED.search(sentence[: said[0][0]]) and len(names) == 2:
                return Said(1 - which[0], "the other one is denied")
            return _turned(sentence, which[0], names, asked, "the only one it names")
        if relations.alike(sentence) or _ALIKE.search(sentence):
            return Said(ALIKE, "it says that they are alike")
        subject = verdicts.subject(sentence, list(names))
        if subject is None:
            return nothing("several objects")
        return _turned(sentence, subject, names, asked, "what it says it of")
    if _ALIKE.search(text):
        return Said(ALIKE, "it says that they are alike")
    return nothing("none of the objects")


def _turned(
    sentence: str, which: int, names: Sequence[str], asked: Relation | None, how: str
) -> Said:
    """Of two, the other one where the sentence says the opposite of what is asked."""
    if asked is not None and len(names) == 2:
        found = relations.stated(sentence, asked.axis)
        if found is not None and found[0].positive != asked.positive:
            return Said(1 - which, "it says the opposite of the other one")
    return Said(which, how)


def parts(text: str) -> list[str]:
    """The names of a list ("a < b < c", "a, b and c"), in order; [] for a text that is none."""
    listed = _INTRODUCED.sub("", text.strip().rstrip(". "))
    names = [verdicts.bare(re.sub(r"^\(?\d{1,2}[.)]\s+", "", p)) for p in _SEPARATOR.split(listed)]
    names = [n for n in names if n]
    return names if len(names) > 1 else []


def order(
    text: str, names: Sequence[str], question: str | None = None, mark: str | None = None
) -> Said:
    """The order in which a text lists the names: Said of their places, nearest to its end.

    A list that says it runs the other way ("from farthest to closest", "the trophy is farthest,
    then ...") is turned, and so is one with the other of "<" and ">" than `mark`.
    """
    for part in _blocks(text):
        said = verdicts.mentions(part, list(names))
        seen: list[int] = []
        for _, which in said:
            if which not in seen:
                seen.append(which)
        if len(seen) == len(names):
            second = next((at for at, which in said if which != said[0][1]), len(part))
            turned = _other_way(part, part[:second], question, mark)
            return Said(tuple(seen[::-1] if turned else seen), "the order in which it names them")
    found = verdicts.mentions(text, list(names))
    if found:
        return Said(tuple(dict.fromkeys(w for _, w in found)), "not all of them are named")
    return nothing("none of the objects")


def _blocks(text: str) -> list[str]:
    """The sentences of a text from its end, then all of it (a list on several lines)."""
    return [*conclusions.sentences(text)[::-1], text]


def _other_way(part: str, first: str, question: str | None, mark: str | None) -> bool:
    """Whether a list runs against the question: by its marks, by "from ... to ...", or by what it
    says of its first member (`first` is the text before the second)."""
    marks = {c for c in part.replace("->", "") if c in "<>"}
    if mark in ("<", ">") and len(marks) == 1:
        return mark not in marks
    asked = _DIRECTION.search(question or "")
    wanted = relations.of_sentence(asked.group()) if asked else None
    if wanted is None:
        return False
    told = _DIRECTION.search(part)
    stated = relations.of_sentence(told.group() if told else first, wanted.axis)
    return stated is not None and stated.positive != wanted.positive
