"""Points of a 2D region become a metric oriented 3D box: segment, clean, fit, gate, score."""

from n3d.lift import gravity
from n3d.lift.config import LiftConfig
from n3d.lift.rectangles import segment_rectangle
from n3d.lift.refining import RefineConfig, refine
from n3d.lift.views import Lifted, boxless, lift_pictures, lift_view, to_scene

__all__ = [
    "LiftConfig",
    "Lifted",
    "RefineConfig",
    "boxless",
    "gravity",
    "lift_pictures",
    "lift_view",
    "refine",
    "segment_rectangle",
    "to_scene",
]
