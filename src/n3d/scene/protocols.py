"""The seams: what a grounder and a depth expert must offer, whoever makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from n3d.geometry import Camera
from n3d.scene.objects import Object3D
from n3d.scene.pictures import RGBD


@runtime_checkable
class Grounder(Protocol):
    """Finds objects in a view and returns them with metric boxes in its camera frame."""

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """The objects that the phrases name; a phrase that matches nothing adds nothing."""
        ...

    def detect(self, view: RGBD) -> list[Object3D]:
        """All objects that can be found."""
        ...


@dataclass(frozen=True, eq=False)
class DepthEstimate:
    """What a depth expert returns: z-depth (h, w), 0 invalid; a camera if it predicts one."""

    depth: np.ndarray
    camera: Camera | None
    metric: bool
    source: str
    scale_sigma: float = 0.0


@runtime_checkable
class DepthExpert(Protocol):
    """Estimates depth from a colour image."""

    def estimate(self, image: np.ndarray, camera: Camera | None = None) -> DepthEstimate: ...
