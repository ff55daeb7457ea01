"""Nouns as JSON and back, without loss: `from_json(Scene, to_json(scene))` is the same scene.

Arrays are nested lists of float64, masks COCO run lengths, absent values null or left out.
Values of traces have the form of `value_to_json`. What JSON cannot hold (NaN, infinity, an
undecoded image) is refused with an InputError that names the field.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np

from n3d.errors import InputError
from n3d.geometry import Box3D, Camera
from n3d.scene import answer_records, fields, picture_records
from n3d.scene.answer_records import trace_from_json, value_from_json, value_to_json
from n3d.scene.objects import BoxSpread, Object3D, Scene
from n3d.scene.pictures import Picture, PictureFiles, Provenance, Region
from n3d.scene.traces import QA, Answer, Check, Prediction, Query, Trace

__all__ = ["from_json", "kinds", "to_json", "trace_from_json", "value_from_json", "value_to_json"]

T = TypeVar("T")


def to_json(noun: Any) -> Any:
    """The record as JSON: an object, a list of steps for a Trace.

    Takes the nouns of `kinds()`. Raises InputError for numbers that are not finite and for
    pictures that have no files (arrays belong in a shard).
    """
    return _form(type(noun))[0](noun)


def from_json(kind: type[T], data: Any) -> T:
    """The noun of `kind` that `to_json` wrote; InputError naming the field that is wrong."""
    return cast(T, _form(kind)[1](data))


def kinds() -> tuple[type, ...]:
    """The nouns that have a JSON form."""
    return tuple(_FORMS)


def _form(kind: type):
    if kind not in _FORMS:
        known = ", ".join(k.__name__ for k in _FORMS)
        raise InputError(f"{kind.__name__} has no JSON form", code="record-kind", limit=known)
    return _FORMS[kind]


# -- objects, scenes ----------------------------------------------------------------------


def object_to_json(o: Object3D) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": fields.text(o.id, "id"),
        "label": fields.text(o.label, "label"),
        **picture_records.box_to_json(o.box),
        "score": fields.number(o.score, "score"),
        "extent": o.extent,
        "depth_unobserved": bool(o.depth_unobserved),
    }
    if o.visibility is not None:
        out["visibility"] = fields.number(o.visibility, "visibility")
    if o.quality:
        out["quality"] = {k: fields.number(v, f"quality.{k}") for k, v in o.quality.items()}
    if o.front is not None:
        out["front"] = fields.numbers(o.front, "front")
    if o.visible is not None:
        out["visible"] = picture_records.box_to_json(o.visible)
    if o.spread is not None:
        out["spread"] = picture_records.spread_to_json(o.spread)
    if o.attributes:
        out["attributes"] = fields.plain(o.attributes, "attributes")
    if o.region is not None:
        out["region"] = picture_records.region_to_json(o.region)
    return out


def object_from_json(data: Any) -> Object3D:
    f = fields.Fields(data, "Object3D")
    found = Object3D(
        id=f.take("id", fields.text),
        label=f.take("label", fields.text),
        box=picture_records.take_box(f),
        score=f.take("score", fields.number, 1.0),
        extent=cast(Any, f.take("extent", fields.text, "whole")),
        depth_unobserved=f.take("depth_unobserved", fields.flag, False),
        visibility=f.take("visibility", fields.number, None),
        quality=f.take("quality", _quality_in, {}),
        front=f.take("front", fields.array(3), None),
        visible=f.take("visible", fields.one(picture_records.box_from_json), None),
        spread=f.take("spread", fields.one(picture_records.spread_from_json), None),
        attributes=f.take("attributes", fields.mapping, {}),
        region=f.take("region", fields.one(picture_records.region_from_json), None),
    )
    f.done()
    return found


def _quality_in(value: Any, field: str) -> dict[str, float]:
    return {k: fields.number(v, f"{field}.{k}") for k, v in fields.mapping(value, field).items()}


def scene_to_json(s: Scene) -> dict[str, Any]:
    out = {
        "id": fields.text(s.id, "id"),
        "picture_id": fields.text(s.picture_id, "picture_id"),
        "objects": objects_to_json(s.objects),
        "up": None if s.up is None else fields.numbers(s.up, "up"),
        "source": fields.text(s.source, "source"),
        "licence": fields.text(s.licence, "licence"),
        "provenance": picture_records.provenance_to_json(s.provenance),
    }
    if s.camera is not None:
        out["camera"] = picture_records.camera_to_json(s.camera)
    for name in ("image", "depth"):
        if getattr(s, name):
            out[name] = fields.text(getattr(s, name), name)
    if s.reading:
        out["reading"] = fields.plain(s.reading, "reading")
    if s.boxless:
        out["boxless"] = [fields.text(label, "boxless") for label in s.boxless]
    return out


def scene_from_json(data: Any) -> Scene:
    f = fields.Fields(data, "Scene")
    scene = Scene(
        id=f.take("id", fields.text),
        picture_id=f.take("picture_id", fields.text),
        objects=f.take("objects", fields.many(object_from_json)),
        up=f.take("up", fields.array(3), None),
        source=f.take("source", fields.text, ""),
        licence=f.take("licence", fields.text, ""),
        provenance=f.take(
            "provenance", fields.one(picture_records.provenance_from_json), Provenance()
        ),
        camera=f.take("camera", fields.one(picture_records.camera_from_json), None),
        image=f.take("image", fields.text, ""),
        depth=f.take("depth", fields.text, ""),
        reading=f.take("reading", fields.mapping, {}),
        boxless=f.take("boxless", fields.many(lambda v: fields.text(v, "")), ()),
    )
    f.done()
    return kept_unit(scene, "up", data.get("up"))


def kept_unit(noun: T, name: str, stored: Any) -> T:
    """The noun with a stored unit vector kept to the bit.

    A noun normalises what it is given, which moves the last bit of a vector that is already
    normalised; written again, the file would differ.
    """
    if stored is not None:
        vector = np.array(stored, dtype=float)
        if abs(np.linalg.norm(vector) - 1) < 1e-9:
            object.__setattr__(noun, name, vector)
    return noun


def objects_to_json(objects: tuple[Object3D, ...]) -> list[dict[str, Any]]:
    """Objects as JSON; an error names the object."""
    return list(fields.many(object_to_json)(objects, "objects"))


def prediction_to_json(p: Prediction) -> dict[str, Any]:
    return {
        "question": fields.text(p.question, "question"),
        "text": fields.text(p.text, "text"),
        "objects": objects_to_json(p.objects),
        **{k: None if (v := getattr(p, k)) is None else to_json(v) for k in ("trace", "answer")},
        "check": None if p.check is None else to_json(p.check),
        "fault": None if p.fault is None else fields.text(p.fault, "fault"),
        "notes": [fields.text(n, "notes") for n in p.notes],
        "provenance": picture_records.provenance_to_json(p.provenance),
        "up": None if p.up is None else fields.numbers(p.up, "up"),
    }


def prediction_from_json(data: Any) -> Prediction:
    f = fields.Fields(data, "Prediction")
    prediction = Prediction(
        question=f.take("question", fields.text),
        text=f.take("text", fields.text, ""),
        objects=f.take("objects", fields.many(object_from_json), ()),
        trace=f.take("trace", fields.one(trace_from_json), None),
        answer=f.take("answer", fields.one(answer_records.answer_from_json), None),
        check=f.take("check", fields.one(answer_records.check_from_json), None),
        fault=f.take("fault", fields.text, None),
        notes=f.take("notes", fields.many(lambda v: fields.text(v, "")), ()),
        provenance=f.take(
            "provenance", fields.one(picture_records.provenance_from_json), Provenance()
        ),
        up=f.take("up", _up, None),
    )
    f.done()
    return prediction


def _up(value: Any, field: str) -> tuple[float, float, float]:
    x, y, z = fields.array(3)(value, field).tolist()
    return x, y, z


_FORMS = {
    Camera: (picture_records.camera_to_json, picture_records.camera_from_json),
    Box3D: (picture_records.box_to_json, picture_records.box_from_json),
    BoxSpread: (picture_records.spread_to_json, picture_records.spread_from_json),
    Provenance: (picture_records.provenance_to_json, picture_records.provenance_from_json),
    Region: (picture_records.region_to_json, picture_records.region_from_json),
    PictureFiles: (picture_records.files_to_json, picture_records.files_from_json),
    Picture: (picture_records.picture_to_json, picture_records.picture_from_json),
    Object3D: (object_to_json, object_from_json),
    Scene: (scene_to_json, scene_from_json),
    Trace: (answer_records.trace_to_json, trace_from_json),
    Query: (answer_records.query_to_json, answer_records.query_from_json),
    Answer: (answer_records.answer_to_json, answer_records.answer_from_json),
    Check: (answer_records.check_to_json, answer_records.check_from_json),
    QA: (answer_records.qa_to_json, answer_records.qa_from_json),
    Prediction: (prediction_to_json, prediction_from_json),
}
