"""Joining the images and annotations of one large JSON file with bounded memory.

Annotations may come in any order, even before their images: both are put into a temporary
SQLite file as they stream by and read back image by image.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from n3d.scene import strict_json

BATCH = 500
SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4096;
CREATE TABLE images (number INTEGER PRIMARY KEY, key TEXT, body TEXT);
CREATE TABLE annotations (number INTEGER PRIMARY KEY, key TEXT, own TEXT, body TEXT);
"""
SIDES = ("categories", "licenses")


class Spool:
    """The records of one annotation file: `with Spool(path) as s: for image, own in s: ...`.

    `sides` holds the entries of the arrays in SIDES, which are few; whatever else a file holds
    is read over, so that memory stays bounded. A file that is no such JSON is spooled by its
    `records`: pairs of "images" or "annotations" and an entry.
    """

    def __init__(self, path: Any, records: Iterable[tuple[str, Any]] | None = None) -> None:
        self.path = path
        self.records = strict_json.stream(path) if records is None else records
        self.sides: dict[str, list[Any]] = {}

    def __enter__(self) -> Spool:
        self.folder = tempfile.TemporaryDirectory(prefix="n3d-")
        try:
            self.db = sqlite3.connect(Path(self.folder.name) / "spool.sqlite")
            self.db.executescript(SCHEMA)
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: Any) -> None:
        if hasattr(self, "db"):
            self.db.close()
        self.folder.cleanup()

    def _fill(self) -> None:
        rows: dict[str, list[tuple]] = {"images": [], "annotations": []}
        count = {"images": 0, "annotations": 0}
        for name, entry in self.records:
            if name not in rows:
                if name in SIDES:
                    self.sides.setdefault(name, []).append(entry)
                continue
            own, image = (("id", "id"), ("id", "image_id"))[name == "annotations"]
            entry_is = isinstance(entry, Mapping)
            row = [count[name], key(entry.get(image)) if entry_is else None]
            if name == "annotations":
                row.append(key(entry.get(own)) if entry_is else None)
            rows[name].append((*row, json.dumps(entry)))
            count[name] += 1
            if len(rows[name]) >= BATCH:
                self._insert(name, rows[name])
        for name, waiting in rows.items():
            self._insert(name, waiting)
        self.db.execute("CREATE INDEX by_image ON annotations (key)")
        self.db.execute("CREATE INDEX by_own ON annotations (own)")
        self.db.execute("CREATE INDEX by_key ON images (key)")
        self.db.commit()

    def _insert(self, name: str, rows: list[tuple]) -> None:
        places = "?, ?, ?" if name == "images" else "?, ?, ?, ?"
        self.db.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
        rows.clear()

    def __iter__(self) -> Iterator[tuple[int, Any, bool, Iterator[tuple[int, Any, bool]]]]:
        """(number, image, repeated, annotations) in file order; annotations likewise.

        `repeated` marks an id that an earlier record of the file has too; the annotations of
        a repeated image come with the first one only.
        """
        for number, identity, body in self.db.execute(
            "SELECT number, key, body FROM images ORDER BY number"
        ):
            repeated = self._earlier("images", "key", identity, number)
            own = self.of(None if repeated else identity)
            yield number, json.loads(body), repeated, own

    def of(self, identity: str | None) -> Iterator[tuple[int, Any, bool]]:
        """(number, annotation, repeated) of one image, by its `key`."""
        query = "SELECT number, own, body FROM annotations WHERE key = ? ORDER BY number"
        for number, own, body in self.db.execute(query, (identity,)):
            yield number, json.loads(body), self._earlier("annotations", "own", own, number)

    def annotations(self) -> Iterator[tuple[int, Any, bool]]:
        """(number, annotation, repeated) of all, in file order."""
        query = "SELECT number, own, body FROM annotations ORDER BY number"
        for number, own, body in self.db.execute(query):
            yield number, json.loads(body), self._earlier("annotations", "own", own, number)

    def orphans(self) -> Iterator[tuple[int, Any]]:
        """(number, annotation) of those whose image is not in the file."""
        query = (
            "SELECT number, body FROM annotations WHERE key IS NULL "
            "OR key NOT IN (SELECT key FROM images WHERE key IS NOT NULL) ORDER BY number"
        )
        for number, body in self.db.execute(query):
            yield number, json.loads(body)

    def _earlier(self, table: str, column: str, value: str | None, number: int) -> bool:
        query = f"SELECT 1 FROM {table} WHERE {column} = ? AND number < ? LIMIT 1"
        return value is not None and bool(self.db.execute(query, (value, number)).fetchone())


def key(identity: Any) -> str | None:
    """An id as text that keeps 1 and "1" apart; None for what is no id."""
    if isinstance(identity, bool) or not isinstance(identity, (int, str)):
        return None
    return json.dumps(identity)
