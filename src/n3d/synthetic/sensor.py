"""What real sensors and segmenters do to exact depth and masks: noise, holes, loose edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.errors import ConfigError


@dataclass(frozen=True)
class SensorConfig:
    """Which faults to put into depth; the default puts in none.

    `blur_sigma` (pixels) mixes depths across edges, which makes flying pixels; `noise` is the
    relative standard deviation of independent errors; `step` the quantisation in metres at 1 m,
    growing with z squared as in stereo and structured light; `scale_sigma` the standard
    deviation of one log factor on the whole image. Holes: surfaces seen at less than
    `grazing_deg`, pixels darker than `dark` (0 to 1) and depth edges each lose depth with
    probability `hole_rate`; `blobs` round holes of up to 6 % of the width fall anywhere.
    `reach` (near, far) drops what is outside.
    """

    blur_sigma: float = 0.0
    noise: float = 0.0
    step: float = 0.0
    scale_sigma: float = 0.0
    grazing_deg: float = 0.0
    dark: float = 0.0
    edges: bool = False
    hole_rate: float = 0.8
    blobs: int = 0
    reach: tuple[float, float] = (0.0, np.inf)

    def __post_init__(self) -> None:
        for name in ("blur_sigma", "noise", "step", "scale_sigma", "grazing_deg", "dark", "blobs"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ConfigError(f"must be 0 or more, got {value}", code="sensor", field=name)
        if not 0 <= self.hole_rate <= 1:
            raise ConfigError(
                f"must be a probability, got {self.hole_rate}", code="sensor", field="hole_rate"
            )

    @classmethod
    def structured_light(cls) -> SensorConfig:
        """Faults of the size that indoor RGB-D cameras show."""
        return cls(
            blur_sigma=0.7,
            noise=0.002,
            step=0.002,
            grazing_deg=12,
            dark=0.03,
            edges=True,
            blobs=3,
            reach=(0.3, 8.0),
        )


def measure(
    depth: np.ndarray,
    rng: np.random.Generator,
    config: SensorConfig,
    *,
    incidence: np.ndarray | None = None,
    luminance: np.ndarray | None = None,
) -> np.ndarray:
    """The depth (h, w) float32 that a sensor with these faults would report, 0 in holes.

    `incidence` (h, w) is the cosine between normal and ray, `luminance` (h, w) is in [0, 1];
    without them the faults that need them are left out. The mean over runs is unbiased only
    away from edges.
    """
    out = degrade(depth, rng, config.blur_sigma, config.noise)
    if config.scale_sigma:
        out *= np.float32(np.exp(rng.normal(0, config.scale_sigma)))
    if config.step:
        with np.errstate(divide="ignore"):
            # Equal steps of inverse depth: a step s at 1 m is s z^2 at z.
            inverse = np.round(1 / (out * config.step)) * config.step
            out = np.where((out > 0) & (inverse > 0), 1 / inverse, 0).astype(np.float32)
    risk = np.zeros(depth.shape, bool)
    if config.grazing_deg and incidence is not None:
        risk |= incidence < np.sin(np.radians(config.grazing_deg))
    if config.dark and luminance is not None:
        risk |= luminance < config.dark
    if config.edges:
        risk |= edges(depth)
    if risk.any():
        out[risk & (rng.random(depth.shape) < config.hole_rate)] = 0
    _punch(out, rng, config.blobs)
    out[(out < config.reach[0]) | (out > config.reach[1])] = 0
    return out


def degrade(
    depth: np.ndarray, rng: np.random.Generator, blur_sigma: float = 1.2, noise: float = 0.003
) -> np.ndarray:
    """Depth (h, w) blurred over 5x5 pixels, which makes flying pixels, with relative noise.

    The blur is Gaussian over the valid pixels; invalid ones (0) stay invalid. float32.
    """
    out = np.asarray(depth, np.float32).copy()
    seen = out > 0
    if blur_sigma > 0:
        from scipy import ndimage

        radius = {"sigma": blur_sigma, "radius": 2, "mode": "nearest"}
        total = ndimage.gaussian_filter(out, **radius)
        if not seen.all():
            weight = ndimage.gaussian_filter(seen.astype(np.float32), **radius)
            total = np.divide(total, weight, out=total, where=weight > 0)
        out = np.where(seen, total, 0)
    if noise > 0:
        out *= 1 + noise * rng.standard_normal(out.shape, dtype=np.float32)
    return np.maximum(out, 0)


def edges(depth: np.ndarray, relative: float = 0.03) -> np.ndarray:
    """Pixels (h, w) bool whose depth differs from a 4-neighbour's by more than a share of it."""
    out = np.zeros(depth.shape, bool)
    for a, b in (
        ((slice(1, None),), (slice(None, -1),)),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        jump = np.abs(depth[a] - depth[b]) > relative * np.minimum(depth[a], depth[b])
        out[a] |= jump
        out[b] |= jump
    return out


def _punch(depth: np.ndarray, rng: np.random.Generator, blobs: int) -> None:
    """Put elliptic holes into a depth image in place."""
    h, w = depth.shape
    for _ in range(blobs):
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        rx, ry = rng.uniform(0.01, 0.06, 2) * w
        x0, x1 = int(max(x - rx, 0)), int(min(x + rx + 1, w))
        y0, y1 = int(max(y - ry, 0)), int(min(y + ry + 1, h))
        i, j = np.ogrid[y0:y1, x0:x1]
        inside = ((j - x) / rx) ** 2 + ((i - y) / ry) ** 2 < 1
        depth[y0:y1, x0:x1][inside] = 0


def dilate(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """The mask (h, w) grown by `pixels` in all eight directions, like a loose segmenter's."""
    from scipy import ndimage

    if pixels == 0:
        return mask.copy()
    return ndimage.binary_dilation(mask, np.ones((3, 3), bool), iterations=pixels)


def erode(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """The mask (h, w) shrunk by `pixels`; the image border does not shrink it."""
    from scipy import ndimage

    if pixels == 0:
        return mask.copy()
    return ndimage.binary_erosion(mask, np.ones((3, 3), bool), iterations=pixels, border_value=True)
