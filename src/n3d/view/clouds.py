"""Points and boxes as PLY and GLB files for other programs.

PLY keeps the OpenCV camera frame (x right, y down, z forward). glTF is y-up with the camera
looking along -z: GLB files are turned half a turn about x, and levelled where `up` is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import ConfigError, InputError
from n3d.geometry import FACES, Box3D, upright
from n3d.scene import RGBD, Object3D
from n3d.view import palette

NOTHING = (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8))
GLTF_FROM_CAMERA = np.diag([1.0, -1.0, -1.0])


def of_view(view: RGBD, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) float32 and colours (n, 3) uint8 of a view; none where it has no depth.

    More than `most` points are thinned evenly over the image, the same way every time.
    """
    if view.depth is None:
        return NOTHING
    points = view.points
    xyz, rgb = points.points(), view.image[points.valid]
    if most is not None and len(xyz) > most:
        # A shuffled subset: a regular stride would show as stripes.
        chosen = np.sort(np.random.default_rng(0).choice(len(xyz), most, replace=False))
        xyz, rgb = xyz[chosen], rgb[chosen]
    return np.ascontiguousarray(xyz), np.ascontiguousarray(rgb)


def _gather(points, colours, boxes) -> tuple[np.ndarray, np.ndarray, Box3D]:
    if isinstance(points, RGBD):
        xyz, rgb = of_view(points)
    elif points is None:
        xyz, rgb = NOTHING
    else:
        xyz = np.asarray(points, np.float32)
        if xyz.ndim != 2 or xyz.shape[1] != 3 or not np.isfinite(xyz).all():
            raise InputError(
                f"points must be finite with shape (n, 3), got {xyz.shape}",
                code="points-shape",
                field="points",
            )
        rgb = np.full(xyz.shape, 160, np.uint8) if colours is None else np.asarray(colours)
        if rgb.shape != xyz.shape or rgb.dtype != np.uint8:
            raise InputError(
                f"colours must be {xyz.shape} uint8, got {rgb.shape} {rgb.dtype}",
                code="colours-shape",
                field="colours",
            )
    stacked = stack(boxes)
    if len(xyz) == 0 and len(stacked) == 0:
        raise InputError("no points and no boxes to write", code="points-empty", field="points")
    return xyz, rgb, stacked


def stack(boxes: Box3D | Sequence[Object3D] | None) -> Box3D:
    """The boxes of objects, or boxes, as a stack (n,)."""
    if boxes is None:
        return Box3D.stack([])
    if isinstance(boxes, Box3D):
        return boxes if boxes.shape else Box3D.stack([boxes])
    return Box3D.stack(o.box for o in boxes)


def save(path: Path, data: bytes) -> None:
    """Write a file; InputError where its folder does not let itself be written."""
    try:
        path.write_bytes(data)
    except OSError as e:
        raise InputError(
            f"cannot be written: {e.strerror or e}", code="file-write", file=path
        ) from None


