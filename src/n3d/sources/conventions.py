"""What the numbers of a foreign 3D box mean, as one value: frame, unit, anchor, sizes, turning.

A convention is written as `frame=rub,unit=cm,anchor=bottom,size=zyx`: see `Convention`. It reads
rows of numbers into boxes of our frame and writes boxes back into rows.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.geometry import Box3D
from n3d.geometry.pose import upright
from n3d.sources import turning

DIRECTIONS = {"r": (0, 1), "l": (0, -1), "d": (1, 1), "u": (1, -1), "f": (2, 1), "b": (2, -1)}
"""Letter -> the camera axis (right, down, forward) that it lies along, and its sign."""
WORDS = {"r": "right", "l": "left", "d": "down", "u": "up", "f": "forward", "b": "back"}
FRAME_NAMES = {
    "rdf": "OpenCV camera",
    "rub": "OpenGL camera",
    "luf": "N3D-VLM and PyTorch3D camera",
    "rfu": "z-up: SUN RGB-D, SpatialLM, Boxer",
    "flu": "z-up: lidar, ROS",
    "ruf": "left-handed: Unity",
    "frd": "aircraft",
}
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
ANCHORS = ("center", "bottom")
RECTANGLES = ("xyxy", "xywh", "cxcywh", "yxyx")
RECTANGLE_UNITS = ("px", "unit", "thousand")
LAYOUTS = ("center-size", "size-center")


@dataclass(frozen=True)
class Convention:
    """How rows of a location, three sizes and some turning numbers stand for boxes.

    `frame` names the directions of the file's x, y, z axes as a camera sees them, by the letters
    of WORDS ("rdf" is ours); where `level` they are those of the camera held level, so that
    gravity is needed. `anchor` is the place of the box that the location gives, "bottom" the
    middle of its lower face. `size` names for each size number the file axis it lies along where
    nothing turns; `half` says that they are half sizes. `rotation` is a text of
    `sources.turning`. `rectangle` is the order and unit of 2D boxes; `layout` that of bare rows.
    """

    frame: str = "rdf"
    level: bool = False
    unit: str = "m"
    anchor: str = "center"
    size: str = "xyz"
    half: bool = False
    rotation: str = "none"
    rectangle: str = "xyxy:px"
    layout: str = "center-size"

    def __post_init__(self) -> None:
        letters = sorted(DIRECTIONS[c][0] for c in self.frame if c in DIRECTIONS)
        _require(len(self.frame) == 3 and letters == [0, 1, 2], "frame", self.frame,
                 "three of r l, u d, f b, such as rdf or rfu")  # fmt: skip
        _require(self.unit in METRES, "unit", self.unit, ", ".join(METRES))
        _require(self.anchor in ANCHORS, "anchor", self.anchor, ", ".join(ANCHORS))
        _require(sorted(self.size) == ["x", "y", "z"], "size", self.size, "x, y, z in any order")
        form, _, unit = self.rectangle.partition(":")
        _require(form in RECTANGLES and unit in RECTANGLE_UNITS, "rectangle", self.rectangle,
                 f"one of {', '.join(RECTANGLES)}, then :px, :unit or :thousand")  # fmt: skip
        _require(self.layout in LAYOUTS, "layout", self.layout, ", ".join(LAYOUTS))
        turning.check(self.rotation)

    def __str__(self) -> str:
        """The text that `parse` reads; what has its default is left out, the frame never."""
        told = [f"frame={self.frame}"]
        for f in fields(self)[1:]:
            value = getattr(self, f.name)
            if value != f.default:
                told.append(f.name if value is True else f"{f.name}={value}")
        return ",".join(told)

    # -- the frame ------------------------------------------------------------------------

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): column j is the file's axis j in camera axes; its determinant may be -1."""
        return axes_of(self.frame)

    def camera_from_file(self, up: Any = None) -> np.ndarray:
        """The same for a camera whose direction against gravity is `up`, where that counts."""
        if not self.level or up is None:
            return self.axes
        return upright(up) @ self.axes

    @property
    def up(self) -> np.ndarray:
        """The upward direction (3,) in the file's axes."""
        return axes_of(self.frame).T @ np.array([0.0, -1.0, 0.0])

    # -- rows and boxes -------------------------------------------------------------------

    def boxes(self, location: Any, sizes: Any, turns: Any, up: Any = None) -> Box3D:
        """Boxes (n,) in the camera frame of locations (n, 3), sizes (n, 3) and turns (n, k).

        Raises GeometryError for rows that are no boxes.
        """
        scale = METRES[self.unit]
        lengths = self.lengths(np.asarray(sizes, dtype=float)) * scale
        center = np.asarray(location, dtype=float) * scale
        if self.anchor == "bottom":
            center = center + self.up * (lengths @ np.abs(self.up))[:, None] / 2
        turned = turning.rotations(self.rotation, np.asarray(turns, dtype=float))
        m, axes = self.camera_from_file(up), self.axes
        return Box3D(center @ m.T, lengths @ np.abs(axes).T, m @ turned @ axes.T)

    def lengths(self, sizes: np.ndarray) -> np.ndarray:
        """Full sizes (..., 3) along the file's x, y, z of size numbers (..., 3)."""
        order = ["xyz".index(c) for c in self.size]
        out = np.empty_like(sizes)
        out[..., order] = sizes
        return out * (2 if self.half else 1)

    def rows(self, boxes: Box3D, up: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Locations, sizes and turns of boxes (n,): what `boxes` reads.

        A turning that the convention cannot hold is brought to the closest that it can.
        """
        m, axes = self.camera_from_file(up), self.axes
        turned = m.T @ boxes.rotation @ axes
        lengths = boxes.size @ np.abs(axes)
        center = boxes.center @ m
        if self.anchor == "bottom":
            center = center - self.up * (lengths @ np.abs(self.up))[:, None] / 2
        scale = METRES[self.unit]
        sizes = lengths[:, ["xyz".index(c) for c in self.size]] / (2 if self.half else 1)
        return center / scale, sizes / scale, turning.numbers(self.rotation, turned)


def axes_of(frame: str) -> np.ndarray:
    """(3, 3): column j is axis j of a frame of three letters, in camera axes."""
    out = np.zeros((3, 3))
    for j, letter in enumerate(frame):
        axis, sign = DIRECTIONS[letter]
        out[axis, j] = sign
    return out


def told_frame(frame: str) -> str:
    """A frame in words: "x right, y down, z forward (OpenCV camera)"."""
    words = ", ".join(f"{a} {WORDS[c]}" for a, c in zip("xyz", frame))
    return f"{words} ({FRAME_NAMES[frame]})" if frame in FRAME_NAMES else words


def is_convention(text: str) -> bool:
    """Whether a text is meant as a convention and not as the name of a form."""
    return "=" in text


def parse(text: str) -> Convention:
    """The convention of "frame=rub,unit=cm,..."; ConfigError naming what is wrong."""
    known = {f.name: f for f in fields(Convention)}
    found: dict[str, Any] = {}
    for part in text.replace(" ", "").split(","):
        name, equals, value = part.partition("=")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ConfigError(
                f"unknown member {name!r}", code="convention", field="convention",
                limit=", ".join(known), hint=f"Did you mean {near[0]}?" if near else None,
            )  # fmt: skip
        flag = isinstance(known[name].default, bool)
        _require(flag != bool(equals) and name not in found, name, part, "once; level and half "
                 "stand alone, all others have a value")  # fmt: skip
        found[name] = True if flag else value
    return Convention(**found)


def rectangles(values: np.ndarray, form: str, width: Any, height: Any) -> np.ndarray:
    """Rows of four numbers in the `form` of a convention as x0, y0, x1, y1 pixels (..., 4)."""
    order, _, unit = form.partition(":")
    v = np.asarray(values, dtype=float)
    if order == "yxyx":
        v = v[..., [1, 0, 3, 2]]
    elif order == "xywh":
        v = np.concatenate([v[..., :2], v[..., :2] + v[..., 2:]], axis=-1)
    elif order == "cxcywh":
        v = np.concatenate([v[..., :2] - v[..., 2:] / 2, v[..., :2] + v[..., 2:] / 2], axis=-1)
    if unit == "px":
        return v
    side = np.stack(np.broadcast_arrays(width, height, width, height), axis=-1)
    return v * side / (1 if unit == "unit" else 1000)


def write_rectangles(xyxy: np.ndarray, form: str, width: Any, height: Any) -> np.ndarray:
    """Inverse of `rectangles`."""
    order, _, unit = form.partition(":")
    v = np.asarray(xyxy, dtype=float)
    if unit != "px":
        side = np.stack(np.broadcast_arrays(width, height, width, height), axis=-1)
        v = v / side * (1 if unit == "unit" else 1000)
    if order == "yxyx":
        return v[..., [1, 0, 3, 2]]
    if order == "xywh":
        return np.concatenate([v[..., :2], v[..., 2:] - v[..., :2]], axis=-1)
    if order == "cxcywh":
        return np.concatenate([(v[..., :2] + v[..., 2:]) / 2, v[..., 2:] - v[..., :2]], axis=-1)
    return v


def _require(holds: bool, name: str, value: Any, limit: str) -> None:
    if not holds:
        raise ConfigError(
            f"is {str(value)[:60]!r}", code="convention", field=f"convention: {name}", limit=limit
        )
