"""The words for comparing quantities, once for all kinds."""

from __future__ import annotations

from typing import Any

# quantity -> (more than, less than) in each form. The first word of each is the usual one.
COMPARATIVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "height": (("taller",), ("shorter",)),
    "width": (("wider", "broader"), ("thinner", "narrower", "less wide")),
    "volume": (("bigger", "larger"), ("smaller",)),
    "length": (("longer",), ()),
    "thickness": (("thicker", "deeper"), ()),
    "elevation": (("higher", "higher up"), ("lower", "lower down")),
    "depth": (
        ("farther from the camera", "further from the camera", "farther away", "further away",
         "more distant", "farther from the viewer", "further from me", "farther from me",
         "further from the viewer", "farther", "further", "farther away from the camera",
         "further away from the camera", "more distant from the camera", "further back",
         "farther from the photographer", "further from the photographer", "deeper in the scene",
         "further to the viewer", "farther to the viewer", "further to the camera"),
        ("closer to the camera", "nearer to the camera", "closer to the viewer", "closer to me",
         "nearer to me", "closer", "nearer", "nearer to the viewer", "closer to us",
         "nearer the camera", "closer to the photographer", "closer to the observer",
         "less distant", "less distant from the camera", "less far away",
         "closer to the camera taking this photo"),
    ),
}  # fmt: skip
SUPERLATIVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "height": (("tallest",), ("shortest",)),
    "width": (("widest", "broadest"), ("thinnest", "narrowest")),
    "volume": (("biggest", "largest"), ("smallest",)),
    "length": (("longest",), ()),
    "thickness": (("thickest", "deepest"), ()),
    "elevation": (("highest", "topmost", "highest up"), ("lowest", "lowest down")),
    "rightness": (
        ("rightmost", "furthest to the right", "farthest to the right", "farthest right",
         "furthest right"),
        ("leftmost", "furthest to the left", "farthest to the left", "farthest left",
         "furthest left"),
    ),
    "depth": (
        ("farthest from the camera", "furthest from the camera", "farthest", "furthest",
         "farthest away", "furthest away", "most distant", "farthest from the viewer",
         "furthest from me", "farthest from me", "most distant from the camera",
         "farthest away from the camera", "furthest away from the camera", "furthest back",
         "furthest from the viewer", "furthest from the photographer"),
        ("closest to the camera", "nearest to the camera", "closest", "nearest",
         "closest to the viewer", "closest to me", "nearest to me", "nearest to the viewer",
         "nearest the camera", "closest to the photographer", "closest to us"),
    ),
}  # fmt: skip
SIDEWAYS = {
    "rightness": (
        ("further to the right", "farther to the right", "more to the right", "to the right",
         "on the right", "further right", "farther right", "on the right side", "right"),
        ("further to the left", "farther to the left", "more to the left", "to the left",
         "on the left", "further left", "farther left", "on the left side", "left"),
    ),
}  # fmt: skip
FRONTNESS = {
    "depth": (
        ("behind", "in the back", "further behind", "at the back", "more to the back",
         "in the background"),
        ("in front", "further in front", "further forward", "at the front", "more forward",
         "more to the front", "in the foreground"),
    ),
}  # fmt: skip
NOUNS: dict[str, tuple[str, ...]] = {
    "height": ("height",),
    "width": ("width",),
    "thickness": ("thickness",),
    "length": ("length", "longest side", "longest dimension"),
    "volume": ("volume", "size"),
    "footprint": ("footprint", "floor area"),
}
CALLED: dict[str, tuple[str, ...]] = {
    **NOUNS,
    "height": ("height", "vertical dimension", "vertical extent", "vertical size"),
    "width": ("width", "horizontal dimension", "horizontal extent", "horizontal size"),
    "thickness": ("thickness", "shorter side"),
    "length": (*NOUNS["length"], "length of the longest dimension", "length of the longest side"),
    "footprint": ("footprint", "floor area", "area", "base area", "ground area"),
}
MORE = ("greater", "larger", "bigger", "higher", "more", "greatest", "largest", "most", "biggest")
LESS = ("lesser", "smaller", "lower", "less", "smallest", "least", "lowest", "shorter")
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "height": ("tall", "high"),
    "width": ("wide", "broad"),
    "thickness": ("thick", "deep"),
    "length": ("long",),
    "volume": ("big", "large"),
}
SPLIT = {"volume": ("bigger", "smaller"), "height": ("taller", "shorter"),
         "width": ("wider", "thinner"), "depth": ("farther", "nearer")}  # fmt: skip


def pick(
    table: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], *quantities: str, suffix: str = ""
) -> dict[str, dict[str, Any]]:
    """Words of some quantities as a word class that fixes "quantity" and "more"."""
    return {
        word + suffix: {"quantity": q, "more": more}
        for q in quantities or table
        for more, words in ((True, table[q][0]), (False, table[q][1]))
        for word in words
    }


def amounts(*quantities: str) -> dict[str, dict[str, Any]]:
    """ "greater height", "smallest size" and the like as a word class."""
    return {
        f"{word} {noun}": {"quantity": q, "more": more}
        for q in quantities
        for noun in CALLED[q]
        for more, words in ((True, MORE), (False, LESS))
        for word in words
    }


def nouns(table: dict[str, tuple[str, ...]], *quantities: str) -> dict[str, dict[str, Any]]:
    """Nouns or adjectives as a word class that fixes "quantity"."""
    return {word: {"quantity": q} for q in quantities or table for word in table.get(q, ())}
