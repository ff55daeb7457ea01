"""What is measured on boxes, over leading axes: the meaning of every length, angle and relation.

Every function takes boxes whose leading axes broadcast and `up` (3,), the unit vector against
gravity in the camera frame. Where `up` is None the camera's -y stands in for it.
"""

from __future__ import annotations

import numpy as np

from n3d.geometry import Box3D
from n3d.geometry.pose import upright
from n3d.reason.separation import gap as gap

CAMERA_UP = np.array([0.0, -1.0, 0.0])
# Narrower than a right angle, so that "between" means more or less on the line.
BETWEEN_ANGLE = np.radians(120.0)
FACING_ANGLE = np.radians(45.0)
CONTACT = 0.05


def vertical(up) -> np.ndarray:
    """The unit vector (3,) that counts as up."""
    if up is None:
        return CAMERA_UP
    up = np.asarray(up, dtype=float)
    return up / np.linalg.norm(up)


# -- one box --------------------------------------------------------------------------------


def height(a: Box3D, *, up=None) -> np.ndarray:
    """Extent along up."""
    return a.extent_along(vertical(up))


def upright_axis(a: Box3D, up=None) -> np.ndarray:
    """Index (...) of the box axis closest to up; the other two sides are horizontal."""
    assert a.rotation is not None
    return np.abs(vertical(up) @ a.rotation).argmax(axis=-1)


def _horizontal_sides(a: Box3D, up) -> tuple[np.ndarray, np.ndarray]:
    keep = np.arange(3) != upright_axis(a, up)[..., None]
    return (
        np.where(keep, a.size, -np.inf).max(axis=-1),
        np.where(keep, a.size, np.inf).min(axis=-1),
    )


def width(a: Box3D, *, up=None) -> np.ndarray:
    """The longer horizontal side of the oriented box."""
    return _horizontal_sides(a, up)[0]


def thickness(a: Box3D, *, up=None) -> np.ndarray:
    """The shorter horizontal side of the oriented box."""
    return _horizontal_sides(a, up)[1]


def length(a: Box3D, *, up=None) -> np.ndarray:
    """The longest of the three sides."""
    return a.size.max(axis=-1)


def volume(a: Box3D, *, up=None) -> np.ndarray:
    """Cubic metres of the box."""
    return a.volume


def footprint(a: Box3D, *, up=None) -> np.ndarray:
    """Square metres: the product of the two horizontal sides."""
    long, short = _horizontal_sides(a, up)
    return long * short


def camera_width(a: Box3D, *, up=None) -> np.ndarray:
    """Extent along camera x: the width of SpatialRGPT-Bench and of camera-aligned boxes."""
    return a.hull().size[..., 0]


def camera_height(a: Box3D, *, up=None) -> np.ndarray:
    """Extent along camera y: the height of SpatialRGPT-Bench."""
    return a.hull().size[..., 1]


def depth(a: Box3D, *, up=None) -> np.ndarray:
    """z of the centre: how far in front of the camera plane."""
    return a.center[..., 2]


def nearest_depth(a: Box3D, *, up=None) -> np.ndarray:
    """The smallest z of the box: what SpatialRGPT-Bench compares for front and behind."""
    return a.center[..., 2] - a.hull().size[..., 2] / 2


def camera_distance(a: Box3D, *, up=None) -> np.ndarray:
    """Distance from the camera to the centre."""
    return np.linalg.norm(a.center, axis=-1)


def rightness(a: Box3D, *, up=None) -> np.ndarray:
    """x of the centre: metres to the right of the camera axis, negative to the left."""
    return a.center[..., 0]


def elevation(a: Box3D, *, up=None) -> np.ndarray:
    """How high the centre lies above the camera, along up."""
    return a.center @ vertical(up)


def top(a: Box3D, *, up=None) -> np.ndarray:
    """How high the upper end lies above the camera, along up."""
    return elevation(a, up=up) + height(a, up=up) / 2


def bottom(a: Box3D, *, up=None) -> np.ndarray:
    """How high the lower end lies above the camera, along up."""
    return elevation(a, up=up) - height(a, up=up) / 2


# -- two and three boxes --------------------------------------------------------------------


