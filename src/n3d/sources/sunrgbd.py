"""SUN RGB-D as VoteNet and mmdetection3d pack it: infos, points and raw labels.

The upright frame is x right, y forward, z up; `Rt` turns camera axes into it. Pixels are
1-based. Boxes are [x, y, z, dx, dy, dz, heading] with full sizes and true centres; the
heading turns clockwise in infos v0.x and counter-clockwise about +z in v1.x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import GeometryError, InputError, N3DError
from n3d.geometry import Box3D, Camera, Pose
from n3d.geometry.pose import axis_rotation
from n3d.scene import RGBD, Drop, Object3D, Provenance, Region, Scene
from n3d.sources import fields, files, frames, grounded
from n3d.sources import image as images
from n3d.sources.grounded import Grounded

PIXEL_CENTER = 1.0
CLASSES = (
    "bed", "table", "sofa", "chair", "toilet", "desk", "dresser", "night_stand", "bookshelf",
    "bathtub",
)  # fmt: skip
POINT_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class Info:
    """One frame: its files, camera, the pose upright-from-camera, and its objects."""

    id: str
    image: str
    points: str
    camera: Camera
    upright_from_camera: Pose
    boxes: tuple[tuple[str, Box3D, Region | None], ...]

    def grounded(self) -> Grounded:
        """The boxes in the camera frame, their local y axis down."""
        things = []
        for index, (label, box, region) in enumerate(self.boxes):
            placed = frames.from_zup(box, self.upright_from_camera)
            things.append(Object3D(f"{self.id}:{index}", label, placed, region=region))
        scene = Scene(
            self.id,
            self.id,
            tuple(things),
            up=self.upright_from_camera.rotation[2],
            source="sunrgbd",
            provenance=Provenance(depth="sensor", up="sensor"),
        )
        return Grounded(scene, self.camera, self.image)


def _region(label: str, xyxy: Any) -> Region | None:
    """A rectangle in 1-based pixels as one with pixel centres at +0.5."""
    if xyxy is None:
        return None
    return grounded.region(label, (fields.row(xyxy, 4, "bbox") - 0.5).tolist())


def read_infos(path: Any) -> Iterator[Info | Drop]:
    """The frames of an infos JSON: one info, a list, or {"metainfo", "data_list"} of v1.x.

    v0.x infos are known by `annos`, v1.x by `instances`. One that is broken (a `depth2img`
    made with a transposed K, say) is a Drop.
    """
    try:
        entries, names = _entries(files.read_json(path))
    except InputError as e:
        raise e.at(file=path) from None
    for index, entry in enumerate(entries):
        try:
            if not isinstance(entry, Mapping) or not {"annos", "instances"} & set(entry):
                raise InputError(
                    "is no SUN RGB-D info", code="sunrgbd-form", limit="annos or instances"
                )
            yield _v0(entry) if "annos" in entry else _v1(entry, names)
        except N3DError as e:
            yield Drop(f"sunrgbd:@{index}", e.code, str(e.at(file=path, field=f"info {index}")))


def _entries(raw: Any) -> tuple[list[Any], tuple[str, ...]]:
    """The infos of a file and the class names their numbers stand for."""
    if not isinstance(raw, Mapping) or "data_list" not in raw:
        return (raw if isinstance(raw, list) else [raw]), CLASSES
    categories = fields.mapping(fields.mapping(raw, "metainfo"), "categories")
    return fields.rows(raw, "data_list"), _by_number(categories) if categories else CLASSES


def _by_number(categories: Mapping[str, Any]) -> tuple[str, ...]:
    """Names in the order of their numbers, which must be 0, 1, 2, ..."""
    names = {number: name for name, number in categories.items() if type(number) is int}
    if sorted(names) != list(range(len(categories))):
        raise InputError(
            "categories must be numbered from 0", code="sunrgbd-form", field="metainfo"
        )
    return tuple(names[i] for i in range(len(names)))


def _v0(entry: Mapping[str, Any]) -> Info:
    member = fields.member
    about, calibration, annos = (member(entry, k) for k in ("image", "calib", "annos"))
    height, width = fields.sides(member(about, "image_shape"), "image_shape")
    boxes = []
    if annos.get("gt_num", 0):
        names = fields.rows(annos, "name")
        values = fields.rows(annos, "gt_boxes_upright_depth")
        rectangles = fields.rows(annos, "bbox") if annos.get("bbox") else [None] * len(names)
        if not len(names) == len(values) == len(rectangles):
            raise InputError("lists differ in length", code="sunrgbd-form", field="annos")
        for name, numbers, xyxy in zip(names, values, rectangles, strict=True):
            v = fields.row(numbers, 7, "gt_boxes_upright_depth")
            label = fields.text({"name": name}, "name")
            boxes.append((label, _upright_box(v, clockwise=True), _region(label, xyxy)))
    rotation = fields.matrix(member(calibration, "Rt"), "Rt")
    return Info(
        id=f"sunrgbd:{member(about, 'image_idx')}",
        image=str(member(about, "image_path")),
        points=str(entry.get("pts_path", "")),
        camera=Camera.from_matrix(
            fields.matrix(member(calibration, "K"), "K"), width, height, pixel_center=PIXEL_CENTER
        ),
        # Rt maps to upright from (right, forward, up) of the camera.
        upright_from_camera=Pose(rotation @ frames.ZUP_FROM_LEVEL, np.zeros(3)),
        boxes=tuple(boxes),
    )


def _v1(entry: Mapping[str, Any], names: tuple[str, ...]) -> Info:
    member = fields.member
    about = member(member(entry, "images"), "CAM0")
    width, height = (fields.side(member(about, k), k) for k in ("width", "height"))
    projection = fields.matrix(member(about, "depth2img"), "depth2img")
    matrix, camera_from_upright = frames.factor_camera(projection)
    matrix[np.abs(matrix) < 1e-3] = 0  # the float32 of the file leaves a skew of 1e-5
    try:
        camera = Camera.from_matrix(matrix, width, height, pixel_center=PIXEL_CENTER)
        centred = abs(camera.cx / width - 0.5) < 0.3 and abs(camera.cy / height - 0.5) < 0.3
        if not centred or not 0.8 < camera.fx / camera.fy < 1.25:
            raise GeometryError(f"means {camera}", code="camera-resolution")
    except GeometryError as e:
        raise GeometryError(
            f"does not split into a camera and a rotation: {e.message}",
            code="sunrgbd-projection",
            field="depth2img",
            hint="Infos made with a transposed K look like this",
        ) from None
    boxes = []
    for instance in fields.rows(entry, "instances"):
        v = fields.row(member(instance, "bbox_3d"), 7, "bbox_3d")
        label = instance.get("bbox_label_3d", instance.get("bbox_label"))
        if type(label) is not int or not 0 <= label < len(names):
            raise InputError(f"unknown label {label!r}", code="category-unknown")
        region = _region(names[label], instance.get("bbox"))
        boxes.append((names[label], _upright_box(v, clockwise=False), region))
    stem = Path(str(member(about, "img_path"))).stem
    return Info(
        id=f"sunrgbd:{int(stem) if stem.isdecimal() and stem.isascii() else stem}",
        image=str(about["img_path"]),
        points=str(fields.mapping(entry, "lidar_points").get("lidar_path", "")),
        camera=camera,
        upright_from_camera=Pose(camera_from_upright.T, np.zeros(3)),
        boxes=tuple(boxes),
    )


def _upright_box(v: np.ndarray, *, clockwise: bool) -> Box3D:
    return Box3D(v[:3], v[3:6], axis_rotation(2, -v[6] if clockwise else v[6]))


def read_label(line: str) -> tuple[str, Box3D]:
    """One line of a raw label file -> (label, box in the upright frame).

    Fields: class, 2D x y w h, centre, three HALF sizes of which the second lies along the
    orientation vector, then that vector (x, y).
    """
    words = line.split()
    if len(words) != 13:
        raise InputError(f"holds {len(words)} fields", code="sunrgbd-label", limit="13")
    try:
        v = fields.row([float(w) for w in words[1:]], 12, "label")
    except ValueError:
        raise InputError("holds text for a number", code="box-type", field="label") from None
    across, along, high = v[7:10]
    heading = np.arctan2(v[11], v[10])
    return words[0], Box3D(v[4:7], 2 * np.array([along, across, high]), axis_rotation(2, heading))


# -- pictures -----------------------------------------------------------------------------


def load(info: Info, folder: Any) -> tuple[RGBD, Scene]:
    """The picture with sparse depth from its points, and the boxes in its camera frame.

    Files are looked for under their path in the info, then by their name alone.
    """
    photo = images.read(_file(folder, info.image))
    if photo.size != (info.camera.width, info.camera.height):
        raise InputError(
            f"is {photo.size}, the info says {(info.camera.width, info.camera.height)}",
            code="image-size",
            file=info.image,
        )
    points = read_points(_file(folder, info.points))
    depth = splat(info.upright_from_camera.inverse().apply(points[:, :3]), info.camera)
    up = info.upright_from_camera.rotation[2]
    view = RGBD(photo.pixels, info.camera, depth, "sensor", up=up, up_source="sensor")
    return view, info.grounded().scene


def _file(folder: Any, name: str) -> Path:
    from n3d.sources.placing import inside

    path = inside(Path(folder), name)
    return path if path.is_file() else Path(folder) / path.name


def read_points(path: Any) -> np.ndarray:
    """Points (n, 6) float32 of a .bin file: x, y, z upright, then r, g, b."""
    data = files.read_bytes(path)
    if len(data) % (4 * POINT_COLUMNS):
        raise InputError(
            f"holds {len(data)} bytes, no whole number of points", code="points-shape", file=path
        )
    return np.frombuffer(data, np.float32).reshape(-1, POINT_COLUMNS)


def splat(points: np.ndarray, camera: Camera) -> np.ndarray:
    """z-depth (h, w) float32 of camera-frame points, the nearest where several fall on a pixel."""
    z = points[:, 2]
    uv = np.floor(camera.project(points))
    inside = (uv >= 0).all(axis=1) & (uv < [camera.width, camera.height]).all(axis=1) & (z > 0)
    columns, rows = uv[inside].astype(int).T
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    np.minimum.at(depth, (rows, columns), z[inside].astype(np.float32))
    depth[np.isinf(depth)] = 0
    return depth
