"""When two names are the same name: case, plurals, underscores, hyphens, alternatives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

IRREGULAR = {
    "people": "person", "persons": "person", "men": "man", "women": "woman",
    "children": "child", "feet": "foot", "teeth": "tooth", "geese": "duck", "mice": "mouse",
    "knives": "knife", "shelves": "shelf", "leaves": "leaf", "loaves": "loaf",
    "wolves": "wolf", "calves": "calf", "halves": "half", "buses": "bus", "lenses": "lens",
    "oxen": "ox", "scarves": "scarf", "firemen": "fireman", "policemen": "policeman",
}  # fmt: skip
PLURAL_OF = {v: k for k, v in IRREGULAR.items() if k not in ("persons",)}
# Words that end in s but are one thing.
SINGULAR_S = {
    "bus", "glass", "scissors", "lens", "gas", "grass", "dress", "mattress", "canvas",
    "cactus", "jeans", "pants", "shorts", "pliers", "headphones", "binoculars",
    "sunglasses", "series", "compass", "mess", "chess", "cross", "boss", "bass", "walrus",
    "octopus", "hippopotamus", "virus", "christmas", "chassis", "news", "tennis", "asparagus",
    "tongs", "trousers", "goggles", "stairs", "blinds",
}  # fmt: skip

# The attributes that people say in front of a noun; others are notes of whoever made the object.
DESCRIPTIVE = ("color", "colour", "material", "pattern", "texture", "shape", "state", "attributes")

_SEPARATORS = re.compile(r"[\s_\-‐-―]+")
_QUOTES = re.compile(r"[\"'`´‘’“”]")


def spaced(text: str) -> str:
    """Lower case, single spaces for underscores and hyphens, no quotation marks."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return _SEPARATORS.sub(" ", _QUOTES.sub("", text)).strip()


def singular(word: str) -> str:
    """The singular of one lower-case English word, unchanged where it looks singular."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in SINGULAR_S or len(word) < 3 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ch|sh|x|ss|zz)es$", word) or word in ("tomatoes", "potatoes", "heroes"):
        return word[:-2]
    if word.endswith(("us", "is")):
        return word
    return word[:-1]


def plural(label: str) -> str:
    """The plural of a label, such that `normal` gives the label back."""
    if " of " in label:
        first, _, rest = label.partition(" of ")
        return f"{plural(first)} of {rest}"
    head, _, last = label.rpartition(" ")
    low = last.casefold()
    if low in PLURAL_OF:
        last = PLURAL_OF[low]
    elif low in SINGULAR_S and not low.endswith("ss") and low not in ("bus", "lens", "gas"):
        pass
    elif re.search(r"(ch|sh|x|ss)$", low):
        last += "es"
    elif re.search(r"[^aeiou]y$", low):
        last = last[:-1] + "ies"
    elif not low.endswith("s"):
        last += "s"
    return f"{head} {last}".strip()


@lru_cache(maxsize=4096)
def normal(text: str) -> str:
    """One spelling for all spellings of a label, its last word in the singular."""
    words = spaced(text).split(" ")
    # "chests of drawers" and "chest of drawers" are one label.
    return " ".join(
        singular(word) if following in ("of", "") else word
        for word, following in zip(words, [*words[1:], ""])
    )


@lru_cache(maxsize=4096)
def _joined(text: str) -> str:
    return normal(text).replace(" ", "")


def same_label(a: str, b: str) -> bool:
    """Whether two labels are the same ("night_stand", "Nightstands")."""
    return normal(a) == normal(b) or _joined(a) == _joined(b)


def match(label: str, phrase: str) -> int:
    """How well a phrase names a label: 3 the label, 2 one of its alternatives ("lemon" of
    "lemon/lime"), 1 its last words ("table" of "dining table"), 0 not at all."""
    if same_label(label, phrase):
        return 3
    alternatives = [part for part in label.split("/") if part.strip()]
    if len(alternatives) > 1 and any(same_label(part, phrase) for part in alternatives):
        return 2
    if any(f" {normal(part)}".endswith(f" {normal(phrase)}") for part in alternatives or [label]):
        return 1
    return 0


def described(attributes: Mapping[str, Any]) -> list[str]:
    """The descriptive attributes (DESCRIPTIVE) as texts; "attributes" may be a list of them."""
    texts: list[str] = []
    for key in DESCRIPTIVE:
        value = attributes.get(key)
        many = value if isinstance(value, (list, tuple)) else [value]
        texts += [v for v in many if isinstance(v, str)]
    return [spaced(text) for text in texts]
