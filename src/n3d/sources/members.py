"""The names under which files keep the parts of a 3D box, and the numbers found there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.sources import camera_files, fields

LOCATION = (
    "center", "centre", "centercam", "centroid", "position", "pos", "location", "loc",
    "translation", "tvec", "t", "xyz", "bottomcenter", "bottomcentre", "origin",
)  # fmt: skip
SIZE = (
    "size", "sizes", "sizexyz", "dimensions", "dimension", "dims", "dim", "extent", "extents",
    "scale", "scales", "lwh", "whl", "wlh", "hwl", "lhw", "hlw", "halfsize", "halfsizes",
    "halfextents", "halfextent", "shape3d",
)  # fmt: skip
TURN = (
    "rotation", "rotationmatrix", "rot", "rmat", "r", "rcam", "orientation", "quaternion", "quat",
    "q", "quaternionwxyz", "quaternionxyzw", "euler", "eulerangles", "angles", "rpy", "yaw",
    "heading", "ry", "rz", "rotationy", "rotationz", "rotz", "roty", "angle", "anglez", "angley",
)  # fmt: skip
VECTOR = ("bbox3d", "box3d", "3dbbox", "bbox", "box", "boxes3d", "bboxes3d", "obb", "cuboid")
CORNERS = ("corners", "corners3d", "bbox3dcam", "vertices", "boxcorners", "corners8")
RECTANGLE = (
    "bbox2d", "box2d", "bbox2dxyxy", "bbox2dproj", "bbox2dtrunc", "bbox2dtight", "2dbbox",
    "2dbboxtight", "2dbboxproj", "rect", "rectangle", "rect2d", "xyxy", "xywh", "bbox", "box",
)  # fmt: skip
LABEL = (
    "label", "class", "category", "categoryname", "classname", "name", "type", "objecttype",
    "semantic", "objtype", "cls",
)  # fmt: skip
IMAGE = ("imageid", "image", "imgid", "filename", "filepath", "frameid", "frame", "timens")
COLUMNS = {
    "location": (("x", "y", "z"), ("tx", "ty", "tz"), ("cx", "cy", "cz"), ("px", "py", "pz"),
                 ("posx", "posy", "posz"), ("centerx", "centery", "centerz"),
                 ("locationx", "locationy", "locationz"),
                 ("txworldobject", "tyworldobject", "tzworldobject")),
    "size": (("sx", "sy", "sz"), ("dx", "dy", "dz"), ("scalex", "scaley", "scalez"),
             ("sizex", "sizey", "sizez"), ("width", "height", "length"),
             ("width", "height", "depth"), ("w", "h", "l"), ("w", "h", "d")),
    "turn": (("qw", "qx", "qy", "qz"), ("qwworldobject", "qxworldobject", "qyworldobject",
             "qzworldobject"), ("roll", "pitch", "yaw"), ("rotx", "roty", "rotz"),
             ("rx", "ry", "rz"), ("rotationx", "rotationy", "rotationz")),
    "rectangle": (("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
                  ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom")),
}  # fmt: skip
"""Parts that are spread over several members. The order of the numbers is that of the file."""


class Members:
    """One record's members by their plain names; those of nested objects belong to it too."""

    def __init__(self, raw: Mapping[Any, Any]) -> None:
        self.found: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        for key, value in raw.items():
            inner = value.items() if isinstance(value, Mapping) else ()
            self._take(key, value)
            for below, part in inner:
                self._take(below, part)

    def _take(self, key: Any, value: Any) -> None:
        name = "".join(c for c in str(key).lower() if c.isalnum())
        if name not in self.found or isinstance(self.found[name], Mapping):
            self.found[name], self.names[name] = value, str(key)

    def numbers(self, part: str, names: tuple[str, ...], lengths: tuple[int, ...]) -> Any:
        """(numbers, member) of the first member of a name whose shape is right, else None."""
        for columns in COLUMNS.get(part, ()):
            if all(c in self.found for c in columns):
                ordered = sorted(columns, key=list(self.found).index)
                row = flat([self.found[c] for c in ordered])
                if row is not None and len(row) == len(columns):
                    return row, " ".join(self.names[c] for c in ordered)
        for name in names:
            row = flat(self.found.get(name))
            if row is not None and len(row) in lengths:
                return row, self.names[name]
        return None

    def text(self, names: tuple[str, ...]) -> str:
        """The first member of a name that is a text or a whole number, as text; "" else."""
        for name in names:
            value = self.found.get(name)
            if isinstance(value, str) and value.strip():
                return value
            if type(value) is int:
                return str(value)
        return ""


def flat(value: Any) -> list[float] | None:
    """The finite numbers of a number, a list or lists of lists; None for all else."""
    if not isinstance(value, list):
        value = [value]
    if all(isinstance(v, str) and camera_files.NUMBER.fullmatch(v) for v in value):
        value = [float(v) for v in value]  # cells of a CSV file
    if not value:
        return None
    if all(isinstance(v, list) for v in value):
        value = [x for v in value for x in v]
    try:
        return fields.row(value, len(value), "numbers").tolist()
    except InputError:
        return None


def corners(value: Any) -> np.ndarray | None:
    """(8, 3) of eight corners in any order, else None."""
    row = flat(value)
    return None if row is None or len(row) != 24 else np.array(row).reshape(8, 3)
