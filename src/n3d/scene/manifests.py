"""The folder of a data set: where its files are, and the manifest with their hashes and counts.

manifest.json           what is there: kind, counts, reasons, the hash of every file
shards/00000.parquet    records
drops/00000.jsonl       the records set aside: id, reason, detail
done/00000.json         the shard is finished: its counts and hashes
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import fields, files, strict_json
from n3d.scene.fields import Fields
from n3d.scene.pictures import Drop

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
FILE = "manifest.json"


@dataclass(frozen=True)
class ShardEntry:
    """One finished shard: what it holds and the hashes of its files."""

    name: str
    records: int
    size: int
    sha256: str
    drops_sha256: str
    by_reason: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        return sum(self.by_reason.values())


@dataclass(frozen=True)
class Manifest:
    """A finished data set."""

    kind: str
    shards: tuple[ShardEntry, ...]
    config: dict[str, Any] = field(default_factory=dict)
    config_hash: str = ""
    version: str = ""

    @property
    def kept(self) -> int:
        return sum(s.records for s in self.shards)

    @property
    def dropped(self) -> int:
        return sum(s.dropped for s in self.shards)

    @property
    def by_reason(self) -> dict[str, int]:
        """Dropped records by reason code, most frequent first."""
        return added(s.by_reason for s in self.shards)

    @property
    def labels(self) -> dict[str, int]:
        """Objects (of scenes), regions (of pictures) or question kinds, most frequent first."""
        return added(s.labels for s in self.shards)


def added(counts) -> dict[str, int]:
    """The sum of histograms, most frequent first, then by name."""
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


# -- where things are ---------------------------------------------------------------------


def data_file(folder: str | Path, name: str) -> Path:
    """The Parquet file of a shard."""
    return Path(folder) / "shards" / f"{name}.parquet"


def drops_file(folder: str | Path, name: str) -> Path:
    """The JSON lines of a shard's dropped records."""
    return Path(folder) / "drops" / f"{name}.jsonl"


def marker_file(folder: str | Path, name: str) -> Path:
    """The file whose presence says that a shard is finished."""
    return Path(folder) / "done" / f"{name}.json"


# -- writing and reading ------------------------------------------------------------------


def write(folder: str | Path, manifest: Manifest) -> None:
    """Write manifest.json, the last file of a data set."""
    files.write_json(
        Path(folder) / FILE,
        {
            "format": FORMAT,
            "version": manifest.version,
            "kind": manifest.kind,
            "config": manifest.config,
            "config_hash": manifest.config_hash,
            "kept": manifest.kept,
            "dropped": manifest.dropped,
            "by_reason": manifest.by_reason,
            "labels": manifest.labels,
            "shards": [_entry_to_json(s) for s in manifest.shards],
        },
    )


def read(folder: str | Path) -> Manifest:
    """The manifest of a finished data set; InputError where it is absent or contradicts itself."""
    path = Path(folder) / FILE
    if not path.is_file():
        raise InputError(
            "is not a finished data set: no manifest.json",
            code="dataset-unfinished",
            file=folder,
            hint="Run the command that writes it again: it resumes",
        )
    try:
        return _manifest_from_json(strict_json.load(path))
    except N3DError as e:
        raise e.at(file=path) from None


def _manifest_from_json(data: Any) -> Manifest:
    f = Fields(data, "Manifest")
    found = f.take("format", fields.whole)
    if found != FORMAT:
        raise InputError(
            f"is format {found}", code="dataset-format", field="format", limit=f"format {FORMAT}"
        )
    manifest = Manifest(
        version=f.take("version", fields.text),
        kind=f.take("kind", fields.text),
        config=f.take("config", fields.mapping, {}),
        config_hash=f.take("config_hash", fields.text, ""),
        shards=f.take("shards", fields.many(_entry_from_json)),
    )
    labels = f.take("labels", _counts)
    counts = (f.take("kept", fields.whole), f.take("dropped", fields.whole))
    by_reason = f.take("by_reason", _counts)
    f.done()
    if counts != (manifest.kept, manifest.dropped) or by_reason != manifest.by_reason:
        raise InputError("counts are not the sums of its shards", code="dataset-counts")
    if labels != manifest.labels:
        raise InputError("labels are not the sums of its shards", code="dataset-counts")
    return manifest


def write_marker(folder: str | Path, entry: ShardEntry) -> None:
    """Mark a shard as finished; its data and drops must be on the disk."""
    files.write_json(marker_file(folder, entry.name), _entry_to_json(entry))


def read_marker(folder: str | Path, name: str) -> ShardEntry | None:
    """The entry of a shard if it is finished and its files have their sizes, else None."""
    path = marker_file(folder, name)
    try:
        entry = _entry_from_json(strict_json.load(path))
        whole = data_file(folder, name).stat().st_size == entry.size
    except (N3DError, OSError):
        return None
    return entry if whole and entry.name == name and drops_file(folder, name).is_file() else None


def _entry_to_json(entry: ShardEntry) -> dict[str, Any]:
    return dict(vars(entry))


def _entry_from_json(data: Any) -> ShardEntry:
    f = Fields(data, "Shard")
    entry = ShardEntry(
        name=f.take("name", fields.text),
        records=f.take("records", fields.whole),
        size=f.take("size", fields.whole),
        sha256=f.take("sha256", fields.text),
        drops_sha256=f.take("drops_sha256", fields.text),
        by_reason=f.take("by_reason", _counts, {}),
        labels=f.take("labels", _counts, {}),
    )
    f.done()
    if not NAME.fullmatch(entry.name):
        raise fields.refused(f"is no name of a shard: {entry.name!r}", "name", "dataset-name")
    return entry


def _counts(value: Any, field: str) -> dict[str, int]:
    return {k: fields.whole(v, f"{field}.{k}") for k, v in fields.mapping(value, field).items()}


# -- drops --------------------------------------------------------------------------------


def write_drops(folder: str | Path, name: str, drops: list[Drop]) -> str:
    """Write the drops of a shard as JSON lines and return the file's sha256."""
    lines = [_line(d) for d in drops]
    return files.write_bytes(drops_file(folder, name), "".join(lines).encode("utf-8"))


class DropFile:
    """Drops that go to an open binary file as they come: only their counts stay in memory."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()

    @property
    def by_reason(self) -> dict[str, int]:
        """How many came, by reason."""
        return dict(sorted(self._counts.items()))

    def append(self, drop: Drop) -> None:
        """Write one line."""
        self._file.write(_line(drop).encode("utf-8"))
        self._counts[drop.reason] += 1


def _line(drop: Drop) -> str:
    """One line of JSON; text that UTF-8 cannot hold is escaped."""
    value = {"id": drop.id, "reason": drop.reason, "detail": drop.detail}
    safe = {k: v.encode("utf-8", "backslashreplace").decode("utf-8") for k, v in value.items()}
    return fields.dumps(safe) + "\n"


def read_drops(folder: str | Path) -> Iterator[Drop]:
    """All dropped records of a data set, shard by shard, also of one that is not finished."""
    for path in sorted((Path(folder) / "drops").glob("*.jsonl")):
        with open(path, encoding="utf-8") as f:
            for line in f:
                found = Fields(strict_json.loads(line, file=path), "Drop")
                yield Drop(*(found.take(k, fields.text) for k in ("id", "reason", "detail")))
