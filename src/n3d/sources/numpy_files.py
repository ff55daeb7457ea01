"""NumPy files without pickles, and without trusting what their headers claim."""

from __future__ import annotations

import math
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from n3d.errors import InputError
from n3d.sources.files import MIB, open_regular

MAX_ARRAY_BYTES = 512 * MIB
MAX_RATIO = 200.0
RATIO_FROM_BYTES = 16 * MIB  # constant arrays compress well; only large ones are bombs


def read_npy(path: Any) -> np.ndarray:
    """The array of a .npy file; InputError for objects, records and sizes that do not fit."""
    with open_regular(path) as f:
        size = f.seek(0, 2)
        f.seek(0)
        return _array(f, size, path, None)


class Archive:
    """The members of a .npz file, read one at a time: `with Archive(path) as a: a["depth"]`."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __enter__(self) -> Archive:
        self.file = open_regular(self.path)
        try:
            self.zip = zipfile.ZipFile(self.file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
            self.file.close()
            raise InputError(f"is not an npz file: {e}", code="npz", file=self.path) from None
        self.members = {
            name[: -len(".npy")]: info
            for info in self.zip.infolist()
            if (name := info.filename).endswith(".npy")
        }
        return self

    def __exit__(self, *exception: Any) -> None:
        self.zip.close()
        self.file.close()

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def get(self, name: str) -> np.ndarray | None:
        return self[name] if name in self.members else None

    def __getitem__(self, name: str) -> np.ndarray:
        info = self.members[name]
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > MAX_ARRAY_BYTES or (
            info.file_size > RATIO_FROM_BYTES and ratio > MAX_RATIO
        ):
            raise InputError(
                f"would inflate {info.compress_size} bytes to {info.file_size} ({ratio:.0f} times)",
                code="npz-bomb",
                file=self.path,
                field=name,
                limit=f"{MAX_ARRAY_BYTES} bytes, {MAX_RATIO:g} times",
            )
        try:
            with self.zip.open(info) as f:
                return _array(f, info.file_size, self.path, name)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError) as e:
            raise InputError(f"is damaged: {e}", code="npz", file=self.path, field=name) from None


def _array(f: IO[bytes], size: int, path: Any, field: str | None) -> np.ndarray:
    shape, fortran, dtype, header = _header(f, path, field)
    if dtype.hasobject or dtype.kind not in "fiub":
        raise InputError(
            f"holds {'pickled objects' if dtype.hasobject else dtype}, not numbers",
            code="npy-type",
            file=path,
            field=field,
            hint="Nothing was unpickled. Save a plain numeric array",
        )
    count = math.prod(shape)
    need = count * dtype.itemsize
    if need > MAX_ARRAY_BYTES or need > size - header:
        raise InputError(
            f"claims an array of shape {shape} ({need} bytes), the file holds {size - header}",
            code="npy-size",
            file=path,
            field=field,
            limit=f"{MAX_ARRAY_BYTES} bytes",
        )
    data = f.read(need)
    if len(data) != need:
        raise InputError("is cut short", code="npy-size", file=path, field=field)
    flat = np.frombuffer(data, dtype, count)
    return flat.reshape(shape, order="F" if fortran else "C")


def _header(f: IO[bytes], path: Any, field: str | None) -> tuple[tuple[int, ...], bool, Any, int]:
    formats = np.lib.format
    try:
        version = formats.read_magic(f)
        if version == (1, 0):
            shape, fortran, dtype = formats.read_array_header_1_0(f, max_header_size=10_000)
        elif version == (2, 0):
            shape, fortran, dtype = formats.read_array_header_2_0(f, max_header_size=10_000)
        else:
            raise ValueError(f"version {version}")
    except Exception as e:  # NumPy parses the header as Python text, which fails in many ways
        raise InputError(
            f"has no readable npy header: {str(e)[:100]}", code="npy-header", file=path, field=field
        ) from None
    if any(n < 0 for n in shape):
        raise InputError(f"has shape {shape}", code="npy-header", file=path, field=field)
    return shape, fortran, dtype, f.tell()
