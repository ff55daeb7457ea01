"""The log of a run: one line of JSON for so many steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from n3d.train.batches import Texts


class Tally:
    """What a line of the log is made of: sums since the last one."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[float, float]] = {}
        self.tokens = self.places = self.views = 0
        self.began = time.monotonic()

    def count(self, views: int, texts: Texts | None) -> None:
        """Add a batch of views, and of rows of text if there are any."""
        self.views += views
        if texts is not None:
            self.tokens, self.places = self.tokens + texts.tokens, self.places + texts.ids.numel()

    def filled(self) -> dict[str, float]:
        """The share of the places in rows that is no padding."""
        return {"filled": self.tokens / self.places} if self.places else {}


def read(run: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run's log."""
    for line in (run / "log.jsonl").read_text().splitlines():
        yield json.loads(line)
