"""The RGB-D vision-language model: stock Qwen2.5-VL or Qwen3-VL plus the 3D points of its patches.

`load` reads a directory or hub name and returns a `SpatialModel`. Importing this room is light;
torch and transformers are loaded when a name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from n3d.model.loading import load as load
    from n3d.model.processing import N3DProcessor as N3DProcessor
    from n3d.model.spatial import SpatialModel as SpatialModel

_HOMES = {
    "load": "n3d.model.loading",
    "N3DProcessor": "n3d.model.processing",
    "SpatialModel": "n3d.model.spatial",
}

__all__ = ["N3DProcessor", "SpatialModel", "load"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'n3d.model' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
