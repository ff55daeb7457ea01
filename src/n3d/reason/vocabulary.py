"""The closed classes of words that noun phrases are made of."""

from __future__ import annotations

from n3d.reason.wording import SUPERLATIVES as QUESTION_WORDS
from n3d.reason.wording import pick


def words_of(text: str) -> list[str]:
    """The words of a text, for long lists of them."""
    return text.split(" ")


# word -> (what is measured, whether the largest is meant): the one-word superlatives of questions
# and some that stand only before a noun.
SUPERLATIVES: dict[str, tuple[str, bool]] = {
    word: (fixed["quantity"], fixed["more"])
    for word, fixed in pick(QUESTION_WORDS).items()
    if " " not in word or word == "most distant"
} | {
    "bulkiest": ("volume", True),
    "tiniest": ("volume", False),
    "littlest": ("volume", False),
    "left most": ("rightness", False),
    "far left": ("rightness", False),
    "right most": ("rightness", True),
    "far right": ("rightness", True),
    "uppermost": ("elevation", True),
    "bottommost": ("elevation", False),
    "frontmost": ("depth", False),
    "foremost": ("depth", False),
    "rearmost": ("depth", True),
    "backmost": ("depth", True),
}
SIDES = {
    "left": ("rightness", False), "right": ("rightness", True), "top": ("elevation", True),
    "bottom": ("elevation", False), "front": ("depth", False), "back": ("depth", True),
    "rear": ("depth", True), "upper": ("elevation", True), "lower": ("elevation", False),
}  # fmt: skip
_ORDINAL_WORDS = words_of(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
ORDINALS = {w: i for i, w in enumerate(_ORDINAL_WORDS, start=1)} | {
    f"{i}{'th' if 10 < i < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(i % 10, 'th')}": i
    for i in range(1, 31)
}
COLORS = frozenset(
    words_of(
        "red orange yellow green blue purple pink brown black white gray grey golden silver "
        "beige turquoise dark light bright colorful wooden metal metallic plastic striped "
        "leather"
    )
)
GENERIC = frozenset({"object", "objects", "thing", "things", "item", "items", "one", "ones"})
CAMERA = (
    "the camera|camera|me|us|you|the viewer|viewer|the observer|observer|the photographer|"
    "photographer|the lens|here|"
    "the camera taking this photo|the camera taking the photo|my position|my viewpoint|"
    "our viewpoint|where i am|where i stand|"
    "the person taking the photo|the person taking the picture"
)
# What cannot be part of a label: it would hide a sentence that was not understood.
RESERVED = frozenset(
    words_of(
        "from to than is are was were am be been do does did has have had how what which where "
        "who whose whom when why there here left right behind front above below under "
        "underneath beneath over beside near next between closest nearest closer nearer "
        "farthest furthest farther further camera photographer viewer me i you we us it they "
        "them he she him at by for if then will would can could should may might must please "
        "or not no yes but as with without tell find leftmost rightmost object objects thing "
        "things item items one ones taller shorter wider thinner bigger smaller larger higher "
        "lower tallest biggest smallest largest far apart away many much "
        "compared relative if in on facing ordered sort list it's what's the a an this that "
        "these those order rank vertically horizontally sideways fit fits touch "
        "touches positioned located placed situated its their each other another both either "
        "neither any same it's"
    )
)
NOUNS_TOO = frozenset({"can"})
"""Reserved words that end a label all the same: "the red can"."""
NO_END = frozenset(words_of("standing sitting lying seated visible seen of and &"))
MAX_HEAD_WORDS = 6
