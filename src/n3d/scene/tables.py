"""Nouns as rows of typed Parquet columns and back.

Columns that people filter by are typed; objects are a list of structs; free attributes,
traces and answers are JSON texts of the form in `records`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from n3d import __version__
from n3d.errors import InputError
from n3d.scene import fields, picture_rows, records, strict_json
from n3d.scene.objects import Scene
from n3d.scene.pictures import Picture
from n3d.scene.traces import QA, Prediction

FORMAT = "1"
KINDS: dict[str, type] = {"scene": Scene, "qa": QA, "picture": Picture, "prediction": Prediction}
LATER = {"scene": ("camera", "image", "depth", "reading", "boxless"), "qa": ("attributes",)}
"""Columns that older files lack: what they would hold is then unknown."""


def kind_of(record: Any) -> str:
    """The kind of a record; InputError for what no shard holds."""
    for name, noun in KINDS.items():
        if isinstance(record, noun):
            return name
    raise InputError(
        f"a shard holds no {type(record).__name__}",
        code="record-kind",
        limit=", ".join(noun.__name__ for noun in KINDS.values()),
    )


def to_row(record: Any) -> dict[str, Any]:
    """The record as a row of its kind's columns; InputError for what cannot be written."""
    kind = kind_of(record)
    if kind == "picture":
        return picture_rows.to_row(record)
    row = records.to_json(record)
    if kind == "qa":
        answer = row.pop("answer")
        row["answer"] = answer.pop("text")
        row |= {k: answer.pop(k) for k in ("number", "unit", "interval", "probability", "level")}
        row["value"] = fields.dumps(answer["value"])
        row["ops"] = [step["op"] for step in row["trace"] or ()]
        for name in ("trace", "query"):
            row[name] = None if row[name] is None else fields.dumps(row[name])
        row["attributes"] = fields.dumps(row["attributes"]) if row["attributes"] else None
        return row
    row |= row.pop("provenance")
    row["labels"] = [o["label"] for o in row["objects"]]
    row["object_count"] = len(row["objects"])
    row["objects"] = [picture_rows.object_row(o) for o in row["objects"]]
    if kind == "prediction":
        for name in ("trace", "answer", "check"):
            row[name] = None if row[name] is None else fields.dumps(row[name])
        return row
    row["reading"] = fields.dumps(row["reading"]) if row.get("reading") else None
    return row


def from_row(kind: str, row: dict[str, Any]) -> Any:
    """The record of a row; InputError naming the column that is wrong."""
    if kind == "picture":
        return picture_rows.from_row(row)
    row = dict(row)
    if kind == "qa":
        row.pop("ops")
        names = ("number", "unit", "interval", "probability", "level")
        answer = {"text": row["answer"], "value": strict_json.loads(row.pop("value"))}
        row["answer"] = answer | {k: row.pop(k) for k in names}
        for name in ("trace", "query", "attributes"):
            row[name] = None if row.get(name) is None else strict_json.loads(row[name])
        return records.from_json(QA, row)
    row["provenance"] = {k: row.pop(k) for k in picture_rows.PROVENANCE}
    row["objects"] = [picture_rows.object_json(o) for o in row["objects"] or ()]
    del row["labels"], row["object_count"]
    if kind == "prediction":
        for name in ("trace", "answer", "check"):
            row[name] = None if row[name] is None else strict_json.loads(row[name])
    elif row.get("reading") is not None:
        row["reading"] = strict_json.loads(row["reading"])
    return records.from_json(KINDS[kind], row)


def labels_of(record: Any) -> list[str]:
    """What the histogram of a data set counts: labels, or the kind of a question."""
    if isinstance(record, Scene | Prediction):
        return [o.label for o in record.objects]
    return [r.label for r in record.regions] if isinstance(record, Picture) else [record.kind]


@lru_cache
def schema(kind: str):
    """The Arrow schema of a kind, with the conventions in its metadata."""
    import pyarrow as pa

    text, real, reals = pa.string(), pa.float64(), pa.list_(pa.float64())
    provenance: list[tuple[str, Any]] = list(
        zip(picture_rows.PROVENANCE, (text, text, pa.bool_(), text, real))
    )
    grounded = [
        ("labels", pa.list_(text)),
        ("object_count", pa.int32()),
        *provenance,
        ("objects", pa.list_(picture_rows.object_type())),
    ]
    columns = {
        "scene": [
            *((k, text) for k in ("id", "picture_id", "source", "licence")),
            ("up", reals),
            *grounded,
            ("camera", picture_rows.camera_type()),
            *((k, text) for k in ("image", "depth", "reading")),
            ("boxless", pa.list_(text)),
        ],
        "qa": [
            *((k, text) for k in ("id", "scene_id", "kind", "question", "answer", "unit")),
            ("number", real),
            ("interval", reals),
            ("probability", real),
            ("level", real),
            ("objects", pa.list_(pa.int32())),
            ("ops", pa.list_(text)),
            *((k, text) for k in ("value", "trace", "query", "attributes")),
        ],
        "picture": picture_rows.columns(provenance),
        "prediction": [
            *((k, text) for k in ("question", "text", "fault")),
            ("notes", pa.list_(text)),
            *grounded,
            *((k, text) for k in ("trace", "answer", "check")),
        ],
    }
    return pa.schema(columns[kind], metadata=conventions(kind))


def conventions(kind: str) -> dict[str, str]:
    """What the metadata of a shard's schema says."""
    return {
        "n3d.format": FORMAT,
        "n3d.frame": "camera_opencv",
        "n3d.kind": kind,
        "n3d.unit": "m",
        "n3d.version": __version__,
    }
