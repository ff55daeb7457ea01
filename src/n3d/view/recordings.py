"""Recordings for the Rerun viewer: the picture, its depth, camera and points, and the boxes.

The frame is the OpenCV camera's, metres; `scene` says which way is up only where the picture does.
Recordings are for looking: other versions of the viewer may refuse them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from n3d.errors import ConfigError
from n3d.geometry import Box3D
from n3d.scene import RGBD, Object3D
from n3d.view import clouds, palette

SPREAD = 0.2
"""How far before the eye the picture hangs in space, metres."""


def rrd(
    path: Any,
    view: RGBD,
    *,
    boxes: Box3D | Sequence[Object3D] | None = None,
    most_points: int | None = None,
) -> Path:
    """Write a recording (.rrd) of a view and of oriented boxes with their labels.

    `scene/camera` holds the pinhole and, in it, `image`; `scene/points` the depth as coloured
    points, thinned to `most_points`; `scene/boxes` the boxes; `scene/up` gravity, an arrow of
    1 m; `depth` the depth as a picture. Needs the Rerun SDK (`pip install "n3d[rerun]"`).
    """
    rerun = _rerun()
    recording = rerun.RecordingStream("n3d", send_properties=False)
    stream = recording.binary_stream()
    for name, what in _parts(rerun, view, boxes, most_points):
        recording.log(name, what, static=True)
    path = Path(path)
    data = stream.read()
    recording.disconnect()
    clouds.save(path, data)
    return path


def _parts(rerun: Any, view: RGBD, boxes: Any, most: int | None) -> list[tuple[str, Any]]:
    c = view.camera
    matrix = np.array([[c.fx, 0, c.cx], [0, c.fy, c.cy], [0, 0, 1]])
    frame = rerun.components.ViewCoordinates.RDF
    parts = [
        ("scene", rerun.ViewCoordinates(frame)),
        ("scene/camera", rerun.Pinhole(
            image_from_camera=matrix, resolution=[c.width, c.height], camera_xyz=frame,
            image_plane_distance=SPREAD)),
        ("scene/camera/image", rerun.Image(view.image)),
    ]  # fmt: skip
    if view.depth is not None:
        xyz, rgb = clouds.of_view(view, most)
        parts.append(("depth", rerun.DepthImage(np.asarray(view.depth, np.float32), meter=1.0)))
        parts.append(("scene/points", rerun.Points3D(xyz, colors=rgb)))
    if view.up is not None:
        parts.append(("scene/up", rerun.Arrows3D(vectors=[view.up], origins=[[0, 0, 0]])))
    stack = clouds.stack(boxes)
    if len(stack):
        parts.append(("scene/boxes", _boxes(rerun, stack, boxes)))
    return parts


def _boxes(rerun: Any, stack: Box3D, boxes: Any) -> Any:
    labels = None if isinstance(boxes, Box3D) else [o.label for o in boxes]
    turned = Rotation.from_matrix(np.asarray(stack.rotation)).as_quat()  # x y z w, as Rerun's
    return rerun.Boxes3D(
        centers=stack.center,
        half_sizes=np.asarray(stack.size) / 2,
        quaternions=turned,
        colors=[palette.of_index(i) for i in range(len(stack))],
        labels=labels,
    )


def _rerun() -> Any:
    try:
        import rerun  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            "recordings need the Rerun SDK", code="extra-missing", hint='pip install "n3d[rerun]"'
        ) from None
    return rerun
