"""Questions beside the scenes they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from n3d.errors import InputError
from n3d.scene import manifests, shards
from n3d.scene.objects import Scene
from n3d.scene.traces import QA


def together(questions: str | Path, scenes: str | Path) -> Iterator[tuple[Scene, tuple[QA, ...]]]:
    """Every scene that is asked about with its questions, in the order of both data sets.

    Both are read once, shard by shard. Raises InputError where a folder holds another kind of
    record, or a question is about a scene that is not there or comes out of order.
    """
    _check(questions, "qa", "questions")
    _check(scenes, "scene", "scenes")
    known = iter(shards.read(scenes))
    scene: Scene | None = None
    asked: list[QA] = []
    for qa in shards.read(questions):
        if scene is None or qa.scene_id != scene.id:
            if scene is not None:
                yield scene, tuple(asked)
            scene, asked = _next(known, qa, scenes), []
        _check_objects(qa, scene)
        asked.append(qa)
    if scene is not None:
        yield scene, tuple(asked)


def _next(known: Iterator[Scene], qa: QA, scenes: str | Path) -> Scene:
    for scene in known:
        if scene.id == qa.scene_id:
            return scene
    raise InputError(
        f"has no scene {qa.scene_id!r} after those before it, which {qa.id!r} asks about",
        code="scene-unknown",
        file=scenes,
        hint="Give the scenes that the questions were made of",
    )


def _check_objects(qa: QA, scene: Scene) -> None:
    if any(not 0 <= i < len(scene.objects) for i in qa.objects):
        raise InputError(
            f"{qa.id!r} asks about objects that scene {scene.id!r} does not have",
            code="scene-objects",
            hint="Give the scenes that the questions were made of",
        )


def _check(folder: str | Path, kind: str, field: str) -> None:
    found = manifests.read(folder).kind
    if found != kind:
        raise InputError(
            f"holds records of kind {found!r}", code="dataset-kind", file=folder, field=field,
            limit=kind,
        )  # fmt: skip