def distance(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Between the centres."""
    return np.linalg.norm(b.center - a.center, axis=-1)


def vertical_distance(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Between the centres, along up."""
    return np.abs((b.center - a.center) @ vertical(up))


def horizontal_distance(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Between the centres, perpendicular to up."""
    d, v = b.center - a.center, vertical(up)
    return np.linalg.norm(d - (d @ v)[..., None] * v, axis=-1)


def camera_horizontal_distance(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """abs(dx) of the centres: the horizontal distance of SpatialRGPT-Bench."""
    return np.abs(b.center[..., 0] - a.center[..., 0])


def camera_vertical_distance(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """abs(dy) of the centres: the vertical distance of SpatialRGPT-Bench."""
    return np.abs(b.center[..., 1] - a.center[..., 1])


def _planar(vector: np.ndarray, up) -> tuple[np.ndarray, np.ndarray]:
    """Left and forward parts of vectors (..., 3) in the camera's horizontal frame."""
    frame = upright(vertical(up))
    return -(vector @ frame[:, 0]), vector @ frame[:, 2]


def _turn(vector: np.ndarray, up) -> np.ndarray:
    left, forward = _planar(vector, up)
    return np.arctan2(left, forward)


def bearing(a: Box3D, b: Box3D, toward: Box3D | None = None, *, up=None) -> np.ndarray:
    """Where the second is for someone at the first: radians [0, 2 pi) to the left of ahead, the
    camera's forward direction made horizontal, or the direction from the first to the third."""
    angle = _turn(b.center - a.center, up)
    if toward is not None:
        angle = angle - _turn(toward.center - a.center, up)
    return np.mod(angle, 2 * np.pi)


def clock(angle, rule: str = "floor") -> np.ndarray:
    """Hours 1 to 12 of a bearing by "floor", SpatialRGPT-Bench's 12 - degrees // 30 and the
    default (one degree to the right is 1 o'clock), or "nearest", the nearest hour."""
    part = np.degrees(np.mod(angle, 2 * np.pi)) / 30
    hour = 12 - (np.floor(part) if rule == "floor" else np.round(part))
    return np.where(hour < 1, hour + 12, hour)


def side(angle, words: str = "left-right") -> np.ndarray:
    """The side of a bearing: "left-right" is the default; "left-right-back" says back from 135
    degrees on; "quarters" are front-left, back-left, back-right and front-right."""
    turn = np.mod(angle, 2 * np.pi)
    left = turn < np.pi
    plain = np.where(left, "left", "right")
    if words == "quarters":
        half = np.where(np.abs(np.pi - turn) > np.pi / 2, "front", "back")
        return np.strings.add(np.strings.add(half, "-"), plain)
    if words == "left-right-back":
        return np.where(np.abs(np.pi - turn) <= np.pi / 4, "back", plain)
    return plain


def angle_between(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Radians [0, pi] between vectors (..., 3)."""
    cross = np.linalg.norm(np.cross(u, v), axis=-1)
    return np.arctan2(cross, (u * v).sum(axis=-1))


def angle(a: Box3D, b: Box3D, c: Box3D, *, up=None) -> np.ndarray:
    """The angle at the second centre between the first and the third, radians [0, pi]."""
    return angle_between(a.center - b.center, c.center - b.center)


def view_angle(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """The angle between two centres as seen by the camera, radians [0, pi]."""
    return angle_between(a.center, b.center)


def ahead(viewer: Box3D, front: np.ndarray, b: Box3D, *, up=None) -> np.ndarray:
    """How far the second lies ahead of the first, along its known front; negative behind it."""
    f = _flat(front, up)
    return ((b.center - viewer.center) * f).sum(axis=-1)


def leftward(viewer: Box3D, front: np.ndarray, b: Box3D, *, up=None) -> np.ndarray:
    """How far the second lies to the left of the first as that faces; negative to its right."""
    left = np.cross(vertical(up), _flat(front, up))
    return ((b.center - viewer.center) * left).sum(axis=-1)


def _flat(front: np.ndarray, up) -> np.ndarray:
    """Directions made horizontal, unit length; NaN for a vertical one."""
    v = vertical(up)
    flat = front - (front @ v)[..., None] * v
    norm = np.linalg.norm(flat, axis=-1, keepdims=True)
    return flat / np.where(norm > 1e-6, norm, np.nan)


# -- relations ------------------------------------------------------------------------------


def left_of(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Smaller camera x of the centre."""
    return a.center[..., 0] < b.center[..., 0]


def in_front_of(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Smaller z of the centre."""
    return a.center[..., 2] < b.center[..., 2]


def above(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """Higher centre along up."""
    return elevation(a, up=up) > elevation(b, up=up)


def on(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """The lower end within 5 cm of the other's upper end, the centre over the other's sides."""
    close = np.abs(bottom(a, up=up) - top(b, up=up)) <= CONTACT
    over = np.abs(_within(a, b)) <= b.size / 2
    level = np.arange(3) == upright_axis(b, up)[..., None]
    return close & (over | level).all(axis=-1)


def inside(a: Box3D, b: Box3D, *, up=None) -> np.ndarray:
    """The centre of the first is inside the second."""
    return np.asarray((np.abs(_within(a, b)) <= b.size / 2).all(axis=-1))


def _within(a: Box3D, b: Box3D) -> np.ndarray:
    """The centre of a along the axes of b, from its centre (..., 3)."""
    assert b.rotation is not None
    return ((a.center - b.center)[..., None, :] @ b.rotation)[..., 0, :]


def between(a: Box3D, b: Box3D, c: Box3D, *, up=None) -> np.ndarray:
    """At least 120 degrees at the centre of the first between the centres of the others."""
    return angle(b, a, c) >= BETWEEN_ANGLE


def facing(a: Box3D, front: np.ndarray, b: Box3D, *, up=None) -> np.ndarray:
    """The second within 45 degrees of where the first faces, in the horizontal plane."""
    v = vertical(up)
    d = b.center - a.center
    return angle_between(_flat(front, up), d - (d @ v)[..., None] * v) <= FACING_ANGLE
