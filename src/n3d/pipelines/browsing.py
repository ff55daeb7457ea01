"""A data set of scenes to leaf through: pictures found by what is in them, a page at a time.

Nothing grows with the data set but its manifest, which says which shards to look into. A place in
it is (number of a shard, row); a search goes on from where the page before ended.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d import engine
from n3d.errors import InputError
from n3d.scene import Scene, fields, manifests, peeking, strict_json
from n3d.scene.manifests import Manifest, ShardEntry
from n3d.scene.reviews import Review, Reviews

PAGE = 24
SECONDS = 1.5
"""A search that found too little in this time says how far it came, and is asked to go on."""
ROWS = 64
FACETS = 8
"""Shards in which sources and licences are looked up, to offer them."""
STATES = ("open", "accept", "reject", "edit")


@dataclass(frozen=True)
class Wanted:
    """Which pictures are looked for: those that hold an object of this `label`, whose worth is
    from `low` to `high` and of which was said `state`, and are of this `source` and `licence`.
    What is "" is not asked for."""

    label: str = ""
    low: float = 0.0
    high: float = 1.0
    state: str = ""
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise InputError(
                f"are {self.low:g} and {self.high:g}", code="browse-range", field="low and high",
                limit="0 to 1, low first",
            )  # fmt: skip
        if self.state not in ("", *STATES):
            raise InputError(
                f"is {self.state[:40]!r}", code="browse-state", field="state",
                limit=", ".join(STATES),
            )  # fmt: skip

    def matches(self, row: Mapping[str, Any], told: Mapping[str | None, Review]) -> list[str]:
        """The ids of the objects that make a row one of those looked for."""
        if self.source and row["source"] != self.source:
            return []
        if self.licence and row["licence"] != self.licence:
            return []
        return [o["id"] for o in row["objects"] or () if self._fits(o, told)]

    def _fits(self, o: Mapping[str, Any], told: Mapping[str | None, Review]) -> bool:
        said = told.get(o["id"])
        state = "reject" if None in told else said.verdict if said is not None else "open"
        label = said.label if said is not None and said.label is not None else o["label"]
        if (self.label and label != self.label) or (self.state and state != self.state):
            return False
        return self.low <= worth(o) <= self.high


def worth(row: Mapping[str, Any]) -> float:
    """The lower of the score of an object's row and the quality of its box, as lifted."""
    quality = {q["name"]: q["value"] for q in row["quality"] or ()}
    score = 1.0 if row["score"] is None else row["score"]
    return min(1.0, max(0.0, min(score, quality.get("score", 1.0))))


@dataclass(frozen=True)
class Found:
    """A scene as it was lifted, where it is, and which of its objects were looked for."""

    at: tuple[int, int]
    scene: Scene
    matching: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaf:
    """One page of a search: what was found, and where to go on, None at the end."""

    items: list[Any]
    next: tuple[int, int] | None


@dataclass(frozen=True)
class Lost:
    """A record that was dropped, and where its picture is if another part of it was kept."""

    id: str
    reason: str
    detail: str
    at: tuple[int, int] | None = None


