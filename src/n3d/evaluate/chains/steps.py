"""One statement of a chain of thought, and what it ought to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["box", "center", "vector", "value", "calculation", "comparison", "claim", "step"]


@dataclass(frozen=True)
class Step:
    """`follows` tells whether it is what its own numbers give; `true` whether it agrees with what
    the boxes give, None where that is not known. A step that follows and is not true carries on
    an earlier fault."""

    kind: Kind
    text: str
    printed: Any
    computed: Any
    follows: bool
    true: bool | None = None
    note: str = ""

    @property
    def fault(self) -> bool:
        return not self.follows

    @property
    def carried(self) -> bool:
        return self.follows and self.true is False

    def to_json(self) -> dict[str, Any]:
        """The record of a report."""
        return {
            "kind": self.kind, "text": self.text, "printed": self.printed,
            "computed": self.computed, "follows": self.follows, "true": self.true,
            "note": self.note,
        }  # fmt: skip
