"""Ground words to metric 3D boxes in RGB-D pictures; reason over them in steps that run again.

    import n3d

    view = n3d.read_rgbd("desk.jpg", depth="desk.png", camera="camera.json")
    regions = n3d.read_regions("regions.json", view)
    answer = n3d.answer(view, "How far is the mug from the lamp?", regions=regions)
    print(answer.text, answer.check.agrees)
    n3d.draw(answer, view=view).save("answer.png")

Importing n3d is light; each name below loads its room when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "answer": "n3d.pipelines.answering",
    "Box3D": "n3d.geometry",
    "Camera": "n3d.geometry",
    "draw": "n3d.view",
    "iou": "n3d.geometry.overlap",
    "load": "n3d.model",
    "lift_view": "n3d.lift",
    "N3DError": "n3d.errors",
    "PointMap": "n3d.geometry",
    "Pose": "n3d.geometry",
    "read_regions": "n3d.pipelines.answering",
    "read_rgbd": "n3d.sources",
    "Region": "n3d.scene",
    "RGBD": "n3d.scene",
    "Scene": "n3d.scene",
}

__all__ = [
    "RGBD",
    "Box3D",
    "Camera",
    "N3DError",
    "PointMap",
    "Pose",
    "Region",
    "Scene",
    "__version__",
    "answer",
    "draw",
    "iou",
    "lift_view",
    "load",
    "read_regions",
    "read_rgbd",
]

if TYPE_CHECKING:
    from n3d.errors import N3DError as N3DError
    from n3d.geometry import Box3D as Box3D
    from n3d.geometry import Camera as Camera
    from n3d.geometry import PointMap as PointMap
    from n3d.geometry import Pose as Pose
    from n3d.geometry.overlap import iou as iou
    from n3d.lift import lift_view as lift_view
    from n3d.model import load as load
    from n3d.pipelines.answering import answer as answer
    from n3d.pipelines.answering import read_regions as read_regions
    from n3d.scene import RGBD as RGBD
    from n3d.scene import Region as Region
    from n3d.scene import Scene as Scene
    from n3d.sources import read_rgbd as read_rgbd
    from n3d.view import draw as draw


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'n3d' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def _register_notebook_pictures() -> None:
    """Show nouns as pictures in a running notebook, without importing them now."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return

    def png(noun: Any) -> Any:
        from n3d import view

        return view.notebook_png(noun)

    formatter = shell.display_formatter.formatters["image/png"]
    for module, noun in (
        ("n3d.scene.pictures", "RGBD"),
        ("n3d.scene.pictures", "Picture"),
        ("n3d.scene.objects", "Scene"),
        ("n3d.scene.traces", "Prediction"),
    ):
        formatter.for_type_by_name(module, noun, png)


_register_notebook_pictures()