@dataclass(eq=False)
class Library:
    """The shards of a data set of scenes, finished or not; InputError for another kind."""

    folder: Path
    manifest: Manifest = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = engine.so_far(self.folder)
        if self.manifest.kind != "scene":
            raise InputError(
                f"holds records of kind {self.manifest.kind!r}", code="dataset-kind",
                file=self.folder, limit="scene",
                hint="n3d inspect FOLDER --page shows the others",
            )  # fmt: skip

    # -- what was kept --------------------------------------------------------------------

    def search(
        self, wanted: Wanted, said: Reviews, start: tuple[int, int] = (0, 0), most: int = PAGE
    ) -> Leaf:
        """The next pictures that are looked for, from `start` on."""
        found: list[Found] = []
        until = time.monotonic() + SECONDS
        renamed = any(r.label == wanted.label for r in said) if wanted.label else False
        for at, row in self._rows(wanted.label if not renamed else "", start):
            if row is None:
                if time.monotonic() > until:
                    return Leaf(found, at)
                continue
            if len(found) == most:
                return Leaf(found, at)
            ids = wanted.matches(row, said.of(row["id"]))
            if ids:
                found.append(Found(at, peeking.scene(row), tuple(ids)))
        return Leaf(found, None)

    def _rows(
        self, label: str, start: tuple[int, int]
    ) -> Iterator[tuple[tuple[int, int], dict[str, Any] | None]]:
        """Places with their rows; with None where a part of a shard begins."""
        for number, entry in self._shards(start[0]):
            if label and label not in entry.labels:
                continue
            first = start[1] if number == start[0] else 0
            for low in range(first, entry.records, ROWS):
                yield (number, low), None
                rows = peeking.rows(self.file(number), low, min(low + ROWS, entry.records))
                yield from (((number, low + k), row) for k, row in enumerate(rows))

    def _shards(self, first: int) -> Iterable[tuple[int, ShardEntry]]:
        return itertools.islice(enumerate(self.manifest.shards), first, None)

    def file(self, number: int) -> Path:
        """The file of a shard; InputError where there is none of this number."""
        return manifests.data_file(self.folder, self._entry(number).name)

    def _entry(self, number: int) -> ShardEntry:
        if not 0 <= number < len(self.manifest.shards):
            raise InputError(
                f"has no shard {number}", code="browse-place", file=self.folder,
                limit=f"0 to {len(self.manifest.shards) - 1}",
            )  # fmt: skip
        return self.manifest.shards[number]

    def scene(self, at: tuple[int, int]) -> Scene:
        """The scene at a place, as it was lifted; InputError where there is none."""
        return _scene(self.file(at[0]), at[1])

    # -- what was dropped -----------------------------------------------------------------

    def lost(self, reason: str = "", start: tuple[int, int] = (0, 0), most: int = PAGE) -> Leaf:
        """The next records that were dropped, for one reason or for any."""
        found: list[Lost] = []
        for number, entry in self._shards(start[0]):
            if not (entry.by_reason.get(reason) if reason else entry.dropped):
                continue
            first = start[1] if number == start[0] else 0
            for line, record in self._drops(entry, first):
                if len(found) == most:
                    return Leaf(found, (number, line))
                if not reason or record["reason"] == reason:
                    at = self._picture(number, record["id"])
                    found.append(Lost(record["id"], record["reason"], record["detail"], at))
        return Leaf(found, None)

    def _drops(self, entry: ShardEntry, first: int) -> Iterator[tuple[int, dict[str, str]]]:
        path = manifests.drops_file(self.folder, entry.name)
        try:
            with open(path, encoding="utf-8") as f:
                for line, text in itertools.islice(enumerate(f), first, None):
                    yield line, strict_json.loads(text, file=path)
        except OSError as e:
            raise InputError(
                f"cannot be read: {e.strerror or e}", code="file-unreadable", file=path
            ) from None

    def _picture(self, number: int, id: str) -> tuple[int, int] | None:
        rows = _rows_of(self.file(number))
        # A region's id follows its picture's; one that is set aside by a reader stands alone.
        named = (id, id.rpartition("/")[0], id.rpartition(":")[0])
        row = next((rows[name] for name in named if name in rows), None)
        return None if row is None else (number, row)

    # -- what can be asked for ------------------------------------------------------------

    def facets(self) -> dict[str, Any]:
        """What to choose from: classes and reasons with their counts, sources and licences."""
        told: dict[str, set[str]] = {"sources": set(), "licences": set()}
        for number in range(min(FACETS, len(self.manifest.shards))):
            for name, values in told.items():
                values.update(v for v in peeking.column(self.file(number), name[:-1]) if v)
        return {
            "labels": self.manifest.labels,
            "reasons": self.manifest.by_reason,
            **{name: sorted(values) for name, values in told.items()},
        }


@functools.lru_cache(maxsize=32)
def _scene(path: Path, row: int) -> Scene:
    return peeking.one(path, row)


@functools.lru_cache(maxsize=4)
def _rows_of(path: Path) -> dict[str, int]:
    return {id: row for row, id in enumerate(peeking.column(path, "picture_id"))}


def place(text: str) -> tuple[int, int]:
    """A place from "SHARD.ROW"; InputError for another text."""
    parts = text.split(".")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts):
        raise fields.refused(f"is {text[:40]!r}, not SHARD.ROW", "at", "browse-place")
    return int(parts[0]), int(parts[1])


def written(at: tuple[int, int] | None) -> str | None:
    """A place as text."""
    return None if at is None else f"{at[0]}.{at[1]}"
