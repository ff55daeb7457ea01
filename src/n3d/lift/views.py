"""Regions of a view in, objects with metric boxes out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from n3d.errors import N3DError
from n3d.geometry import Box3D
from n3d.geometry.pose import upright
from n3d.lift import gate, gravity, quality, rectangles
from n3d.lift.cleaning import clean, without_leaks
from n3d.lift.config import LiftConfig
from n3d.lift.fitting import Described, Fit, class_share, describe, fit, stretch
from n3d.scene import RGBD, BoxSpread, Drop, Object3D, Picture, Region, Scene

CAMERA_UP = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Lifted:
    """The objects of a view, in the regions' order, and the regions that gave none.

    `up` is the vertical the boxes stand on where it is known ("given" with the view, or from
    the "floor"); None ("unknown") means that they stand on the image's vertical. `provenance`
    of a scene made from it says so too.
    """

    objects: tuple[Object3D, ...]
    drops: tuple[Drop, ...]
    up: np.ndarray | None
    up_source: Literal["given", "floor", "unknown"]


@dataclass(frozen=True, eq=False)
class _Found:
    """A region that was lifted and passed the gate."""

    name: str
    region: Region
    fit: Fit
    described: Described
    scores: dict[str, float]


def lift_view(view: RGBD, regions: Sequence[Region], config: LiftConfig | None = None) -> Lifted:
    """Lift the regions of one view to oriented boxes.

    A region without a mask is segmented by depth first. An object's id is its region's, or the
    region's index. Its `box` is the whole object, its `visible` the camera-aligned bounds of
    what was seen; `attributes["depth_from"]` says what the hidden extent comes from: "faces"
    (measured), "symmetry" (a round object, mirrored), "prior" or, with `config.size_priors`,
    "class" (`depth_unobserved`).
    Never raises for a bad region: it is dropped with one of gate.REASONS.
    """
    config = config or LiftConfig()
    up, source = _gravity(view, config)
    turn = upright(CAMERA_UP if up is None else up)
    sparse = view.depth is not None and view.density < config.sparse_below
    ground = np.inf if up is None else gravity.ground(view, turn, config)
    found: list[_Found] = []
    drops: list[Drop] = []
    for index, region in enumerate(regions):
        name = str(index) if region.id is None else region.id
        one = _lift(view, region, turn, config, sparse, name, ground)
        if isinstance(one, Drop):
            drops.append(one)
        else:
            found.append(one)
    return Lifted(_objects(found, view), tuple(drops), up, source)


def lift_pictures(
    pictures: Iterable[Picture], config: LiftConfig | None = None
) -> Iterator[Scene | Drop]:
    """The stage Picture -> Scene: for every picture its scene, then the drops of its objects.

    A picture that gives no object at all is itself a Drop. The id of an object's drop is
    "<picture>/<region>".
    """
    for picture in pictures:
        if picture.rgbd is None:
            yield Drop(picture.id, "picture-not-read", "its files were not decoded")
            continue
        try:
            lifted = lift_view(picture.rgbd, picture.regions, config)
        except N3DError as e:
            yield Drop(picture.id, e.code, str(e))
            continue
        if lifted.objects:
            yield to_scene(picture, lifted)
        elif not picture.regions:
            yield Drop(picture.id, "no-regions", "nothing that could be lifted is annotated")
        else:
            yield Drop(picture.id, "no-objects", f"none of {len(picture.regions)} regions lifted")
        for drop in lifted.drops:
            yield replace(drop, id=f"{picture.id}/{drop.id}")


def to_scene(picture: Picture, lifted: Lifted) -> Scene:
    """The scene of a picture's lifted objects, with where its numbers come from."""
    scene = Scene(
        picture.id, picture.id, lifted.objects, lifted.up, picture.source, picture.licence,
        boxless=boxless(picture, lifted),
    )  # fmt: skip
    if picture.rgbd is None:
        return scene
    provenance = picture.rgbd.provenance
    if lifted.up_source != "given":
        provenance = replace(provenance, up=lifted.up_source)
    image = str(picture.attributes.get("file_name", ""))
    return replace(scene, provenance=provenance, camera=picture.rgbd.camera, image=image)


