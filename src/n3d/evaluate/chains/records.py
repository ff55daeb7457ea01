"""Files of reasoning texts: the output files of the N3D-VLM demo, n3d's own answers, JSON lines.

A record has the text (`response`, or "3D Spatial Reasoning"), the `question`, the model's boxes
(`objects`, or "Native 3D Grounding" as text), and maybe `reference`, `trace`, `camera` and `up`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import InputError, N3DError
from n3d.geometry import Camera
from n3d.language import answers, traces, upstream
from n3d.reason import ops
from n3d.scene import Drop, Object3D, Scene, Trace, records, strict_json
from n3d.sources import camera_files, files
from n3d.sources.numpy_files import Archive

GROUNDING, REASONING = "Native 3D Grounding", "3D Spatial Reasoning"


@dataclass(frozen=True, eq=False)
class Chain:
    """One reasoning text and what it is about. `placed` tells whether x and y of the objects are
    known, which needs a camera where they were written as image coordinates."""

    id: Any
    question: str
    text: str
    objects: tuple[Object3D, ...] = ()
    placed: bool = True
    reference: str | None = None
    trace: Trace | None = None
    up: np.ndarray | None = None


def read(path: Any, camera: Any = None) -> Iterator[Chain | Drop]:
    """The chains of a JSON list, of one JSON object, or of JSON lines; a record that cannot be used
    is a Drop. `camera` is for boxes whose record names none."""
    known = None if camera is None else _camera_file(camera)
    for number, raw in enumerate(_raw(path), 1):
        try:
            yield parse(raw, f"{number}", Path(str(path)).parent, known)
        except N3DError as e:
            yield Drop(f"record {number}", e.code, str(e.at(file=path)))


def _raw(path: Any) -> Iterator[Any]:
    if str(path).endswith(".jsonl"):
        with files.open_regular(path, max_bytes=None) as f:
            for line in f:
                if line.strip():
                    try:
                        yield strict_json.loads(line)
                    except InputError:
                        yield None
        return
    raw = files.read_json(path)
    yield from raw if isinstance(raw, list) else [raw]


def parse(raw: Any, default_id: str, folder: Path, camera: Camera | None) -> Chain:
    """One record. InputError for one without a text."""
    if not isinstance(raw, Mapping):
        raise InputError("must be an object", code="record-type")
    text = _first(raw, REASONING, "response", "text", "explanation", "answer")
    if text is None:
        raise InputError("has no reasoning text", code="record-text", field="response")
    told = raw.get("answer")
    if "response" not in raw and "explanation" in raw and isinstance(told, str):
        text = f"<think>{text}</think> {told}"
    question = (_first(raw, "question", "prompt") or "").replace("<image>", "")
    objects, placed = _objects(raw, folder, camera)
    return Chain(
        raw.get("id", default_id), question.strip(), text, objects, placed,
        _first(raw, "reference", "gt"), _trace(raw, text, len(objects)),
        None if raw.get("up") is None else np.asarray(raw["up"], float),
    )  # fmt: skip


def _first(raw: Mapping[str, Any], *keys: str) -> str | None:
    return next((raw[k] for k in keys if isinstance(raw.get(k), str) and raw[k].strip()), None)


def _objects(raw, folder: Path, camera: Camera | None) -> tuple[tuple[Object3D, ...], bool]:
    if isinstance(raw.get("objects"), list):
        scene = {"id": "chain", "picture_id": "chain", "objects": raw["objects"]}
        return records.from_json(Scene, scene).objects, True
    text = _first(raw, GROUNDING, "boxes", "grounding")
    if text is None:
        return (), True
    own = camera or _camera(raw, folder)
    assumed = own or Camera(1.0, 1.0, 0.5, 0.5, 1, 1, source="assumed:none")
    return upstream.read_metric(text, assumed).items, own is not None


def _camera(raw: Mapping[str, Any], folder: Path) -> Camera | None:
    """The camera that a record holds, or the K of the point map that it names, which lies beside
    the file or where the record says."""
    if isinstance(raw.get("camera"), Mapping):
        return _camera_file(dict(raw["camera"]))
    named = raw.get("point_cloud")
    if not isinstance(named, str):
        return None
    for path in (folder / named, folder / Path(named).name):
        if path.is_file():
            with Archive(path) as archive:
                k, points = archive.get("intr"), archive.get("pcd")
            if k is not None and points is not None:
                height, width = points.shape[:2]
                return Camera.from_matrix(k, width, height, normalized=True)
    return None


def _camera_file(source: Any) -> Camera:
    stated = camera_files.read(source)
    return stated.camera(*(stated.size or (1, 1)))


def _trace(raw: Mapping[str, Any], text: str, count: int) -> Trace | None:
    """The trace that a record holds, or that its text does."""
    if isinstance(raw.get("trace"), list) and raw["trace"]:
        return records.from_json(Trace, json.loads(json.dumps(raw["trace"])))
    found = traces.parse(answers.session(text), ops.SIGNATURES, n_objects=count or None)
    return Trace(found.items) if found.items and not found.faults else None
