"""Opening foreign files: only regular ones, never blocking, never larger than said."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from n3d.errors import InputError

MIB = 1 << 20
MAX_FILE_BYTES = 512 * MIB


class InputWarning(UserWarning):
    """Something in an input was set right or taken for granted, and may be wrong."""


def is_path(value: Any) -> bool:
    """Whether a value is meant as a file's name."""
    return isinstance(value, (str, bytes, os.PathLike))


def open_regular(path: Any, *, max_bytes: int | None = MAX_FILE_BYTES) -> BinaryIO:
    """Open a regular, non-empty file for reading.

    Raises InputError at once, without blocking, for whatever else a name may stand for
    (missing, directory, FIFO, device, socket), and above `max_bytes`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as e:
        raise _unopened(path, e) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise InputError(f"is {_kind(state.st_mode)}, not a file", code="file-kind", file=path)
        if state.st_size == 0:
            raise InputError("is empty (0 bytes)", code="file-empty", file=path)
        if max_bytes is not None and state.st_size > max_bytes:
            raise InputError(
                f"holds {state.st_size} bytes", code="file-large", file=path, limit=f"{max_bytes}"
            )
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Any, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    with open_regular(path, max_bytes=max_bytes) as f:
        return f.read(max_bytes + 1)


def read_text(path: Any, *, max_bytes: int = 64 * MIB) -> str:
    """A UTF-8 text file, without a byte order mark."""
    try:
        return read_bytes(path, max_bytes=max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InputError(
            f"is not UTF-8 text at byte {e.start}", code="file-text", file=path
        ) from None


def read_json(path: Any, *, max_bytes: int = MAX_FILE_BYTES) -> Any:
    """A JSON file read whole, by the strict reader."""
    from n3d.scene import strict_json

    return strict_json.loads(read_bytes(path, max_bytes=max_bytes), file=path)


def is_json_object(path: Any) -> bool:
    """Whether a JSON file of any size is an object and not a list, by its first mark."""
    with open_regular(path, max_bytes=None) as f:
        return f.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def write_bytes(path: Any, data: bytes) -> None:
    """Write beside `path`, flush to disk, rename: readers see the old file or the new one."""
    path = Path(os.fsdecode(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".n3d-", dir=path.parent)
    except OSError as e:
        raise _unwritten(path, e) from None
    try:
        with os.fdopen(descriptor, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as e:
        os.unlink(name)
        raise _unwritten(path, e) from None


def write_text(path: Any, text: str) -> None:
    """The same with a text, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def _unopened(path: Any, e: Exception) -> InputError:
    if isinstance(e, FileNotFoundError):
        return InputError("does not exist", code="file-missing", file=path)
    if isinstance(e, OSError) and e.errno == errno.ENAMETOOLONG:
        return InputError("has too long a name", code="file-name", file=path)
    if isinstance(e, ValueError):
        return InputError(f"has a name no file can have: {e}", code="file-name", file=path)
    reason = e.strerror if isinstance(e, OSError) else str(e)
    return InputError(f"cannot be opened: {reason}", code="file-unreadable", file=path)


def _unwritten(path: Any, e: OSError) -> InputError:
    return InputError(f"cannot be written: {e.strerror or e}", code="file-unwritable", file=path)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in kinds if test(mode)), "something else")
