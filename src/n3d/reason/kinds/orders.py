"""Questions for the order of several objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.reason.kinds.kind import Kind, Options, named
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.kinds.relations import flipped
from n3d.reason.programs import Program
from n3d.scene import Ref

_ORDERS: dict[str, dict[str, Any]] = {}


for _quantity, _more, _phrases in (
    ("depth", False, (
        "from the closest to the most distant relative to the camera",
        "from nearest to farthest", "from closest to farthest", "from near to far",
        "from the closest to the farthest from the camera", "by distance from the camera",
        "from closest to farthest from the camera", "by depth", "from front to back",
        "from the nearest to the farthest", "from closest to furthest", "from nearest to furthest",
        "by their distance to the camera", "by distance to the camera", "by distance",
        "starting with the closest to the camera", "from the closest to the farthest",
        "from the closest to the furthest", "from closest to most distant",
        "in order of distance from the camera", "in order of distance",
        "in order of increasing distance from the camera",
        "from closest to the camera to farthest", "from the closest to the most distant")),
    ("depth", True, (
        "from the most distant to the closest relative to the camera",
        "from farthest to nearest", "from farthest to closest", "from far to near",
        "from the farthest to the closest", "from furthest to closest", "from back to front",
        "from furthest to nearest", "in order of decreasing distance from the camera",
        "from the most distant to the closest", "starting with the farthest from the camera")),
    ("height", True, ("from tallest to shortest", "from the tallest to the shortest", "by height",
                      "by descending height", "in order of decreasing height")),
    ("height", False, ("from shortest to tallest", "from the shortest to the tallest",
                       "by ascending height", "in order of increasing height")),
    ("width", True, ("from widest to thinnest", "from the widest to the narrowest", "by width",
                     "from widest to narrowest", "by descending width")),
    ("width", False, ("from thinnest to widest", "from the narrowest to the widest",
                      "from narrowest to widest", "by ascending width")),
    ("volume", True, ("from biggest to smallest", "from largest to smallest", "by size",
                      "from the biggest to the smallest", "by volume",
                      "from the largest to the smallest", "by descending size")),
    ("volume", False, ("from smallest to biggest", "from smallest to largest",
                       "from the smallest to the biggest", "from the smallest to the largest",
                       "by ascending size")),
    ("rightness", False, ("from left to right", "from the leftmost to the rightmost",
                          "from leftmost to rightmost")),
    ("rightness", True, ("from right to left", "from the rightmost to the leftmost",
                         "from rightmost to leftmost")),
    ("elevation", True, ("from highest to lowest", "from the highest to the lowest",
                         "from top to bottom")),
    ("elevation", False, ("from lowest to highest", "from the lowest to the highest",
                          "from bottom to top")),
):  # fmt: skip
    for _phrase in _phrases:
        _ORDERS[_phrase] = {"quantity": _quantity, "more": _more}


def _order(p: Program, refs: list[Ref], options: Options) -> None:
    quantity = options["quantity"]
    values = [p.step(named(options, quantity), r) for r in refs]
    p.step("descending" if options["more"] != flipped(options, quantity) else "ascending",
           tuple(values))  # fmt: skip


def _sorted(quantities: tuple[str, ...]):
    def propose(stage: Stage, rng: np.random.Generator) -> Proposal | None:
        quantity = quantities[rng.integers(len(quantities))]
        count = int(rng.integers(3, 6))
        drawn = stage.draw(rng, count, lambda x: stage.apart(quantity, x))
        if drawn is None:
            return None
        options = {"quantity": quantity, "more": coin(rng)}
        return Proposal({"list": tuple(drawn)}, options, (quantity,))

    return propose


_ORDER_ASKED = (
    "could you list {list} <order>?",
    "sort {list} <order>.",
    "please rank {list} <order>.",
    "arrange {list} <order>.",
    "put {list} in order <order>.",
    "<order>, what is the order of {list}?",
    "list {list} <order>.",
)


_ORDER_HEARD = (
    "[please ](order|sort|rank|arrange|list|put) [all ]{labels} <order>",
    "what is the order of {labels} <order>",
    "(could|can|would) you [please ](order|sort|rank|arrange|list) [all ]{labels} <order>",
    "[please ](order|sort|rank|arrange|list|name|enumerate|line up|put) [the objects |"
    "the following |these objects ]{list} [in order |in the order ]<order>",
    "(could|can|would) you [please ](order|sort|rank|arrange|list|name|enumerate) [the objects |"
    "the following ]{list} <order>",
    "[please ](order|sort|rank|arrange|list|name|enumerate) [the objects |the following |"
    "these objects |the following objects |these |them ]<order>, {list}",
    "what is the order of {list} <order>",
    "what order are {list} in <order>",
    "<order>, (list|sort|order|rank|arrange) {list}",
)


def _order_kind(name, group, description, example, quantities) -> Kind:
    words = {w: o for w, o in _ORDERS.items() if o["quantity"] in quantities}
    return Kind(
        name,
        group,
        description,
        example,
        ("list",),
        _ORDER_ASKED,
        _order,
        _sorted(quantities),
        _ORDER_HEARD,
        {"order": words},
    )


KINDS = (
    _order_kind(
        "depth_order",
        "depth",
        "Several objects in the order of their depth.",
        "Could you list scooter, jug and drum from the closest to the most distant relative to "
        "the camera?",
        ("depth",),
    ),
    _order_kind(
        "order",
        "arrangement",
        "Several objects in the order of another quantity.",
        "Sort the lamp, the chair and the table from tallest to shortest.",
        ("height", "width", "volume", "rightness", "elevation"),
    ),
)
