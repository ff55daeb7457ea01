"""The protocols that mark replies: what each calls right, and the rows of its table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from n3d.errors import ConfigError, InputError
from n3d.evaluate.replies import marks, tallies
from n3d.evaluate.replies.kinds import Item
from n3d.evaluate.replies.marks import Mark, Rules
from n3d.scene import Drop


@dataclass(frozen=True)
class Protocol:
    """A way to mark replies; `group` gives the row of the table for a category."""

    name: str
    rules: Rules
    group: Callable[[str], str] = str


_ROWS = (
    (("short", "tall"), "tall/short"),
    (("left", "right"), "left/right"),
    (("below", "above"), "below/above"),
    (("behind", "front"), "behind/front"),
    (("big", "small"), "big/small"),
    (("wide", "thin"), "wide/thin"),
)


def spatialrgpt_row(category: str) -> str:
    """The row of SpatialRGPT-Bench's table: both ends of a relation together, as its scorer has
    them; "width_data" is "width"."""
    for words, row in _ROWS:
        if any(word in category for word in words):
            return row
    return "distance" if category == "distance_data" else category.removesuffix("_data")


PROTOCOLS = {
    p.name: p
    for p in (
        Protocol("n3d-bench", Rules()),
        Protocol("spatialrgpt-bench", Rules(hour_within_1=True), spatialrgpt_row),
        Protocol("cv-bench-3d", Rules(kind="letter")),
        Protocol("mra", Rules(kind="number", mean_relative_accuracy=True)),
    )
}


def find(name: str) -> Protocol:
    """The protocol of a name; ConfigError for another."""
    if name not in PROTOCOLS:
        raise ConfigError(
            f"unknown protocol {name[:40]!r}", code="protocol", field="--protocol",
            limit=", ".join(PROTOCOLS),
        )  # fmt: skip
    return PROTOCOLS[name]


def run(
    protocol: Protocol, records: Iterable[tuple[Any, Item] | Drop], *, seed: int = 0
) -> tuple[dict[str, Any], list[tuple[Any, Mark]], list[Drop]]:
    """(totals, (id, mark) of each item, what was set aside) of a file's records."""
    found: list[tuple[Any, Mark]] = []
    drops: list[Drop] = []
    for number, record in enumerate(records, 1):
        if isinstance(record, Drop):
            drops.append(record)
            continue
        identity, item = record
        try:
            found.append((identity, marks.mark(item, protocol.rules)))
        except InputError as e:
            drops.append(Drop(f"record {number}", e.code, f"id {item.id[:60]}: {e}"))
    totals = tallies.report([m for _, m in found], group=protocol.group, seed=seed)
    return totals, found, drops


def to_json(identity: Any, m: Mark) -> dict[str, Any]:
    """One item of a report."""
    return {
        "id": identity,
        "mark": m.mark,
        "read_as": m.read_as,
        "how": m.how,
        "reference_read_as": m.reference,
        "kind": m.kind,
        "category": m.category,
        "refused": m.refused,
        **m.numbers,
    }
