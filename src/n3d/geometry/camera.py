"""Pinhole cameras in the OpenCV frame: +x right, +y down, +z forward, metres.

Pixel (0, 0) covers [0, 1) x [0, 1) and its centre is (0.5, 0.5). A calibration that puts
the centre of the first pixel at (0, 0) or (1, 1) says so through `pixel_center`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry.calibration import calibration_matrix, finite_number, pixel_count
from n3d.geometry.pointmap import PointMap


@dataclass(frozen=True)
class Camera:
    """Intrinsics in pixels of a `width` x `height` image, without distortion.

    `source` says where they come from: "given", "exif", "predicted:<model>",
    "assumed:<rule>". Raises GeometryError for values that no camera has.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    source: str = "given"

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            object.__setattr__(self, name, finite_number(getattr(self, name), name))
        for name in ("width", "height"):
            object.__setattr__(self, name, pixel_count(getattr(self, name), name))
        for name in ("fx", "fy"):
            if getattr(self, name) <= 0:
                raise GeometryError(
                    f"focal length must be positive, got {getattr(self, name):g}",
                    code="camera-focal",
                    field=name,
                    hint="A negative fy means a y-up convention: declare it with y_up=True",
                )

    # -- makers ---------------------------------------------------------------------------

    @classmethod
    def from_matrix(
        cls,
        matrix,
        width: int,
        height: int,
        *,
        source: str = "given",
        pixel_center: float = 0.5,
        normalized: bool = False,
        y_up: bool = False,
    ) -> Camera:
        """Camera from a 3x3 calibration matrix K with last row [0, 0, 1] and no skew.

        `pixel_center` is the coordinate that the calibration gives to the centre of the
        first pixel (0.5 here, 0 in OpenCV-style calibrations, 1 in MATLAB's). `normalized`
        says that the first row is divided by the width and the second by the height;
        `y_up` that fy is negative because y points up.
        """
        k = calibration_matrix(matrix)
        width, height = pixel_count(width, "width"), pixel_count(height, "height")
        fx, fy, cx, cy = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
        if normalized:
            fx, cx, fy, cy = fx * width, cx * width, fy * height, cy * height
        if y_up:
            if fy >= 0:
                raise GeometryError(
                    f"y_up is declared but fy = {fy:g} is not negative",
                    code="camera-focal",
                    field="fy",
                )
            fy = -fy
        shift = 0.5 - pixel_center
        return cls(
            float(fx), float(fy), float(cx + shift), float(cy + shift), width, height, source
        )

    @classmethod
    def from_fov(
        cls, horizontal_deg: float, width: int, height: int, *, source: str = "given"
    ) -> Camera:
        """Camera with square pixels, a centred principal point and a horizontal field of view."""
        horizontal_deg = finite_number(horizontal_deg, "fov")
        width, height = pixel_count(width, "width"), pixel_count(height, "height")
        if not 0 < horizontal_deg < 180:
            raise GeometryError(
                f"horizontal field of view is {horizontal_deg:g} degrees",
                code="camera-fov",
                field="fov",
                limit="more than 0 and less than 180 degrees",
            )
        f = width / (2 * math.tan(math.radians(horizontal_deg) / 2))
        return cls(f, f, width / 2, height / 2, width, height, source)

    # -- facts ----------------------------------------------------------------------------

    @property
    def matrix(self) -> np.ndarray:
        """K, shape (3, 3) float64, for pixel centres at +0.5."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @property
    def fov_deg(self) -> tuple[float, float]:
        """Horizontal and vertical field of view in degrees."""
        x = math.atan(self.cx / self.fx) + math.atan((self.width - self.cx) / self.fx)
        y = math.atan(self.cy / self.fy) + math.atan((self.height - self.cy) / self.fy)
        return math.degrees(x), math.degrees(y)

    # -- projection -----------------------------------------------------------------------

    def project(self, points) -> np.ndarray:
        """Pixel coordinates (..., 2) of camera-frame points (..., 3); NaN where z <= 0."""
        p = np.asarray(points, dtype=float)
        z = np.where(p[..., 2] > 0, p[..., 2], np.nan)
        return np.stack(
            [self.fx * p[..., 0] / z + self.cx, self.fy * p[..., 1] / z + self.cy], axis=-1
        )

    def lift(self, uv, z) -> np.ndarray:
        """Camera-frame points (..., 3) at pixel coordinates (..., 2) and z-depth (...)."""
        uv = np.asarray(uv, dtype=float)
        z = np.asarray(z, dtype=float)
        x = (uv[..., 0] - self.cx) / self.fx * z
        y = (uv[..., 1] - self.cy) / self.fy * z
        return np.stack([x, y, np.broadcast_to(z, x.shape)], axis=-1)

    def unproject(self, depth) -> PointMap:
        """PointMap of a z-depth image (height, width) in metres; valid where finite and > 0."""
        depth = np.asarray(depth)
        if depth.shape != (self.height, self.width):
            raise GeometryError(
                f"depth has shape {depth.shape}, the camera {(self.height, self.width)}",
                code="depth-shape",
                field="depth",
                hint="Resize the camera with Camera.resize, or the depth",
            )
        if depth.dtype.kind not in "fiu":
            raise GeometryError(
                f"depth must be numeric, got {depth.dtype}", code="depth-type", field="depth"
            )
        from n3d.geometry import kernels  # numba: imported when first needed

        ray_x, ray_y = self.rays
        planes = np.empty((3, self.height, self.width), np.float32)
        valid = np.empty((self.height, self.width), bool)
        with np.errstate(over="ignore"):  # beyond float32: infinite, hence invalid
            depth = np.ascontiguousarray(depth, np.float32)
        kernels.unproject(depth, ray_x, ray_y, planes, valid)
        return PointMap(np.moveaxis(planes, 0, -1), valid)

    @property
    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """x/z per column (width,) and y/z per row (height,) at pixel centres, float32, cached."""
        return _rays(self.fx, self.fy, self.cx, self.cy, self.width, self.height)

    # -- the camera of a changed image ----------------------------------------------------

    def resize(self, width: int, height: int) -> Camera:
        """The camera of the image resized to `width` x `height`."""
        sx, sy = (
            pixel_count(width, "width") / self.width,
            pixel_count(height, "height") / self.height,
        )
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
            width=width,
            height=height,
        )

    def crop(self, left: int, top: int, width: int, height: int) -> Camera:
        """The camera of the crop that starts at pixel (left, top)."""
        return replace(self, cx=self.cx - left, cy=self.cy - top, width=width, height=height)

    def rotate90(self, turns: int) -> Camera:
        """The camera of the image turned counter-clockwise by quarter turns, as np.rot90."""
        camera = self
        for _ in range(turns % 4):
            camera = replace(
                camera,
                fx=camera.fy,
                fy=camera.fx,
                cx=camera.cy,
                cy=camera.width - camera.cx,
                width=camera.height,
                height=camera.width,
            )
        return camera

    def flip(self) -> Camera:
        """The camera of the horizontally mirrored image."""
        return replace(self, cx=self.width - self.cx)


@lru_cache(maxsize=64)
def _rays(fx, fy, cx, cy, width, height) -> tuple[np.ndarray, np.ndarray]:
    x = ((np.arange(width) + 0.5 - cx) / fx).astype(np.float32)
    y = ((np.arange(height) + 0.5 - cy) / fy).astype(np.float32)
    x.flags.writeable = y.flags.writeable = False
    return x, y
