"""Depth as colour with a legend in metres."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.view import canvas, fonts, palette

# Anchors of the scale in sRGB, near to far. Lightness falls steadily, so that the scale also
# reads in grey and for colour-blind readers; between anchors it is interpolated in Oklab.
ANCHORS: tuple[palette.Colour, ...] = (
    (255, 244, 170), (253, 197, 82), (236, 128, 64), (196, 66, 92), (132, 40, 122), (70, 30, 118),
    (22, 20, 66),
)  # fmt: skip
INVALID: palette.Colour = (206, 209, 213)


@lru_cache(maxsize=1)
def ramp_colours() -> np.ndarray:
    """The colours (256, 3) uint8 from nearest to farthest."""
    lab = _to_oklab(np.array(ANCHORS) / 255)
    at = np.linspace(0, len(ANCHORS) - 1, 256)
    between = np.stack([np.interp(at, np.arange(len(ANCHORS)), lab[:, k]) for k in range(3)], 1)
    out = (_from_oklab(between) * 255 + 0.5).astype(np.uint8)
    out.flags.writeable = False
    return out


# Oklab: B. Ottosson, "A perceptual color space for image processing", 2020.
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _to_oklab(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _LMS.T) @ _LAB.T


def _from_oklab(lab: np.ndarray) -> np.ndarray:
    linear = np.clip((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def limits(depth: np.ndarray) -> tuple[float, float]:
    """The range that the colours span: 1st to 99th percentile of the valid depths.

    Widened to at least 2 % of the depth, so that a flat wall does not show its noise.
    """
    valid = depth[(depth > 0) & np.isfinite(depth)]
    if valid.size == 0:
        raise InputError("no valid depth", code="depth-empty", field="depth")
    low, high = (float(v) for v in np.percentile(valid, [1, 99]))
    if high - low < 0.02 * high:
        middle = (low + high) / 2
        low, high = 0.99 * middle, 1.01 * middle
    return low, high


def colorize(depth, near: float | None = None, far: float | None = None) -> np.ndarray:
    """Depth (h, w) as colours (h, w, 3) uint8, near light and far dark, grey where invalid.

    `near` and `far` default to `limits(depth)`; depths beyond them take the end colours.
    """
    depth = np.asarray(depth, np.float32)
    if depth.ndim != 2:
        raise InputError(f"depth has shape {depth.shape}", code="depth-shape", field="depth")
    low, high = _range(depth, near, far)
    valid = (depth > 0) & np.isfinite(depth)
    share = np.clip((np.where(valid, depth, low) - low) / (high - low), 0, 1)
    colours = ramp_colours()[(share * 255 + 0.5).astype(np.uint8)]
    colours[~valid] = INVALID
    return colours


def _range(depth: np.ndarray, near: float | None, far: float | None) -> tuple[float, float]:
    low, high = limits(depth) if near is None or far is None else (near, far)
    low, high = (low if near is None else float(near)), (high if far is None else float(far))
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        raise InputError(f"far {high:g} must be more than near {low:g}", code="view-option")
    return low, high


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round values between `low` and `high`: steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def legend(
    height: int, low: float, high: float, *, scale: float = 1.0, unit: str = "m"
) -> np.ndarray:
    """An upright colour bar (height, w, 3) with round values; the near end is at the top."""
    size = max(round(16 * scale), 7)
    bar, pad = round(16 * scale), round(10 * scale)
    values = ticks(low, high, most=max(2, min(7, height // (3 * size))))
    texts = [f"{v:g} {unit}".strip() for v in values]
    width = round(
        2 * pad + bar + 0.8 * size + max((fonts.width(t, size) for t in texts), default=0)
    )
    pixels = canvas.blank(width, height, palette.PAPER)
    top, bottom = min(size, height // 4), max(height - size, height // 4 + 1)
    ramp = np.linspace(0, 255, bottom - top).round().astype(int)
    pixels[top:bottom, pad : pad + bar] = ramp_colours()[ramp][:, None]
    for value, text in zip(values, texts):
        y = top + (value - low) / (high - low) * (bottom - top)
        x = pad + bar
        canvas.line(pixels, (x, y), (x + 0.35 * size, y), palette.MUTED, max(1.0, scale))
        fonts.write(pixels, x + 0.6 * size, y + 0.36 * size, text, size, palette.INK)
    return pixels


def panel(
    depth,
    *,
    near: float | None = None,
    far: float | None = None,
    scale: float = 1.0,
    unit: str = "m",
) -> np.ndarray:
    """Coloured depth with its legend to the right, (h, w + legend, 3) uint8.

    An empty `unit` is for depth of unknown scale: the values stand without metres.
    """
    depth = np.asarray(depth, np.float32)
    low, high = _range(depth, near, far)
    colours = colorize(depth, low, high)
    return np.concatenate([colours, legend(len(depth), low, high, scale=scale, unit=unit)], axis=1)


def enlarge(depth, width: int, height: int) -> np.ndarray:
    """Depth at another size by nearest pixel, so that no value is invented between surfaces."""
    return np.asarray(
        Image.fromarray(np.asarray(depth, np.float32)).resize(
            (width, height), Image.Resampling.NEAREST
        )
    )


def splat(depth: np.ndarray, radius: int) -> np.ndarray:
    """Depth in which each value covers a square of `radius` pixels around it, the nearest on top.

    For the eye only: it makes sparse depth (a projected lidar) visible.
    """
    out = np.where(depth > 0, depth, np.inf)
    for axis in (0, 1):
        padded = np.pad(out, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)],
                        constant_values=np.inf)  # fmt: skip
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=axis)
        out = windows.min(axis=-1)
    return np.where(np.isfinite(out), out, 0).astype(np.float32)
