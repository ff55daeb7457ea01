"""`n3d export`: what a data set holds decides what it can be exported to."""

from __future__ import annotations

from pathlib import Path

from n3d.errors import InputError
from n3d.pipelines import exporting_scenes
from n3d.pipelines.exporting_scenes import Report, Views
from n3d.scene import manifests

EXPORTERS = {
    "scene": exporting_scenes.export,
}
"""Kind of records in a data set -> the function (folder, out, target, views) that exports them."""


def export(folder: Path, out: Path, to: str, views: Views | None = None) -> Report:
    """Write a finished data set in the form `to`; InputError for one of a kind that has none."""
    kind = manifests.read(folder).kind
    if kind not in EXPORTERS:
        raise InputError(
            f"holds {kind} records", code="export-kind", file=folder, limit=", ".join(EXPORTERS)
        )
    return EXPORTERS[kind](folder, out, to, views or Views())
