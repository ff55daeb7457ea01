"""Pictures, depth and cameras that come in a message, as data URIs -> views, each read once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import tempfile
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d import sources
from n3d.errors import InputError, N3DError, short
from n3d.pipelines import predicting
from n3d.scene import RGBD
from n3d.sources.image import ImageLimits

FILES = ("image", "depth", "camera")
_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[\w.+\"-]+)*)(;base64)?,", re.ASCII)
_KINDS = {
    "image": ("image/", "application/octet-stream"),
    "depth": ("image/png", "application/"),
    "camera": ("text/", "application/"),
}
_READING = threading.Lock()
"""Warnings are caught for the whole process, so one view is read at a time."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A view that was sent, upright, and what its reading gave warning of; `key` is the same for
    the same files and options."""

    view: RGBD
    notes: tuple[str, ...]
    key: str


class Album:
    """The last `keep` views that were sent; one that is sent again is not read again.

    `fetch` gets the bytes of a URL, where that is allowed.
    """

    def __init__(
        self,
        keep: int,
        *,
        pixels: int = 24_000_000,
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self.hits = self.misses = 0
        self._keep, self._fetch = keep, fetch
        self._limits = ImageLimits(max_pixels=pixels)
        self._known: OrderedDict[str, Future[Seen]] = OrderedDict()
        self._lock = threading.Lock()

    def see(self, image: Any, depth: Any = None, camera: Any = None, **options: Any) -> Seen:
        """The view of an image and a depth (data URIs), a camera (a data URI or an object as in
        a camera file), and `options` of `sources.read_rgbd`. Raises N3DError naming the field."""
        given = {"image": image, "depth": depth, "camera": camera}
        if image is None:
            raise InputError("is needed", code="image-missing", field="image")
        parts = {k: self._bytes(v, k) for k, v in given.items() if v is not None}
        options = {k: v for k, v in options.items() if v is not None}
        key = _key(parts, options)
        with self._lock:
            future = self._known.get(key)
            mine = future is None
            if future is None:
                future = self._known[key] = Future()
                self.misses += 1
            else:
                self.hits += 1
            self._known.move_to_end(key)
            while len(self._known) > self._keep:
                self._known.popitem(last=False)
        if mine:
            try:
                future.set_result(self._read(parts, options, key))
            except BaseException as e:
                with self._lock:
                    self._known.pop(key, None)
                future.set_exception(e)
        return future.result()

    def _bytes(self, value: Any, name: str) -> bytes:
        if name == "camera" and isinstance(value, Mapping):
            return json.dumps(value).encode()
        if isinstance(value, str) and value[:5] in ("http:", "https"):
            if self._fetch is None:
                raise InputError(
                    "is a URL, and this server fetches none",
                    code="url-refused",
                    field=name,
                    hint="Send the file as a data URI, or serve with --allow-urls",
                )
            try:
                return self._fetch(value)
            except N3DError as e:
                raise e.at(field=name) from None
        return unpacked(value, name)

    def _read(self, parts: dict[str, bytes], options: dict[str, Any], key: str) -> Seen:
        with tempfile.TemporaryDirectory(prefix="n3d-") as folder, _READING:
            paths = {name: Path(folder) / name for name in parts}
            for name, data in parts.items():
                paths[name].write_bytes(data)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", sources.InputWarning)
                try:
                    view = sources.read_rgbd(**paths, **options, limits=self._limits)
                    view = predicting.upright(view)
                except N3DError as e:
                    raise _unplaced(e, folder) from None
                except (OSError, MemoryError, ArithmeticError, ValueError) as e:
                    raise InputError(short(e), code="picture-unreadable", field="image") from None
        return Seen(view, tuple(str(w.message).replace(f"{folder}/", "") for w in said), key)


def unpacked(value: Any, field: str) -> bytes:
    """The bytes of a data URI; InputError naming the field for anything else."""
    found = _URI.match(value, 0, 300) if isinstance(value, str) else None
    if found is None:
        raise InputError(
            "is no data URI",
            code="data-uri",
            field=field,
            limit="data:image/png;base64,...",
            hint="Files are sent inside the message",
        )
    kind = (found[1] or "text/plain").lower()
    if not kind.startswith(_KINDS[field]):
        raise InputError(
            f"is declared as {kind}",
            code="data-kind",
            field=field,
            limit=" or ".join(_KINDS[field]),
        )
    if not found[3]:
        raise InputError("is not in base64", code="data-base64", field=field, limit=";base64,")
    try:
        data = base64.b64decode(value[found.end() :], validate=True)
    except (binascii.Error, ValueError) as e:
        raise InputError(f"is not base64: {e}", code="data-base64", field=field) from None
    if not data:
        raise InputError("is empty (0 bytes)", code="file-empty", field=field)
    return data


def packed(data: bytes, kind: str) -> str:
    """Bytes as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _key(parts: dict[str, bytes], options: dict[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for name, data in sorted(parts.items()):
        found.update(f"{name} {len(data)} ".encode())
        found.update(data)
    return found.hexdigest()


def _unplaced(error: N3DError, folder: str) -> N3DError:
    """The error with the field it came in, in the place of a file that is gone."""
    if error.file is not None:
        name = Path(error.file).name
        if name in FILES:
            error.field = name if error.field in (None, *FILES) else f"{name}.{error.field}"
        error.file = None
    error.message = error.message.replace(f"{folder}/", "")
    return error.at(field="image")
