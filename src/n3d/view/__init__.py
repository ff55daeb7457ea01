"""Nouns as pictures, pages and models of points: everyone draws through this room.

    image = view.draw(prediction, view=rgbd)
    view.html(scene, "scene.html", view=rgbd)
    view.ply("points.ply", rgbd)

Importing it is light; each name loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "album": "n3d.view.albums",
    "draw": "n3d.view.drawing",
    "DrawOptions": "n3d.view.options",
    "Figure": "n3d.view.albums",
    "glb": "n3d.view.clouds",
    "html": "n3d.view.pages",
    "notebook_png": "n3d.view.drawing",
    "ply": "n3d.view.clouds",
    "rrd": "n3d.view.recordings",
    "Section": "n3d.view.albums",
    "sheet": "n3d.view.sheets",
}
_MODULES = ("boxes", "depth", "labels", "measures", "palette", "panel", "plan", "regions")

__all__ = [
    "DrawOptions",
    "Figure",
    "Section",
    "album",
    "boxes",
    "depth",
    "draw",
    "glb",
    "html",
    "labels",
    "measures",
    "notebook_png",
    "palette",
    "panel",
    "plan",
    "ply",
    "regions",
    "rrd",
    "sheet",
]

if TYPE_CHECKING:
    from n3d.view import boxes as boxes
    from n3d.view import depth as depth
    from n3d.view import labels as labels
    from n3d.view import measures as measures
    from n3d.view import palette as palette
    from n3d.view import panel as panel
    from n3d.view import plan as plan
    from n3d.view import regions as regions
    from n3d.view.albums import Figure as Figure
    from n3d.view.albums import Section as Section
    from n3d.view.albums import album as album
    from n3d.view.clouds import glb as glb
    from n3d.view.clouds import ply as ply
    from n3d.view.drawing import draw as draw
    from n3d.view.drawing import notebook_png as notebook_png
    from n3d.view.options import DrawOptions as DrawOptions
    from n3d.view.pages import html as html
    from n3d.view.recordings import rrd as rrd
    from n3d.view.sheets import sheet as sheet


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"n3d.view.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'n3d.view' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
