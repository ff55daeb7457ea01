"""What a data-set folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from n3d.engine import folders
from n3d.errors import InputError
from n3d.scene import manifests, strict_json
from n3d.scene.manifests import Manifest


def inspect(folder: str | Path) -> dict[str, Any]:
    """Counts of a data set, finished or not: `kept`, `dropped`, `by_reason`, `labels`, ...

    `complete` is False, and the counts are of the finished shards, where the run that writes
    it was stopped. InputError for a folder that holds no data set.
    """
    folder = Path(folder)
    complete = (folder / manifests.FILE).is_file()
    manifest = so_far(folder)
    return {
        "kind": manifest.kind,
        "complete": complete,
        "shards": len(manifest.shards),
        "kept": manifest.kept,
        "dropped": manifest.dropped,
        "by_reason": manifest.by_reason,
        "labels": manifest.labels,
        "config": manifest.config,
    }


def so_far(folder: Path) -> Manifest:
    """The manifest of a data set, or of what a run that was stopped has finished; InputError for a
    folder that holds neither."""
    if (folder / manifests.FILE).is_file():
        return manifests.read(folder)
    if folders.is_run(folder):
        return _unfinished(folder)
    raise InputError(
        "holds no data set: neither manifest.json nor run.json",
        code="dataset-missing",
        file=folder,
    )


def _unfinished(folder: Path) -> Manifest:
    run = strict_json.load(folder / folders.RUN)
    names = sorted(p.stem for p in (folder / "done").glob("*.json"))
    entries = [manifests.read_marker(folder, name) for name in names]
    return Manifest(
        run.get("kind", ""), tuple(e for e in entries if e is not None), run.get("config", {})
    )
