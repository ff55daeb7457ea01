"""What each patch of a view shows, for a vision tower that is trained as a detector.

Each target has one patch of its own, in the middle of where most of it is seen (a small object
takes its patch before a large one does). Besides, every patch knows the target that covers most
of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from n3d.synthetic import categories, palette
from n3d.train.views import Known

NUMBERS = 7
_PAIR = re.compile(r"<\|c([0-9]{2})\|><\|f([0-9]{2})\|>")
_YAW = re.compile(r"<\|y([0-9]{3})\|>")
NOBODY, IGNORED = -1, -2
LEAST_SHARE = 0.15
"""A patch shows a target when at least this share of its pixels does."""
MOST_SHARE = 0.7
"""Among patches that show at least this share of the most, a target takes the middle one."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Dense targets of a view with `m` targets and n patches.

    `own` (n,) int16 is the target whose patch it is, NOBODY, or IGNORED where something seen
    is no target; `main` (n,) int16 the target that covers most of the patch or NOBODY;
    `numbers` (m, 7) int16 the cells of the boxes as written (yaw -1 where there is none);
    `kinds` (m, 2) int16 category and colour, -1 for those that are not known.
    """

    own: np.ndarray
    main: np.ndarray
    numbers: np.ndarray
    kinds: np.ndarray


def of(known: Known, rows: int, columns: int) -> Targets:
    """The dense targets of a view whose picture is cut into rows x columns patches."""
    share = coverage(known.ids, len(known.objects), rows, columns)
    count = known.count
    own = np.full(rows * columns, NOBODY, np.int16)
    own[share[count:].max(axis=0, initial=0) >= LEAST_SHARE] = IGNORED
    seen = share.sum(axis=1)
    place = np.stack(np.divmod(np.arange(rows * columns), columns))
    for i in np.argsort(seen[:count], kind="stable"):
        # A patch is taken once; with no free patch left that shows it, an object has none.
        free = np.where(own < 0, share[i], 0.0)
        if free.max() > 0:
            middle = (place * share[i]).sum(axis=1, keepdims=True) / seen[i]
            far = ((place - middle) ** 2).sum(axis=0)
            own[np.where(free >= MOST_SHARE * free.max(), far, np.inf).argmin()] = i
    main = np.full(rows * columns, NOBODY, np.int16)
    if count:
        most = share[:count].argmax(axis=0)
        main = np.where(share[:count].max(axis=0) >= LEAST_SHARE, most, NOBODY).astype(np.int16)
    return Targets(own, main, _numbers(known), _kinds(known))


def coverage(ids: np.ndarray, count: int, rows: int, columns: int) -> np.ndarray:
    """What share (count, rows * columns) of each patch shows each object."""
    h, w = ids.shape
    patch = (((np.arange(h) * 2 + 1) * rows) // (2 * h))[:, None] * columns
    patch = patch + ((np.arange(w) * 2 + 1) * columns) // (2 * w)
    keys = (ids + 1) * (rows * columns) + patch
    found = np.bincount(keys.ravel(), minlength=(count + 1) * rows * columns)
    found = found.reshape(-1, rows * columns)
    return found[1:] / np.maximum(found.sum(axis=0), 1)


def _numbers(known: Known) -> np.ndarray:
    """The numbers of the boxes, as their texts have them."""
    out = np.full((known.count, NUMBERS), -1, np.int16)
    for row, body in zip(out, known.bodies):
        row[:6] = [int(c + f) for c, f in _PAIR.findall(body)]
        yaw = _YAW.search(body)
        row[6] = -1 if yaw is None else int(yaw[1])
    return out


def _kinds(known: Known) -> np.ndarray:
    """Category and colour of targets, -1 for those that no room of ours has."""
    return np.array(
        [
            (_place(categories.NAMES, o.attributes.get("category", o.label)),
             _place(palette.NAMES, o.attributes.get("color")))
            for o in known.targets
        ],
        np.int16,
    ).reshape(-1, 2)  # fmt: skip


def _place(names: tuple[str, ...], name: str | None) -> int:
    return names.index(name) if name in names else -1
