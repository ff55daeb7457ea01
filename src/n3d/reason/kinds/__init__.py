"""The kinds of question, each defined in one place."""

from n3d.reason.kinds import amounts, choices, directions, distances, relations, sizes
from n3d.reason.kinds.kind import DEFINITIONS, Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for module in (sizes, distances, amounts, relations, choices, directions)
    for kind in module.KINDS
}


def table() -> str:
    """The kinds as a Markdown table."""
    rows = ["| kind | group | answers | for example |", "|---|---|---|---|"]
    for kind in sorted(KINDS.values(), key=lambda k: k.group):
        rows.append(f"| `{kind.name}` | {kind.group} | {kind.description} | {kind.example} |")
    return "\n".join(rows)


__all__ = ["DEFINITIONS", "KINDS", "Kind", "table"]
