"""Yes or no in replies: "Indeed, ...", "That is False.", "In fact, the chair is to the right".

A word that opens the reply, or that it calls its answer, decides. Without one ("Actually", "In
fact") the relation that it states is compared with the one that the question asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from n3d.evaluate.replies import relations
from n3d.evaluate.replies.relations import Relation
from n3d.evaluate.replies.said import Said, nothing
from n3d.language import conclusions
from n3d.reason import labels

_YES = (
    r"i (?:think|believe|suppose) so|yes|yeah|yep|yup|indeed|correct|true|certainly|absolutely|"
    r"affirmative|definitely|of course|"
    r"sure|right(?=\s*[,.!]|\s*$)|exactly|precisely|it is(?=\s*[,.!]|\s*$)|"
    r"(?:it|he|she|they) (?:does|do|is|are)(?=\s*[,.!]|\s*$)"
)
_NO = (
    r"(?:definitely|certainly|absolutely|of course|surely|probably|most likely) not|"
    r"i (?:do not|don't) think so|"
    r"no(?!\w|\.\s*\d| (?:doubt|problem|one))|nope|nah|incorrect|false|wrong|negative|not really|"
    r"not at all|not (?:true|correct|quite|exactly|right)(?: at all)?|untrue|inaccurate|"
    r"(?:it|he|she|they|that|this) (?:is|are|does|do|was)(?: not|n't)(?=\s*[,.!]|\s*$)|never"
)
_THAT = (
    r"(?:that|this|it|the (?:statement|claim|assertion|description|answer))"
    r"(?:'s| is| would be| must be| seems| appears)(?: (?:indeed|definitely|actually|to be))?"
)
_FILLER = (
    r"well|so|hmm|but|however|probably|most likely|ok(?:ay)?|thus|hence|therefore|then|"
    r"i (?:think|believe|would say)(?! so\b)|answer|final answer|in conclusion|"
    r"based on [^,.]{0,60}|from [^,.]{0,60}"
)
_OPENING = re.compile(
    rf"^[\W_]*+(?:(?>(?:{_FILLER}|{_THAT})\b)[\s,:-]*+)*+(?:(?P<no>{_NO})|(?P<yes>{_YES}))\b",
    re.IGNORECASE,
)
_LATER = re.compile(
    rf"\b(?:(?:{_THAT}|answer|result|verdict|conclusion|is|hence|thus|therefore|so)"
    rf"(?:\s*+(?:is|:|,|=)){{0,4}}+\s*+)(?:(?P<no>{_NO})|(?P<yes>yes|true|correct))\b",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\b(?:yes|true) (?:and|or) (?:no|false)\b", re.IGNORECASE)
_OBJECT_OF = re.compile(
    r"\b(?:than|of|to|with|from|as|unlike|versus|vs\.?|against|beyond|behind|above|below|over|under"
    r"|beneath|exceeds?|surpass(?:es)?)(?:\s+(?:that|those))?(?:\s+of)?\s+(?:the\s+|an?\s+)?$",
    re.IGNORECASE,
)
_AMONG = re.compile(
    r"^\W*(?:between|among|of|comparing|considering|out of|looking at)\b[^,.]*"
    r",\s*",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\b(?:compared|relative|in (?:comparison|relation|contrast)|as opposed) (?:to|with)\s+"
    r"(?:the\s+|an?\s+)?$|\bunlike\s+(?:the\s+|an?\s+)?$", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a yes-or-no question asks: whether `first` stands in `relation` to `second`."""

    relation: Relation | None = None
    first: str | None = None
    second: str | None = None


def read(text: str, asked: Asked | None = None) -> Said:
    """Whether a text says yes: Said of a bool."""
    asked = asked or Asked()
    if _BOTH.search(text):
        return nothing("yes and no")
    opening = _OPENING.match(text)
    later = [m for s in conclusions.sentences(text)[1:] for m in _closing(s)]
    if opening is None and not later:
        later = [m for m in _LATER.finditer(text) if m.lastgroup]
    if opening is not None:
        return Said(opening["yes"] is not None, f"it begins with {_word(opening)!r}")
    if later:
        return Said(later[-1]["yes"] is not None, f"it says {_word(later[-1])!r}")
    return _by_relation(text, asked)


def _word(match: re.Match[str]) -> str:
    return (match["yes"] or match["no"]).lower()


