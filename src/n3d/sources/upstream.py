"""Files of the released N3D-VLM: point maps (x left, y up, K normalised) and boxes as text.

The text itself is read and written by `n3d.language.upstream`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from n3d.errors import InputError, printable
from n3d.geometry import Camera
from n3d.language import upstream as dialect
from n3d.scene import RGBD, Drop, Scene
from n3d.sources import files, grounded
from n3d.sources.grounded import Grounded

LONG_SIDE = 640


def depth_of_points(points: np.ndarray, file: Any = None) -> np.ndarray:
    """z-depth (h, w) float32 of a point map (h, w, 4) = x, y, z, mask; 0 where mask is 0."""
    if points.ndim != 3 or points.shape[2] != 4 or points.dtype.kind != "f":
        raise InputError(
            f"pcd must be (h, w, 4) floats, got {points.shape} {points.dtype}",
            code="points-shape",
            file=file,
            field="pcd",
        )
    z = points[..., 2].astype(np.float32)
    return np.where((points[..., 3] > 0) & np.isfinite(z), z, np.float32(0))


def resized(width: int, height: int) -> tuple[int, int]:
    """The size with a long side of 640 pixels, the other side cut to a whole number."""
    short = max(1, min(width, height) * LONG_SIDE // max(width, height))
    return (LONG_SIDE, short) if width >= height else (short, LONG_SIDE)


def points_of(view: RGBD) -> tuple[np.ndarray, Camera]:
    """The point map (h, w, 4) float16 that the released model reads, and its camera.

    Invalid points are inf with mask 0, as are depths that float16 cannot hold; depth is
    brought to the size of `resized` by nearest neighbour. Raises InputError without depth.
    """
    if view.depth is None:
        raise InputError("the view has no depth", code="depth-missing", field="depth")
    width, height = resized(view.width, view.height)
    rows = ((np.arange(height) + 0.5) * view.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * view.width / width).astype(int)
    camera = view.camera.resize(width, height)
    return dialect.point_map(camera.unproject(view.depth[rows[:, None], columns])), camera


def write_points(path: Any, view: RGBD) -> None:
    """Write the npz file of `points_of` with the normalised K."""
    points, camera = points_of(view)
    data = io.BytesIO()
    np.savez_compressed(data, pcd=points, intr=normalised(camera))
    files.write_bytes(path, data.getvalue())


def normalised(camera: Camera) -> np.ndarray:
    """K (3, 3) float32 with the first row over the width and the second over the height."""
    k = camera.matrix
    k[0] /= camera.width
    k[1] /= camera.height
    return k.astype(np.float32)


# -- boxes as text ------------------------------------------------------------------------


def read(path: Any, *, camera: Camera | None = None, **_: Any) -> Iterator[Grounded | Drop]:
    """One scene of lines `bbox_0=Bbox(label,u,v,z,0.0,sx,sy,sz)` in metres; needs the camera."""
    parsed = dialect.read_metric(files.read_text(path), _camera(camera))
    for index, fault in enumerate(parsed.faults):
        yield Drop(f"upstream:@{index}", fault.kind, f"{printable(path)}: {fault}")
    scene = Scene("upstream", "upstream", tuple(parsed.items), source="upstream")
    yield Grounded(scene, camera)


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write the boxes of one scene as their camera-aligned hulls, with a warning if they turn."""
    item = grounded.single(items, "upstream")
    turned = 0
    for thing in item.scene.objects:
        assert thing.box.rotation is not None
        turned += not np.allclose(thing.box.canonical().rotation, np.eye(3), rtol=0, atol=1e-3)
    if turned:
        grounded.warn_lost("upstream", f"the rotation of {turned} boxes (their hulls are written)")
    text = dialect.write_metric(item.scene.objects, _camera(item.camera), hull=True)
    files.write_text(path, text)


def _camera(camera: Camera | None) -> Camera:
    if camera is None:
        raise InputError(
            "upstream boxes need a camera",
            code="convert-camera",
            field="camera",
            hint="Give it with --camera",
        )
    return camera
