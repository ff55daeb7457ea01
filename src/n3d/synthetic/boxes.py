"""Single objects before a wall: the simplest view with exact depth, mask and box.

The standard setting (box sizes, distances, background, camera) is that of the usual
benchmark of box fitting: cuboids of 0.3 to 1.2 m at 1.5 to 5 m, seen by a 640x480 camera of
525 px focal length, with a wall 1 to 4 m behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from n3d.errors import ConfigError
from n3d.geometry import Box3D, Camera, Pose, axis_rotation
from n3d.synthetic import categories, palette, raycast
from n3d.synthetic.primitives import Primitives
from n3d.synthetic.sensor import degrade, dilate, erode

__all__ = ["CAMERA", "VARIANTS", "BoxView", "degrade", "dilate", "erode", "single_box"]

CAMERA = Camera(525, 525, 320, 240, 640, 480)
Variant = Literal["solid", "thin", "concave", "truncated"]
VARIANTS: tuple[Variant, ...] = ("solid", "thin", "concave", "truncated")
_CONCAVE = ("table", "chair", "sofa", "shelf", "stool")
_MIN_PIXELS = 200


@dataclass(frozen=True, eq=False)
class BoxView:
    """One object before a wall, seen by a level camera.

    `depth` (h, w) float32 and `mask` (h, w) bool are exact; `box` is the whole object, tight;
    `inside` is the share of its silhouette that is in the image.
    """

    camera: Camera
    depth: np.ndarray
    mask: np.ndarray
    box: Box3D
    up: np.ndarray
    inside: float


def single_box(
    rng: np.random.Generator,
    *,
    variant: Variant = "solid",
    camera: Camera = CAMERA,
    size: tuple[float, float] = (0.3, 1.2),
    distance: tuple[float, float] = (1.5, 5.0),
    behind: tuple[float, float] = (1.0, 4.0),
) -> BoxView:
    """A random box of any yaw, wholly in view, before a wall `behind` its farthest corner.

    Variants: "thin" makes one of its sizes 1 to 3 cm; "concave" puts a piece of furniture in
    its place; "truncated" lets the image border cut it, 20 to 80 % of it remaining. Draws
    again until the view is as described; raises ConfigError when that fails 1000 times.
    """
    if variant not in VARIANTS:
        raise ConfigError(
            f"unknown variant {variant!r}",
            code="variant",
            field="variant",
            limit=", ".join(VARIANTS),
        )
    for _ in range(1000):
        solid, box = _object(rng, variant, size, distance, camera)
        if box.corners[:, 2].min() < 0.3 or _whole(box, camera) == (variant == "truncated"):
            continue
        wall = box.corners[:, 2].max() + rng.uniform(*behind)
        view = _seen(solid, box, camera, wall)
        if view.mask.sum() >= _MIN_PIXELS and (variant != "truncated" or 0.2 <= view.inside <= 0.8):
            return view
    raise ConfigError(
        "no view fits these sizes, distances and camera",
        code="view-impossible",
        hint="Use smaller sizes, larger distances or a wider camera",
    )


def _object(rng, variant, size, distance, camera) -> tuple[Primitives, Box3D]:
    """A solid and its tight box at a random place within (or, to be cut, around) the image."""
    extent = rng.uniform(*size, 3)
    yaw = rng.uniform(-np.pi, np.pi)
    margin = -0.1 if variant == "truncated" else 0.1
    low, high = margin, 1 - margin
    uv = rng.uniform(low, high, 2) * [camera.width, camera.height]
    center = camera.lift(uv, rng.uniform(*distance))
    turn = axis_rotation(1, yaw)
    if variant == "concave":
        name = _CONCAVE[rng.integers(len(_CONCAVE))]
        shape = categories.build(name, palette.NAMES[rng.integers(len(palette.NAMES))], rng)
        extent = shape.size
        base = center + [0, extent[1] / 2, 0]
        return shape.solids.transform(Pose(turn, base)), Box3D(center, extent, turn)
    if variant == "thin":
        extent[rng.integers(3)] = rng.uniform(0.01, 0.03)
    return Primitives.box(center, extent, turn, 0), Box3D(center, extent, turn)


def _whole(box: Box3D, camera: Camera) -> bool:
    """Whether a box is in the image with all its corners, a pixel off the border."""
    x0, y0, x1, y1 = box.project(camera)
    return bool(x0 >= 1 and y0 >= 1 and x1 <= camera.width - 1 and y1 <= camera.height - 1)


def _seen(solid: Primitives, box: Box3D, camera: Camera, wall: float) -> BoxView:
    """A solid (object 0) before a wall at z = `wall`."""
    view = raycast.cast(
        Primitives.join([solid, Primitives.plane((0, 0, wall), (0, 0, -1))]), camera
    )
    mask = view.ids == 0
    visible, total = raycast.coverage(raycast.prepare(solid), slice(None), camera, mask)
    inside = visible / total if total else 0.0
    return BoxView(camera, view.depth, mask, box, np.array([0.0, -1.0, 0.0]), inside)
