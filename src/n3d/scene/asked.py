"""Questions beside the scenes they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from n3d.errors import InputError
from n3d.scene import manifests, reviews, shards
from n3d.scene.objects import Scene
from n3d.scene.traces import QA


def together(questions: str | Path, scenes: str | Path) -> Iterator[tuple[Scene, tuple[QA, ...]]]:
    """Every scene that is asked about with its questions, in the order of both data sets.

    Both are read once, shard by shard, the scenes as reviewed. Raises InputError where a folder
    holds another kind of record, a question is about a scene that is not there or comes out of
    order, or the scenes were reviewed since they were asked about.
    """
    made = _check(questions, "qa", "questions")
    _check(scenes, "scene", "scenes")
    if made.config.get("reviews", "") != reviews.known(scenes).digest:
        raise InputError(
            "are not reviewed as they were when the questions were made",
            code="scene-reviews",
            file=scenes,
            hint="Ask again into a new folder: n3d ask",
        )
    known = iter(reviews.read(scenes))
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


def _check(folder: str | Path, kind: str, field: str) -> manifests.Manifest:
    found = manifests.read(folder)
    if found.kind != kind:
        raise InputError(
            f"holds records of kind {found.kind!r}", code="dataset-kind", file=folder, field=field,
            limit=kind,
        )  # fmt: skip
    return found
