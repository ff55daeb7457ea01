"""One HTML file that shows a scene in 3D, its picture and its trace, without a network."""

from __future__ import annotations

import base64
import html as escaping
import io
import json
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from n3d.errors import InputError
from n3d.geometry import Camera
from n3d.scene import RGBD, Object3D, Prediction, Ref, Scene, Trace, Var
from n3d.view import clouds, drawing, measures, palette, panel, wording

PICTURE_SIZE = 1200


def html(
    noun: Scene | Prediction | RGBD | Sequence[Object3D],
    path,
    *,
    view: RGBD | None = None,
    title: str | None = None,
    most_points: int = 120_000,
) -> Path:
    """Write a page with a 3D view that turns (points, boxes, labels) beside picture and trace.

    Points need a `view` with depth and are thinned to `most_points`. The page loads nothing
    and runs from a file; it needs WebGL 2 for the 3D part. All text is embedded as text.
    """
    data = parts(noun, view=view, most_points=most_points)
    path = Path(path)
    clouds.save(path, fill(title or data["question"] or "Scene", data).encode("utf-8"))
    return path


def parts(
    noun: Scene | Prediction | RGBD | Sequence[Object3D],
    *,
    view: RGBD | None = None,
    most_points: int = 120_000,
    picture: bool = True,
) -> dict[str, Any]:
    """What a page shows, for `fill`: the view in 3D, texts, steps with the objects they use, and
    the `picture` unless it is not wanted."""
    if isinstance(noun, RGBD):
        view, objects, caption, up = noun, (), panel.Caption(), noun.up
    elif isinstance(noun, Scene):
        objects, caption, up = noun.objects, panel.Caption(provenance=noun.provenance), noun.up
    elif isinstance(noun, Prediction):
        objects, caption, up = noun.objects, panel.of(noun), None
    elif isinstance(noun, (list, tuple)) and all(isinstance(x, Object3D) for x in noun):
        objects, caption, up = tuple(noun), panel.Caption(), None
    else:
        raise InputError(
            f"cannot make a page of {type(noun).__name__}",
            code="view-noun",
            hint="Possible: RGBD, Scene, Prediction, a list of Object3D",
        )
    if up is None and view is not None:
        up = view.up
    image = _picture(noun, view) if picture and view is not None else None
    return _data(objects, caption, view, up, most_points) | {"image": image}


def fill(title: str, data: dict[str, Any]) -> str:
    """The template with a title and data in it, neither of which can end its element."""
    text = resources.files("n3d.view").joinpath("template.html").read_text("utf-8")
    head, rest = text.split("{{title}}")
    middle, tail = rest.split("{{data}}")
    encoded = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    shown = escaping.escape(title.encode("utf-8", "replace").decode("utf-8"))
    return head + shown + middle + encoded + tail


def _data(objects, caption: panel.Caption, view, up, most_points: int) -> dict[str, Any]:
    metric = caption.provenance is None or caption.provenance.metric
    metric = metric if view is None else view.metric
    xyz, rgb = clouds.of_view(view, most_points) if view is not None else clouds.NOTHING
    trace = caption.trace
    lengths = measures.of_trace(trace, objects, up) if trace else []
    return {
        "question": caption.question,
        "answer": caption.answer,
        "detail": caption.detail,
        "fault": caption.fault,
        "check": _check(caption),
        "steps": _steps(trace, caption),
        "notes": _notes(caption, up),
        "objects": [_object(i, o, metric) for i, o in enumerate(objects)],
        "lengths": [
            {"start": _numbers(d.start), "end": _numbers(d.end), "text": d.text} for d in lengths
        ],
        "up": [0.0, -1.0, 0.0] if up is None else _numbers(up),
        "frustum": None if view is None else _frustum(view.camera, xyz, objects),
        "space": _space(xyz, objects, up, metric),
        "points": {
            "xyz": _encode(xyz.astype("<f4")),
            "rgb": _encode(rgb),
            "pitch": _pitch(view, len(xyz)),
        },
    }


def _check(caption: panel.Caption) -> dict[str, str] | None:
    if not caption.replayed or caption.trace is None:
        return None
    good, text = wording.check(caption.check, len(caption.trace.steps))
    return {"state": {True: "good", False: "bad", None: "muted"}[good], "text": text}


