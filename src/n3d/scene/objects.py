"""What is there: objects with metric boxes, and scenes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry import Box3D, Camera
from n3d.scene.pictures import Provenance, Region


@dataclass(frozen=True, eq=False)
class BoxSpread:
    """Standard deviations of one box: `center` (3,) along the camera axes and `size` (3,) along
    the box axes in metres, `yaw` in radians about the box's own vertical axis."""

    center: np.ndarray
    size: np.ndarray
    yaw: float = 0.0

    def __post_init__(self) -> None:
        for name in ("center", "size"):
            value = np.array(getattr(self, name), dtype=float)
            if value.shape != (3,):
                value = np.broadcast_to(value, (3,)).copy()
            if not all(0 <= v < math.inf for v in value.tolist()):
                raise GeometryError("must be finite and >= 0", code="spread", field=name)
            object.__setattr__(self, name, value)
        if not 0 <= self.yaw < math.inf:
            raise GeometryError("must be finite and >= 0", code="spread", field="yaw")


@dataclass(frozen=True, eq=False)
class Object3D:
    """One object: a label and a single metric box in the camera frame.

    `box` is the whole object (`extent` "whole": hidden parts estimated) or only what was seen
    ("visible"); `visible` is the box of the seen surface where both are known.
    `depth_unobserved` marks a whole box whose depth could not be measured because only one
    face was seen. `front` is a unit vector (3,) the object faces, or None when unknown.
    `quality` holds scores in [0, 1] made without ground truth.
    """

    id: str
    label: str
    box: Box3D
    region: Region | None = None
    score: float = 1.0
    attributes: dict[str, Any] = field(default_factory=dict)
    visibility: float | None = None
    quality: dict[str, float] = field(default_factory=dict)
    extent: Literal["whole", "visible"] = "whole"
    visible: Box3D | None = None
    depth_unobserved: bool = False
    spread: BoxSpread | None = None
    front: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.box.shape != () or (self.visible is not None and self.visible.shape != ()):
            raise GeometryError(
                "an object has one box, not a stack", code="object-box", field="box"
            )
        if self.extent not in ("whole", "visible"):
            raise GeometryError(
                f"must be 'whole' or 'visible', got {self.extent!r}",
                code="object-extent",
                field="extent",
            )


@dataclass(frozen=True, eq=False)
class Scene:
    """The objects of one picture, in the picture's camera frame.

    `camera` is the picture's, `image` and `depth` its files, relative to the folders of all images
    and of all depth, and `reading` the options with which these were read, where they are known.
    `boxless` are the labels of annotated regions that have no box here, one for each: their
    things are in the picture all the same.
    """

    id: str
    picture_id: str
    objects: tuple[Object3D, ...]
    up: np.ndarray | None = None
    source: str = ""
    licence: str = ""
    provenance: Provenance = field(default_factory=Provenance)
    camera: Camera | None = None
    image: str = ""
    depth: str = ""
    reading: dict[str, Any] = field(default_factory=dict)
    boxless: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", tuple(self.objects))
        object.__setattr__(self, "boxless", tuple(self.boxless))
        if self.up is not None:
            up = np.asarray(self.up, dtype=float)
            norm = np.linalg.norm(up) if up.shape == (3,) else np.nan
            if not np.isfinite(norm) or norm < 1e-6:
                raise GeometryError(
                    f"must be a non-zero 3-vector, got {self.up}", code="up", field="up"
                )
            object.__setattr__(self, "up", up / norm)

    @property
    def boxes(self) -> Box3D:
        """All boxes as one stack (n,)."""
        return Box3D.stack(o.box for o in self.objects)

    @property
    def labels(self) -> list[str]:
        return [o.label for o in self.objects]
