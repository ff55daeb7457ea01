"""A few annotated rooms, lifted and asked about: what the tests of data sets begin with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from n3d.pipelines import asking, lifting, rooms
from n3d.synthetic import split_seed

SEEDS = [split_seed("train", i) for i in range(4)]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but logs, with its bytes."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix != ".log"
    }


@cache
def _home() -> TemporaryDirectory:
    """A folder that is gone when the tests have ended."""
    return TemporaryDirectory(prefix="n3d-rooms-")


@cache
def lifted() -> dict[str, Path]:
    """Folders and files: annotations, images, depth, their scenes, questions about them."""
    folder = Path(_home().name)
    paths = rooms.write(SEEDS, folder / "rooms")
    found = {**paths, "scenes": folder / "scenes", "questions": folder / "questions"}
    lifting.lift(
        "coco", paths["annotations"], paths["images"], depth=f"sensor:{paths['depth']}",
        out=found["scenes"], per_shard=2, progress=False,
    )  # fmt: skip
    asking.ask(found["scenes"], found["questions"], per_scene=9, progress=False)
    return found