def boxless(picture: Picture, lifted: Lifted) -> tuple[str, ...]:
    """The labels of what is annotated in a picture and was not lifted, one for each: regions that
    were dropped, and what its reader left out (`attributes["left_out"]`)."""
    gone = {d.id for d in lifted.drops}
    named = ((str(i) if r.id is None else r.id, r.label) for i, r in enumerate(picture.regions))
    lost = (label for name, label in named if name in gone)
    return tuple(sorted([*lost, *picture.attributes.get("left_out", ())]))


def _gravity(view: RGBD, config: LiftConfig):
    if view.up is not None:
        return view.up, "given"
    if config.find_floor and view.depth is not None:
        up = gravity.floor(view.points, share=config.floor_share, seed=config.seed)
        if up is not None:
            return up, "floor"
    return None, "unknown"


def _lift(
    view: RGBD,
    region: Region,
    turn: np.ndarray,
    config: LiftConfig,
    sparse: bool,
    name: str,
    ground: float,
) -> _Found | Drop:
    fault = _fault(view, region)
    if fault is not None:
        return Drop(name, fault, gate.REASONS[fault])
    assert view.depth is not None  # else it was a fault
    mask = region.mask
    if mask is None:
        mask = rectangles.segment_rectangle(view, region.rectangle)
        if not mask.any():
            return Drop(name, "not-segmented", gate.REASONS["not-segmented"])
    drawn = region.mask is not None
    if drawn and not sparse:
        mask = without_leaks(view.depth, mask, config)
    crop = clean(view.depth, mask, view.camera.fx, config, sparse=sparse, drawn=drawn)
    reason = gate.of_points(crop, config)
    if reason is not None or crop is None:
        return Drop(name, *(reason or ("no-depth", "")))
    floor = ground if drawn else math.inf
    box = fit(crop, view.camera, turn, config, floor)
    share = class_share(box, region.label) if config.size_priors else None
    if share is not None:
        box = fit(crop, view.camera, turn, replace(config, depth_prior=share), floor)
        box = replace(box, depth_from="class" if box.hidden >= 0 else box.depth_from)
    if not drawn:
        box = stretch(box, region.rectangle, view.camera, turn)
    described = describe(box, view.camera, turn)
    if not np.isfinite(described.numbers).all():
        return Drop(name, "too-few-points", "they give no finite box")
    scores = quality.score(box, crop, described.projected, region.rectangle, view.camera)
    reason = gate.of_box(described.numbers[1].tolist(), described.nearest, scores, config)
    if reason is not None:
        return Drop(name, *reason)
    return _Found(name, region, box, described, scores)


def _fault(view: RGBD, region: Region) -> str | None:
    if view.depth is None:
        return "no-depth"
    if region.mask is not None and region.mask.shape != view.depth.shape:
        return "mask-shape"
    x0, y0, x1, y1 = region.rectangle
    if x1 <= 0 or y1 <= 0 or x0 >= view.width or y0 >= view.height:
        return "outside-image"
    return None


def _objects(found: Sequence[_Found], view: RGBD) -> tuple[Object3D, ...]:
    """The objects of a view; their boxes are checked all at once."""
    if not found:
        return ()
    numbers = np.stack([f.described.numbers for f in found])
    boxes = Box3D(numbers[:, 0], numbers[:, 1], numbers[:, 2:5])
    bounds = Box3D(numbers[:, 7], numbers[:, 8])
    return tuple(
        Object3D(
            id=f.name,
            label=f.region.label,
            box=box,
            region=f.region,
            score=f.region.score,
            attributes={**f.region.attributes, "depth_from": f.fit.depth_from},
            visibility=quality.visibility(f.described.projected, view.camera),
            quality=f.scores,
            extent="whole",
            visible=seen,
            depth_unobserved=f.fit.depth_from != "faces",
            spread=BoxSpread(f.described.numbers[5], f.described.numbers[6], f.fit.yaw_sigma),
        )
        for f, box, seen in zip(found, boxes, bounds, strict=True)
    )
