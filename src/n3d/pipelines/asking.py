"""Ask a data set of scenes: shards of scenes -> shards of questions with traces."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from n3d import engine, reason
from n3d.errors import ConfigError
from n3d.reason import balance, finding
from n3d.reason.expressing import MARGIN
from n3d.reason.gating import Gate
from n3d.scene import QA, Drop, Scene
from n3d.synthetic import palette

REASON, LOCATE = "reason", finding.GROUP
EVERY = (*reason.KINDS, *finding.LOCATE_KINDS)


@dataclass(frozen=True)
class Ask:
    """The stage Scene -> QA; each scene's questions depend on the seed and its id only.

    About `located` of the `per_scene` questions ask to locate, where both sorts are among the
    `kinds`. `frequency` counts the labels of the data set: rare ones are drawn more often, and
    what is absent is one of them.
    """

    kinds: tuple[str, ...] = EVERY
    per_scene: int = 6
    seed: int = 0
    located: float = 1 / 3
    margin: float = MARGIN
    gate: Gate = field(default_factory=Gate)
    frequency: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, scenes: Iterable[Scene]) -> Iterator[QA | Drop]:
        for scene in scenes:
            asked = self.ask(scene)
            if not asked:
                yield Drop(scene.id, "no-question", "no question is sound for these objects")
            yield from (balance.noted(qa, scene) for qa in asked)

    def ask(self, scene: Scene) -> list[QA]:
        """The questions about one scene, requests to locate first."""
        thinking = [k for k in self.kinds if k in reason.KINDS]
        asking_for = [k for k in self.kinds if k in finding.LOCATE_KINDS]
        share = self.located if thinking and asking_for else float(bool(asking_for))
        shared: dict[str, Any] = {
            "seed": self.seed,
            "margin": self.margin,
            "gate": self.gate,
            "frequency": self.frequency,
        }
        found = finding.locate(
            scene, round(share * self.per_scene), kinds=asking_for,
            names=sorted(self.frequency), colors=palette.NAMES, **shared,
        ) if asking_for else []  # fmt: skip
        if thinking:
            found += reason.ask(
                scene, kinds=thinking, per_scene=self.per_scene - len(found), **shared
            )
        return found


def ask(
    scenes: Path,
    out: Path,
    *,
    kinds: str = "all",
    per_scene: int = 6,
    seed: int = 0,
    located: float = 1 / 3,
    margin: float = MARGIN,
    gate: Gate | None = None,
    workers: int = 1,
    where: str | None = None,
    progress: bool = True,
) -> engine.Report:
    """Write a data-set folder of questions; running it again resumes it.

    `kinds` is "all", or names of kinds or groups, "reason" or "locate", separated by commas; a
    name after a minus is left out. Raises ConfigError for a kind that does not exist, naming
    those that do.
    """
    chosen = chosen_kinds(kinds)
    for name, value, least in (("per_scene", per_scene, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(
                f"is {value}", code="config-range", field=name, limit=f"at least {least}"
            )
    for name, value in (("located", located), ("margin", margin)):
        if not 0 <= value <= 1:
            raise ConfigError(f"is {value:g}", code="config-range", field=name, limit="0 to 1")
    gate = gate or Gate()
    source = engine.Folder(scenes, "scene")
    stage = Ask(chosen, per_scene, seed, located, margin, gate, source.manifest.labels)
    config = {
        "stage": "ask",
        "kinds": kinds,
        **{k: getattr(stage, k) for k in ("per_scene", "seed", "located", "margin")},
        "gate": asdict(gate),
        **reviewed(source),
    }
    return engine.run(
        stage, source, out, kind="qa", workers=workers, where=where, config=config,
        progress=progress,
    )  # fmt: skip


def reviewed(source: engine.Folder) -> dict[str, str]:
    """What the configuration of questions says of the reviews of their scenes; {} without any."""
    return {"reviews": source.reviews} if source.reviews else {}


def chosen_kinds(text: str) -> tuple[str, ...]:
    """The kinds that a list of names stands for, in the order of `EVERY`."""
    groups: dict[str, set[str]] = {"all": set(EVERY), REASON: set(reason.KINDS)}
    for kind in EVERY:
        groups.setdefault(balance.group_of(kind), set()).add(kind)
    groups |= {kind: {kind} for kind in EVERY}  # "distance" is a kind before it is a group
    chosen: set[str] = set()
    names = [n.strip() for n in text.split(",") if n.strip()]
    for i, name in enumerate(names):
        wanted = groups.get(name.removeprefix("-"))
        if wanted is None:
            raise ConfigError(
                f"unknown kind {name[:60]!r}",
                code="question-kind",
                field="--kinds",
                limit=", ".join(("all", REASON, LOCATE, *EVERY)),
                hint=_nearest(name, groups),
            )
        if name.startswith("-"):
            chosen = (set(EVERY) if i == 0 else chosen) - wanted
        else:
            chosen |= wanted
    if not chosen:
        raise ConfigError(
            "names no kind", code="question-kind", field="--kinds", limit=", ".join(EVERY)
        )
    return tuple(k for k in EVERY if k in chosen)


def _nearest(name: str, groups: Mapping[str, Any]) -> str | None:
    near = difflib.get_close_matches(name.removeprefix("-"), groups, 1)
    return f"Did you mean {near[0]}?" if near else None
