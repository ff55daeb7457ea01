"""Benchmarks that `n3d bench` wrote, as sittings: questions of a folder about pictures of another.

They hold no pictures: `scenes` are what the questions are about, `images` and `depths` the folders
that these were lifted from.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from n3d import sources
from n3d.errors import ConfigError, N3DError
from n3d.evaluate import blind, choosing
from n3d.evaluate.items import Item, Sitting
from n3d.scene import QA, Drop, Scene, asked, manifests, shards

KNOWN_SCENES = 2000
HOME = {kind: group.name for group in choosing.GROUPS for kind in group.kinds}


@dataclass(eq=False)
class OwnSet:
    """An iterable of sittings, one for each scene that is asked about; the first `limit` of them.

    A scene whose picture cannot be opened and a request to locate are set aside in `drops`, which
    each pass fills anew.
    """

    questions: Path
    scenes: Path
    images: Path
    depths: Path | None = None
    limit: int | None = None
    drops: list[Drop] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[Sitting]:
        self.drops = []
        for scene, questions in islice(self.together(), self.limit):
            try:
                view = sources.reopening.reopen(scene, self.images, self.depths).rgbd
            except N3DError as e:
                self.drops.append(Drop(scene.id, e.code, str(e)))
                continue
            assert view is not None
            made = tuple(i for i in (self._item(qa, scene) for qa in questions) if i is not None)
            if made:
                yield Sitting(scene.id, view, made, scene.objects)

    def together(self) -> Iterator[tuple[Scene, tuple[QA, ...]]]:
        """Every scene with its questions, pictures unopened."""
        return asked.together(self.questions, self.scenes)

    def _item(self, qa: QA, scene: Scene) -> Item | None:
        if qa.trace is None:
            self.drops.append(Drop(qa.id, "question-none", "a request to locate"))
            return None
        number = zlib.crc32(scene.id.encode())
        return Item(qa.id, number, "ask", qa.kind, question=qa.question, qa=qa,
                    around=scene.objects)  # fmt: skip

    def __len__(self) -> int:
        count = sum(1 for _ in self.together())
        return count if self.limit is None else min(count, self.limit)

    def to_json(self) -> dict[str, Any]:
        """What it is, by content: no path of this machine."""
        return {
            "benchmark": "own",
            "scenes": len(self),
            "questions_sha256": _sha256(self.questions),
            "scenes_sha256": _sha256(self.scenes),
            "has_depth": self.depths is not None,
        }

    def blind(self) -> blind.Blind:
        """The blind baseline of the questions that were not taken, which `n3d bench` leaves in
        FOLDER.pool; of the project's training scenes where that is not there."""
        pool = self.questions.with_name(f"{self.questions.name}.pool")
        if not (pool / manifests.FILE).exists():
            return blind.learn()
        taken = {qa.id for qa in shards.read(self.questions)}
        known = [s for s in islice(shards.read(self.scenes), KNOWN_SCENES) if s.objects]
        return blind.of(known, (qa for qa in shards.read(pool) if qa.id not in taken))


def find(
    folder: Path, scenes: Path | None, images: Path | None, depths: Path | None = None,
    limit: int | None = None,
) -> OwnSet:  # fmt: skip
    """The benchmark of a folder; ConfigError for what is no data set of questions, and where the
    folders that it needs were not named."""
    if not (folder / manifests.FILE).exists():
        raise ConfigError(
            "is no benchmark: neither 'synthetic' nor a folder that n3d bench wrote",
            code="benchmark", field="benchmark", file=folder,
            limit="synthetic, or a data-set folder of questions",
        )  # fmt: skip
    for name, value in (("scenes", scenes), ("images", images)):
        if value is None:
            raise ConfigError(
                "is needed for a folder of questions", code="config-missing", field=name,
                hint="Name the scenes that the questions are about, and the folder of their images",
            )  # fmt: skip
    assert scenes is not None
    assert images is not None
    made = OwnSet(folder, scenes, images, depths, limit)
    next(iter(made.together()), None)  # folders of another kind are told at once
    return made


def _sha256(folder: Path) -> str:
    return hashlib.sha256((folder / manifests.FILE).read_bytes()).hexdigest()
