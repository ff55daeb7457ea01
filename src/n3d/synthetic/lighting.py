"""Light and film: a random lamp, window and ambient for a room, and the exposed image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.geometry import Camera, Pose
from n3d.synthetic import raycast
from n3d.synthetic.primitives import Primitives


@dataclass(frozen=True, eq=False)
class Light:
    """A lamp at a point of the room, light from one side, and light from everywhere.

    `position` (3,) and `side` (3,), towards the light, are in the room's frame; colours are
    linear RGB.
    """

    position: np.ndarray
    key: np.ndarray
    side: np.ndarray
    fill: np.ndarray
    ambient: np.ndarray


@dataclass(frozen=True, eq=False)
class Film:
    """How light becomes pixels: `exposure` of mean light, `white` balance gains, `noise` sigma."""

    exposure: float
    white: np.ndarray
    noise: float


def draw_light(rng: np.random.Generator, room: np.ndarray) -> Light:
    """Light for a room of size (width, height, depth) whose floor's near edge centre is 0."""
    warm = rng.uniform(-0.12, 0.12)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    x, z = rng.uniform(-0.35, 0.35) * room[0], rng.uniform(0.15, 0.85) * room[2]
    angle = rng.uniform(0, 2 * np.pi)
    side = np.array([np.cos(angle), -rng.uniform(0.2, 0.8), np.sin(angle)])
    cool = np.array([0.95, 1.0, 1.08])
    key = rng.uniform(0.6, 1.6)
    return Light(
        position=np.array([x, -0.95 * room[1], z]),
        key=key * tint,
        side=side / np.linalg.norm(side),
        fill=rng.uniform(0.05, 0.5) * cool,
        ambient=rng.uniform(0.25, 0.6) * (tint + cool) / 2,
    )


def draw_film(rng: np.random.Generator) -> Film:
    """A random but well-exposed film."""
    return Film(
        exposure=rng.uniform(0.45, 0.85),
        white=rng.uniform(0.94, 1.06, 3),
        noise=rng.uniform(0.004, 0.02),
    )


def shade(
    ready: raycast.Prepared,
    camera: Camera,
    camera_from_room: Pose,
    hits: raycast.Hits,
    light: Light,
    casters: Primitives,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Linear colour (h, w, 3), the cosine between normal and ray (h, w), the mean light.

    `casters` are the solids that throw shadows, in the camera frame.
    """
    from n3d.synthetic import shading_kernels as kernels  # numba: imported when first needed

    shadow, lens, to_light = _shadow(casters, camera, camera_from_room, light)
    turn = camera_from_room.rotation
    lights = np.stack(
        [
            -turn[:, 1],
            camera_from_room.apply(light.position),
            light.key,
            turn @ light.side,
            light.fill,
            light.ambient,
        ]
    )
    solids = ready.primitives
    out = np.empty((*hits.depth.shape, 3), np.float32)
    incidence = np.empty(hits.depth.shape, np.float32)
    mean = kernels.shade(
        solids.kind, ready.to_unit, ready.origin, solids.size / 2, solids.ends, solids.caps,
        solids.color, solids.accent, solids.pattern, solids.period, *raycast.rays(camera),
        hits.depth, hits.parts, lights, to_light, lens, shadow, out, incidence,
    )  # fmt: skip
    return out, incidence, mean


def _shadow(casters: Primitives, camera: Camera, camera_from_room: Pose, light: Light):
    """Depth image of the casters seen from the lamp looking down, its lens and its pose."""
    side = int(np.clip(camera.width, 160, 512))
    # A tangent of 1.9 either way reaches the walls of most rooms; beyond it all is lit.
    lamp = Camera(side / 3.8, side / 3.8, side / 2, side / 2, side, side)
    down = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    lamp_from_room = Pose(down, -down @ light.position)
    lamp_from_camera = lamp_from_room @ camera_from_room.inverse()
    hits = raycast.hit(raycast.prepare(casters.transform(lamp_from_camera)), lamp)
    shadow = np.where(hits.parts >= 0, hits.depth, 0).astype(np.float32)
    to_light = np.column_stack([lamp_from_camera.rotation, lamp_from_camera.translation])
    return shadow, np.array([lamp.fx, lamp.cx]), np.ascontiguousarray(to_light)


def expose(
    linear: np.ndarray, mean_light: float, film: Film, rng: np.random.Generator
) -> np.ndarray:
    """The image (h, w, 3) uint8 of linear colour: exposed, balanced, with noise.

    Exposure goes by the light, not by the colours it falls on, so that dark rooms stay dark
    and a brown thing on a black floor does not turn orange.
    """
    from n3d.synthetic import shading_kernels as kernels

    gain = film.exposure / max(mean_light, 1e-6) * film.white
    dice = np.frombuffer(rng.bytes(8 * linear[..., 0].size), np.uint64)
    out = np.empty(linear.shape, np.uint8)
    kernels.develop(linear, gain, film.noise, dice.reshape(linear.shape[:2]), out)
    return out
