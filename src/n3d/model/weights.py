"""What is in the weight files of a model directory, told from their headers alone.

Only safetensors are read: other formats run code when they are opened.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from n3d.errors import InputError
from n3d.sources.files import open_regular, read_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
MAX_HEADER = 100_000_000
_HINT = "Convert it with its own software to safetensors; nothing in it was run"


@dataclass(frozen=True)
class Entry:
    """One tensor of a weight file, as the header states it."""

    file: Path
    dtype: str
    shape: tuple[int, ...]


def read_headers(folder: Path) -> dict[str, Entry]:
    """The tensors of a model directory by name.

    Raises InputError, before any weight is read, for a folder without safetensors, an index
    that names a file outside it or missing, and a file that is damaged, cut short, of another
    format, or holds anything but floating-point numbers.
    """
    refuse_pickle(folder)
    if (folder / SINGLE).is_file():
        return _header(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _indexed(folder)
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
    if pickles:
        refuse_pickle(folder / pickles[0])
    raise InputError(f"has neither {SINGLE} nor {INDEX}", code="checkpoint-missing", file=folder)


def refuse_pickle(path: Path) -> None:
    """Raise InputError for the name of a weight file that could run code."""
    if path.suffix in PICKLES and not path.is_dir():
        raise InputError(
            "is a weight file that can run code when it is opened",
            code="checkpoint-pickle",
            file=path,
            limit="safetensors",
            hint=_HINT,
        )


def _indexed(folder: Path) -> dict[str, Entry]:
    path = folder / INDEX
    index = read_json(path, max_bytes=MAX_HEADER)
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places:
        raise InputError("must name a file for each tensor", code="checkpoint-index", file=path,
                         field="weight_map")  # fmt: skip
    shards = {_shard(shard, path) for shard in places.values()}
    headers = {shard: _header(folder / shard) for shard in sorted(shards)}
    for name, shard in places.items():
        if name not in headers[shard]:
            raise InputError(
                f"{shard} lacks the tensor", code="checkpoint-tensor", file=path, field=name
            )
    return {name: headers[shard][name] for name, shard in places.items()}


def _shard(name: Any, index: Path) -> str:
    """The name of a shard, if it is that of a safetensors file beside the index."""
    if not isinstance(name, str) or not name or name != Path(name).name or "\\" in name:
        raise InputError(
            f"names {name!r}, outside its folder",
            code="checkpoint-path",
            file=index,
            field="weight_map",
            limit="file names without folders",
        )
    refuse_pickle(index.with_name(name))
    if not name.endswith(".safetensors"):
        raise InputError(
            f"names {name!r}", code="checkpoint-path", file=index, field="weight_map",
            limit="*.safetensors",
        )  # fmt: skip
    if not index.with_name(name).is_file():
        raise InputError(
            f"names the shard {name}, which is missing",
            code="checkpoint-shard",
            file=index,
            field="weight_map",
            hint="Download it again",
        )
    return name


def _header(path: Path) -> dict[str, Entry]:
    with open_regular(path, max_bytes=None) as f:
        size = f.seek(0, 2)
        f.seek(0)
        raw = _raw_header(f, size, path)
        data = size - f.tell()
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        spans = sorted((*t["data_offsets"], name) for name, t in header.items())
        entries = {n: Entry(path, t["dtype"], tuple(t["shape"])) for n, t in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError("has a broken header", code="checkpoint-header", file=path) from None
    _check_spans(spans, data, path)
    for name, entry in entries.items():
        _check_entry(name, entry, header[name]["data_offsets"])
    return entries


def _raw_header(f: BinaryIO, size: int, path: Path) -> bytes:
    head = f.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
    if length <= min(MAX_HEADER, size - 8):
        return f.read(length)
    # Only now: the length of a sound header may begin like a pickle.
    if head[:1] == b"\x80" or head[:4] == b"PK\x03\x04":
        raise InputError(
            "is a pickle under another name, not safetensors",
            code="checkpoint-pickle",
            file=path,
            hint=_HINT,
        )
    raise InputError(
        f"is cut short or no safetensors file: {size} bytes, header of {length}",
        code="checkpoint-truncated",
        file=path,
        limit=f"{MAX_HEADER}",
    )


def _check_spans(spans: list[tuple[Any, Any, str]], data: int, path: Path) -> None:
    """Tensors must lie end to end and fill the file."""
    at = 0
    for start, end, name in spans:
        if start != at or not isinstance(end, int) or end < start:
            raise InputError(
                "does not begin where the tensor before it ends",
                code="checkpoint-header",
                file=path,
                field=name,
            )
        at = end
    if at != data:
        what = "is cut short" if data < at else "goes on after its last tensor"
        raise InputError(
            f"{what}: {data} bytes of weights, its header states {at}",
            code="checkpoint-truncated",
            file=path,
            hint="Download it again",
        )


def _check_entry(name: str, entry: Entry, offsets: list[int]) -> None:
    if entry.dtype not in FLOATS:
        raise InputError(
            f"has type {entry.dtype}",
            code="checkpoint-dtype",
            file=entry.file,
            field=name,
            limit=", ".join(FLOATS),
        )
    count = 1
    for n in entry.shape:
        count *= n if isinstance(n, int) and n >= 0 else -1
    if count < 0 or count * FLOATS[entry.dtype] != offsets[1] - offsets[0]:
        raise InputError(
            f"has shape {list(entry.shape)} and {offsets[1] - offsets[0]} bytes",
            code="checkpoint-header",
            file=entry.file,
            field=name,
        )
