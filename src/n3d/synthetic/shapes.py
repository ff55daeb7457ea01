"""Composite shapes in their own frame, and the tight box around them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from n3d.synthetic import primitives as solids
from n3d.synthetic.primitives import Primitives

RGB = tuple[float, float, float]

_STRAIGHT = np.eye(3)


@dataclass(frozen=True)
class Surface:
    """A flat place on a shape where others can stand, free of the shape's own parts above.

    Centre `x`, `z` and extents `width`, `depth` in the shape's frame; `height` above its base;
    `clearance` is the free height above.
    """

    x: float
    z: float
    width: float
    depth: float
    height: float
    clearance: float = np.inf


@dataclass(frozen=True, eq=False)
class Template:
    """A finished shape: its solids around the centre of its base, right, down, forward.

    `size` (width, height, depth) is the exact extent of the solids: they reach every face of
    the box that spans [-w/2, w/2] x [-h, 0] x [-d/2, d/2].
    """

    solids: Primitives
    size: np.ndarray
    surfaces: tuple[Surface, ...]


@dataclass
class Paint:
    """Colour of a part: sRGB `color`, and `accent` laid over it in a pattern of some period."""

    color: RGB
    accent: RGB | None = None
    pattern: int = solids.PLAIN
    period: float = 0.1


@dataclass
class Shape:
    """Collects the solids of a composite.

    x is right, z forward, and heights are counted upwards from the base: `y` is where a part
    begins. `main` is the paint that names the object's colour.
    """

    main: Paint
    trim: Paint
    rows: list[tuple] = field(default_factory=list)
    surfaces: list[Surface] = field(default_factory=list)

    def box(self, x, y, z, w, h, d, paint: Paint | None = None, turn=None) -> None:
        """A cuboid of width w, height h and depth d, turned about its centre."""
        self._add(solids.BOX, x, y, z, w, h, d, paint, turn, (1.0, 1.0), 3)

    def ball(self, x, y, z, w, h, d, paint: Paint | None = None, turn=None) -> None:
        """An ellipsoid in the same box."""
        self._add(solids.ELLIPSOID, x, y, z, w, h, d, paint, turn, (1.0, 1.0), 3)

    def tube(
        self, x, y, z, w, h, d, paint: Paint | None = None, turn=None, *, top=1.0, bottom=1.0,
        caps: int = solids.CAP_TOP | solids.CAP_BOTTOM,
    ) -> None:  # fmt: skip
        """A cylinder or frustum in the same box; `caps` says which ends are closed."""
        self._add(solids.FRUSTUM, x, y, z, w, h, d, paint, turn, (top, bottom), caps)

    def plane(self, x, y, z, turn: np.ndarray, paint: Paint | None = None) -> None:
        """An endless plane through a point; `turn` has its normal as -y column."""
        self._add(solids.PLANE, x, y - 0.5, z, 1, 1, 1, paint, turn, (1.0, 1.0), 3)

    def stand(self, x, z, width, depth, height, clearance=np.inf) -> None:
        """Declare a flat free place; one that is too small to use is ignored."""
        if width > 0.05 and depth > 0.05 and clearance > 0.05:
            self.surfaces.append(Surface(x, z, width, depth, height, clearance))

    def _add(self, kind, x, y, z, w, h, d, paint, turn, ends, caps) -> None:
        p = paint or self.main
        center, turn = (x, -(y + h / 2), z), _STRAIGHT if turn is None else turn
        look = (p.color, p.accent or p.color, p.pattern, p.period)
        self.rows.append((kind, center, (w, h, d), turn, ends, caps, 0, *look))

    def finish(self) -> Template:
        """The shape moved onto its base centre, with its exact extents."""
        raw = Primitives.from_rows(self.rows)
        low, high = raw.extents()
        low, high = low.min(axis=0), high.max(axis=0)
        shift = np.array([-(low[0] + high[0]) / 2, -high[1], -(low[2] + high[2]) / 2])
        surfaces = tuple(
            Surface(
                s.x + shift[0], s.z + shift[2], s.width, s.depth, s.height - shift[1], s.clearance
            )
            for s in self.surfaces
        )
        return Template(raw.moved(shift), high - low, surfaces)
