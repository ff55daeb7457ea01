"""Parts of a shard of scenes: some columns of all rows, or one row, without reading the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import picture_rows, tables
from n3d.scene.objects import Scene

HEAVY = ("region",)
"""Members of an object that hold its mask."""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except N3DError as e:
        raise e.at(file=path) from None
    except (pa.ArrowException, OSError) as e:
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise InputError(
            f"cannot be read as Parquet: {reason}", code="shard-unreadable", file=path
        ) from None


def column(path: Path, name: str) -> list[Any]:
    """The values of one column."""
    with _opened(path) as file:
        return file.read(columns=[name])[name].to_pylist()


def rows(path: Path, start: int, stop: int) -> list[dict[str, Any]]:
    """The rows from `start` before `stop` of a shard of scenes, without the objects' regions;
    `scene` makes a Scene of one."""
    with _opened(path) as file:
        return _sliced(file, start, stop, _light())


def one(path: Path, row: int) -> Scene:
    """The scene of one row; InputError where there is no such row."""
    with _opened(path) as file:
        found = _sliced(file, row, row + 1, None)
    if not found:
        raise InputError(f"has no row {row}", code="shard-row", file=path)
    return scene(found[0])


def scene(row: dict[str, Any]) -> Scene:
    """The Scene of a row."""
    objects = [dict.fromkeys(HEAVY) | o for o in row["objects"] or ()]
    return tables.from_row("scene", row | {"objects": objects})


def _light() -> list[str]:
    plain = [n for n in tables.schema("scene").names if n != "objects"]
    members = [f.name for f in picture_rows.object_type() if f.name not in HEAVY]
    return [*plain, *(f"objects.list.element.{name}" for name in members)]


def _sliced(file: Any, start: int, stop: int, columns: Sequence[str] | None) -> list[Any]:
    """The rows of a range, from the row groups that hold them."""
    found, first = [], 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        low, high = max(start - first, 0), min(stop - first, count)
        if low < high:
            table = file.read_row_group(group, columns=columns)
            found += table.slice(low, high - low).to_pylist()
        first += count
    return found
