"""Where a run's records come from, cut into shards in a stable order."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from n3d.errors import ConfigError, InputError
from n3d.scene import fields, files, manifests, reviews, shards

PER_SHARD = 256


class InputShard(Protocol):
    """What one output shard is made of; it can be sent to another process."""

    def open(self) -> Iterable[Any]:
        """The records, and a Drop for each that could not be read, in a stable order."""
        ...


class Source(Protocol):
    """A run's input.

    `identity` is JSON that differs where the records do: a run is resumed only on the same
    input. `paths` are the input's own files and folders, which the output must not touch.
    """

    @property
    def identity(self) -> dict[str, Any]: ...

    @property
    def paths(self) -> tuple[Path, ...]: ...

    def shards(self) -> Iterator[InputShard]:
        """The input shards, always the same ones whatever the number of workers."""
        ...


@dataclass(frozen=True)
class Chunk:
    """An input shard that carries its records."""

    records: tuple[Any, ...]

    def open(self) -> tuple[Any, ...]:
        return self.records


@dataclass(frozen=True)
class Items:
    """Records in memory (or a range of seeds), `per_shard` to an input shard."""

    items: Sequence[Any]
    per_shard: int = PER_SHARD

    def __post_init__(self) -> None:
        _check_per_shard(self.per_shard)

    @property
    def identity(self) -> dict[str, Any]:
        found: dict[str, Any] = {"items": len(self.items), "per_shard": self.per_shard}
        if isinstance(self.items, range):
            return found | {"start": self.items.start, "step": self.items.step}
        try:
            text = fields.dumps([fields.plain(i, "items") for i in self.items])
        except InputError:  # records rather than plain seeds: told apart by their number only
            return found
        return found | {"sha256": hashlib.sha256(text.encode()).hexdigest()}

    @property
    def paths(self) -> tuple[Path, ...]:
        return ()

    def shards(self) -> Iterator[Chunk]:
        for start in range(0, len(self.items), self.per_shard):
            yield Chunk(tuple(self.items[start : start + self.per_shard]))

    def __len__(self) -> int:
        return -(-len(self.items) // self.per_shard)


@dataclass(frozen=True)
class Stream:
    """The records that `read` yields, such as a reader of foreign files.

    `read` is called in the process that starts the run, once a run, and must yield the same
    records and Drops in the same order every time; finished shards are read over on resume.
    `files` are the files whose contents decide the records; of `folders`, other inputs that
    are too large to hash, only the names are remembered.
    """

    read: Callable[[], Iterable[Any]]
    per_shard: int = PER_SHARD
    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        _check_per_shard(self.per_shard)
        for name in ("files", "folders"):
            object.__setattr__(self, name, tuple(Path(p) for p in getattr(self, name)))

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "per_shard": self.per_shard,
            "sha256": [files.sha256(p) for p in self.files],
            "folders": [p.resolve().name for p in self.folders],
        }

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*self.files, *self.folders)

    def shards(self) -> Iterator[Chunk]:
        records = iter(self.read())
        while chunk := tuple(islice(records, self.per_shard)):
            yield Chunk(chunk)


@dataclass(frozen=True)
class StoredShard:
    """A shard file of a data set, compared with its hash before it is read; scenes as reviewed in
    their `folder`, where reviews have the digest `reviewed`."""

    path: Path
    sha256: str
    folder: Path | None = None
    reviewed: str = ""

    def open(self) -> Iterator[Any]:
        shards.check_hash(self.path, self.sha256)
        if self.folder is None:
            return shards.read(self.path)
        told = reviews.known(self.folder)
        if told.digest != self.reviewed:
            raise InputError(
                "was reviewed while it was read", code="scene-reviews", file=self.folder,
                hint="Close its browser and run again into a new folder",
            )  # fmt: skip
        return reviews.applied(shards.read(self.path), told)


@dataclass(frozen=True)
class Folder:
    """A finished data-set folder: one output shard for each of its shards. Scenes are read as
    reviewed, and `reviews` is the digest of what was said, "" where nothing was.

    InputError where it holds records of another kind than `kind`, if that is given.
    """

    folder: Path
    kind: str | None = None
    paths: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        object.__setattr__(self, "paths", (self.folder,))

    @functools.cached_property
    def manifest(self) -> manifests.Manifest:
        found = manifests.read(self.folder)
        if self.kind is not None and found.kind != self.kind:
            raise InputError(
                f"holds records of kind {found.kind!r}", code="dataset-kind", file=self.folder,
                limit=self.kind,
            )  # fmt: skip
        return found

    @functools.cached_property
    def reviews(self) -> str:
        return reviews.known(self.folder).digest if self.manifest.kind == "scene" else ""

    @property
    def identity(self) -> dict[str, Any]:
        names = [(s.name, s.sha256) for s in self.manifest.shards]
        digest = hashlib.sha256(fields.dumps(names).encode()).hexdigest()
        found = {"kind": self.manifest.kind, "sha256": digest}
        return found | ({"reviews": self.reviews} if self.reviews else {})

    def shards(self) -> Iterator[StoredShard]:
        folder = self.folder if self.manifest.kind == "scene" else None
        for entry in self.manifest.shards:
            path = manifests.data_file(self.folder, entry.name)
            yield StoredShard(path, entry.sha256, folder, self.reviews)

    def __len__(self) -> int:
        return len(self.manifest.shards)


def _check_per_shard(value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(
            f"must be a whole number of at least 1, got {value!r}",
            code="config-range",
            field="per_shard",
        )
