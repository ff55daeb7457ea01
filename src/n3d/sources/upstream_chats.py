"""Annotation files of the released N3D-VLM: chats about pictures, with boxes in metres as text.

[{"messages": [{"role": "user", "content": "<image>Detect boxes. ... <code_template>"}, {"role":
"assistant", "content": "bbox_0=Bbox(...)"}], "images": ["a.jpg"], "points": ["a.npz"]}]. The points
file beside holds the point map and the camera (`sources.upstream`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.language import upstream as dialect
from n3d.scene import Drop, Scene, strict_json
from n3d.sources import depth as depths
from n3d.sources import fields, files, grounded, placing
from n3d.sources.grounded import Grounded

BOX = "bbox_0=Bbox("
TEMPLATE = "<code_template>"


def read(path: Any, *, camera: Camera | None = None, **_: Any) -> Iterator[Grounded | Drop]:
    """A scene for each record in which an assistant's first words are boxes.

    The camera is that of the points file, looked for beside the file, or `camera`.
    """
    for index, (_key, raw) in enumerate(strict_json.stream(path)):
        name = f"upstream-chats:{index}"
        try:
            text, image, points = _parts(raw)
            own = _camera(Path(path).parent, points) or camera
            if own is None:
                raise InputError(
                    "has no points file and no camera", code="convert-camera", field="points",
                    hint="Put the points file beside it, or give --camera",
                )  # fmt: skip
            parsed = dialect.read_metric(text, own)
        except N3DError as e:
            yield Drop(name, e.code, str(e.at(file=path)))
            continue
        for number, fault in enumerate(parsed.faults):
            yield Drop(f"{name}:@{number}", fault.kind, str(fault))
        scene = Scene(name, name, tuple(parsed.items), source="upstream-chats")
        yield Grounded(scene, own, image)


def _parts(raw: Any) -> tuple[str, str, str]:
    """(boxes as text, image, points file) of a record."""
    told = [m for m in fields.rows(raw, "messages") if isinstance(m, Mapping)]
    texts = [m.get("content") for m in told if m.get("role") == "assistant"]
    boxes = next((t for t in texts if isinstance(t, str) and BOX in t), None)
    if boxes is None:
        raise InputError("tells no boxes", code="upstream-boxes", field="messages")
    named = [raw.get(k) for k in ("images", "points")]
    image, points = (n[0] if isinstance(n, list) and n else "" for n in named)
    return boxes, str(image), str(points)


def _camera(folder: Path, points: str) -> Camera | None:
    """The camera of a points file in `folder`, None where there is no such file."""
    names = [points, PurePosixPath(points).name] if points else []
    file = next((p for n in names if (p := placing.inside(folder, n)).is_file()), None)
    if file is None:
        return None
    found = depths.read(file)
    if found.intrinsics is None:
        raise InputError("holds no intr", code="points-shape", file=file)
    return Camera.from_matrix(found.intrinsics.astype(float), *found.size, normalized=True)


def record(item: Grounded) -> dict[str, Any]:
    """The record of one scene; rotated boxes become camera-aligned hulls."""
    if item.camera is None:
        raise InputError(
            "upstream chats need a camera", code="convert-camera", field="camera",
            hint="Give --camera",
        )  # fmt: skip
    image = item.image or f"{item.scene.picture_id}.jpg"
    prompt = f"<image>Detect boxes. The reference code is as followed: {TEMPLATE}"
    told = dialect.write_metric(item.scene.objects, item.camera, hull=True)
    return {
        "messages": [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": told},
        ],
        "images": [image],
        "points": [points_name(image)],
    }


def points_name(image: str) -> str:
    """The points file that belongs to an image."""
    return PurePosixPath(image).with_suffix(".npz").as_posix()


def write(path: Any, items: Iterable[Grounded], **_: Any) -> None:
    """Write a record for each scene, without the points files they name."""
    scenes = list(items)
    turned = sum(not _aligned(o.box) for item in scenes for o in item.scene.objects)
    if turned:
        what = f"the rotation of {turned} boxes (their hulls are written)"
        grounded.warn_lost("upstream-chats", what)
    lines = [json.dumps(record(item), allow_nan=False) for item in scenes]
    files.write_text(path, "[" + ",\n ".join(lines) + "]\n")


def _aligned(box: Any) -> bool:
    return np.allclose(box.canonical().rotation, np.eye(3), rtol=0, atol=1e-3)
