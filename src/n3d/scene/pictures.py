"""What was seen: RGB-D views, 2D regions, annotated pictures, and where each number came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Camera, PointMap

ASSUMED_CAMERA_SIGMA = 0.2


@dataclass(frozen=True)
class Provenance:
    """Where camera, depth, gravity and scale of a view come from; it travels into every answer.

    `camera` and `depth` are "given", "sensor", "exif", "predicted:<model>", "assumed:<rule>"
    or "none". `metric` is False where depth has no known unit. `up` is "given", "floor",
    "sensor" or "unknown". `scale_sigma` is the relative standard deviation of an error that
    all lengths of the view share (focal length, depth scale); 0 for a calibrated sensor.
    """

    camera: str = "given"
    depth: str = "given"
    metric: bool = True
    up: str = "unknown"
    scale_sigma: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "camera_source": self.camera,
            "depth_source": self.depth,
            "metric": self.metric,
            "up_source": self.up,
            "scale_sigma": self.scale_sigma,
        }


@dataclass(frozen=True, eq=False)
class RGBD:
    """One view: what the model and the lifter see.

    `image` (h, w, 3) uint8 RGB; `depth` (h, w) float32 z-depth in metres, 0 where invalid,
    or None; `up` the unit vector against gravity in the camera frame, or None when unknown.
    Non-finite and negative depths become 0 and are counted in `masked`.
    """

    image: np.ndarray
    camera: Camera
    depth: np.ndarray | None = None
    depth_source: str = "given"
    metric: bool = True
    up: np.ndarray | None = None
    up_source: str = "unknown"
    scale_sigma: float = 0.0
    masked: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        image = np.asarray(self.image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(
                f"image must be (h, w, 3) uint8 RGB, got {image.shape} {image.dtype}",
                code="image-shape",
                field="image",
            )
        size = (self.camera.height, self.camera.width)
        if image.shape[:2] != size:
            raise InputError(
                f"image is {image.shape[1]}x{image.shape[0]}, its camera {size[1]}x{size[0]}",
                code="camera-size",
                field="camera",
                hint="Use Camera.resize for the camera of a resized image",
            )
        object.__setattr__(self, "image", image)
        if self.depth is None:
            object.__setattr__(self, "depth_source", "none")
            object.__setattr__(self, "metric", False)
        else:
            self._take_depth(np.asarray(self.depth), size)
        if self.up is not None:
            up = np.asarray(self.up, dtype=float)
            norm = np.linalg.norm(up) if up.shape == (3,) else np.nan
            if not np.isfinite(norm) or norm < 1e-6:
                raise InputError(
                    f"up must be a non-zero 3-vector, got {self.up}", code="up", field="up"
                )
            object.__setattr__(self, "up", up / norm)
            if self.up_source == "unknown":
                object.__setattr__(self, "up_source", "given")
        if self.camera.source.startswith("assumed") and self.scale_sigma == 0:
            object.__setattr__(self, "scale_sigma", ASSUMED_CAMERA_SIGMA)

    def _take_depth(self, depth: np.ndarray, size: tuple[int, int]) -> None:
        if depth.shape != size:
            raise InputError(
                f"depth has shape {depth.shape}, the image {size}",
                code="depth-shape",
                field="depth",
            )
        if depth.dtype.kind not in "fiu":
            raise InputError(
                f"depth must be numeric, got {depth.dtype}", code="depth-type", field="depth"
            )
        depth = depth.astype(np.float32)
        bad = ~((depth >= 0) & (depth < np.inf))
        depth[bad] = 0
        if not depth.any():
            raise InputError("no valid depth", code="depth-empty", field="depth")
        depth.flags.writeable = False
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "masked", int(bad.sum()))

    @property
    def width(self) -> int:
        return self.camera.width

    @property
    def height(self) -> int:
        return self.camera.height

    @property
    def density(self) -> float:
        """Share of pixels with valid depth, 0 to 1 (a projected lidar has a few percent)."""
        if self.depth is None:
            return 0.0
        # Depths are >= 0; marks are counted several times faster than numbers.
        return float(np.count_nonzero(self.depth > 0) / self.depth.size)

    @property
    def points(self) -> PointMap:
        """The point map of the depth; InputError without depth."""
        if self.depth is None:
            raise InputError("the view has no depth", code="depth-missing", field="depth")
        return self.camera.unproject(self.depth)

    @property
    def provenance(self) -> Provenance:
        return Provenance(
            self.camera.source, self.depth_source, self.metric, self.up_source, self.scale_sigma
        )

    def with_up(self, up, source: str) -> RGBD:
        """The same view with gravity known from `source`."""
        return replace(self, up=np.asarray(up, dtype=float), up_source=source)


@dataclass(frozen=True, eq=False)
class Region:
    """A labelled part of an image: a rectangle, and a mask where there is one.

    `rectangle` is (x0, y0, x1, y1) in pixels, x1 > x0 and y1 > y0; `mask` (h, w) bool covers
    the whole image. `expression` is the phrase that picked the region out, if any.
    """

    label: str
    rectangle: tuple[float, float, float, float]
    mask: np.ndarray | None = None
    score: float = 1.0
    expression: str | None = None
    id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            x0, y0, x1, y1 = (float(v) for v in self.rectangle)
        except (TypeError, ValueError):
            raise InputError(
                f"rectangle must be four numbers, got {self.rectangle!r}",
                code="region-type",
                field="rectangle",
            ) from None
        if not np.isfinite([x0, y0, x1, y1]).all():
            raise InputError("must be finite", code="region-not-finite", field="rectangle")
        if x1 <= x0 or y1 <= y0:
            raise InputError(
                f"has no area: {x0:g}, {y0:g}, {x1:g}, {y1:g}",
                code="region-empty",
                field="rectangle",
            )
        if not isinstance(self.label, str) or not self.label.strip():
            raise InputError("must be a non-empty text", code="region-label", field="label")
        object.__setattr__(self, "rectangle", (x0, y0, x1, y1))
        if self.mask is not None:
            mask = np.asarray(self.mask)
            if mask.ndim != 2 or mask.dtype != bool:
                raise InputError(
                    f"mask must be (h, w) bool, got {mask.shape} {mask.dtype}",
                    code="region-mask",
                    field="mask",
                )
            if not mask.any():
                raise InputError("is empty", code="mask-empty", field="mask")
            object.__setattr__(self, "mask", mask)


@dataclass(frozen=True)
class PictureFiles:
    """The files of a picture that has not been decoded, and how to read them."""

    image: str
    depth: str | None = None
    camera: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Picture:
    """One annotated image: an RGBD or its files, and 2D regions."""

    id: str
    regions: tuple[Region, ...] = ()
    rgbd: RGBD | None = None
    files: PictureFiles | None = None
    source: str = ""
    licence: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        if self.rgbd is None and self.files is None:
            raise InputError("a picture needs an RGBD or its files", code="picture-empty")


@dataclass(frozen=True)
class Drop:
    """A record that was set aside: its id, a kebab-case reason code, and a sentence."""

    id: str
    reason: str
    detail: str = ""
