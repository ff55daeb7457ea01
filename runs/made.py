"""Small sets of rendered rooms, lifted and asked about, for tables that are run without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from n3d import synthetic
from n3d.pipelines import asking, benchmarking, lifting, rooms


@dataclass(frozen=True)
class Set:
    """Folders of one set: `questions` about `scenes` whose files are in `images` and `depths`."""

    name: str
    questions: Path
    scenes: Path
    images: Path
    depths: Path | None

    @classmethod
    def of(cls, text: str) -> Set:
        """From NAME=QUESTIONS,SCENES,IMAGES[,DEPTHS]."""
        name, _, places = text.partition("=")
        folders = [Path(p) for p in places.split(",")]
        if not name or len(folders) not in (3, 4):
            raise SystemExit(f"{text}: must be NAME=QUESTIONS,SCENES,IMAGES[,DEPTHS]")
        return cls(name, folders[0], folders[1], folders[2], (*folders[3:], None)[0])


def rendered(folder: Path, count: int, *, benchmark: int = 0, kinds: str = "all") -> Set:
    """A set of `count` rooms of the split "test"; with `benchmark` so many questions are chosen in
    the shape of N3D-Bench. What is there already stays."""
    seeds: Sequence[int] = [synthetic.split_seed("test", i) for i in range(count)]
    paths = rooms.write(seeds, folder / "rooms")
    scenes, questions = folder / "scenes", folder / ("bench" if benchmark else "questions")
    depth = f"sensor:{paths['depth']}"
    lifting.lift("coco", paths["annotations"], paths["images"], depth=depth, out=scenes)
    if not benchmark:
        asking.ask(scenes, questions, kinds=kinds, per_scene=6)
    elif not (questions / benchmarking.REPORT).is_file():
        benchmarking.build(scenes, questions, questions=benchmark)
    return Set("rendered rooms", questions, scenes, paths["images"], paths["depth"])
