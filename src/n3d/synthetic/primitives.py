"""Solids that can be ray-cast exactly: oriented boxes, ellipsoids, elliptic frusta, planes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from n3d.errors import GeometryError
from n3d.geometry import Pose
from n3d.geometry.pose import checked_rotation

BOX, ELLIPSOID, FRUSTUM, PLANE = 0, 1, 2, 3
CAP_TOP, CAP_BOTTOM = 1, 2
PLAIN, CHECKER, STRIPES, MOTTLED, PLANKS, GLOW = 0, 1, 2, 3, 4, 5
BACKGROUND = -1

_GREY = (0.6, 0.6, 0.6)
# Name of each per-primitive array, its trailing shape and dtype.
_LAYOUT = {
    "kind": ((), np.int32),
    "center": ((3,), np.float64),
    "size": ((3,), np.float64),
    "rotation": ((3, 3), np.float64),
    "ends": ((2,), np.float64),
    "caps": ((), np.int32),
    "object_id": ((), np.int32),
    "color": ((3,), np.float64),
    "accent": ((3,), np.float64),
    "pattern": ((), np.int32),
    "period": ((), np.float64),
}


@dataclass(frozen=True, eq=False)
class Primitives:
    """n solids, one per row of every array.

    `center` (n, 3), full `size` (n, 3) along the own axes, `rotation` (n, 3, 3) own axes to
    frame. A frustum stands along its own y axis (down): `ends` (n, 2) are its radii at the
    top (-y) and bottom (+y) as shares of half the size in x and z, and `caps` says which ends
    are closed. A plane passes through `center` with the own -y axis as normal; its size is
    ignored. `object_id` is -1 for what belongs to no object. `color` and `accent` are sRGB in
    [0, 1]; `pattern` and its `period` in metres say how a renderer mixes them.
    """

    kind: np.ndarray
    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    ends: np.ndarray
    caps: np.ndarray
    object_id: np.ndarray
    color: np.ndarray
    accent: np.ndarray
    pattern: np.ndarray
    period: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.kind)
        for name, (tail, dtype) in _LAYOUT.items():
            # A copy: the kernels refuse read-only arrays, such as broadcast ones.
            value = np.array(getattr(self, name), dtype, order="C")
            if value.shape != (n, *tail):
                raise GeometryError(
                    f"has shape {value.shape}, expected {(n, *tail)}",
                    code="primitive-shape",
                    field=name,
                )
            object.__setattr__(self, name, value)
        for name in ("center", "size", "ends"):
            if not np.isfinite(getattr(self, name)).all():
                raise GeometryError("must be finite", code="primitive-not-finite", field=name)
        if (self.size <= 0).any() or (self.ends < 0).any():
            raise GeometryError("sizes must be positive", code="primitive-size", field="size")

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index) -> Primitives:
        """The rows that a slice, a bool mask or an index array picks."""
        return self._with(**{name: getattr(self, name)[index] for name in _LAYOUT})

    def _with(self, **changed: np.ndarray) -> Primitives:
        """Other arrays in place of some; they come from arrays that have been checked."""
        out = object.__new__(Primitives)
        for name, (_, dtype) in _LAYOUT.items():
            value = changed.get(name)
            value = getattr(self, name) if value is None else np.ascontiguousarray(value, dtype)
            object.__setattr__(out, name, value)
        return out

    # -- makers ---------------------------------------------------------------------------

    @classmethod
    def _one(cls, kind, center, size, rotation, object_id, color, **more) -> Primitives:
        rotation = np.eye(3) if rotation is None else checked_rotation(rotation)
        values = {
            "kind": kind,
            "center": center,
            "size": np.broadcast_to(np.asarray(size, float), (3,)),
            "rotation": rotation,
            "ends": (1.0, 1.0),
            "caps": CAP_TOP | CAP_BOTTOM,
            "object_id": object_id,
            "color": color,
            "accent": color,
            "pattern": PLAIN,
            "period": 0.2,
            **more,
        }
        return cls(**{name: np.asarray(value)[None] for name, value in values.items()})

    @classmethod
    def box(
        cls, center, size, rotation=None, object_id: int = BACKGROUND, color=_GREY, **surface
    ) -> Primitives:
        """A cuboid of full `size` along its own axes."""
        return cls._one(BOX, center, size, rotation, object_id, color, **surface)

    @classmethod
    def ellipsoid(
        cls, center, size, rotation=None, object_id: int = BACKGROUND, color=_GREY, **surface
    ) -> Primitives:
        """An ellipsoid of full axis lengths `size`; one number makes a ball."""
        return cls._one(ELLIPSOID, center, size, rotation, object_id, color, **surface)

    @classmethod
    def frustum(
        cls,
        center,
        size,
        rotation=None,
        object_id: int = BACKGROUND,
        color=_GREY,
        *,
        top: float = 1.0,
        bottom: float = 1.0,
        closed_top: bool = True,
        closed_bottom: bool = True,
        **surface,
    ) -> Primitives:
        """A round solid along its own y axis: a cylinder, or a cone where `top` is 0.

        `size` is (width, height, depth); `top` and `bottom` are the radii as shares of it. An
        end that is not closed shows the inside.
        """
        return cls._one(
            FRUSTUM,
            center,
            size,
            rotation,
            object_id,
            color,
            ends=(top, bottom),
            caps=CAP_TOP * closed_top | CAP_BOTTOM * closed_bottom,
            **surface,
        )

    @classmethod
    def plane(
        cls, point, normal, object_id: int = BACKGROUND, color=_GREY, **surface
    ) -> Primitives:
        """An endless plane through `point`, seen from the side that `normal` points to."""
        return cls._one(PLANE, point, 1.0, facing(normal), object_id, color, **surface)

    @classmethod
    def from_rows(cls, rows: list[tuple]) -> Primitives:
        """Solids from tuples with one value per field, in the order of the fields."""
        columns = zip(*rows, strict=True)
        return cls(**{name: np.array(c) for name, c in zip(_LAYOUT, columns, strict=True)})

    @classmethod
    def join(cls, parts: Iterable[Primitives]) -> Primitives:
        """All rows of several, in order; `part` indices of a cast count through them."""
        parts = list(parts)
        return cls(
            **{
                name: np.concatenate(
                    [np.zeros((0, *tail), dtype), *(getattr(p, name) for p in parts)]
                )
                for name, (tail, dtype) in _LAYOUT.items()
            }
        )

    # -- other frames ---------------------------------------------------------------------

    def transform(self, b_from_a: Pose) -> Primitives:
        """The same solids in frame b."""
        return self._with(
            center=b_from_a.apply(self.center), rotation=b_from_a.rotation @ self.rotation
        )

    def moved(self, shift: np.ndarray) -> Primitives:
        """The same solids moved by (3,)."""
        return self._with(center=self.center + shift)

    def placed(self, turn: np.ndarray, shift: np.ndarray) -> Primitives:
        """Every solid turned by its own row of (n, 3, 3), then moved by its row of (n, 3)."""
        center = (turn @ self.center[..., None])[..., 0] + shift
        return self._with(center=center, rotation=turn @ self.rotation)

    def owned(self, object_id: np.ndarray) -> Primitives:
        """The same solids as parts of the objects (n,)."""
        return self._with(object_id=object_id)

    def scaled(self, factor: float) -> Primitives:
        """All lengths times a factor."""
        return self._with(
            center=self.center * factor, size=self.size * factor, period=self.period * factor
        )

    def extents(self, axes=None) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest coordinate, (n, 3) each, of every solid along three unit axes.

        `axes` (3, 3) holds them as columns; None means the frame's own. Exact. A plane has
        the extent of its point.
        """
        from n3d.synthetic import solid_kernels as kernels  # numba: imported when needed

        frame = np.eye(3) if axes is None else np.array(axes, np.float64, order="C")
        low, high = np.empty_like(self.center), np.empty_like(self.center)
        kernels.extents(
            self.kind, self.center, self.size, self.rotation, self.ends, frame, low, high
        )
        return low, high


def facing(normal) -> np.ndarray:
    """A rotation (3, 3) whose -y column is the given normal made unit."""
    normal = np.asarray(normal, float)
    y = -normal / np.linalg.norm(normal)
    seed = np.array([1.0, 0, 0]) if abs(y[0]) < 0.9 else np.array([0, 0, 1.0])
    x = seed - y * (seed @ y)
    x /= np.linalg.norm(x)
    return np.stack([x, y, np.cross(x, y)], axis=1)
