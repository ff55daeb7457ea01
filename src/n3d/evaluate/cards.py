"""A card for each protocol: what it is, its traps, which published numbers may stand beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from n3d.errors import ConfigError


@dataclass(frozen=True)
class Card:
    """`comparable` are numbers of `source` in `unit`, by method; `not_comparable` says of others
    why not; `marks` is the command, "reasoning" or "grounding"."""

    name: str
    marks: str
    about: str
    definition: tuple[str, ...]
    traps: tuple[str, ...]
    unit: str
    comparable: dict[str, list[float]]
    source: str
    not_comparable: dict[str, str]
    data: str


@cache
def cards() -> dict[str, Card]:
    """All cards by name."""
    text = resources.files("n3d.evaluate").joinpath("cards.json").read_text(encoding="utf-8")
    return {name: _card(name, raw) for name, raw in json.loads(text).items()}


def _card(name: str, raw: dict[str, Any]) -> Card:
    lists: dict[str, Any] = {k: tuple(raw.pop(k)) for k in ("definition", "traps")}
    return Card(name, **raw, **lists)


def find(name: str) -> Card:
    """The card of a protocol; ConfigError for another name."""
    if name not in cards():
        raise ConfigError(
            f"unknown protocol {name[:40]!r}", code="protocol", field="NAME",
            limit=", ".join(cards()),
        )  # fmt: skip
    return cards()[name]


def text(card: Card) -> str:
    """The card as Markdown."""
    lines = [f"# {card.name}", "", card.about, "", f"`n3d eval {card.marks}`", ""]
    lines += ["Definition", "", *(f"* {d}" for d in card.definition), ""]
    lines += ["Traps", "", *(f"* {t}" for t in card.traps), ""]
    if card.comparable:
        lines += [f"Published, comparable ({card.unit}; {card.source})", ""]
        lines += [
            f"* {k}: {', '.join(f'{v:g}' for v in row)}" for k, row in card.comparable.items()
        ]
        lines += [""]
    lines += ["Not comparable", "", *(f"* {k}: {v}" for k, v in card.not_comparable.items()), ""]
    lines += ["Data", "", card.data, ""]
    return "\n".join(lines)
