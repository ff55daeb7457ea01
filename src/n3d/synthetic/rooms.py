"""An empty room and the camera in it.

The room's frame: x right, y down, z forward, the floor at y = 0, the near wall's middle at
the origin; the room spans |x| <= width / 2, 0 <= z <= depth, -height <= y <= 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from n3d.geometry import Camera, Pose, axis_rotation, euler
from n3d.synthetic import primitives as solids
from n3d.synthetic.primitives import Primitives, facing
from n3d.synthetic.shapes import RGB, Paint, Shape

if TYPE_CHECKING:
    from n3d.synthetic.scenes import SceneConfig

WALL_GAP = 0.05
_FLOORS = ((0.55, 0.42, 0.30), (0.42, 0.32, 0.24), (0.62, 0.60, 0.57), (0.40, 0.41, 0.43),
           (0.66, 0.58, 0.47), (0.35, 0.38, 0.36))  # fmt: skip
_WALLS = ((0.82, 0.80, 0.75), (0.74, 0.77, 0.80), (0.80, 0.76, 0.68), (0.70, 0.74, 0.69),
          (0.86, 0.86, 0.85), (0.72, 0.68, 0.70))  # fmt: skip

_DOWN, _NEAR, _FAR = facing((0, 1, 0)), facing((0, 0, -1)), facing((0, 0, 1))
_RIGHT, _LEFT = facing((1, 0, 0)), facing((-1, 0, 0))


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """A camera and its place: height above the floor, yaw in the room, pose."""

    camera: Camera
    camera_from_room: Pose
    x: float
    z: float
    yaw: float

    @property
    def image_area(self) -> float:
        """Area of the image in units of the focal length squared: that of the view at 1 m."""
        return self.camera.width * self.camera.height / (self.camera.fx * self.camera.fy)

    def sees(self, x: float, y: float, z: float, margin: float) -> bool:
        """Whether a point of the room is in the image, by a share of it on every side."""
        # Plain numbers: this is asked for every place that is tried.
        r, t = self._numbers
        depth = r[6] * x + r[7] * y + r[8] * z + t[2]
        if depth <= 0:
            return False
        c = self.camera
        u = (r[0] * x + r[1] * y + r[2] * z + t[0]) / depth * c.fx + c.cx
        v = (r[3] * x + r[4] * y + r[5] * z + t[1]) / depth * c.fy + c.cy
        return margin < u / c.width < 1 - margin and margin < v / c.height < 1 - margin

    @cached_property
    def _numbers(self) -> tuple[list[float], list[float]]:
        pose = self.camera_from_room
        return pose.rotation.ravel().tolist(), pose.translation.tolist()


def draw_size(rng: np.random.Generator) -> np.ndarray:
    """Width, height and depth of a room, metres."""
    return np.array([rng.uniform(3.5, 7.0), rng.uniform(2.4, 3.1), rng.uniform(4.0, 8.0)])


def draw_viewpoint(
    rng: np.random.Generator, size: np.ndarray, config: SceneConfig, fov_deg: tuple[float, float]
) -> Viewpoint:
    """A camera near one wall that looks into the room."""
    w, h = config.width, config.height
    fx = w / (2 * np.tan(np.radians(rng.uniform(*fov_deg)) / 2))
    jitter = 0.5 + rng.uniform(-config.principal_jitter, config.principal_jitter, 2)
    camera = Camera(fx, fx, jitter[0] * w, jitter[1] * h, w, h)
    height = rng.uniform(*config.camera_height)
    x, z = rng.uniform(-0.35, 0.35) * size[0], rng.uniform(0.04, 0.2) * size[2]
    # Towards a point in the middle of the room, so that there is room in view.
    target = rng.uniform(-0.25, 0.25) * size[0], rng.uniform(0.45, 0.9) * size[2]
    yaw = float(np.arctan2(target[0] - x, target[1] - z))
    pitch = np.radians(rng.uniform(*config.pitch_deg))
    roll = np.radians(rng.uniform(-config.roll_deg, config.roll_deg))
    turn = euler(yaw, -pitch, roll)
    place = np.array([x, -height, z])
    return Viewpoint(camera, Pose(turn.T, -turn.T @ place), float(x), float(z), yaw)


def build(rng: np.random.Generator, size: np.ndarray) -> Primitives:
    """Floor, walls and ceiling with a window, pictures, a door and skirting boards."""
    w, h, d = size
    wall = _scaled(_WALLS[rng.integers(len(_WALLS))], rng.uniform(0.9, 1.08))
    kind = (solids.PLAIN, solids.PLAIN, solids.MOTTLED, solids.STRIPES)[rng.integers(4)]
    paper = Paint(wall, _scaled(wall, 0.92), kind, 0.12)
    room = Shape(paper, Paint(_scaled(wall, rng.choice([0.55, 1.15]))))
    # A random turn of the floor's pattern; a plane is the same turned about its normal.
    turn = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    room.plane(0, 0, 0, axis_rotation(1, turn), _floor(rng))
    room.plane(0, h, 0, _DOWN, Paint((0.88, 0.88, 0.86)))
    for x, z, turned in ((0, d, _NEAR), (0, 0, _FAR), (-w / 2, d / 2, _RIGHT), (w / 2, 0, _LEFT)):
        room.plane(x, 0, z, turned)
    for x in (-1, 1):
        room.box(x * w / 2, 0, d / 2, 0.02, 0.08, d, room.trim)
    room.box(0, 0, d, w, 0.08, 0.02, room.trim)
    for face in range(3):
        _hang(room, rng, size, face)
    return Primitives.from_rows(room.rows).owned(np.full(len(room.rows), solids.BACKGROUND))


def _scaled(color: RGB, factor: float) -> RGB:
    r, g, b = (min(float(v * factor), 1.0) for v in color)
    return (r, g, b)


def _floor(rng: np.random.Generator) -> Paint:
    color = _scaled(_FLOORS[rng.integers(len(_FLOORS))], rng.uniform(0.85, 1.15))
    kind = (
        solids.PLAIN, solids.CHECKER, solids.STRIPES, solids.MOTTLED, solids.PLANKS, solids.PLANKS,
    )[rng.integers(6)]  # fmt: skip
    low, high = {solids.MOTTLED: (0.05, 0.3), solids.PLANKS: (0.09, 0.18)}.get(kind, (0.2, 0.6))
    tone = rng.uniform(0.6, 0.85) if rng.random() < 0.6 else rng.uniform(1.1, 1.3)
    return Paint(color, _scaled(color, tone), kind, rng.uniform(low, high))


def _hang(room: Shape, rng: np.random.Generator, size: np.ndarray, face: int) -> None:
    """A window, a picture, a door or nothing on the left, right or far wall."""
    what = ("nothing", "window", "picture", "door")[rng.integers(4)]
    if what == "nothing":
        return
    w, h, d = size
    long = d if face < 2 else w
    if what == "door":
        width, height, low = 0.85, min(2.0, h - 0.1), 0.0
    else:
        width = rng.uniform(0.8, 1.8) if what == "window" else rng.uniform(0.3, 0.9)
        height = rng.uniform(0.9, 1.3) if what == "window" else width * rng.uniform(0.6, 1.4)
        height = min(height, h - 1.2)
        low = rng.uniform(1.0, h - 0.15 - height)
    width = min(width, 0.5 * long)
    along = rng.uniform(-0.45, 0.45) * (long - width - 0.4)
    r, g, b = rng.uniform(0.35, 0.8, 3)
    inner, frame, pattern = {
        "window": ((0.86, 0.92, 0.98), (0.9, 0.9, 0.88), solids.GLOW),
        "picture": ((r, g, b), (0.25, 0.22, 0.2), solids.MOTTLED),
        "door": ((0.62, 0.54, 0.44), (0.9, 0.9, 0.88), solids.PLAIN),
    }[what]
    edge = 0.03 if what == "picture" else 0.07
    base = 0.0 if what == "door" else edge
    for inset, lift, thick, paint in (
        (0.0, 0.0, 0.04, Paint(frame)),
        (edge, base, 0.05, Paint(inner, _scaled(inner, 0.6), pattern, 0.15)),
    ):
        wide, tall = width - 2 * inset, height - inset - lift
        if face < 2:
            room.box((2 * face - 1) * w / 2, low + lift, d / 2 + along, thick, tall, wide, paint)
        else:
            room.box(along, low + lift, d, wide, tall, thick, paint)
