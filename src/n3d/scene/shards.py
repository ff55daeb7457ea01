"""The disk format of records: Parquet files, one kind each, whole or absent.

Equal records give equal bytes: nothing of the clock, the machine or the number of processes
enters a file. See docs/datasets.md for the columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import files, manifests, tables
from n3d.scene.files import HashedFile
from n3d.scene.manifests import Manifest

ROWS_PER_GROUP = 1024
BYTES_PER_GROUP = 64 << 20
ROWS_PER_READ = 256


@dataclass(frozen=True)
class ShardFile:
    """A shard that was written."""

    path: Path
    kind: str
    records: int
    size: int
    sha256: str
    labels: dict[str, int] = field(default_factory=dict)


def write(path: str | Path, records: Iterable[Any], *, kind: str | None = None) -> ShardFile:
    """Write Scenes, QAs, Pictures or Predictions to one Parquet file, whole or not at all.

    `kind` ("scene", "qa", "picture", "prediction") is needed where there may be no record.
    Raises InputError naming the record and field for what no file can hold (NaN, infinity, a
    record of another kind), and ConfigError where the disk is full or not writable.
    """
    path = Path(path)
    records = iter(records)
    first = next(records, None)
    if first is None and kind is None:
        raise InputError("no records, so that their kind is unknown", code="shard-kind", file=path)
    kind = kind or tables.kind_of(first)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, path) from e
    with files.replacing(path) as f:
        writer = Writer(f, kind)
        if first is not None:
            writer.add(first)
        for record in records:
            writer.add(record)
        writer.finish()
    return ShardFile(path, kind, writer.records, f.size, f.sha256, writer.labels)


class Writer:
    """Writes records of one kind into an open file, group by group."""

    def __init__(self, file: HashedFile, kind: str) -> None:
        import pyarrow.parquet as pq

        self.kind = kind
        self._schema = tables.schema(check_kind(kind))
        # No two images are equal: a dictionary of them would only cost memory.
        self._out = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=kind != "picture"
        )
        self._rows: list[dict[str, Any]] = []
        self._bytes = self.records = 0
        self._labels: Counter[str] = Counter()

    @property
    def labels(self) -> dict[str, int]:
        return dict(sorted(self._labels.items()))

    def add(self, record: Any) -> None:
        """Take one record; an InputError leaves the file as if it had not been given."""
        if tables.kind_of(record) != self.kind:
            raise InputError(
                f"a {tables.kind_of(record)} in a shard of kind {self.kind}", code="record-kind"
            )
        row = tables.to_row(record)
        self._rows.append(row)
        self._labels.update(tables.labels_of(record))
        self.records += 1
        for name in ("image", "depth") if self.kind == "picture" else ():
            self._bytes += len((row.get(name) or {}).get("bytes") or b"")
        if len(self._rows) >= ROWS_PER_GROUP or self._bytes >= BYTES_PER_GROUP:
            self._flush()

    def finish(self) -> None:
        """Write what is left and the footer."""
        self._flush()
        self._out.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            table = pa.Table.from_pylist(self._rows, schema=self._schema)
            self._out.write_table(table, row_group_size=len(self._rows))
        self._rows, self._bytes = [], 0


def check_kind(kind: str) -> str:
    """The kind; InputError for one that does not exist."""
    if kind not in tables.KINDS:
        raise InputError(
            f"unknown kind {kind!r}", code="shard-kind", field="kind", limit=", ".join(tables.KINDS)
        )
    return kind


# -- reading ------------------------------------------------------------------------------


def read(path: str | Path, *, check: bool = True) -> Iterator[Any]:
    """The records of a shard file, or of all shards of a data-set folder in their order.

    Of a folder, each shard's hash is compared with the manifest first (`check`). Raises
    InputError naming the file where one is absent, cut off, changed or not ours.
    """
    path = Path(path)
    if not path.is_dir():
        yield from _read_file(path)
        return
    manifest = manifests.read(path)
    for entry in manifest.shards:
        file = manifests.data_file(path, entry.name)
        if check:
            check_hash(file, entry.sha256)
        yield from _read_file(file, manifest.kind)


def check_hash(path: Path, expected: str) -> None:
    """InputError where a file is absent or its sha256 is not the expected one."""
    if files.sha256(path) != expected:
        raise InputError(
            "is not the file that was written: its hash differs from the manifest",
            code="shard-hash",
            file=path,
            hint="Delete it with its marker in done/ and run the command again, or copy it anew",
        )


def _read_file(path: Path, kind: str | None = None) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = 0
    try:
        with pq.ParquetFile(path) as file:
            kind = _kind_in(file.schema_arrow, kind)
            names = [n for n in tables.schema(kind).names if n in file.schema_arrow.names]
            for batch in file.iter_batches(ROWS_PER_READ, columns=names):
                for row in batch.to_pylist():
                    yield _record(kind, row, at)
                    at += 1
    except N3DError as e:
        raise e.at(file=path) from None
    except (pa.ArrowException, OSError) as e:
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise InputError(
            f"cannot be read as Parquet: {reason}", code="shard-unreadable", file=path
        ) from None


def _record(kind: str, row: dict[str, Any], at: int) -> Any:
    try:
        return tables.from_row(kind, row)
    except N3DError as e:
        e.field = f"row {at}: {e.field}" if e.field else f"row {at}"
        raise


def _kind_in(schema: Any, expected: str | None) -> str:
    """The kind that a file's metadata declares, if its conventions are ours."""
    found = {k.decode(): v.decode() for k, v in (schema.metadata or {}).items()}
    kind = found.get("n3d.kind", "")
    if kind not in tables.KINDS or (expected is not None and kind != expected):
        raise InputError(
            f"holds {kind or 'no kind of record'}, expected {expected or 'a kind of n3d'}",
            code="shard-kind",
            limit=", ".join(tables.KINDS),
        )
    for name, value in tables.conventions(kind).items():
        if name != "n3d.version" and found.get(name) != value:
            raise InputError(
                f"declares {name} = {found.get(name)!r}, expected {value!r}",
                code="shard-conventions",
            )
    known = {*schema.names, *tables.LATER.get(kind, ())}
    missing = [n for n in tables.schema(kind).names if n not in known]
    if missing:
        raise InputError(f"lacks the columns {', '.join(missing)}", code="shard-columns")
    return kind


def verify(folder: str | Path) -> Manifest:
    """Compare every file of a data set with its manifest, and return the manifest.

    Raises InputError naming the first file whose hash, kind or number of records differs.
    """
    import pyarrow.parquet as pq

    folder = Path(folder)
    manifest = manifests.read(folder)
    for entry in manifest.shards:
        path = manifests.data_file(folder, entry.name)
        check_hash(path, entry.sha256)
        check_hash(manifests.drops_file(folder, entry.name), entry.drops_sha256)
        with pq.ParquetFile(path) as file:
            try:
                _kind_in(file.schema_arrow, manifest.kind)
            except N3DError as e:
                raise e.at(file=path) from None
            if file.metadata.num_rows != entry.records:
                raise InputError(
                    f"holds {file.metadata.num_rows} records, the manifest says {entry.records}",
                    code="shard-count",
                    file=path,
                )
    return manifest
