"""Masks on disk: COCO run lengths, checked when they are read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n3d.errors import InputError

MAX_PIXELS = 1 << 28


def to_rle(mask: np.ndarray) -> dict[str, Any]:
    """A mask (h, w) bool as COCO's compressed run lengths {"size": [h, w], "counts": text}."""
    from pycocotools import mask as coco

    rle: Any = coco.encode(_in_order(np.asarray(mask, bool).view(np.uint8), "F"))
    return {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode("ascii")}


def from_rle(rle: dict[str, Any]) -> np.ndarray:
    """The mask (h, w) bool of COCO's compressed run lengths.

    Raises InputError unless the runs cover the image exactly; pycocotools would turn runs that
    are too short into uninitialised memory.
    """
    size, text = rle.get("size"), rle.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(type(v) is int for v in size)):
        raise _refused(f"size must be [height, width], got {size!r}")
    height, width = size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise _refused(f"size is {height} x {width}", limit=f"1 to {MAX_PIXELS} pixels")
    if not isinstance(text, str):
        raise _refused("counts must be a text")
    counts = _counts(text)
    if (counts < 0).any() or int(counts.sum()) != height * width:
        raise _refused(f"runs cover {int(counts.sum())} of {height * width} pixels")
    flat = np.zeros(height * width, bool)
    ends = np.cumsum(counts).tolist()
    for start, end in zip(ends[::2], ends[1::2]):
        flat[start:end] = True
    return _in_order(flat.reshape(width, height).T, "C")


def _in_order(mask: np.ndarray, order: Literal["C", "F"]) -> np.ndarray:
    """The mask with its rows (C) or columns (F) in memory order.

    Turning memory is what costs, so only the columns that hold something are turned.
    """
    out = np.zeros(mask.shape, mask.dtype, order=order)
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size:
        used = slice(columns[0], columns[-1] + 1)
        out[:, used] = mask[:, used]
    return out


def _counts(text: str) -> np.ndarray:
    """Run lengths of COCO's text: 5 bits a character, lowest first, 32 marks that more follow,
    16 of the last is the sign; from the third on, differences to the run two before."""
    try:
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        codes = np.array([-1])
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise _refused("counts are not COCO's run lengths")
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.r_[0, ends[:-1] + 1]
    place = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    if place.max() > 6:
        raise _refused("counts hold a run that no image has")
    numbers = np.add.reduceat((codes & 31) << (5 * place), starts)
    numbers -= ((codes[ends] & 16) != 0).astype(np.int64) << (5 * (place[ends] + 1))
    counts = numbers.copy()
    counts[1::2] = np.cumsum(numbers[1::2])
    # The first run is written as it is and is not added to the third.
    counts[2::2] = np.cumsum(numbers[2::2])
    return counts


def _refused(message: str, limit: str | None = None) -> InputError:
    return InputError(message, code="mask-rle", field="mask", limit=limit)
