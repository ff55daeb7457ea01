"""Objects made by hand."""

from __future__ import annotations

from n3d.geometry import Box3D
from n3d.scene import Object3D
from n3d.synthetic import SceneConfig

SMALL = SceneConfig(width=160, height=120)


def thing(label, center, size=(0.4, 0.4, 0.4), yaw=0.0, **fields) -> Object3D:
    box = Box3D.from_euler(center, size, yaw)
    return Object3D(fields.pop("id", label), label, box, **fields)
