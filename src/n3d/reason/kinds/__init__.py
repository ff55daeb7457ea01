"""The kinds of question, each defined in one place."""

from n3d.reason.kinds import (
    alternatives,
    amounts,
    angles,
    contacts,
    directions,
    distances,
    nearness,
    orders,
    relations,
    sizes,
    superlatives,
)
from n3d.reason.kinds.kind import DEFINITIONS, Kind

# Where a question fits two kinds alike, the earlier one wins.
_MODULES = (
    *(sizes, distances, amounts, relations, alternatives, contacts, superlatives),
    *(nearness, orders, directions, angles),
)
KINDS: dict[str, Kind] = {kind.name: kind for module in _MODULES for kind in module.KINDS}


def table() -> str:
    """The kinds as a Markdown table."""
    rows = ["| kind | group | answers | for example |", "|---|---|---|---|"]
    for kind in sorted(KINDS.values(), key=lambda k: k.group):
        rows.append(f"| `{kind.name}` | {kind.group} | {kind.description} | {kind.example} |")
    return "\n".join(rows)


__all__ = ["DEFINITIONS", "KINDS", "Kind", "table"]
