"""What kind of answer an item wants, and what its question asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from n3d.errors import N3DError
from n3d.evaluate.replies import hours, letters, namings, relations, verdicts
from n3d.evaluate.replies.verdicts import Asked
from n3d.language import conclusions, numerals
from n3d.reason import understanding

Kind = Literal["verdict", "choice", "order", "measure", "hour", "letter", "number"]
OPEN: tuple[Kind, ...] = ("verdict", "choice", "order", "letter")
"""The kinds that are no numbers: "open-ended" or "qualitative" in the tables of the field."""
_HOURS = re.compile(r"direction|clock|hour", re.IGNORECASE)
_PRONOUNS = re.compile(r"(?:the |these |those )?(?:two|both|objects|ones|things)?", re.IGNORECASE)
_YES_NO = re.compile(
    r"(?:^|[.,?!]\s*)(?:is|are|was|does|do|did|can|could|has|have|would|will)\b(?! you\b)",
    re.IGNORECASE,
)
_ORDERED = re.compile(r"\b(?:order|list|sort|rank|arrange|sequence)", re.IGNORECASE)
_ASKED = (
    ("width", r"\bwid"),
    ("height", r"\b(?:tall|height|high)\b"),
    ("distance", r"\b(?:far|distance|apart|gap)\b"),
    ("depth", r"\bde(?:ep|pth)\b"),
    ("length", r"\b(?:long|length)\b"),
)
_QUANTITIES = ("vertical", "horizontal", "width", "height", "distance", "depth", "length")


@dataclass(frozen=True)
class Item:
    """One question of a benchmark, its reference and a model's reply; `image` groups items for
    the bootstrap, `choices` are the options of a letter."""

    id: str
    reference: str
    response: str | None
    category: str = ""
    question: str | None = None
    image: str | None = None
    choices: Mapping[str, str] = field(default_factory=dict)


def kind_of(item: Item) -> Kind:
    """The kind that the reference's text and the category's name say."""
    category, reference = item.category.lower(), item.reference.strip()
    if "predicate" in category:
        return "verdict"
    if "choice" in category:
        return "choice"
    said = conclusions.find(reference).text
    if re.search(r"o\s*'\s*clock", said, re.IGNORECASE) or (
        _HOURS.search(category) and hours.read(said).read
    ):
        return "hour"
    if re.fullmatch(r"\W*[A-Ha-h]\W*", reference):
        return "letter"
    if re.search(r"\s[<>]\s", reference):
        return "order"
    if item.choices and letters.read(said, item.choices).read:
        return "letter"
    if verdicts.read(said).read or (
        _YES_NO.search(item.question or "") and verdicts.read(said, asked(item)).read
    ):
        return "verdict"
    unnamed = not namings.regions(said) or category.endswith("_data") or "distance" in category
    if unnamed and numerals.find(_unnumbered(said)):
        return "measure"
    if len(namings.parts(reference)) > 1 and (
        _ORDERED.search(item.question or "") or "order" in category or len(reference) < 200
    ):
        return "order" if len(namings.parts(reference)) > 2 or "order" in category else "choice"
    return "measure" if numerals.find(_unnumbered(said)) else "choice"


def _unnumbered(text: str) -> str:
    return namings.NUMBERED.sub(" ", text)


def quantity_of(item: Item) -> str | None:
    """The length that a category or question asks for: "width", "vertical", ..."""
    text = f"{item.category} ".lower()
    found = [q for q in _QUANTITIES if q in text]
    if len(found) == 1 or (found and found[0] in ("vertical", "horizontal")):
        return found[0]
    text = (item.question or "").lower()
    return next((name for name, words in _ASKED if re.search(words, text)), None)


def asked(item: Item) -> Asked:
    """The relation of a yes-or-no or a choice question, and between which objects."""
    relation = relations.of_category(item.category)
    if relation is None and item.question:
        relation = relations.of_sentence(
            _last_clause(item.question), relations.axis_of_category(item.category)
        )
    names = named(item)
    return Asked(relation, *names[:2]) if len(names) > 1 else Asked(relation)


def named(item: Item) -> tuple[str, ...]:
    """The objects that a question names, as far as they can be found; of a question that is not
    known, the numbered regions of reference and reply."""
    if item.question is None:
        found = namings.regions(item.reference, item.response)
        if "predicate" in item.category.lower() and found in (["region 0"], ["region 1"]):
            found = ["region 0", "region 1"]  # how SpatialRGPT's questions number them
        return tuple(sorted(found, key=lambda n: int(n.split()[-1])))
    found = namings.regions(item.question)
    return tuple(found) if len(found) > 1 else _understood(item.question)


@lru_cache(maxsize=4096)
def _understood(question: str) -> tuple[str, ...]:
    try:
        query = understanding.heard(question)
    except N3DError:
        return ()
    if query is None:
        return ()
    found = tuple(n for n in query.names if not _PRONOUNS.fullmatch(n))
    return found[:2] if query.kind == "relative_distance" else found


def candidates(item: Item) -> tuple[str, ...]:
    """What a choice is between: options, numbered regions, objects of the question, or what
    stands on both sides of its "or"."""
    if item.choices:
        return tuple(item.choices.values())
    found = named(item)
    return found if len(found) > 1 else tuple(namings.offered(item.question))


def _last_clause(question: str) -> str:
    """The question itself, without the sentences before it."""
    found = conclusions.sentences(numerals.plain(question))
    return found[-1] if found else question
