"""Which objects a scene has and where they stand: nothing floats, nothing meets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from n3d.geometry import Pose, axis_rotation
from n3d.synthetic import categories, placement, rooms
from n3d.synthetic.placement import Footprint, Placed, Spot
from n3d.synthetic.primitives import Primitives
from n3d.synthetic.shapes import Template

if TYPE_CHECKING:
    from n3d.synthetic.scenes import SceneConfig

# Scenes of the shifted split are this much smaller or larger, and seen this narrowly or widely.
SHIFTED_SCALES = ((0.55, 0.75), (1.35, 1.8))
SHIFTED_FOVS_DEG = ((32.0, 42.0), (78.0, 92.0))
_CARRIERS = ("table", "table", "table", "bed", "shelf", "cabinet", "night stand", "sofa", "box")
_CLOSE_CARRIERS = ("table", "table", "night stand", "box", "stool")
_FLOOR_TRIES = 30
# Nothing stands nearer to the camera than this, or would fill more than this share of the image.
_CAMERA_GAP = 0.45
_LARGEST = 0.35


@dataclass(eq=False)
class Plan:
    """A furnished room and the camera in it, before anything is drawn."""

    size: np.ndarray
    room: Primitives
    viewpoint: rooms.Viewpoint
    scale: float
    placed: list[Placed] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)


def draw(rng: np.random.Generator, config: SceneConfig, shifted: bool) -> Plan:
    """A random room with objects; `shifted` draws what other splits never show."""
    scale = float(rng.uniform(*SHIFTED_SCALES[rng.integers(2)])) if shifted else 1.0
    fov = SHIFTED_FOVS_DEG[rng.integers(2)] if shifted else config.fov_deg
    size = rooms.draw_size(rng)
    # Everything is drawn at its usual size and the whole is scaled in the end.
    plan = Plan(size, rooms.build(rng, size), rooms.draw_viewpoint(rng, size, config, fov), scale)
    close = bool(rng.random() < config.close_up)
    for k, name in enumerate(_names(rng, config, close)):
        color = _color(rng, name, config, shifted)
        if color is None:
            continue
        template = categories.build(name, color, rng)
        _place(plan, rng, name, color, template, close and k == 0)
    return plan


def _names(rng: np.random.Generator, config: SceneConfig, close: bool) -> list[str]:
    """Categories of a scene: something to stand on first, then large things, then small ones."""
    n = int(rng.integers(config.objects[0], config.objects[1] + 1))
    first = []
    for k in range(1 + (n > 6)):
        carriers = _CLOSE_CARRIERS if close and k == 0 else _CARRIERS
        known = [c for c in carriers if c in config.categories]
        first += [known[rng.integers(len(known))]] if known else []
    rest = [config.categories[i] for i in rng.integers(0, len(config.categories), n - len(first))]
    rank = {categories.FLOOR: 0, categories.EITHER: 1, categories.SURFACE: 2}
    rest.sort(key=lambda name: rank[categories.CATEGORIES[name].place])
    return first + rest


def _color(rng: np.random.Generator, name: str, config: SceneConfig, shifted: bool) -> str | None:
    """A colour for a category; held-out pairs only, and in every second case, when shifted."""
    out = categories.held_out(name)
    allowed = [c for c in categories.CATEGORIES[name].colors if c in config.colors]
    usual = [c for c in allowed if c not in out]
    rare = [c for c in allowed if c in out]
    pick = rare if shifted and rare and rng.random() < 0.5 else usual
    return pick[rng.integers(len(pick))] if pick else None


def _place(plan: Plan, rng, name: str, color: str, template: Template, close: bool) -> None:
    """Put a shape somewhere allowed, or leave it out when no place is found."""
    kind = categories.CATEGORIES[name]
    high = kind.place == categories.SURFACE or (
        kind.place == categories.EITHER and template.size.max() < 0.65 and rng.random() < 0.6
    )
    found = None
    if high and plan.spots:
        found = _on_something(plan, rng, kind, template)
    if found is None and (kind.place != categories.SURFACE or rng.random() < 0.2):
        at = _on_floor(plan, rng, kind, template, close)
        found = (at, 0.0, float(plan.size[1]) - 0.1, None) if at is not None else None
    if found is None:
        return
    at, elevation, ceiling, spot = found
    index = len(plan.placed)
    if spot is not None:
        spot.taken.append(at)
    owner = None if spot is None else spot.owner
    plan.placed.append(Placed(name, color, template, at, elevation, owner, ceiling))
    plan.spots.extend(Spot(index, surface) for surface in template.surfaces)


def _yaw(plan: Plan, rng, kind: categories.Category, place: str, bearing: float = 0.0) -> float:
    """Round things have the camera's yaw; furniture often stands square to the walls.

    What has a front mostly turns it towards the camera's side, as furniture along walls does;
    `bearing` is the yaw of the direction from the camera to the place.
    """
    if kind.round:
        return plan.viewpoint.yaw
    free = place != categories.FLOOR or rng.random() < 0.6
    yaw = float(rng.uniform(-math.pi, math.pi) if free else rng.integers(4) * math.pi / 2)
    if kind.has_front and place == categories.FLOOR and rng.random() < 0.75:
        yaw += math.pi if math.cos(yaw - bearing) > 0 else 0.0
    return yaw


def _on_something(plan: Plan, rng, kind, template: Template):
    for i in rng.permutation(len(plan.spots))[:4]:
        spot = plan.spots[i]
        yaw = _yaw(plan, rng, kind, categories.SURFACE)
        owner = plan.placed[spot.owner]
        found = placement.on_surface(spot, owner, template, yaw, rng)
        if found is not None:
            return (*found, spot)
    return None


def _on_floor(plan: Plan, rng, kind, template: Template, close: bool) -> Footprint | None:
    """A free place on the floor whose object has its middle in the image."""
    w, h, d = (float(v) for v in template.size)
    if h > plan.size[1] - 0.1:
        return None
    view = plan.viewpoint
    half_width, depth = float(plan.size[0]) / 2, float(plan.size[2])
    spread = math.radians(view.camera.fov_deg[0]) / 2
    nearest, farthest = (0.8, 1.9) if close else (0.9, 6.5)
    broad, area = max(w, d), max(w, d) * max(h, 0.5 * min(w, d))
    on_floor = [p.footprint for p in plan.placed if p.support is None]
    for _ in range(_FLOOR_TRIES):
        # Small things are put nearer, where they can be seen.
        share = rng.random() ** (2.0 if broad < 0.5 else 1.3)
        far = nearest + (farthest - nearest) * share
        bearing = view.yaw + rng.uniform(-spread, spread)
        x, z = view.x + far * math.sin(bearing), view.z + far * math.cos(bearing)
        at = Footprint(x, z, w / 2, d / 2, _yaw(plan, rng, kind, kind.place, bearing))
        if far - at.radius < _CAMERA_GAP or area > _LARGEST * view.image_area * far * far:
            continue
        if not placement.within(at, half_width, 0.0, depth, rooms.WALL_GAP):
            continue
        if not view.sees(x, -h / 2, z, 0.02):
            continue
        if all(placement.apart(at, other, 2 * placement.TOUCH) for other in on_floor):
            return at
    return None


def solids(plan: Plan) -> tuple[Primitives, Primitives]:
    """The room's and the objects' primitives in the camera frame, object ids counting up."""
    view = plan.viewpoint.camera_from_room
    room = plan.room.transform(view)
    count = [len(p.template.solids) for p in plan.placed]
    yaw = np.array([p.footprint.yaw for p in plan.placed])
    place = np.array([[p.footprint.x, -p.elevation, p.footprint.z] for p in plan.placed])
    things = (
        Primitives.join(p.template.solids for p in plan.placed)
        .placed(np.repeat(axis_rotation(1, yaw), count, axis=0), np.repeat(place, count, axis=0))
        .transform(view)
        .owned(np.repeat(np.arange(len(count)), count))
    )
    return room.scaled(plan.scale), things.scaled(plan.scale)


def camera_pose(plan: Plan) -> Pose:
    """camera_from_world at the plan's scale."""
    pose = plan.viewpoint.camera_from_room
    return Pose(pose.rotation, pose.translation * plan.scale)
