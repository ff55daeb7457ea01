"""Pictures with their boxes and questions in shards: WebDataset tar files, and Parquet."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from n3d.errors import N3DError
from n3d.language import traces
from n3d.pipelines.chats import Chat
from n3d.reason import prose
from n3d.scene import QA, Drop, Scene, fields, files, records, tables
from n3d.sources import frames, reopening

if TYPE_CHECKING:
    from n3d.pipelines.exporting_questions import Export

PER_SHARD = 512
MILLIMETRES = 1000


def plain_name(id: str) -> str:
    """A file name for an id: itself where it is plain, else with a hash."""
    plain = re.sub(r"[^\w-]", "_", id, flags=re.ASCII)[:100]
    digest = hashlib.sha256(id.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return plain if plain == id else f"{plain}-{digest}"


Sample = tuple[Scene, list[tuple[QA, Chat]], Path]


def _samples(export: Export) -> Iterator[Sample]:
    """The scenes with their conversations; a scene of which none can be told is left out."""
    for scene, questions, path in export.scenes():
        told = [(qa, c) for qa in questions if (c := export.told(qa, scene)) is not None]
        if told:
            yield scene, told, path


def _shards(export: Export) -> Iterator[list[Sample]]:
    samples = _samples(export)
    while chunk := list(islice(samples, PER_SHARD)):
        yield chunk


def _depth(export: Export, scene: Scene) -> bytes | None:
    """The depth as a PNG of 16 bits, millimetres, 0 invalid or beyond 65 m."""
    from PIL import Image

    if export.order.depth is None:
        return None
    try:
        view = reopening.reopen(scene, export.order.images, export.order.depth).rgbd
    except N3DError as e:
        export.drops.append(Drop(f"{scene.id}:depth", e.code, str(e)))
        return None
    if view is None or view.depth is None:
        return None
    steps = np.rint(view.depth.astype(np.float64) * MILLIMETRES)
    steps[steps > np.iinfo(np.uint16).max] = 0
    out = io.BytesIO()
    Image.fromarray(steps.astype(np.uint16)).save(out, "png")
    return out.getvalue()


# -- webdataset ------------------------------------------------------------------------------


def webdataset(export: Export) -> None:
    """Tar files of up to PER_SHARD samples, the members of one key beside each other."""
    number = 0
    for index, chunk in enumerate(_shards(export)):
        with files.replacing(export.out / f"n3d-{index:06d}.tar") as f:
            with tarfile.open(fileobj=f, mode="w|", format=tarfile.USTAR_FORMAT) as tar:  # pyright: ignore
                for sample in chunk:
                    _add_sample(tar, f"{number:09d}", export, sample)
                    number += 1


def _add_sample(tar: tarfile.TarFile, key: str, export: Export, sample: Sample) -> None:
    scene, told, path = sample
    _add(tar, f"{key}{path.suffix.lower() or '.jpg'}", path.read_bytes())
    depth = _depth(export, scene)
    if depth is not None:
        _add(tar, f"{key}.depth.png", depth)
    record = {
        "scene": records.to_json(scene),
        "conversations": [
            {"id": c.id, "kind": c.kind, "user": c.user, "assistant": c.assistant,
             "place": c.place and list(c.place)}
            for _, c in told
        ],
    }  # fmt: skip
    _add(tar, f"{key}.json", fields.dumps(record).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # no time and no owner: equal records are equal bytes
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


# -- parquet ---------------------------------------------------------------------------------


def parquet(export: Export) -> None:
    """Parquet files of up to PER_SHARD rows, a picture each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for index, chunk in enumerate(_shards(export)):
        rows = [_row(export, sample) for sample in chunk]
        table = pa.Table.from_pylist(rows, schema=schema())
        with files.replacing(export.out / f"n3d-{index:06d}.parquet") as f:
            # Pictures do not repeat: a dictionary of them would only cost memory.
            pq.write_table(table, f, compression="zstd", use_dictionary=False)


def _row(export: Export, sample: Sample) -> dict[str, Any]:
    scene, told, path = sample
    camera = scene.camera
    return {
        "id": scene.id,
        "image": {"bytes": path.read_bytes(), "path": scene.image},
        "width": camera and camera.width,
        "height": camera and camera.height,
        "K": camera and [float(v) for v in camera.matrix.ravel()],
        "depth": _depth(export, scene),
        "metric": scene.provenance.metric,
        "up": None if scene.up is None else scene.up.tolist(),
        "boxes3d": [_box(o) for o in scene.objects],
        "qa": [_question(qa, c, scene) for qa, c in told],
        "license": scene.licence,
        "source": scene.source,
    }


def _box(o: Any) -> dict[str, Any]:
    return {
        "label": o.label,
        "center": o.box.center.tolist(),
        "size": o.box.size.tolist(),
        "quat_wxyz": frames.quaternion_from_rotation(o.box.rotation).tolist(),
        "score": o.score,
        "quality": o.quality.get("score"),
    }


def _question(qa: QA, chat: Chat, scene: Scene) -> dict[str, Any]:
    trace = qa.trace
    return {
        "id": qa.id,
        "type": qa.kind,
        "question": qa.question,
        "answer": qa.answer.text,
        "cot": None if trace is None else prose.explain(trace, scene.objects, scene.up),
        "program": None if trace is None else traces.write(trace),
        "box_ids": list(qa.objects),
        "place": None if chat.place is None else list(chat.place),
        "user": chat.user,
        "assistant": chat.assistant,
    }


def schema() -> Any:
    """The Arrow schema of a row, with the conventions in its metadata."""
    import pyarrow as pa

    text, real = pa.string(), pa.float64()
    numbers = pa.list_(real)
    box = [("label", text), ("center", pa.list_(real, 3)), ("size", pa.list_(real, 3)),
           ("quat_wxyz", pa.list_(real, 4)), ("score", real), ("quality", real)]  # fmt: skip
    question = [
        *((k, text) for k in ("id", "type", "question", "answer", "cot", "program")),
        ("box_ids", pa.list_(pa.int32())),
        ("place", numbers),
        *((k, text) for k in ("user", "assistant")),
    ]
    columns = [
        ("id", text),
        ("image", pa.struct([("bytes", pa.binary()), ("path", text)])),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("K", numbers),
        ("depth", pa.binary()),
        ("metric", pa.bool_()),
        ("up", numbers),
        ("boxes3d", pa.list_(pa.struct(box))),
        ("qa", pa.list_(pa.struct(question))),
        ("license", text),
        ("source", text),
    ]
    return pa.schema(columns, metadata=tables.conventions("export"))
