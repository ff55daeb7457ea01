"""Run-length masks of COCO, read strictly: counts fill the image exactly or are refused.

Counts run down the columns, zeros first. The compressed text packs differences to the count
two places back in groups of five bits, offset by 48.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n3d.errors import InputError

MAX_GROUPS = 7  # 35 bits hold every count of an image


def counts(segmentation: Any, width: int, height: int) -> np.ndarray:
    """The validated counts (n,) int64 of {"size": [h, w], "counts": text or list}."""
    size = segmentation.get("size")
    if size != [height, width] and size != (height, width):
        raise InputError(
            f"run lengths are of size {size}, the image is [{height}, {width}]", code="rle-size"
        )
    given = segmentation.get("counts")
    if isinstance(given, bytes):
        given = given.decode("ascii", "replace")
    if isinstance(given, str):
        found = unpack(given)
    else:
        found = _plain(given)
    if (found < 0).any() or int(found.sum()) != width * height:
        raise InputError(
            f"run lengths sum to {int(found.sum())}, the image has {width * height} pixels",
            code="rle-counts",
        )
    return found


def decode(found: np.ndarray, width: int, height: int) -> np.ndarray:
    """Validated counts -> (height, width) bool."""
    ones = np.arange(len(found)) % 2 == 1
    return np.ascontiguousarray(np.repeat(ones, found).reshape(width, height).T)


def area(found: np.ndarray) -> int:
    return int(found[1::2].sum())


def encode(mask: np.ndarray) -> dict[str, Any]:
    """A (h, w) bool mask -> {"size": [h, w], "counts": text}."""
    flat = np.asarray(mask, dtype=bool).T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    found = np.diff(np.concatenate([[0], edges, [flat.size]]))
    if flat.size and flat[0]:
        found = np.concatenate([[0], found])
    return {"size": list(mask.shape), "counts": pack(found)}


def _plain(given: Any) -> np.ndarray:
    whole = isinstance(given, (list, tuple)) and all(type(n) is int for n in given)
    if not whole or not all(0 <= n < 1 << 35 for n in given):
        raise InputError("counts must be a text or a list of whole numbers", code="rle-counts")
    return np.array(given, dtype=np.int64)


def unpack(text: str) -> np.ndarray:
    """Compressed text -> counts, not yet checked against a size."""
    try:
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        codes = np.array([-1])
    if not codes.size:
        return np.zeros(0, np.int64)
    last = (codes & 0x20) == 0
    if (codes < 0).any() or (codes > 63).any() or not last[-1]:
        raise InputError("the compressed text of the counts is damaged", code="rle-counts")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    if place.max() >= MAX_GROUPS:
        raise InputError("the counts hold a number of over 35 bits", code="rle-counts")
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    negative = (codes[ends] & 0x10) != 0
    values -= np.where(negative, np.int64(1) << (5 * (ends - starts + 1)), 0)
    # From the fourth on, a number is the difference to the one two places before it.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def pack(found: np.ndarray) -> str:
    """Counts -> compressed text."""
    differences = np.array(found, dtype=np.int64)
    differences[3:] -= np.asarray(found, dtype=np.int64)[1:-2]
    out: list[str] = []
    for number in differences.tolist():
        more = True
        while more:
            group = number & 0x1F
            number >>= 5
            more = number != (-1 if group & 0x10 else 0)
            out.append(chr((group | 0x20 if more else group) + 48))
    return "".join(out)
