"""Oriented boxes painted onto an image: near edges in front, far edges dashed, legible labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.geometry import EDGES, FACES, Box3D, Camera
from n3d.scene import Object3D
from n3d.view import canvas, labels, ordering, palette

NEAR = 0.02
CASING: palette.Colour = (16, 20, 24)


@dataclass(frozen=True)
class BoxStyle:
    """How boxes look. `scale` multiplies line widths and text (1 suits an image 1000 px wide).

    `colour_by` "index" gives every object its own colour, "label" every label. `numbers` writes
    the index used by traces (bbox_i) before the label; `ids`, `scores`, `sizes`, `distances`
    add the object's id, its score, its full extents and the distance of its centre.
    `emphasis` are indices drawn strongly while the others are thin, None for all.
    """

    scale: float = 1.0
    colour_by: str = "index"
    labels: bool = True
    numbers: bool = False
    ids: bool = False
    scores: bool = False
    sizes: bool = False
    distances: bool = False
    fill: float = 0.12
    emphasis: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if self.colour_by not in ("index", "label"):
            raise InputError(
                f"unknown {self.colour_by!r}",
                code="view-option",
                field="colour_by",
                limit="'index' or 'label'",
            )
        if not 0.05 <= self.scale <= 50:
            raise InputError(
                f"is {self.scale:g}", code="view-option", field="scale", limit="0.05 to 50"
            )


def paint(
    image, objects: Sequence[Object3D], camera: Camera, style: BoxStyle | None = None
) -> Image.Image:
    """The image (h, w, 3) uint8 with the objects' boxes and labels; the input is left as it is.

    The camera must have the size of the image. Edges are cut at 2 cm in front of the camera
    and at the image border, so that a box beside or behind the camera draws only what is seen.
    """
    pixels = picture(image, camera)
    style = style or BoxStyle()
    paint_boxes(pixels, objects, camera, style)
    if style.labels:
        paint_labels(pixels, objects, camera, style)
    return Image.fromarray(pixels)


def picture(image, camera: Camera) -> np.ndarray:
    """A fresh RGB array of an image, refused where its size is not the camera's."""
    pixels = np.array(image.convert("RGB") if isinstance(image, Image.Image) else image)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise InputError(
            f"image must be (h, w, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}",
            code="image-shape",
            field="image",
        )
    if pixels.shape[:2] != (camera.height, camera.width):
        raise InputError(
            f"image is {pixels.shape[1]}x{pixels.shape[0]}, its camera "
            f"{camera.width}x{camera.height}",
            code="camera-size",
            field="camera",
            hint="Use Camera.resize for the camera of a resized image",
        )
    return pixels


def colours(objects: Sequence[Object3D], style: BoxStyle) -> list[palette.Colour]:
    """The colours of the objects under a style."""
    return palette.of_objects([o.label for o in objects], style.colour_by)


def paint_boxes(
    pixels: np.ndarray, objects: Sequence[Object3D], camera: Camera, style: BoxStyle
) -> None:
    """Paint the boxes without labels in place, the far ones first."""
    ink = colours(objects, style)
    for index in ordering.far_to_near(Box3D.stack(o.box for o in objects)):
        item = objects[index]
        strong = style.emphasis is None or index in style.emphasis
        paint_box(
            pixels,
            item.box,
            camera,
            ink[index],
            scale=style.scale * (1.0 if strong else 0.6),
            fill=style.fill if strong else 0.0,
        )


def paint_box(
    pixels: np.ndarray,
    box: Box3D,
    camera: Camera,
    colour: palette.Colour,
    *,
    scale: float = 1.0,
    fill: float = 0.12,
) -> None:
    """Paint one box in place: hidden edges faint and dashed, then faces, then edges in view."""
    corners, faces = box.corners, ordering.facing(box)
    # With the camera inside, no face looks at it and every edge is in plain view.
    inside = not faces.any()
    in_view = [inside or any(faces[f] for f in faces_of(edge)) for edge in EDGES]
    segments = [segment(corners[a], corners[b], camera) for a, b in EDGES]
    for cut, front in zip(segments, in_view):
        if cut is not None and not front:
            dash = (6 * scale, 5 * scale)
            canvas.line(pixels, *cut, CASING, 2.2 * scale, alpha=0.25, dash=dash)
            canvas.line(pixels, *cut, colour, 1.3 * scale, alpha=0.75, dash=dash)
    if fill > 0:
        for face, front in zip(FACES, faces):
            if front:
                canvas.polygon(pixels, outline(corners[list(face)], camera), colour, fill)
    shown = [cut for cut, front in zip(segments, in_view) if cut is not None and front]
    for cut in shown:
        canvas.line(pixels, *cut, CASING, 4.4 * scale, alpha=0.45)
    for cut in shown:
        canvas.line(pixels, *cut, colour, 2.6 * scale)


