"""Grounders that need no model: 2D regions that somebody else found, lifted on demand."""

from __future__ import annotations

from collections.abc import Sequence

from n3d import lift
from n3d.reason import labels
from n3d.scene import RGBD, Drop, Object3D, Region


class RegionGrounder:
    """Grounds phrases by lifting the given 2D regions whose labels they name.

    Stands in for a model behind the same `Grounder` protocol. `drops` holds the regions that
    the last call could not lift, each with its reason.
    """

    def __init__(self, regions: Sequence[Region], config: lift.LiftConfig | None = None) -> None:
        self.regions = tuple(regions)
        self.config = config or lift.LiftConfig()
        self.drops: tuple[Drop, ...] = ()

    def ground(self, view: RGBD, names: Sequence[str]) -> list[Object3D]:
        """The lifted objects of the regions that the names match, in the regions' order."""
        named = [r for r in self.regions if any(labels.match(r.label, name) for name in names)]
        return self._lift(view, named)

    def detect(self, view: RGBD) -> list[Object3D]:
        """All regions, lifted."""
        return self._lift(view, self.regions)

    def _lift(self, view: RGBD, regions: Sequence[Region]) -> list[Object3D]:
        lifted = lift.lift_view(view, regions, self.config)
        self.drops = lifted.drops
        return list(lifted.objects)
