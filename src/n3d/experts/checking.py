"""Whether a model directory is whole and safe to open, told before any weight is read."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from n3d.errors import InputError
from n3d.scene import strict_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
PACKED = "model.pt"
"""The one file of tensors in torch's own format that is read: MoGe-2's, which has no other."""
MAX_HEADER = 100_000_000
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2,
          "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # fmt: skip
_AGAIN = "Download it again"
_CONFIGS = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
)


def problems(folder: Path) -> list[InputError]:
    """All that is wrong with a model directory; empty for one that can be loaded.

    Only the headers of weight files are read: that they are whole, lie end to end and fill
    the file, not that their numbers are right.
    """
    found = []
    for look in (_config_problems, _weight_problems):
        found += look(folder)
    return found


def require(folder: Path) -> None:
    """Raise the first problem of a model directory as an InputError."""
    for problem in problems(folder):
        raise problem


def leftovers(folder: Path) -> list[str]:
    """Weight files beside sound ones that could run code; they are never opened."""
    return sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES and not p.is_dir())


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model directory; InputError where it is missing or no object."""
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            "is no model directory: it has no config.json", code="weights-config", file=folder
        )
    return _read_object(path)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise InputError(f"cannot be read: {e.strerror}", code="weights-file", file=path) from None
    found = strict_json.loads(data, file=path)
    if not isinstance(found, dict):
        raise InputError("must be an object", code="weights-config", file=path)
    return found


def _config_problems(folder: Path) -> list[InputError]:
    found = []
    for name in _CONFIGS:
        path = folder / name
        if not path.is_file() and name != "config.json":
            continue
        try:
            config = read_config(folder) if name == "config.json" else _read_object(path)
        except InputError as e:
            found.append(e)
            continue
        if "auto_map" in config:
            found.append(
                InputError(
                    "names Python code to be run, which is never done",
                    code="weights-code",
                    file=path,
                    field="auto_map",
                    hint="Use weights of a model that transformers itself holds",
                )
            )
    return found


def _weight_problems(folder: Path) -> list[InputError]:
    if (folder / SINGLE).is_file():
        shards = [SINGLE]
    elif (folder / INDEX).is_file():
        try:
            shards = _shards(folder / INDEX)
        except InputError as e:
            return [e]
    else:
        return [_no_weights(folder)]
    found = []
    for shard in shards:
        try:
            _check_header(folder / shard)
        except InputError as e:
            found.append(e)
    return found


def _no_weights(folder: Path) -> InputError:
    pickles = leftovers(folder)
    if not pickles:
        return InputError(
            f"has neither {SINGLE} nor {INDEX}", code="weights-missing", file=folder, hint=_AGAIN
        )
    return InputError(
        "is a weight file that can run code when it is opened, and there are no safetensors",
        code="weights-pickle",
        file=folder / pickles[0],
        limit="safetensors",
        hint="Convert it with its own software; nothing in it was run",
    )


def _shards(index: Path) -> list[str]:
    places = _read_object(index).get("weight_map")
    names = set(places.values()) if isinstance(places, dict) else set()
    if not names or not all(isinstance(n, str) for n in names):
        raise InputError(
            "must name a file for each tensor",
            code="weights-index",
            file=index,
            field="weight_map",
        )
    for name in sorted(names):
        if name != Path(name).name or "\\" in name or not name.endswith(".safetensors"):
            raise InputError(
                f"names {name!r}",
                code="weights-index",
                file=index,
                field="weight_map",
                limit="names of *.safetensors beside it",
            )
    return sorted(names)


def _check_header(path: Path) -> None:
    if not path.is_file():
        raise InputError("is missing", code="weights-missing", file=path, hint=_AGAIN)
    size = path.stat().st_size
    with path.open("rb") as f:
        head = f.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
        if length > min(MAX_HEADER, size - 8):
            raise InputError(
                f"is cut short or no safetensors file: {size} bytes",
                code="weights-truncated",
                file=path,
                hint=_AGAIN,
            )
        raw = f.read(length)
    try:
        tensors = json.loads(raw)
        tensors.pop("__metadata__", None)
        spans = sorted(
            (*t["data_offsets"], t["dtype"], tuple(t["shape"])) for t in tensors.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError("has a broken header", code="weights-header", file=path) from None
    end = _end_of(spans)
    if end is None:
        raise InputError("has a broken header", code="weights-header", file=path)
    if end != size - 8 - length:
        raise InputError(
            f"holds {size - 8 - length} bytes of weights, its header states {end}",
            code="weights-truncated",
            file=path,
            hint=_AGAIN,
        )


def _end_of(spans: list[tuple[Any, ...]]) -> int | None:
    """Where the last tensor ends; None unless they lie end to end with the sizes they state."""
    at = 0
    for start, end, dtype, shape in spans:
        if not all(isinstance(n, int) and n >= 0 for n in (start, end, *shape)):
            return None
        width = _BYTES.get(dtype)
        if start != at or end < at or (width and math.prod(shape) * width != end - start):
            return None
        at = end
    return at
