"""Ask a data set of scenes: shards of scenes -> shards of questions with traces."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n3d import engine, reason
from n3d.errors import ConfigError
from n3d.scene import QA, Drop, Scene


@dataclass(frozen=True)
class Ask:
    """The stage Scene -> QA; each scene's questions depend on the seed and its id only."""

    kinds: tuple[str, ...] | str = "all"
    per_scene: int = 6
    seed: int = 0

    def __call__(self, scenes: Iterable[Scene]) -> Iterator[QA | Drop]:
        for scene in scenes:
            asked = reason.ask(scene, kinds=self.kinds, per_scene=self.per_scene, seed=self.seed)
            if not asked:
                yield Drop(scene.id, "no-question", "no question is sound for these objects")
            yield from asked


def ask(
    scenes: Path,
    out: Path,
    *,
    kinds: str = "all",
    per_scene: int = 6,
    seed: int = 0,
    workers: int = 1,
    progress: bool = True,
) -> engine.Report:
    """Write a data-set folder of questions; running it again resumes it.

    `kinds` is "all" or names of `reason.KINDS` separated by commas. Raises ConfigError for a
    kind that does not exist, naming those that do.
    """
    chosen: tuple[str, ...] | str = "all"
    if kinds != "all":
        chosen = tuple(k.strip() for k in kinds.split(",") if k.strip())
        unknown = [k for k in chosen if k not in reason.KINDS]
        if unknown or not chosen:
            raise ConfigError(
                f"unknown kind {', '.join(unknown) or kinds!r}",
                code="question-kind",
                field="--kinds",
                limit=", ".join(reason.KINDS),
                hint=_nearest(unknown),
            )
    if per_scene < 1:
        raise ConfigError(
            f"is {per_scene}", code="config-range", field="--per-scene", limit="at least 1"
        )
    if seed < 0:
        raise ConfigError(f"is {seed}", code="config-range", field="--seed", limit="at least 0")
    config: dict[str, Any] = {"stage": "ask", "kinds": kinds, "per_scene": per_scene, "seed": seed}
    return engine.run(
        Ask(chosen, per_scene, seed),
        engine.Folder(scenes),
        out,
        kind="qa",
        workers=workers,
        config=config,
        progress=progress,
    )


def _nearest(unknown: list[str]) -> str | None:
    near = [m for name in unknown for m in difflib.get_close_matches(name, reason.KINDS, 1)]
    return f"Did you mean {', '.join(near)}?" if near else None
