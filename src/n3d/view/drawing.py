"""`draw(x)`: one picture for every noun."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from PIL import Image

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.scene import QA, RGBD, Object3D, Picture, Prediction, Region, Scene
from n3d.view import boxes, canvas, depth, fonts, gravity, measures, palette, panel, plan, regions
from n3d.view.options import DrawOptions, read

DRAWABLE = "RGBD, Picture, Scene, Prediction, QA, a list of Object3D, a list of Region"
SMALLEST, LARGEST = 1000, 2000
# Depth on a smaller share of the pixels than this is drawn with larger points.
SPARSE = 0.3


def draw(noun: Any, **options: Any) -> Image.Image:
    """A picture of an RGBD, Picture, Scene, Prediction, QA, or a list of Object3D or Region.

    Options are the fields of `DrawOptions`. Raises InputError for anything else, and
    ConfigError for an option that does not exist.
    """
    return Image.fromarray(_draw(noun, read(options)))


def notebook_png(noun: Any) -> bytes | None:
    """The PNG file of `draw(noun)`, or None where it cannot be drawn without more being said."""
    try:
        image = draw(noun)
    except N3DError:
        return None
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@singledispatch
def _draw(noun: Any, o: DrawOptions) -> np.ndarray:
    raise InputError(
        f"cannot draw {type(noun).__name__}", code="view-noun", hint=f"Can be drawn: {DRAWABLE}"
    )


@_draw.register
def _(noun: RGBD, o: DrawOptions) -> np.ndarray:
    image, camera, scale = _image(noun, o)
    if o.gravity and noun.up is not None:
        gravity.paint(image, camera, noun.up, scale=scale)
    fov = " x ".join(f"{v:.0f}" for v in noun.camera.fov_deg)
    left = f"{noun.width} x {noun.height} pixels, {fov} degrees, camera: {noun.camera.source}"
    parts = [_titled(image, left, scale)]
    if noun.depth is not None:
        enlarged, note = _shown_depth(noun, camera)
        near, far = depth.limits(noun.depth)
        coloured = depth.panel(
            enlarged,
            near=near if o.near is None else o.near,
            far=far if o.far is None else o.far,
            scale=scale,
            unit="m" if noun.metric else "",
        )
        unit = "" if noun.metric else ", of unknown scale"
        right = f"depth: {noun.depth_source}{unit}, {noun.density:.0%} of the pixels{note}"
        parts += [canvas.blank(round(8 * scale), parts[0].shape[0], palette.PAPER)]
        parts += [_titled(coloured, right, scale)]
    return np.concatenate(parts, axis=1)


def _shown_depth(view: RGBD, camera: Camera) -> tuple[np.ndarray, str]:
    """Depth at drawing size, sparse depth with larger points, and a word where that was done."""
    assert view.depth is not None
    shown = depth.enlarge(view.depth, camera.width, camera.height)
    if view.density > SPARSE:
        return shown, ""
    zoom = camera.width / view.width
    radius = min(max(round(0.4 * zoom / view.density**0.5), 1), round(4 * zoom) or 1)
    return depth.splat(shown, radius), ", drawn larger"


@_draw.register
def _(noun: Picture, o: DrawOptions) -> np.ndarray:
    view = o.view or noun.rgbd
    if view is None:
        raise InputError(
            "the picture has not been read",
            code="view-missing",
            field=noun.id,
            hint="Read its files and give them as view=",
        )
    return _draw(list(noun.regions), replace(o, view=view))


@_draw.register
def _(noun: Scene, o: DrawOptions) -> np.ndarray:
    return _scene(noun.objects, o, noun.up, numbers=False, metric=noun.provenance.metric)


@_draw.register(list)
@_draw.register(tuple)
def _(noun: Sequence, o: DrawOptions) -> np.ndarray:
    if all(isinstance(x, Object3D) for x in noun) and (noun or o.view is None):
        return _scene(noun, o, None, numbers=False)
    if all(isinstance(x, Region) for x in noun):
        if o.view is None:
            raise InputError("regions are drawn on an image", code="view-missing", field="view")
        return _regions(noun, o.view, o)
    kinds = ", ".join(sorted({type(x).__name__ for x in noun}))
    raise InputError(
        f"cannot draw a list of {kinds}", code="view-noun", hint=f"Can be drawn: {DRAWABLE}"
    )


@_draw.register
def _(noun: Prediction, o: DrawOptions) -> np.ndarray:
    return _answered(panel.of(noun), noun.objects, o)


@_draw.register
def _(noun: QA, o: DrawOptions) -> np.ndarray:
    return _answered(panel.of(noun), (), o)


# -- the parts ------------------------------------------------------------------------------


def _image(view: RGBD, o: DrawOptions) -> tuple[np.ndarray, Camera, float]:
    """The view's image at drawing size, its camera, and the scale of lines and text."""
    longer = max(view.width, view.height)
    target = o.size or min(max(longer, SMALLEST), LARGEST)
    width, height = (max(1, round(side * target / longer)) for side in (view.width, view.height))
    image = Image.fromarray(view.image)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    scale = min(max((width * height) ** 0.5 / 866, 0.5), 8.0)
    return np.array(image), view.camera.resize(width, height), scale * o.magnify


