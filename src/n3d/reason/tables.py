"""Writes the tables of operations and kinds into a Markdown page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from n3d.reason import finding, kinds, ops


def _tables() -> tuple[tuple[str, str], ...]:
    return ("operations", ops.table()), ("kinds", kinds.table()), ("locate", finding.table())


def filled(page: str) -> str:
    """The page with the current tables between its `<!-- name -->` and `<!-- end -->` marks."""
    for name, table in _tables():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = mark.sub(lambda m, table=table: f"{m[1]}{table}\n{m[2]}", page)
    return page


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
