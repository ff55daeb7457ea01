"""Questions for the size of one object."""

from __future__ import annotations

import numpy as np

from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage
from n3d.reason.programs import Program
from n3d.reason.wording import ADJECTIVES, CALLED, NOUNS, nouns
from n3d.scene import Ref


def _measure_of(p: Program, refs: list[Ref], options: Options) -> None:
    p.step(named(options, options["quantity"]), *refs)


def _one(quantity: str):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        return stage.propose(rng, ("a",), options={"quantity": quantity}, avoid=(quantity,))

    return propose


_NOUN_FRAMES = (
    "what is the <noun> of {a}?",
    "give me the <noun> of {a}.",
    "could you (estimate|measure|tell me) the <noun> of {a}?",
    "what <noun> does {a} have?",
    "how much does {a} measure in <noun>?",
    "how large is the <noun> of {a}?",
)
_ADJECTIVE_FRAMES = (
    "how <adjective> is {a}?",
    "tell me how <adjective> {a} is.",
    "can you say how <adjective> {a} is?",
)
_HEARD_NOUN = (
    "[what are |what is ][the ]<called> of {a}",
    "[what is ]{a}'s <called>",
    "tell me the <called> of {a}",
    "what <called> (does|is|has) {a}[ have]",
    "how much <called> does {a} (have|take up|occupy)",
    "how much is the <called> of {a}",
    "how (large|big|great) is the <called> of {a}",
    "how <adjective> (does|would you say) {a} (measure|is)",
    "how <adjective> (are|was|would) {a}[ be]",
    "how <adjective> {a} (is|are)",
    "what the <called> of {a} is",
    "i need the <called> of {a}",
    "what does {a} measure in <called>",
)


def _size(name: str, group: str, quantities: tuple[str, ...], description: str, example: str):
    noun, adjective = nouns(NOUNS, *quantities), nouns(ADJECTIVES, *quantities)
    adjective = {k: v for k, v in adjective.items() if v["quantity"] in quantities}
    asked = (*_NOUN_FRAMES, *(_ADJECTIVE_FRAMES if adjective else ()))
    heard = tuple(p for p in _HEARD_NOUN if adjective or "<adjective>" not in p)
    quantity = quantities[0]
    return Kind(
        name,
        group,
        description,
        example,
        ("a",),
        asked,
        _measure_of,
        _one(quantity),
        heard,
        {"noun": noun, "adjective": adjective, "called": nouns(CALLED, *quantities)},
        {"footprint": "m2", "volume": "m3"}.get(quantity, "m"),
        defaults={"quantity": quantity},
    )


KINDS = (
    _size("height", "width/height", ("height",), "Extent along up.", "How tall is the lamp?"),
    _size(
        "width",
        "width/height",
        ("width",),
        "The longer horizontal side of the box.",
        "How wide is the sofa?",
    ),
    _size(
        "thickness",
        "size",
        ("thickness",),
        "The shorter horizontal side of the box.",
        "How deep is the shelf?",
    ),
    _size("length", "size", ("length",), "The longest side.", "What is the length of the table?"),
    _size("volume", "size", ("volume",), "The volume of the box.", "How big is the fridge?"),
    _size(
        "footprint",
        "size",
        ("footprint",),
        "The product of the horizontal sides.",
        "What is the floor area of the rug?",
    ),
)
