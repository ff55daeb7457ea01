"""Rows of foreign records to columns: all at once where they are sound, one by one where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.evaluate.boxes import tables
from n3d.evaluate.boxes.tables import Table
from n3d.geometry import Box3D
from n3d.scene import Drop
from n3d.sources import fields

MISSING = (np.nan, np.nan, np.nan, np.nan)


@dataclass
class Rows:
    """What was read of each row so far; `drops` are rows that cannot be used."""

    name: str
    image: list[int] = field(default_factory=list)
    category: list[int] = field(default_factory=list)
    raw: list[Mapping[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)

    def add(self, raw: Mapping[str, Any], image: int, category: int, identity: str) -> None:
        """One row with the places of its image and category."""
        self.raw.append(raw)
        self.image.append(image)
        self.category.append(category)
        self.ids.append(identity)

    def drop(self, identity: str, error: N3DError) -> None:
        """Set a row aside."""
        self.drops.append(Drop(identity, error.code, str(error)))

    def table(self, *, flat: bool = False, ignored: Callable[..., bool] | None = None) -> Table:
        """The columns. `flat` takes rows without a 3D box too; `ignored` tells which true boxes
        count neither way."""
        boxes, keep = self._boxes(flat)
        chosen = np.flatnonzero(keep)
        rows = [self.raw[i] for i in chosen]
        known = np.array([has_box(r) for r in rows], bool)
        scores = [r.get("score") for r in rows]
        depth = boxes.center[:, 2].copy()
        for i, r in enumerate(rows):
            if isinstance(r.get("depth"), (int, float)):
                depth[i] = r["depth"]
        return tables.make(
            np.asarray(self.image, int)[chosen],
            np.asarray(self.category, int)[chosen],
            boxes,
            score=None if all(s is None for s in scores) else [_score(s) for s in scores],
            rectangle=rectangles(rows),
            depth=depth,
            ignored=np.array([bool(ignored(r)) for r in rows], bool) if ignored else None,
            known=known,
        )

    def _boxes(self, flat: bool) -> tuple[Box3D, np.ndarray]:
        """(boxes, which rows have one or may lack it)."""
        keep = np.ones(len(self.raw), bool)
        whole = _together(self.raw)
        if whole is not None:
            return whole, keep
        found = []
        for i, raw in enumerate(self.raw):
            try:
                found.append(box_of(raw) if has_box(raw) or not flat else CUBE)
            except N3DError as e:
                keep[i] = False
                self.drop(self.ids[i], e)
        return Box3D.stack(found), keep


CUBE = Box3D(np.array([0.0, 0.0, 1.0]), np.ones(3))


def _score(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def has_box(raw: Mapping[str, Any]) -> bool:
    """Whether a row holds a 3D box."""
    return any(raw.get(k) is not None for k in ("bbox3D", "bbox3D_cam", "center", "center_cam"))


def _together(rows: Sequence[Mapping[str, Any]]) -> Box3D | None:
    """All boxes at once, None where any row needs a closer look."""
    if not rows:
        return Box3D.stack([])
    for corners in ("bbox3D", "bbox3D_cam"):
        if all("center" not in r and r.get(corners) is not None for r in rows):
            array = _floats([r[corners] for r in rows], (8, 3))
            if array is None:
                return None
            try:
                return Box3D.from_corners(array)
            except N3DError:
                return None
    if not all(r.get("center") is not None for r in rows):
        return None
    center, size, turn = (
        _floats([r.get(k) for r in rows], shape)
        for k, shape in (("center", (3,)), ("size", (3,)), (_turn_key(rows[0]), (3, 3)))
    )
    if center is None or size is None or turn is None:
        return None
    try:
        return Box3D(center, size, turn)
    except N3DError:
        return None


def _turn_key(row: Mapping[str, Any]) -> str:
    return "R" if "R" in row else "rotation"


def _floats(values: list[Any], shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        array = np.array(values)
    except ValueError:
        return None
    sound = array.dtype.kind in "fi" and array.shape == (len(values), *shape)
    return array.astype(float) if sound else None


def box_of(raw: Mapping[str, Any]) -> Box3D:
    """The 3D box of one row: centre, size and R; eight corners; or Omni3D's centre, dimensions
    [width, height, length] and R. N3DError for a row that has none of them."""
    if raw.get("center") is not None:
        turn = raw.get(_turn_key(raw))
        return Box3D(
            fields.row(raw["center"], 3, "center"),
            fields.row(fields.member(raw, "size"), 3, "size"),
            np.eye(3) if turn is None else fields.matrix(turn, "R"),
        )
    for name in ("bbox3D", "bbox3D_cam"):
        if raw.get(name) is not None:
            rows = fields.rows(raw, name)
            if len(rows) != 8:
                raise InputError("must be 8 corners", code="box-type", field=name)
            return Box3D.from_corners([fields.row(c, 3, name) for c in rows])
    pose = raw.get("R_cam") or raw.get("pose")
    return Box3D(
        fields.row(fields.member(raw, "center_cam"), 3, "center_cam"),
        fields.row(fields.member(raw, "dimensions"), 3, "dimensions")[::-1],
        np.eye(3) if pose is None else fields.matrix(pose, "R_cam"),
    )


def rectangles(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The 2D rectangles (n, 4) of rows, NaN where they have none."""
    return np.array([rectangle(r) for r in rows], float).reshape(-1, 4)


def rectangle(raw: Mapping[str, Any]) -> Sequence[float]:
    """x0, y0, x1, y1 of one row: `bbox` is x, y, width, height, the others are corners; of
    Omni3D's three the truncated one first, as its evaluation has it."""
    x, y, width, height = _four(raw.get("bbox"))
    if width == width:  # not NaN
        return x, y, x + width, y + height
    for name in ("bbox2d_xyxy", "bbox2D_trunc", "bbox2D_proj", "bbox2D_tight"):
        x0, y0, x1, y1 = _four(raw.get(name))
        if x1 > x0 and y1 > y0:
            return x0, y0, x1, y1
    return MISSING


def _four(value: Any) -> tuple[float, float, float, float]:
    """Four numbers, NaN for anything else."""
    if isinstance(value, list) and len(value) == 4:
        a, b, c, d = value
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value):
            return a, b, c, d
    return MISSING
