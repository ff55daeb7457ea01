"""Training chats for Qwen3-VL: one JSON line a picture, whose answer is a list of `bbox_3d`.

{"image": "a.jpg", "width": ..., "height": ..., "conversations": [{"from": "human", "value":
"<image>..."}, {"from": "gpt", "value": "```json\\n[{"bbox_3d": [...], "label": ...}]\\n```"}]},
the layout of Qwen-VL's fine-tuning. Numbers are those of `sources.qwen`, to 4 decimals.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.language import labels
from n3d.scene import Drop, Object3D, Scene, strict_json
from n3d.sources import fields, files, frames, qwen
from n3d.sources.grounded import Grounded

DECIMALS = 4
FENCE = "```"


def line(item: Grounded) -> str:
    """The line of one scene; the camera's focal length is told in the question."""
    camera = item.camera
    told = ""
    if camera is not None:
        size = f"{camera.width} x {camera.height}"
        told = f" The focal length is {camera.fx:.6g} pixels, the picture {size}."
    question = (
        f"<image>\nLocate all objects in the picture and give their 3D boxes in the camera's "
        f'frame as JSON: [{{"bbox_3d": [x_center, y_center, z_center, x_size, y_size, z_size, '
        f'roll, pitch, yaw], "label": "category"}}].{told}'
    )
    boxes = json.dumps([_entry(o) for o in item.scene.objects], allow_nan=False)
    record: dict[str, Any] = {
        "id": item.scene.id,
        "image": item.image or item.scene.picture_id,
        "license": item.scene.licence,
        "conversations": [
            {"from": "human", "value": question},
            {"from": "gpt", "value": f"{FENCE}json\n{boxes}\n{FENCE}"},
        ],
    }
    if camera is not None:
        record |= {"width": camera.width, "height": camera.height, "K": camera.matrix.tolist()}
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def _entry(thing: Object3D) -> dict[str, Any]:
    box = thing.box.canonical()  # so that one solid has one text
    angles = [a / math.pi for a in frames.xyz_from_rotation(box.rotation)]
    size = np.maximum(box.size, 10.0**-DECIMALS).tolist()
    numbers = [*box.center.tolist(), *size, *angles]
    row = [round(v, DECIMALS) + 0.0 for v in numbers]
    # What looks like a mark of a chat model must not act as one.
    return {"bbox_3d": row, "label": labels.neutralize(thing.label)}


def read(path: Any, **_: Any) -> Iterator[Grounded | Drop]:
    """A scene for each line."""
    with files.open_regular(path, max_bytes=None) as f:
        for number, text in enumerate(f, 1):
            if not text.strip():
                continue
            try:
                yield _read(strict_json.loads(text), number)
            except N3DError as e:
                yield Drop(f"qwen:{number}", e.code, str(e.at(file=path, field=f"line {number}")))


def _read(raw: Any, number: int) -> Grounded:
    turns = fields.rows(raw, "conversations")
    replies = [t["value"] for t in turns if isinstance(t, Mapping) and t.get("from") == "gpt"]
    if not replies or not isinstance(replies[0], str):
        raise InputError("has no reply", code="qwen-form", field="conversations")
    text = replies[0].strip().removeprefix(f"{FENCE}json").removesuffix(FENCE)
    found = []
    entries = strict_json.loads(text)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        box = qwen.box_of(fields.row(fields.member(entry, "bbox_3d"), 9, "bbox_3d"))
        label = labels.restore(fields.text(entry, "label"))
        found.append(Object3D(f"qwen:{number}:{index}", label, box))
    camera = None
    if raw.get("K") is not None:
        width, height = (fields.side(fields.member(raw, k), k) for k in ("width", "height"))
        camera = Camera.from_matrix(fields.matrix(raw["K"], "K"), width, height)
    name = str(raw.get("id") or f"qwen:{number}")
    licence = raw.get("license")
    scene = Scene(
        name, name, tuple(found), source="qwen", licence=licence if isinstance(licence, str) else ""
    )
    return Grounded(scene, camera, str(raw.get("image", "")))
