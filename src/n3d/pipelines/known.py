"""Boxes that are known already: files that n3d wrote, read back as one scene."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import RGBD, Drop, Provenance, Scene, records, strict_json
from n3d.sources import files, plain


def read(path: Any) -> Scene:
    """The objects of one picture from a file of plain records, an answer or a scene.

    Takes the lists of `n3d convert --to plain`, an `answer.json`, and a scene record, alone or
    under the key "scene". Raises InputError naming the first record that is wrong, and for
    records of several scenes, whose boxes have no frame in common.
    """
    if Path(path).suffix != ".jsonl" and files.is_json_object(path):
        try:
            return _from_object(strict_json.load(path))
        except N3DError as e:
            raise e.at(file=path) from None
    found: list[Scene] = []
    for item in plain.read(path):
        if isinstance(item, Drop):
            raise InputError(f"{item.id}: {item.detail}", code=item.reason)
        found.append(item.scene)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"holds {len(found)} scenes: {', '.join(s.id for s in found[:3])}, ...",
            code="boxes-scenes",
            file=path,
            limit="one",
            hint="Give the boxes of one picture",
        )
    raise InputError("holds no boxes", code="boxes-empty", file=path)


def _from_object(data: Any) -> Scene:
    if isinstance(data, Mapping) and "scene" in data:
        return records.from_json(Scene, data["scene"])
    if isinstance(data, Mapping) and "picture_id" in data:
        return records.from_json(Scene, data)
    if not isinstance(data, Mapping) or "objects" not in data:
        raise InputError(
            "holds no 3D boxes",
            code="boxes-form",
            limit="a list of plain records, an answer.json, a scene",
            hint="n3d convert writes plain records from other forms",
        )
    scene = {"id": "answer", "picture_id": "answer", "objects": data["objects"]}
    optional = {k: data[k] for k in ("up", "provenance") if data.get(k) is not None}
    return records.from_json(Scene, scene | optional)


def with_gravity_of(view: RGBD, scene: Scene) -> RGBD:
    """The view with `up` as the scene knows it, where the view itself does not."""
    if view.up is not None or scene.up is None:
        return view
    source = scene.provenance.up
    return view.with_up(scene.up, "given" if source == Provenance().up else source)
