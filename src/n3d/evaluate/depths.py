"""The four depths that a view can be looked at with: true, sensor, estimated, none.

So that what a model owes to its depth can be told. "true" is the depth of the benchmark itself:
rendered, or that of its files. "sensor" has the holes and noise of an indoor RGB-D camera
(`synthetic.SensorConfig.structured_light`). "estimated" has the faults of a monocular estimator,
scripted, so that no weights are needed. "none" is the picture alone.

The scripted estimator: the true depth, holes filled, blurred over 1 % of the width as estimators
round off edges, bent by a smooth field of 3 %, and off by one factor exp(N(0, 0.1)) a picture.
It is said of it what is said of real ones: predicted, metric, a scale that is good to 10 %.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.evaluate.items import Sitting
from n3d.scene import RGBD
from n3d.synthetic import SensorConfig, sensor

MODES = ("true", "sensor", "estimated", "none")
SCALE, BEND, BLUR = 0.1, 0.03, 0.01
"""Standard deviations of the log scale and of the smooth field, and of the blur in widths."""
KNOTS = 4
"""The smooth field has so many values along each side, and is a spline between them."""


def check(mode: str) -> str:
    """The mode; ConfigError for one that does not exist."""
    if mode not in MODES:
        raise ConfigError(
            f"is {mode[:40]!r}", code="config-value", field="depth", limit=", ".join(MODES)
        )
    return mode


def seat(sitting: Sitting, mode: str) -> Sitting:
    """The sitting with its view seen by a mode of depth; the truth of its items stays."""
    return sitting if mode == "true" else replace(sitting, view=see(sitting.view, mode, sitting.id))


def see(view: RGBD, mode: str, id: str = "") -> RGBD:
    """The view with depth of a mode; the same view and id always give the same. A view without
    depth stays as it is."""
    check(mode)
    if mode == "true" or view.depth is None:
        return view
    if mode == "none":
        return replace(view, depth=None, scale_sigma=0.0)
    rng = np.random.default_rng([MODES.index(mode), zlib.crc32(id.encode())])
    if mode == "sensor":
        told = {"depth_source": "sensor"}
        depth = measured(view.depth, rng, view.image)
    else:
        told = {"depth_source": "predicted:scripted", "metric": True, "scale_sigma": SCALE}
        depth = estimated(view.depth, rng)
    return replace(view, depth=depth, **told) if depth.any() else replace(view, depth=None)


def measured(depth: np.ndarray, rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The depth (h, w) as a structured-light camera gives it, 0 in holes.

    Holes are at dark pixels, at edges and in blobs; those of grazing surfaces need normals, which
    files do not have, and are left out.
    """
    light = image.astype(np.float32).mean(axis=-1) / 255
    config = SensorConfig.structured_light()
    return sensor.measure(depth, rng, config, luminance=light)


def estimated(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The depth (h, w) float32 as the scripted estimator gives it: everywhere, smooth, off by a
    factor."""
    from scipy import ndimage

    known = np.asarray(depth, np.float32)
    if not known.all():  # estimators have no holes: the nearest known depth
        holes = known == 0
        near = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
        known = known[tuple(np.asarray(near))]
    smooth = ndimage.gaussian_filter(known, BLUR * known.shape[1], mode="nearest")
    knots = rng.normal(0, BEND, (KNOTS, KNOTS))
    at = [np.linspace(0, KNOTS - 1, n) for n in known.shape]
    field = ndimage.map_coordinates(knots, np.meshgrid(*at, indexing="ij"), order=3, mode="nearest")
    return (smooth * np.exp(field + rng.normal(0, SCALE))).astype(np.float32)


@dataclass(frozen=True)
class Seen:
    """A benchmark whose views are seen with depth of a `mode`; its truth stays."""

    bench: Any
    mode: str = "true"

    def __post_init__(self) -> None:
        check(self.mode)

    def __iter__(self) -> Iterator[Sitting]:
        for sitting in self.bench:
            yield seat(sitting, self.mode)

    def __len__(self) -> int:
        return len(self.bench)

    def to_json(self) -> dict[str, Any]:
        """What the benchmark says of itself, and the depth."""
        return {**self.bench.to_json(), "depth": self.mode}