def ply(
    path,
    points: RGBD | np.ndarray | None = None,
    *,
    colours=None,
    boxes: Box3D | Sequence[Object3D] | None = None,
) -> Path:
    """Write a binary PLY of points (an RGBD or (n, 3)) and of boxes as bars along their edges.

    Points are vertices without faces; the vertices and triangles of the bars follow them, so
    that programs for points and for meshes both read the file. Bars lie inside their box.
    Metres, OpenCV camera frame.
    """
    xyz, rgb, stacked = _gather(points, colours, boxes)
    solids = [bars(box) for box in stacked]
    corners = [Box3D.stack(solid).corners.reshape(-1, 3) for solid in solids]
    each = len(corners[0]) if corners else 0
    ink = np.array([palette.of_index(i) for i in range(len(stacked))], np.uint8).reshape(-1, 3)
    vertices = _columns(
        _VERTEX,
        np.concatenate([xyz, *corners]).T,
        np.concatenate([rgb, np.repeat(ink, each, axis=0)]).T,
    )
    triangles = len(xyz) + 8 * np.arange(len(stacked) * each // 8)[:, None, None] + _TRIANGLES
    faces = np.zeros(triangles.size // 3, _FACE)
    faces["count"], faces["vertices"] = 3, triangles.reshape(-1, 3)
    path = Path(path)
    head = _header(len(vertices), len(faces)).encode("ascii")
    save(path, head + vertices.tobytes() + faces.tobytes())
    return path


_VERTEX = np.dtype([(n, "<f4") for n in "xyz"] + [(n, "u1") for n in ("red", "green", "blue")])
_FACE = np.dtype([("count", "u1"), ("vertices", "<i4", (3,))])
_LOOPS = np.array(FACES)
_TRIANGLES = np.concatenate([_LOOPS[:, [0, 1, 2]], _LOOPS[:, [0, 2, 3]]])


def _columns(kind: np.dtype, *groups: np.ndarray) -> np.ndarray:
    """Rows of a structured type from its columns."""
    columns = [column for group in groups for column in group]
    rows = np.zeros(len(columns[0]), kind)
    for name, column in zip(kind.names or (), columns):
        rows[name] = column
    return rows


def _header(vertices: int, faces: int) -> str:
    lines = ["ply", "format binary_little_endian 1.0"]
    lines.append("comment metres, OpenCV camera frame: x right, y down, z forward")
    lines.append(f"element vertex {vertices}")
    lines += [f"property float {n}" for n in "xyz"]
    lines += [f"property uchar {n}" for n in ("red", "green", "blue")]
    if faces:
        lines += [f"element face {faces}", "property list uchar int vertex_indices"]
    return "\n".join([*lines, "end_header", ""])


def glb(
    path,
    points: RGBD | np.ndarray | None = None,
    *,
    colours=None,
    boxes: Box3D | Sequence[Object3D] | None = None,
    up=None,
    fill: float = 0.2,
) -> Path:
    """Write a binary glTF of points and boxes (bars along the edges, translucent faces).

    glTF's frame is y up, -z forward: (x, y, z) becomes (x, -y, -z). With `up`, against gravity
    in the camera frame, it is turned further so that +y is up. Bars lie inside their box, so
    that its extents are exact. Objects keep their label as the name of their node. Needs
    trimesh (`pip install "n3d[mesh]"`).
    """
    trimesh = _trimesh()
    xyz, rgb, stacked = _gather(points, colours, boxes)
    turn = GLTF_FROM_CAMERA if up is None else GLTF_FROM_CAMERA @ upright(up).T
    scene = trimesh.Scene()
    if len(xyz):
        alpha = np.full((len(xyz), 1), 255, np.uint8)
        moved = xyz.astype(float) @ turn.T
        cloud = trimesh.PointCloud(moved, colors=np.concatenate([rgb, alpha], axis=1))
        scene.add_geometry(cloud, node_name="points", geom_name="points")
    for i, box in enumerate(stacked):
        label = "box" if boxes is None or isinstance(boxes, Box3D) else boxes[i].label
        moved = Box3D(turn @ box.center, box.size, turn @ np.asarray(box.rotation))
        colour = palette.of_index(i)
        solids = [("edges", Box3D.stack(bars(moved)), 1.0)]
        if fill > 0:
            solids.append(("faces", Box3D.stack([moved]), fill))
        for part, solid, alpha in solids:
            name = f"bbox_{i} {label} {part}"
            scene.add_geometry(_mesh(trimesh, solid, colour, alpha), node_name=name, geom_name=name)
    path = Path(path)
    data = scene.export(file_type="glb")
    assert isinstance(data, bytes)
    save(path, data)
    return path


def _trimesh() -> Any:
    try:
        import trimesh
    except ImportError:
        raise ConfigError(
            "GLB files need trimesh", code="extra-missing", hint='pip install "n3d[mesh]"'
        ) from None
    return trimesh


def bars(box: Box3D, share: float = 0.02) -> list[Box3D]:
    """Twelve thin boxes along the edges of one box, inside it."""
    thick = min(share * float(np.cbrt(box.volume)), 0.3 * float(box.size.min()))
    out = []
    for axis in range(3):
        size = np.full(3, thick)
        size[axis] = box.size[axis]
        for signs in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            offset = np.zeros(3)
            others = [k for k in range(3) if k != axis]
            offset[others] = np.array(signs) * (box.size[others] - thick) / 2
            center = box.center + np.asarray(box.rotation) @ offset
            out.append(Box3D(center, size, box.rotation))
    return out


def _mesh(trimesh: Any, solids: Box3D, colour: palette.Colour, alpha: float) -> Any:
    """Boxes (n,) as one mesh with a plain material."""
    # A face has corners of its own: shared ones would be shaded round.
    corners = solids.corners[:, _TRIANGLES].reshape(-1, 3)
    material = trimesh.visual.material.PBRMaterial(
        baseColorFactor=[*colour, round(255 * alpha)],
        alphaMode="OPAQUE" if alpha >= 1 else "BLEND",
        doubleSided=True,
        metallicFactor=0.0,
        roughnessFactor=0.9,
    )
    mesh = trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)
    mesh.visual = trimesh.visual.TextureVisuals(material=material)
    return mesh
