"""Which object of a label has most or least of a quantity."""

from __future__ import annotations

import numpy as np

from n3d.reason.kinds.alternatives import choose
from n3d.reason.kinds.kind import Kind
from n3d.reason.kinds.proposing import MOST_COMPARED, Proposal, Stage, coin
from n3d.reason.vocabulary import CAMERA
from n3d.reason.wording import (
    COMPARATIVES,
    SIDEWAYS,
    SUPERLATIVES,
    pick,
)


def _extreme(quantities: tuple[str, ...]):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        quantity = quantities[rng.integers(len(quantities))]
        label, members = stage.label_of(rng)
        if not 2 <= len(members) <= MOST_COMPARED:
            return None
        more = coin(rng)
        order = sorted(members, key=lambda i: stage.values(quantity)[i], reverse=more)
        # The first must stand out; how the others compare does not matter.
        if not all(stage.apart(quantity, (order[0], k)) for k in order[1:]):
            return None
        return Proposal({"label": label}, {"quantity": quantity, "more": more}, (quantity,))

    return propose


_SUPERLATIVE_ASKED = (
    "which {label} is the <superlative>?",
    "which {label} is <superlative>?",
    "of all the {labels}, which is the <superlative>?",
    "among the {labels}, which one is <superlative>?",
    "can you tell me which {label} is the <superlative>?",
    "which of the {labels} is the <superlative>?",
)


_SUPERLATIVE_HEARD = (
    "(which|which one) of [the |these |those ]{labels} is <comparative>",
    "(which|what) {label} is <comparative>",
    "(what|which) is the <adjective> {label}",
    "(what|which|who) is the {label} (that is|which is|who is) [the ]<superlative>",
    "(which one|which|what) (of|among) [all ][the |these |those ]{labels} (is|stands|sits) "
    "[the |located ]<superlative>",
    "(of|among|out of|from) [all ][the |these |those ]{labels}, (which|which one|what|who) (is|"
    "stands) [the ]<superlative>",
    "(which|what) {label} (is|stands|appears|lies|looks|sits|are) [the |located |positioned |"
    "placed ]<superlative>",
    "(which|what) {labels} are [the ]<superlative>",
    "[find |identify |show me |name |point to |locate |who is ][the ]<adjective> {label}",
    f"(what|which) is the <adjective> {{label}} (to|from) ({CAMERA})",
    "(find|identify|show me|name|point to|locate|what is|which is) the {label} <superlative>",
    "(what|which|who) is [the ]<superlative>",
    "(which|what) is the {label} <superlative>",
)


def _superlative_kind(name, group, description, example, quantities: tuple[str, ...]) -> Kind:
    words = pick(SUPERLATIVES, *quantities)
    adjectives = {w: o for w, o in words.items() if " " not in w or w == "most distant"}
    return Kind(
        name,
        group,
        description,
        example,
        ("label",),
        _SUPERLATIVE_ASKED,
        choose,
        _extreme(quantities),
        _SUPERLATIVE_HEARD,
        {
            "superlative": words,
            "adjective": adjectives,
            "comparative": pick(COMPARATIVES | SIDEWAYS, *quantities),
        },
    )


KINDS = (
    _superlative_kind(
        "depth_superlative",
        "depth",
        "Which object of a label is nearest to or farthest from the camera.",
        "Which duck is the furthest from the camera?",
        ("depth",),
    ),
    _superlative_kind(
        "superlative",
        "arrangement",
        "Which object of a label has most or least of another quantity.",
        "What is the tallest object?",
        ("height", "width", "volume", "elevation", "rightness"),
    ),
)