def faces_of(edge: tuple[int, int]) -> list[int]:
    """The two faces that meet in an edge, as indices into FACES."""
    return [i for i, face in enumerate(FACES) if edge[0] in face and edge[1] in face]


def segment(a, b, camera: Camera) -> tuple[canvas.Point, canvas.Point] | None:
    """The image of a 3D segment, cut at the near plane; None where it is wholly behind it."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a[2] < NEAR and b[2] < NEAR:
        return None
    if a[2] < NEAR or b[2] < NEAR:
        cut = a + (NEAR - a[2]) / (b[2] - a[2]) * (b - a)
        cut[2] = NEAR  # rounding must not put it behind
        a, b = (cut, b) if a[2] < NEAR else (a, cut)
    (ax, ay), (bx, by) = camera.project(np.stack([a, b])).tolist()
    return (ax, ay), (bx, by)


def outline(corners: np.ndarray, camera: Camera) -> np.ndarray:
    """The image (m, 2) of a 3D polygon (n, 3) cut at the near plane; m is 0 where it is behind."""
    seen = canvas.clip_convex(corners, corners[:, 2] - NEAR)
    return camera.project(np.maximum(seen, [-np.inf, -np.inf, NEAR])) if len(seen) else seen[:, :2]


def caption(index: int, item: Object3D, style: BoxStyle) -> str:
    """The text of an object's label under a style."""
    parts = [f"{index} {item.label}" if style.numbers else item.label]
    if style.ids:
        parts.append(f"#{item.id}")
    if style.scores:
        parts.append(f"{item.score:.2f}")
    if style.sizes:
        parts.append(" x ".join(f"{s:.2f}" for s in item.box.size) + " m")
    if style.distances:
        parts.append(f"at {np.linalg.norm(item.box.center):.2f} m")
    return ", ".join(parts)


def paint_labels(
    pixels: np.ndarray,
    objects: Sequence[Object3D],
    camera: Camera,
    style: BoxStyle,
    avoid: Sequence[labels.Rectangle] = (),
) -> list[labels.Rectangle | None]:
    """Paint the labels in place, near objects first to choose; returns where each one went.

    An object out of view has no label (None), nor has one for which no place is left. `avoid`
    are rectangles to keep free.
    """
    height, width = pixels.shape[:2]
    wanted = []
    ink = colours(objects, style)
    for index, item in enumerate(objects):
        x0, y0, x1, y1 = item.box.project(camera, near=NEAR)
        if not (x0 < width and y0 < height and x1 > 0 and y1 > 0):
            continue
        strong = style.emphasis is None or index in style.emphasis
        wanted.append(
            labels.Label(
                caption(index, item, style),
                (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)),
                ink[index],
                priority=float(item.box.center[2]) + (0.0 if strong else 1e6),
                key=index,
                anchor=_summit(item.box, camera),
            )
        )
    places = labels.paint(pixels, wanted, scale=style.scale, avoid=avoid)
    out: list[labels.Rectangle | None] = [None] * len(objects)
    for label, place in zip(wanted, places):
        out[label.key] = place
    return out


def _summit(box: Box3D, camera: Camera) -> canvas.Point | None:
    """The highest point of a box's outline in the image, None where none of it is seen."""
    bounds = (0.0, 0.0, float(camera.width), float(camera.height))
    corners = box.corners
    seen = [segment(corners[a], corners[b], camera) for a, b in EDGES]
    cuts = [canvas.clip_segment(*cut, bounds) for cut in seen if cut is not None]
    ends = [end for cut in cuts if cut is not None for end in cut]
    return min(ends, key=lambda end: end[1], default=None)
