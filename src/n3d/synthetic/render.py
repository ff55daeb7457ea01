"""A plan seen by its camera: who is visible, the image, the depth, the nouns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n3d.geometry import Box3D, Pose, axis_rotation
from n3d.scene import RGBD, Object3D, Region, Scene
from n3d.synthetic import categories, layout, lighting, raycast, scenes, sensor
from n3d.synthetic.primitives import Primitives

_MIN_PIXELS = 12


@dataclass(frozen=True)
class Sight:
    """How well one object is seen: its pixels and rectangle (pixels), and three shares."""

    pixels: int
    rectangle: tuple[int, int, int, int]
    visible: float
    inside: float
    target: bool


@dataclass(frozen=True, eq=False)
class View:
    """The geometry of a plan as its camera sees it."""

    plan: layout.Plan
    pose: Pose
    ready: raycast.Prepared
    things: Primitives
    hits: raycast.Hits
    ids: np.ndarray
    boxes: Box3D
    sights: list[Sight]


def look(plan: layout.Plan, config: scenes.SceneConfig) -> View:
    """Cast a plan and measure how well each object is seen."""
    room, things = layout.solids(plan)
    ready = raycast.prepare(Primitives.join([things, room]))
    camera = plan.viewpoint.camera
    hits = raycast.hit(ready, camera)
    ids = np.append(ready.primitives.object_id, np.int32(-1))[hits.parts]
    boxes = _boxes(plan)
    return View(
        plan, layout.camera_pose(plan), ready, things, hits, ids, boxes,
        _sights(plan, ready, ids, boxes, config),
    )  # fmt: skip


def _boxes(plan: layout.Plan) -> Box3D:
    """The tight boxes (n,) of all objects in the camera frame."""
    size = np.array([p.template.size for p in plan.placed])
    base = np.array([[p.footprint.x, -p.elevation, p.footprint.z] for p in plan.placed])
    center = base - size * [0, 0.5, 0]
    turn = axis_rotation(1, np.array([p.footprint.yaw for p in plan.placed]))
    boxes = Box3D(center, size, turn).transform(plan.viewpoint.camera_from_room)
    return boxes.scaled(plan.scale)


def _sights(plan, ready: raycast.Prepared, ids, boxes: Box3D, config) -> list[Sight]:
    camera = plan.viewpoint.camera
    count, rectangles = tally(ids, len(plan.placed))
    enough = max(_MIN_PIXELS, config.min_share * ids.size)
    projected = boxes.project(camera, near=0.05)
    limit = np.array([camera.width, camera.height] * 2, float)
    clipped = np.clip(projected, 0, limit)
    full = np.prod(projected[:, 2:] - projected[:, :2], axis=1)
    inside = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(full, 1e-9)
    out = []
    # The things' rows come first and in order.
    ends = np.cumsum([0, *(len(p.template.solids) for p in plan.placed)])
    for k in range(len(plan.placed)):
        seen, total = 0, 0
        if count[k]:
            rows = slice(ends[k], ends[k + 1])
            seen, total = raycast.coverage(ready, rows, camera, ids == k)
        share = min(seen / total, 1.0) if total else 0.0
        within = float(np.nan_to_num(inside[k]))
        target = count[k] >= enough and share >= config.min_visible and within >= config.min_inside
        out.append(Sight(int(count[k]), tuple(rectangles[k].tolist()), share, within, bool(target)))
    return out


def tally(ids: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n,) of every object and their rectangles (n, 4) as x0, y0, x1, y1."""
    from n3d.synthetic import raycast_kernels as kernels

    count = np.empty(n, np.int64)
    rectangles = np.empty((n, 4), np.int64)
    kernels.tally(ids, count, rectangles)
    return count, rectangles


def finish(
    seed: int, view: View, config: scenes.SceneConfig, rng: np.random.Generator
) -> scenes.Rendered:
    """Light the view, take the picture and measure its depth."""
    plan, camera = view.plan, view.plan.viewpoint.camera
    light = lighting.draw_light(rng, plan.size * plan.scale)
    linear, incidence, mean = lighting.shade(
        view.ready, camera, view.pose, view.hits, light, view.things
    )
    image = lighting.expose(linear, mean, lighting.draw_film(rng), rng)
    exact = np.where(view.hits.parts >= 0, view.hits.depth, 0).astype(np.float32)
    depth = exact
    if config.sensor != sensor.SensorConfig():
        luminance = image.mean(axis=-1, dtype=np.float32) / 255
        depth = sensor.measure(exact, rng, config.sensor, incidence=incidence, luminance=luminance)
    up = -view.pose.rotation[:, 1]
    rgbd = RGBD(
        image, camera, depth, depth_source="rendered", metric=True, up=up, up_source="given",
        scale_sigma=config.sensor.scale_sigma,
    )  # fmt: skip
    name = f"synthetic-{seed}"
    scene = Scene(
        id=name, picture_id=name, objects=tuple(_objects(view)), up=up, source="synthetic",
        licence=scenes.LICENCE, provenance=rgbd.provenance, camera=camera,
    )  # fmt: skip
    return scenes.Rendered(seed, rgbd, scene, view.pose, view.ids, exact, view.ready.primitives)


def _objects(view: View):
    for k, (placed, sight) in enumerate(zip(view.plan.placed, view.sights, strict=True)):
        kind = categories.CATEGORIES[placed.category]
        box = view.boxes[k]
        region = None
        if sight.pixels:
            region = Region(
                placed.category, sight.rectangle, view.ids == k, id=str(k),
                expression=f"{placed.color} {placed.category}",
            )  # fmt: skip
        assert box.rotation is not None
        yield Object3D(
            id=str(k),
            label=placed.category,
            box=box,
            region=region,
            attributes={
                "category": placed.category,
                "color": placed.color,
                "on": "floor" if placed.support is None else str(placed.support),
                "round": kind.round,
                "pixels": sight.pixels,
                "inside": round(sight.inside, 4),
                "target": sight.target,
            },
            visibility=sight.visible,
            front=box.rotation[:, 2] if kind.has_front else None,
        )
