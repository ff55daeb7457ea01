"""What a trace measures, drawn where it was measured: dimension lines between and along boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n3d.geometry import EDGES, Box3D, Camera
from n3d.scene import Object3D, Quantity, Ref, Trace
from n3d.view import boxes, canvas, labels, ordering, palette, wording

MOST = 6
# Below this cosine between a box's upright edge and gravity its height is longer than the edge.
UPRIGHT = 0.995
LINE: palette.Colour = palette.PAPER


@dataclass(frozen=True)
class Dimension:
    """A measured length from `start` to `end` (3,), and the point (3,) where it turns, if any.

    `start` to `end` carries the text; `end` to `corner` is the other leg of a right angle.
    """

    start: np.ndarray
    end: np.ndarray
    text: str
    corner: np.ndarray | None = None


def of_trace(trace: Trace, objects: Sequence[Object3D], up=None) -> list[Dimension]:
    """The lengths of a trace that can be shown in the image, at most six, in its order.

    The text is the number that the trace states. Lengths towards the camera are left out.
    """
    found: dict[tuple, Dimension] = {}
    for step in trace.steps:
        refs = [a.index for a in step.args if isinstance(a, Ref)]
        usable = len(refs) == len(step.args) and all(0 <= i < len(objects) for i in refs)
        if not (usable and isinstance(step.out, Quantity) and step.out.unit == "m"):
            continue
        ends = _ends(step.op, [objects[i].box for i in refs], up)
        if ends is not None:
            text = wording.quantity(step.out)
            found.setdefault((step.op, *refs, text), Dimension(ends[0], ends[1], text, ends[2]))
    return list(found.values())[:MOST]


def _ends(op: str, which: list[Box3D], up) -> tuple | None:
    vertical = np.array([0.0, -1.0, 0.0]) if up is None else np.asarray(up, float)
    if len(which) == 2:
        a, b = which
        if op == "distance":
            return a.center, b.center, None
        if op == "gap":
            return (*nearest_points(a, b), None)
        if op in ("horizontal_distance", "vertical_distance"):
            level = b.center - vertical * float((b.center - a.center) @ vertical)
            return (a.center, level, b.center) if op[0] == "h" else (b.center, level, a.center)
    if len(which) == 1 and op in ("height", "width", "thickness", "length"):
        return (*side(which[0], op, vertical), None)
    return None


def nearest_points(a: Box3D, b: Box3D) -> tuple[np.ndarray, np.ndarray]:
    """Points (3,) of two solids that are closest to each other.

    By alternating projection (Cheney and Goldstein, 1959), to well below a pixel.
    """
    p = a.center
    q = b.center
    for _ in range(200):
        p, before = _onto(a, q), p
        q = _onto(b, p)
        if np.abs(p - before).max() < 1e-6:
            break
    return p, q


def _onto(box: Box3D, point: np.ndarray) -> np.ndarray:
    rotation = np.asarray(box.rotation)
    local = np.clip((point - box.center) @ rotation, -box.size / 2, box.size / 2)
    return rotation @ local + box.center


def side(box: Box3D, op: str, vertical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends (3,) of the edge that shows a height, width, thickness or length of one box.

    Of the four parallel edges: the one in view that is lowest, for a height the leftmost. The
    height of a tilted box is no edge: it is drawn through the centre.
    """
    along = np.abs(vertical @ np.asarray(box.rotation))
    axis_up = int(along.argmax())
    if op == "height" and along[axis_up] < UPRIGHT:
        half = vertical * float(box.extent_along(vertical)) / 2
        return box.center + half, box.center - half
    level = [k for k in range(3) if k != axis_up]
    if op == "height":
        axis = axis_up
    elif op == "length":
        axis = int(box.size.argmax())
    else:
        pick = max if op == "width" else min
        axis = pick(level, key=lambda k: float(box.size[k]))
    corners = box.corners
    faces = ordering.facing(box)
    best, lowest = None, -np.inf
    for edge in EDGES:
        a, b = corners[edge[0]], corners[edge[1]]
        if abs((b - a) @ np.asarray(box.rotation)[:, axis]) < 0.5 * box.size[axis]:
            continue
        middle = (a + b) / 2
        shown = any(faces[f] for f in boxes.faces_of(edge))
        rank = (100.0 if shown else 0.0) + (-middle[0] if op == "height" else -(middle @ vertical))
        if rank > lowest:
            best, lowest = (a, b), rank
    assert best is not None
    return best


def paint(
    pixels: np.ndarray,
    dimensions: Sequence[Dimension],
    camera: Camera,
    *,
    scale: float = 1.0,
    avoid: Sequence[labels.Rectangle] = (),
) -> list[labels.Rectangle]:
    """Paint dimension lines with their texts in place; returns where the texts stand."""
    wanted = []
    for dimension in dimensions:
        if dimension.corner is not None:
            leg = boxes.segment(dimension.end, dimension.corner, camera)
            if leg is not None:
                canvas.line(pixels, *leg, palette.INK, 3 * scale, alpha=0.4)
                canvas.line(pixels, *leg, LINE, 1.4 * scale, dash=(5 * scale, 5 * scale))
        cut = boxes.segment(dimension.start, dimension.end, camera)
        if cut is None:
            continue
        _line(pixels, *cut, scale)
        shown = canvas.clip_segment(*cut, (0, 0, pixels.shape[1], pixels.shape[0]))
        if shown is not None:
            wanted.append(_label(dimension.text, np.array(shown), scale))
    places = labels.paint(pixels, wanted, scale=scale, avoid=avoid)
    return [p for p in places if p is not None]


def _label(text: str, ends: np.ndarray, scale: float) -> labels.Label:
    """The text in the middle of a line that is long enough to be seen around it, else beside."""
    size = labels.extent(text, round(labels.TEXT_SIZE * scale))
    long = bool((np.abs(ends[1] - ends[0]) > np.multiply(size, (1.5, 2.0))).any())
    low, high = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    if long:
        low = high = ends.mean(axis=0).tolist()
    return labels.Label(text, (*low, *high), palette.PAPER, centred=long)


def _line(pixels: np.ndarray, a: canvas.Point, b: canvas.Point, scale: float) -> None:
    """A line with a dot at each end: what is measured is between the dots."""
    canvas.line(pixels, a, b, palette.INK, 5.0 * scale, alpha=0.75)
    for end in (a, b):
        canvas.disc(pixels, end, 5.4 * scale, palette.INK)
    canvas.line(pixels, a, b, LINE, 2.2 * scale)
    for end in (a, b):
        canvas.disc(pixels, end, 3.8 * scale, LINE)
