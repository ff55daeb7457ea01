"""Cameras, poses, point maps, boxes and exact overlap: numbers without words or files."""

from n3d.geometry import overlap
from n3d.geometry.box import Box3D
from n3d.geometry.camera import Camera
from n3d.geometry.corners import CORNER_ORDER, CORNER_SIGNS, EDGES, FACES
from n3d.geometry.pointmap import PointMap
from n3d.geometry.pose import Pose, axis_rotation, euler, upright

__all__ = [
    "CORNER_ORDER",
    "CORNER_SIGNS",
    "EDGES",
    "FACES",
    "Box3D",
    "Camera",
    "PointMap",
    "Pose",
    "axis_rotation",
    "euler",
    "overlap",
    "upright",
]
