"""`n3d export`: what a data set holds decides what it can be exported to."""

from __future__ import annotations

from pathlib import Path

from n3d.errors import ConfigError, InputError
from n3d.pipelines import exporting_questions, exporting_scenes
from n3d.pipelines.exporting_questions import Order
from n3d.pipelines.exporting_scenes import Views
from n3d.scene import manifests

KINDS = ("scene", "qa")
"""Kinds of records that can be exported."""

Report = exporting_scenes.Report | exporting_questions.Report


def export(
    folder: Path,
    out: Path,
    to: str,
    views: Views | None = None,
    *,
    scenes: Path | None = None,
    style: str = "prose",
) -> Report:
    """Write a finished data set in the form `to`; questions need their `scenes` and the images.

    InputError for a data set of a kind that has no forms, ConfigError where something is needed.
    """
    views = views or Views()
    kind = manifests.read(folder).kind
    if kind == "scene":
        return exporting_scenes.export(folder, out, to, views)
    if kind != "qa":
        raise InputError(
            f"holds {kind} records", code="export-kind", file=folder, limit=", ".join(KINDS)
        )
    for name, found in (("scenes", scenes), ("images", views.images)):
        if found is None:
            raise ConfigError("is needed here", code="config-missing", field=f"--{name}")
    assert scenes is not None
    assert views.images is not None
    depth = None if views.depth is None else Path(views.depth.removeprefix("sensor:"))
    return exporting_questions.export(Order(folder, scenes, views.images, depth, style), out, to)
