"""What can be said about how a noun is drawn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from n3d.errors import ConfigError
from n3d.scene import RGBD
from n3d.view import boxes


@dataclass(frozen=True)
class DrawOptions:
    """What `draw` can be told.

    `view` is the RGBD that boxes are painted on; without it a scene is drawn from above.
    `size` is the longer side of the image part in pixels (default: the image's own, within
    1000 to 2000); `magnify` makes lines and text on it larger. `layout` puts the caption
    "under" or "beside" the image, or decides ("auto").
    `masks` adds the objects' 2D masks, `measures` the lengths of the trace as dimension lines,
    `gravity` the axes of the gravity frame, `plan` the scene from above. `near` and `far` are
    the ends of the depth colours in metres. The others are those of `boxes.BoxStyle`.
    """

    view: RGBD | None = None
    size: int | None = None
    magnify: float = 1.0
    layout: str = "auto"
    caption: bool = True
    most_steps: int = 10
    masks: bool = False
    measures: bool = True
    gravity: bool = False
    plan: bool = False
    near: float | None = None
    far: float | None = None
    labels: bool = True
    numbers: bool | None = None
    ids: bool = False
    scores: bool = False
    sizes: bool = False
    distances: bool = False
    colour_by: str = "index"
    fill: float = 0.12

    def __post_init__(self) -> None:
        if self.view is not None and not isinstance(self.view, RGBD):
            raise ConfigError(
                f"must be an RGBD, got {type(self.view).__name__}", code="view-option", field="view"
            )
        if self.layout not in ("auto", "under", "beside"):
            raise ConfigError(
                f"unknown {self.layout!r}",
                code="view-option",
                field="layout",
                limit="'auto', 'under' or 'beside'",
            )
        if self.size is not None and not 16 <= self.size <= 16384:
            raise ConfigError(
                f"is {self.size}", code="view-option", field="size", limit="16 to 16384"
            )

        if not 0.1 <= self.magnify <= 10:
            raise ConfigError(
                f"is {self.magnify}", code="view-option", field="magnify", limit="0.1 to 10"
            )

    def style(self, scale: float, *, numbers: bool, emphasis=None) -> boxes.BoxStyle:
        """The box style these options ask for."""
        shared = {f.name for f in fields(boxes.BoxStyle)} & {f.name for f in fields(self)}
        values = {name: getattr(self, name) for name in shared - {"numbers"}}
        chosen = numbers if self.numbers is None else self.numbers
        return boxes.BoxStyle(scale=scale, numbers=chosen, emphasis=emphasis, **values)


def read(given: dict[str, Any]) -> DrawOptions:
    """The options of a call; ConfigError for a name that does not exist."""
    known = {f.name for f in fields(DrawOptions)}
    for name in given:
        if name not in known:
            raise ConfigError(
                "unknown option", code="view-option", field=name, limit=", ".join(sorted(known))
            )
    return DrawOptions(**given)