def _titled(pixels: np.ndarray, title: str, scale: float) -> np.ndarray:
    """A picture with one line of small text under it."""
    size = max(7, round(14 * scale))
    strip = canvas.blank(pixels.shape[1], 2 * size, palette.PAPER)
    text = fonts.shorten(title, size, pixels.shape[1] - size)
    fonts.write(strip, 0.5 * size, 1.35 * size, text, size, palette.MUTED)
    return np.concatenate([pixels, strip])


def _scene(
    objects: Sequence[Object3D],
    o: DrawOptions,
    up: np.ndarray | None,
    *,
    numbers: bool,
    metric: bool = True,
    trace=None,
) -> np.ndarray:
    """Objects on their view, or from above without one."""
    named = frozenset(panel.mentioned(trace))
    emphasis = named if named and len(named) < len(objects) else None
    view = o.view
    if view is None:
        side = o.size or SMALLEST
        style = o.style(o.magnify * side / SMALLEST, numbers=numbers, emphasis=emphasis)
        return _above(objects, up, None, side, style, metric)
    up = view.up if up is None else up
    pixels, camera, scale = _image(view, o)
    style = o.style(scale, numbers=numbers, emphasis=emphasis)
    if o.masks:
        _masks(pixels, objects, style)
    boxes.paint_boxes(pixels, objects, camera, style)
    avoid = []
    if o.gravity and up is not None:
        avoid.append(gravity.paint(pixels, camera, up, scale=scale))
    if trace is not None and o.measures:
        shown = measures.of_trace(trace, objects, up)
        avoid += measures.paint(pixels, shown, camera, scale=scale, avoid=avoid)
    if style.labels:
        boxes.paint_labels(pixels, objects, camera, style, avoid)
    if o.plan:
        above = _above(objects, up, camera, pixels.shape[0], style, view.metric)
        pixels = np.concatenate([pixels, above], axis=1)
    return pixels


def _above(objects, up, camera: Camera | None, side: int, style, metric: bool) -> np.ndarray:
    unit = "m" if metric else ""
    return np.asarray(
        plan.paint(objects, up=up, camera=camera, width=side, height=side, style=style, unit=unit)
    )


def _masks(pixels: np.ndarray, objects: Sequence[Object3D], style: boxes.BoxStyle) -> None:
    size = (pixels.shape[1], pixels.shape[0])
    ink = boxes.colours(objects, style)
    for i, item in enumerate(objects):
        if item.region is not None and item.region.mask is not None:
            mask = np.asarray(Image.fromarray(item.region.mask).resize(size))
            if mask.any():
                regions.paint_mask(pixels, mask, ink[i], fill=0.35)


def _regions(found: Sequence[Region], view: RGBD, o: DrawOptions) -> np.ndarray:
    pixels, camera, scale = _image(view, o)
    factor = np.array([camera.width / view.width, camera.height / view.height] * 2)
    resized = []
    for region in found:
        mask = region.mask
        if mask is not None and mask.shape == (view.height, view.width):
            mask = np.asarray(Image.fromarray(mask).resize((camera.width, camera.height)))
            mask = mask if mask.any() else None
        rectangle = tuple((np.array(region.rectangle) * factor).tolist())
        resized.append(replace(region, rectangle=rectangle, mask=mask))
    image = regions.paint(
        pixels, resized, scale=scale, colour_by=o.colour_by, scores=o.scores, names=o.labels
    )
    return np.asarray(image)


def _answered(caption: panel.Caption, objects: Sequence[Object3D], o: DrawOptions) -> np.ndarray:
    """An answer's picture with its caption; the caption alone where there is nothing to see."""
    if o.view is None and not objects:
        return panel.paint(caption, o.size or SMALLEST, most_steps=o.most_steps)
    up = None if o.view is None else o.view.up
    image = _scene(objects, o, up, numbers=True, trace=caption.trace)
    if not o.caption:
        return image
    height, width = image.shape[:2]
    scale = min(max((width * height) ** 0.5 / 900, 0.8), 4.0)
    style = o.style(1.0, numbers=True)
    colours = boxes.colours(objects, style)
    beside = o.layout == "beside" or (o.layout == "auto" and height > 1.15 * width)
    text_width = round(520 * scale) if beside else max(width, round(520 * scale))
    text = panel.paint(
        caption,
        text_width,
        scale=scale,
        columns=1 if beside else None,
        most_steps=o.most_steps,
        colours=colours,
    )
    return panel.attach(image, text, beside=beside)