def _closing(sentence: str) -> list[re.Match[str]]:
    found = _OPENING.match(sentence)
    return [found] if found else []


def _by_relation(text: str, asked: Asked) -> Said:
    if asked.relation is None:
        return nothing("neither yes nor no")
    for sentence in _sentences_at_end_first(text):
        found = relations.stated(sentence, asked.relation.axis)
        if found is None:
            if relations.alike(sentence):
                return Said(False, "it says that both are alike")
            continue
        relation, at = found
        turned = _turned(sentence, at, asked)
        agrees = (relation.positive == asked.relation.positive) != turned
        word = "states" if agrees else "states the opposite of"
        return Said(agrees, f"it {word} what is asked")
    return nothing("neither yes nor no, nor the relation asked for")


def _sentences_at_end_first(text: str) -> list[str]:
    """A short reply as it stands, a long one from its last sentence on."""
    found = conclusions.sentences(text)
    return found if len(found) < 3 else found[::-1]


def _turned(sentence: str, at: int, asked: Asked) -> bool:
    """Whether the sentence says it of the second object and not of the first."""
    if asked.first is None or asked.second is None:
        return False
    return subject(sentence, (asked.first, asked.second)) == 1


def subject(sentence: str, names: tuple[str, str] | list[str]) -> int | None:
    """Which of the names a sentence is about: the first that is not what it is compared with."""
    sentence = _AMONG.sub("", sentence)
    said = mentions(sentence, names)
    for start, which in said:
        before = sentence[:start]
        if _COMPARED.search(before) or (start and _OBJECT_OF.search(before) and len(said) > 1):
            continue
        return which
    return None


def mentions(sentence: str, names: tuple[str, ...] | list[str]) -> list[tuple[int, int]]:
    """(where, which) of each mention of a name, in order; of "lamp" in "table lamp", "table lamp"
    alone where both are names."""
    found: list[tuple[int, int, int]] = []
    for which, name in enumerate(names):
        for match in pattern(name).finditer(sentence):
            found.append((match.start(), match.end(), which))
    out: list[tuple[int, int]] = []
    taken = 0
    for start, end, which in sorted(found, key=lambda f: (f[0], -f[1])):
        if start >= taken:
            out.append((start, which))
            taken = end
    return out


def pattern(name: str) -> re.Pattern[str]:
    """What matches a name in prose: any case, singular or plural, "Region [0]" as "region 0"."""
    numbered = re.fullmatch(r"\W*(?:region|object|mask|area|box)\W*(\d+)\W*", name, re.IGNORECASE)
    if numbered:
        return re.compile(
            rf"(?:\b|<)(?:regions?|objects?|masks?|areas?|box)\s*[\[(<_#]?\s*{numbered[1]}"
            rf"(?!\d)[\])>]?|\[{numbered[1]}\]", re.IGNORECASE)  # fmt: skip
    counted = re.fullmatch(r"(\d+)_(.+)", name)
    if counted:  # "3_goose" is also called "goose 3"
        kind = _spelled(counted[2]).pattern.removesuffix(r"(?!\w)")
        own = _spelled(name).pattern
        return re.compile(rf"{own}|{kind}[\s_]*#?{counted[1]}(?!\w)", re.IGNORECASE)
    if "/" in name:  # "bowl/basin" is called either
        each = [_spelled(name.replace("/", " / ")), *(_spelled(p) for p in name.split("/"))]
        parts = [p.pattern for p in each]
        return re.compile("|".join(parts).replace(r"[\s_-]+/[\s_-]+", r"\s?/\s?"), re.IGNORECASE)
    return _spelled(name)


def _spelled(name: str) -> re.Pattern[str]:
    words = [re.escape(w) for w in labels.spaced(bare(name)).split()]
    if not words:
        return re.compile(r"(?!)")
    one = labels.singular(words[-1])
    last = "|".join(sorted({words[-1], one, re.escape(labels.plural(one))}, key=len, reverse=True))
    body = r"[\s_-]+".join([*words[:-1], f"(?:{last})"])
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)


def bare(name: str) -> str:
    """A name without its article and the marks around it."""
    return re.sub(r"^(?:the|an?|this|that)\s+", "", name.strip(" .,;:!?\"'"), flags=re.IGNORECASE)
