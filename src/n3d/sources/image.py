"""Pictures of any common kind -> upright RGB arrays, checked before they are decoded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from n3d.errors import InputError, printable
from n3d.sources import exif
from n3d.sources.files import MIB, InputWarning, is_path, open_regular

# MPO files are read as the JPEG they begin with.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM")
BACKGROUND = (255, 255, 255)  # what transparent pixels are laid on


@dataclass(frozen=True)
class ImageLimits:
    """What an image may be; all but `max_bytes` are read from its header before decoding."""

    max_pixels: int = 64_000_000
    min_side: int = 8
    max_aspect: float = 16.0
    max_bytes: int = 256 * MIB


@dataclass(frozen=True, eq=False)
class Photo:
    """An RGB image (h, w, 3) uint8 set upright, and what its file says.

    `stored` is the (width, height) in the file, `orientation` the EXIF turn that was made.
    """

    pixels: np.ndarray
    stored: tuple[int, int]
    orientation: int = 1
    tags: Mapping[int, Any] = field(default_factory=dict)
    file: Any = None

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]


def read(image: Any, *, limits: ImageLimits | None = None, turn: bool = True) -> Photo:
    """Read a path, a PIL image or an (h, w, 3) uint8 RGB array.

    CMYK becomes RGB, transparency is laid on white, 16-bit grey keeps its upper byte, an
    animation gives its first frame with an InputWarning; `turn` applies the EXIF
    orientation. Raises InputError for what is no image, is broken or beyond `limits`.
    """
    limits = limits or ImageLimits()
    if isinstance(image, np.ndarray):
        return _from_array(image, limits)
    from PIL import Image

    if isinstance(image, Image.Image):
        return _from_pil(image, limits, turn, None)
    if not is_path(image):
        raise InputError(
            f"must be a path, a PIL image or an array, got {type(image).__name__}",
            code="image-type",
            field="image",
        )
    with open_regular(image, max_bytes=limits.max_bytes) as f:
        opened = _open(f, image)
        with opened:
            return _from_pil(opened, limits, turn, image)


def header(image: Any) -> tuple[tuple[int, int], int]:
    """(width, height) as stored and the EXIF orientation of an image file, without decoding."""
    with open_regular(image) as f, _open(f, image) as opened:
        return opened.size, _orientation(_tags(opened))


def _open(f: Any, file: Any) -> Any:
    # Imported so that Pillow need not load all its plugins to find this one.
    from PIL import Image, UnidentifiedImageError, WebPImagePlugin

    assert WebPImagePlugin
    try:
        return Image.open(f, formats=FORMATS)
    except UnidentifiedImageError:
        f.seek(0)
        raise InputError(
            f"is not an image: it starts with {f.read(12)!r}",
            code="image-format",
            file=file,
            limit=", ".join(FORMATS),
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise InputError(f"has too many pixels: {e}", code="image-large", file=file) from None
    except Exception as e:  # decoders raise anything on crafted headers
        raise InputError(
            f"has a broken header: {type(e).__name__}: {e}", code="image-broken", file=file
        ) from None


def _from_pil(image: Any, limits: ImageLimits, turn: bool, file: Any) -> Photo:
    check_size(image.width, image.height, limits, file)
    tags = _tags(image)
    orientation = _orientation(tags) if turn else 1
    if getattr(image, "is_animated", False):
        warnings.warn(
            f"{printable(file or 'image')}: holds {image.n_frames} frames, only the first is read",
            InputWarning,
            stacklevel=4,
        )
    stored = image.size
    try:
        image.load()
        pixels = np.asarray(_rgb(image, file))
    except InputError:
        raise
    except Exception as e:  # decoders raise anything on crafted or cut data
        raise InputError(
            f"is damaged or cut short: {type(e).__name__}: {e}", code="image-broken", file=file
        ) from None
    return Photo(exif.turn_array(pixels, orientation), stored, orientation, tags, file)


def _rgb(image: Any, file: Any) -> Any:
    from PIL import Image

    if image.mode == "F":
        raise InputError("holds floating-point values, not colours", code="image-mode", file=file)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        return np.repeat((values >> 8).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        above = image.convert("RGBA")
        below = Image.new("RGBA", above.size, (*BACKGROUND, 255))
        return Image.alpha_composite(below, above).convert("RGB")
    return image.convert("RGB")


def _from_array(array: np.ndarray, limits: ImageLimits) -> Photo:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise InputError(
            f"an image array must be (h, w, 3) uint8 RGB, got {array.shape} {array.dtype}",
            code="image-shape",
            field="image",
        )
    height, width = array.shape[:2]
    check_size(width, height, limits, None)
    return Photo(array, (width, height))


def check_size(width: int, height: int, limits: ImageLimits, file: Any) -> None:
    """Raise InputError for sizes beyond the limits."""
    if width * height > limits.max_pixels:
        raise InputError(
            f"is {width}x{height}, {width * height / 1e6:.0f} million pixels",
            code="image-large",
            file=file,
            field="image",
            limit=f"{limits.max_pixels / 1e6:.0f} million",
        )
    if min(width, height) < limits.min_side:
        raise InputError(
            f"is {width}x{height}",
            code="image-small",
            file=file,
            field="image",
            limit=f"at least {limits.min_side} pixels a side",
        )
    if max(width, height) > limits.max_aspect * min(width, height):
        raise InputError(
            f"is {width}x{height}",
            code="image-aspect",
            file=file,
            field="image",
            limit=f"{limits.max_aspect:g} to 1",
        )


def _tags(image: Any) -> dict[int, Any]:
    """EXIF tags of the image and its EXIF part; unreadable EXIF is no EXIF."""
    try:
        tags = image.getexif()
        return {**dict(tags), **dict(tags.get_ifd(0x8769))}
    except Exception:  # EXIF is free-form bytes; a fault there is no fault of the picture
        return {}


def _orientation(tags: Mapping[int, Any]) -> int:
    value = tags.get(exif.ORIENTATION, 1)
    return value if isinstance(value, int) and value in exif.TURNS else 1
