"""Files that only grow: one JSON record a line, found again by its id.

A line counts once its newline is there. One that was cut off never happened: a reader passes
over it and the next writer writes over it, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import files, strict_json


@dataclass(eq=False)
class Journal:
    """The records of one file, each with an "id"; of two with one id the later counts.

    Where `keys` are other members than "id", these together name a record. A first line
    {"header": {...}} is no record: it says what the records are of.
    """

    path: Path
    header: dict[str, Any] | None = None
    keys: tuple[str, ...] = ("id",)
    _places: dict[Any, int] = field(default_factory=dict)
    _end: int = 0

    @classmethod
    def read(cls, path: str | Path, keys: tuple[str, ...] = ("id",)) -> Journal:
        """The journal of a file; an empty one where there is none.

        Raises InputError naming the line that is no record, or the file that cannot be read.
        """
        made = cls(Path(path), keys=keys)
        try:
            with open(made.path, "rb") as f:
                for number, line in enumerate(f, 1):
                    if line.endswith(b"\n"):
                        made._index(line, number)
        except FileNotFoundError:
            pass
        except OSError as e:
            raise InputError(
                f"cannot be read: {e.strerror or e}", code="file-unreadable", file=path
            ) from None
        return made

    def _index(self, line: bytes, number: int) -> None:
        try:
            record = strict_json.loads(line)
            if number == 1 and isinstance(record, dict) and record.keys() == {"header"}:
                self.header = dict(record["header"])
            else:
                self._places[self._name(record)] = self._end
        except (N3DError, KeyError, TypeError, ValueError) as e:
            text = (
                e.message
                if isinstance(e, N3DError)
                else f"is no record with {' and '.join(self.keys)}"
            )
            raise InputError(
                text,
                code="journal-line",
                file=self.path,
                field=f"line {number}",
                hint="Remove the line, or the file, and run again",
            ) from None
        self._end += len(line)

    def _name(self, record: Mapping[str, Any]) -> Any:
        if len(self.keys) == 1:
            return record[self.keys[0]]
        return tuple(record[k] for k in self.keys)

    def __contains__(self, id: Any) -> bool:
        return id in self._places

    @property
    def size(self) -> int:
        """The bytes of the file that count."""
        return self._end

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records in the order they were added, read from the file one by one."""
        return self._at(self._places.values())

    def __getitem__(self, id: Any) -> dict[str, Any]:
        return next(self._at([self._places[id]]))

    def _at(self, places: Iterable[int]) -> Iterator[dict[str, Any]]:
        if self._places:
            with open(self.path, "rb") as f:
                for place in places:
                    f.seek(place)
                    yield strict_json.loads(f.readline(), file=self.path)

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Append records; ConfigError where the file cannot be written."""
        self._write(records, [self._name(r) for r in records])

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write the header of a journal that holds nothing yet."""
        self.header = dict(header)
        self._write([{"header": self.header}], [None])

    def _write(self, lines: Sequence[Mapping[str, Any]], ids: Sequence[Any]) -> None:
        whole = [
            json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n" for line in lines
        ]
        try:
            with open(self.path, "ab") as f:
                f.truncate(self._end)  # a line that was cut off never counted
                f.write(b"".join(whole))
        except OSError as e:
            raise files.unwritable(e, self.path) from None
        for id, data in zip(ids, whole, strict=True):
            if id is not None:
                self._places[id] = self._end
            self._end += len(data)


@contextlib.contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """Be the only process that writes beside this file, which is made where there is none;
    ConfigError where another process is."""
    import fcntl

    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(open(path, "ab"))
        except OSError as e:
            raise files.unwritable(e, path) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                "another process is writing there",
                code="output-locked",
                file=Path(path).parent,
                field="out",
                hint="Wait for it, or stop it",
            ) from None
        yield
