"""Depth in any documented form -> z-depth in metres."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from n3d.errors import ConfigError, InputError, printable
from n3d.sources import shapes
from n3d.sources.files import InputWarning, is_path, open_regular
from n3d.sources.image import ImageLimits, check_size
from n3d.sources.numpy_files import Archive, read_npy

UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0, "unknown": 1.0}
PNG_SCALE = 1000.0
ENCODINGS = ("plain", "sunrgbd")
# Median depths that no ordinary camera sees, and those that deserve a word.
MEDIAN_ERROR_M = (0.01, 1000.0)
MEDIAN_WARNING_M = (0.1, 300.0)


@dataclass(frozen=True, eq=False)
class DepthMap:
    """z-depth (h, w) float32; `intrinsics` is the normalised K that came with it, if any."""

    depth: np.ndarray
    metric: bool = True
    intrinsics: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.depth.shape[1], self.depth.shape[0]


def read(
    depth: Any,
    *,
    scale: float | None = None,
    unit: str | None = None,
    encoding: str = "plain",
    limits: ImageLimits | None = None,
) -> DepthMap:
    """Depth from a 16-bit PNG, .npy, .npz or an array.

    A PNG is in millimetres and all else in metres, unless `scale` (steps per metre) or
    `unit` ("m", "cm", "mm", "unknown") says otherwise. "sunrgbd" undoes the rotation by
    three bits of SUN RGB-D's PNGs. Raises InputError for other content, for a visualisation
    and for a median that betrays a wrong unit (InputWarning where that is only likely).
    """
    steps = _steps(scale, unit)
    if encoding not in ENCODINGS:
        raise ConfigError(
            f"unknown depth encoding {encoding!r}",
            code="depth-encoding",
            limit=", ".join(ENCODINGS),
        )
    intrinsics, file = None, None
    if is_path(depth):
        file = depth
        kind = _kind(depth)
        if kind == "png":
            raw, steps = _read_png(depth, limits or ImageLimits()), steps or PNG_SCALE
        elif kind == "npy":
            raw = read_npy(depth)
        else:
            raw, intrinsics = _read_npz(depth)
    else:
        raw = np.asarray(depth)
    raw = _checked(raw, file, field="depth")
    if encoding == "sunrgbd":
        raw = _unrotated(raw, file)
    with np.errstate(over="ignore", invalid="ignore"):
        metres = raw.astype(np.float32) / np.float32(steps or 1.0)
    metric = unit != "unknown"
    if metric:
        _check_unit(metres, file)
    return DepthMap(metres, metric, intrinsics)


def _steps(scale: float | None, unit: str | None) -> float | None:
    """Steps per metre, or None where nothing was said."""
    if unit is not None and unit not in UNITS:
        raise ConfigError(f"unknown depth unit {unit!r}", code="depth-unit", limit=", ".join(UNITS))
    if scale is None:
        return None if unit is None else UNITS[unit]
    number = isinstance(scale, (int, float, np.number)) and not isinstance(scale, bool)
    if not number or not np.isfinite(scale) or scale <= 0:
        raise ConfigError(
            f"must be a positive number, got {scale!r}", code="depth-scale", field="depth_scale"
        )
    if unit not in (None, "unknown") and UNITS[unit] != scale:
        raise ConfigError(
            f"depth_scale {scale:g} contradicts depth_unit {unit!r}", code="depth-scale"
        )
    return float(scale)


def _kind(path: Any) -> str:
    """What a depth file is, by its first bytes."""
    with open_regular(path) as f:
        start = f.read(8)
    for kind, magic in (("png", b"\x89PNG\r\n\x1a\n"), ("npy", b"\x93NUMPY"), ("npz", b"PK")):
        if start.startswith(magic):
            return kind
    raise InputError(
        f"is not a depth file: it starts with {start!r}",
        code="depth-format",
        file=path,
        limit="16-bit PNG, .npy, .npz",
    )


def _read_png(path: Any, limits: ImageLimits) -> np.ndarray:
    from PIL import Image

    with open_regular(path, max_bytes=limits.max_bytes) as f:
        try:
            image = Image.open(f, formats=("PNG",))
            check_size(image.width, image.height, limits, path)
            if not image.mode.startswith("I"):
                raise InputError(
                    f"is an 8-bit picture ({image.mode}) with at most 256 levels",
                    code="depth-8bit",
                    file=path,
                    field="depth",
                    hint="Give the 16-bit depth, not its visualisation",
                )
            values = np.asarray(image)
        except InputError:
            raise
        except Exception as e:  # decoders raise anything on crafted or cut data
            raise InputError(
                f"is damaged or cut short: {type(e).__name__}: {e}",
                code="image-broken",
                file=path,
                field="depth",
            ) from None
    values = values.astype(np.uint16)
    if values.any() and not (values % 257).any():
        raise InputError(
            "is an 8-bit picture stretched to 16 bits",
            code="depth-8bit",
            file=path,
            field="depth",
            hint="Give the 16-bit depth, not its visualisation",
        )
    return values


def _read_npz(path: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """The depth of an npz with `pcd` (upstream's point map), with `depth`, or of one array."""
    with Archive(path) as archive:
        intrinsics = archive.get("intr")
        if "pcd" in archive:
            from n3d.sources import upstream

            return upstream.depth_of_points(archive["pcd"], path), intrinsics
        names = list(archive.members)
        if "depth" in archive:
            depth = archive["depth"]
            if "mask" in archive:
                mask = archive["mask"]
                if mask.shape != depth.shape:
                    raise InputError(
                        f"mask {mask.shape} and depth {depth.shape} differ",
                        code="depth-shape",
                        file=path,
                    )
                depth = np.where(mask > 0, depth, 0)
            return depth, intrinsics
        if len(names) == 1:
            return archive[names[0]], None
        raise InputError(
            f"holds {', '.join(sorted(names)) or 'no arrays'}",
            code="depth-format",
            file=path,
            limit="an array named depth, a point map pcd, or a single array",
        )


def _checked(raw: np.ndarray, file: Any, field: str) -> np.ndarray:
    if raw.ndim == 3 and raw.shape[-1] == 1:
        raw = raw[..., 0]
    if raw.ndim != 2 or 0 in raw.shape:
        raise InputError(
            f"must have shape (h, w), got {raw.shape}", code="depth-shape", file=file, field=field
        )
    if raw.dtype.kind not in "fiu":
        raise InputError(
            f"must be numeric, got {raw.dtype}", code="depth-type", file=file, field=field
        )
    if raw.dtype.itemsize == 1:
        raise InputError(
            "has 8-bit values, at most 256 levels", code="depth-8bit", file=file, field=field
        )
    return raw


def _unrotated(raw: np.ndarray, file: Any) -> np.ndarray:
    if raw.dtype != np.uint16:
        raise InputError(
            f"the sunrgbd encoding needs 16-bit integers, got {raw.dtype}",
            code="depth-encoding",
            file=file,
            field="depth",
        )
    return (raw >> 3) | (raw << 13)


def _check_unit(metres: np.ndarray, file: Any) -> None:
    """Raise or warn where the median valid depth is a thousandfold off what cameras see."""
    valid = metres[(metres > 0) & np.isfinite(metres)]
    if not valid.size:
        raise InputError("no valid depth", code="depth-empty", file=file, field="depth")
    median = float(np.median(valid))
    if MEDIAN_WARNING_M[0] <= median <= MEDIAN_WARNING_M[1]:
        return
    large = median > 1
    text = (
        f"the median depth is {median:.4g} m; {'1000 times less' if large else '1000 times more'}"
        f" would be {median / 1000 if large else median * 1000:.4g} m"
    )
    hint = (
        f"Are these {'millimetres' if large else 'metres'}? Say so with depth_scale or depth_unit"
    )
    if MEDIAN_ERROR_M[0] <= median <= MEDIAN_ERROR_M[1]:
        where = "depth" if file is None else f"{printable(file)}: depth"
        warnings.warn(f"{where}: {text}. {hint}", InputWarning, stacklevel=4)
        return
    raise InputError(text, code="depth-unit", file=file, field="depth", hint=hint)


def fit(depth: np.ndarray, width: int, height: int) -> np.ndarray:
    """Depth (h, w) on the image grid by nearest neighbour; InputError where shapes disagree."""
    h, w = depth.shape
    if (w, h) == (width, height):
        return depth
    if not shapes.same_picture((w, h), (width, height)):
        raise InputError(
            f"depth is {w}x{h}, the image {width}x{height}"
            + (": transposed" if shapes.same_picture((h, w), (width, height)) else ""),
            code="depth-shape",
            field="depth",
            limit="the image's aspect ratio within 1 pixel",
        )
    rows = ((np.arange(height) + 0.5) * h / height).astype(int)
    columns = ((np.arange(width) + 0.5) * w / width).astype(int)
    return depth[rows[:, None], columns]