def _steps(trace: Trace | None, caption: panel.Caption) -> list[dict[str, Any]]:
    failed = caption.check.step if caption.check and not caption.check.agrees else None
    steps, named = [], {}
    for i, s in enumerate(trace.steps if trace else ()):
        uses = sorted({k for arg in (*s.args, s.out) for k in _uses(arg, named)})
        named[s.name] = uses
        told = {"text": wording.step(s), "value": wording.value(s.out)}
        steps.append(told | {"failed": i == failed, "uses": uses})
    return steps


def _uses(value: Any, named: dict[str | None, list[int]]) -> list[int]:
    """The objects that a value of a trace is about, by their places."""
    if isinstance(value, Ref):
        return [value.index]
    if isinstance(value, Var):
        return named.get(value.name, [])
    return [k for v in value for k in _uses(v, named)] if isinstance(value, tuple) else []


def _notes(caption: panel.Caption, up) -> list[str]:
    notes = list(caption.notes)
    if up is None:
        notes.append("gravity is not known: the view turns about the camera's y axis")
    if caption.provenance is not None:
        notes.append(wording.provenance(caption.provenance))
    return notes


def _object(index: int, item: Object3D, metric: bool) -> dict[str, Any]:
    colour = palette.of_index(index)
    unit = " m" if metric else ""
    sides = " x ".join(f"{s:.2f}" for s in item.box.size)
    away = float(np.linalg.norm(item.box.center))
    return {
        "label": item.label.encode("utf-8", "replace").decode("utf-8"),
        "about": f"{sides}{unit}, {away:.2f}{unit} from the camera, score {item.score:.2f}",
        "colour": list(colour),
        "ink": list(palette.ink_on(colour)),
        "center": _numbers(item.box.center),
        "corners": _numbers(item.box.corners.ravel()),
    }


def _numbers(values) -> list[float]:
    return [round(float(v), 5) for v in values]


def _encode(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _space(xyz: np.ndarray, objects, up, metric: bool) -> dict[str, Any]:
    """What the view looks at: its middle, its radius, the floor's height along up, the grid."""
    corners = [o.box.corners for o in objects]
    points = np.concatenate([xyz.astype(float), *corners]) if len(xyz) or corners else None
    if points is None:
        points = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    low, high = (
        np.percentile(points, [1, 99], axis=0) if len(xyz) else (points.min(0), points.max(0))
    )
    for box in corners:
        low, high = np.minimum(low, box.min(axis=0)), np.maximum(high, box.max(axis=0))
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-3)
    vertical = np.array([0.0, -1.0, 0.0]) if up is None else np.asarray(up)
    heights = np.concatenate([points @ vertical])
    power = 10.0 ** math.floor(math.log10(radius / 4))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= radius / 4 * (1 - 1e-9))
    return {
        "centre": _numbers((low + high) / 2),
        "radius": round(radius, 5),
        "floor": round(float(np.percentile(heights, 0.5)), 5),
        "step": step,
        "grid": f"{step:g}{' m' if metric else ''}",
    }


def _frustum(camera: Camera, xyz: np.ndarray, objects) -> list[list[float]]:
    """The image's corners at a fifth of the way to the scene."""
    z = [float(np.median(xyz[:, 2]))] if len(xyz) else [float(o.box.center[2]) for o in objects]
    near = max(min((v for v in z if v > 0), default=1.0) / 5, 1e-3)
    w, h = camera.width, camera.height
    return [_numbers(camera.lift(uv, near)) for uv in ((0, 0), (w, 0), (w, h), (0, h))]


def _pitch(view: RGBD | None, count: int) -> float:
    """The size in metres at which points of this density look closed at the median depth."""
    if view is None or view.depth is None or count == 0:
        return 0.01
    z = float(np.median(view.depth[view.depth > 0]))
    apart = min((view.width * view.height / count) ** 0.5, 4.0)
    return 1.7 * apart * z / view.camera.fx


def _picture(noun: Any, view: RGBD) -> str:
    """The drawing as a data URI."""
    if isinstance(noun, RGBD):
        image = Image.fromarray(view.image)
        if max(image.size) > PICTURE_SIZE:
            image.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
    else:
        image = drawing.draw(noun, view=view, size=PICTURE_SIZE, **_bare(noun))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def _bare(noun: Any) -> dict[str, Any]:
    """How the picture of a page differs from that of `draw`."""
    # The picture is shown small beside the 3D view.
    options: dict[str, Any] = {"magnify": 1.7}
    return options | ({"caption": False} if isinstance(noun, Prediction) else {"numbers": True})
