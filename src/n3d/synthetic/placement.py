"""Where things stand: rectangles in the floor plane that must not meet, and supports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from n3d.synthetic.shapes import Surface, Template

TOUCH = 0.01


@dataclass(frozen=True)
class Footprint:
    """A rectangle in the floor plane: centre x, z, half width and depth, and yaw.

    Its own axes are (cos, -sin) and (sin, cos) in x, z.
    """

    x: float
    z: float
    half_width: float
    half_depth: float
    yaw: float
    cos: float = field(init=False)
    sin: float = field(init=False)
    radius: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cos", math.cos(self.yaw))
        object.__setattr__(self, "sin", math.sin(self.yaw))
        object.__setattr__(self, "radius", math.hypot(self.half_width, self.half_depth))

    def reach(self, cos: float, sin: float) -> tuple[float, float]:
        """Half extents along the axes of a frame whose yaw has this cosine and sine."""
        c = abs(self.cos * cos + self.sin * sin)
        s = abs(self.sin * cos - self.cos * sin)
        return (
            c * self.half_width + s * self.half_depth,
            s * self.half_width + c * self.half_depth,
        )


def apart(a: Footprint, b: Footprint, gap: float = TOUCH) -> bool:
    """Whether two rectangles are at least `gap` apart along one of their axes (exact for 0)."""
    dx, dz = b.x - a.x, b.z - a.z
    if dx * dx + dz * dz >= (a.radius + b.radius + gap) ** 2:
        return True
    for one, other in ((a, b), (b, a)):
        x, z = other.reach(one.cos, one.sin)
        along_x = abs(one.cos * dx - one.sin * dz)
        along_z = abs(one.sin * dx + one.cos * dz)
        if along_x >= one.half_width + x + gap or along_z >= one.half_depth + z + gap:
            return True
    return False


def within(a: Footprint, half_width: float, near: float, far: float, gap: float) -> bool:
    """Whether a rectangle is inside |x| <= half_width, near <= z <= far, by a gap."""
    x, z = a.reach(1.0, 0.0)
    return abs(a.x) + x + gap <= half_width and near + gap <= a.z - z and a.z + z + gap <= far


@dataclass(frozen=True, eq=False)
class Placed:
    """A shape put into the room: where it stands, on what, and what it is called.

    `ceiling` is the height that neither it nor anything on it may reach.
    """

    category: str
    color: str
    template: Template
    footprint: Footprint
    elevation: float = 0.0
    support: int | None = None
    ceiling: float = math.inf


@dataclass(frozen=True, eq=False)
class Spot:
    """A free surface of a placed object and the footprints already on it."""

    owner: int
    surface: Surface
    taken: list[Footprint] = field(default_factory=list)


def on_surface(
    spot: Spot, owner: Placed, template: Template, yaw: float, rng: np.random.Generator
) -> tuple[Footprint, float, float] | None:
    """A free place for a shape wholly on a surface, its elevation and its ceiling; or None."""
    s, base = spot.surface, owner.footprint
    w, h, d = (float(v) for v in template.size)
    elevation = owner.elevation + s.height
    ceiling = min(owner.ceiling, elevation + s.clearance)
    x, z = Footprint(0, 0, w / 2, d / 2, yaw).reach(base.cos, base.sin)
    free_x, free_z = s.width / 2 - x, s.depth / 2 - z
    if elevation + h > ceiling or free_x < 0 or free_z < 0:
        return None
    for _ in range(6):
        u, v = s.x + rng.uniform(-free_x, free_x), s.z + rng.uniform(-free_z, free_z)
        right = base.x + base.cos * u + base.sin * v
        forward = base.z - base.sin * u + base.cos * v
        at = Footprint(right, forward, w / 2, d / 2, yaw)
        if all(apart(at, other) for other in spot.taken):
            return at, elevation, ceiling
    return None
