"""Files that are whole or absent, and their hashes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from n3d.errors import ConfigError, InputError

PART = ".part"
# The machine's state, not a fault of any record: work must stop instead of dropping records.
EXHAUSTED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS}


class HashedFile:
    """A binary file open for writing that knows the sha256 and size of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0
        self.abandoned = False

    def write(self, data: Any) -> int:
        count = memoryview(data).nbytes
        if self.abandoned:  # a writer that is cleaned up after a failure may still flush
            return count
        self._hash.update(data)
        self._file.write(data)
        self.size += count
        return count

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        if not self.abandoned:
            self._file.flush()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        """Leave the file open: `replacing` still has to sync it."""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[HashedFile]:
    """Write a file that appears under its name whole, synced to the disk, or not at all.

    The temporary file beside it carries the process id, so that two writers of the same name
    never share one. Raises ConfigError where the disk is full or the folder not writable.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    hashed = None
    try:
        with open(part, "wb") as f:
            hashed = HashedFile(f)
            yield hashed
            f.flush()
            os.fsync(f.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except BaseException as e:
        if hashed is not None:
            hashed.abandoned = True
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(e, OSError):
            raise unwritable(e, path) from e
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(error: OSError, path: Any) -> ConfigError:
    """The ConfigError that tells why a path cannot be written and what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return ConfigError(
        f"cannot be written: {error.strerror or error}",
        code="output-full" if full else "output-unwritable",
        file=path,
        hint="Free space and run again" if full else "Choose a folder that can be written",
    )


def write_bytes(path: str | Path, data: bytes) -> str:
    """Write a whole file or nothing, and return its sha256."""
    with replacing(path) as f:
        f.write(data)
    return f.sha256


def write_json(path: str | Path, value: Any) -> str:
    """Write JSON with sorted keys, so that equal values are equal files; returns the sha256."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return write_bytes(path, (text + "\n").encode("utf-8"))


def sha256(path: str | Path) -> str:
    """The sha256 of a file's bytes; InputError where it cannot be read."""
    try:
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise InputError(
            f"cannot be read: {e.strerror or e}", code="file-unreadable", file=path
        ) from None


def remove_parts(folder: str | Path) -> None:
    """Delete the temporary files that a killed writer left in a folder."""
    for part in Path(folder).glob(f".*{PART}"):
        part.unlink(missing_ok=True)
