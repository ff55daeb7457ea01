"""A benchmark out of scenes, in the shape of N3D-Bench: asked widely, then chosen evenly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from n3d import engine
from n3d.errors import ConfigError
from n3d.evaluate import blind, choosing, values
from n3d.evaluate.choosing import Candidate
from n3d.pipelines import asking
from n3d.reason import balance
from n3d.reason.gating import Gate
from n3d.scene import QA, Drop, Quantity, Ref, Scene, asked, files, reviews, shards

REPORT = "benchmark.json"
TRUTHS = ("measured", "any")
POOL = 24
"""Questions that are asked about a scene, of which few are taken."""
KNOWN_SCENES = 2000
"""How many scenes the blind baseline knows by heart."""


def truth_of(scene: Scene) -> str:
    """Where the boxes of a scene come from.

    "annotated" by people or a renderer in 3D; "sensor", lifted from measured depth;
    "self-agreement", lifted from predicted depth: a model that sees the same depth is asked to
    agree with it.
    """
    if not any(o.quality for o in scene.objects):
        return "annotated"
    measured = scene.provenance.depth in ("sensor", "given")
    return "sensor" if measured and scene.provenance.metric else "self-agreement"


@dataclass(frozen=True)
class Widely:
    """The stage Scene -> QA: many questions of the groups, if the truth is good enough."""

    inner: asking.Ask
    truth: str

    def __call__(self, scenes: Iterable[Scene]) -> Iterator[QA | Drop]:
        for scene in scenes:
            told = truth_of(scene)
            if self.truth == "measured" and told == "self-agreement":
                yield Drop(scene.id, "truth-predicted", f"depth {scene.provenance.depth}")
                continue
            for made in self.inner([scene]):
                if isinstance(made, QA):
                    made.attributes["truth"] = told
                yield made


@dataclass(frozen=True)
class Chosen:
    """The stage QA -> QA: those that were chosen, in their order."""

    ids: frozenset[str]

    def __call__(self, questions: Iterable[QA]) -> Iterator[QA]:
        return (qa for qa in questions if qa.id in self.ids)


def build(
    scenes: Path,
    out: Path,
    *,
    questions: int = choosing.TOTAL,
    per_scene: int = 4,
    seed: int = 0,
    truth: str = "measured",
    gate: Gate | None = None,
    workers: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Write a data set of chosen questions, and `benchmark.json` about them, which is returned.

    What was asked widely stays beside it in OUT.pool. With `truth` "measured" only scenes whose
    boxes are annotated, or lifted from measured depth, are asked about. Raises ConfigError for
    options that cannot work, and as `engine.run` does.
    """
    if truth not in TRUTHS:
        raise ConfigError(
            f"is {truth[:40]!r}", code="config-value", field="truth", limit=", ".join(TRUTHS)
        )
    if per_scene < 1:
        raise ConfigError(
            f"is {per_scene}", code="config-range", field="per_scene", limit="at least 1"
        )
    choosing.quotas(questions)
    source = engine.Folder(scenes, "scene")
    gate = gate or Gate()
    inner = asking.Ask(choosing.KINDS, POOL, seed, gate=gate, frequency=source.manifest.labels)
    config = {"stage": "benchmark", "questions": questions, "per_scene": per_scene, "seed": seed,
              "truth": truth, "gate": vars(gate), **asking.reviewed(source)}  # fmt: skip
    pool = out.with_name(f"{out.name}.pool")
    engine.run(
        Widely(inner, truth), source, pool, kind="qa", workers=workers, progress=progress,
        config=config,
    )  # fmt: skip
    known = _known(scenes)
    found = [_candidate(qa, scene, known) for scene, told in _told(pool, scenes) for qa in told]
    ids = choosing.choose(found, questions, per_scene=per_scene, seed=seed)
    engine.run(
        Chosen(frozenset(ids)), engine.Folder(pool), out, kind="qa", config=config, progress=False
    )
    told = report(out, scenes, pool, questions)
    files.write_json(out / REPORT, told)
    return told


def _told(questions: Path, scenes: Path) -> Iterator[tuple[Scene, tuple[QA, ...]]]:
    return asked.together(questions, scenes)


def _known(scenes: Path) -> dict[str, Any]:
    """The mean box of each class."""
    some = [s for s in islice(reviews.read(scenes), KNOWN_SCENES) if s.objects]
    return blind.of(some, ()).boxes if some else {}


def _candidate(qa: QA, scene: Scene, known: dict[str, Any]) -> Candidate:
    notes = qa.attributes
    count = len(qa.objects)
    sides = [
        ("scene", scene.id),
        ("kind", qa.kind),
        ("view", notes.get("view", "camera")),
        ("objects", str(count) if count < 4 else "4 and more"),
        *(("label", label) for label in sorted(set(notes["labels"]))),
        *(("distance", balance.band(z)) for z in notes["depths"][:1]),
    ]
    told = balance.outcome(qa)
    if told not in (None, "number"):
        sides.append(("answer", f"{qa.kind} {told}"))
    return Candidate(qa.id, qa.kind, tuple(sides), blind.guess(qa, scene, known))


# -- what it came to -----------------------------------------------------------------------------


def report(out: Path, scenes: Path, pool: Path, questions: int) -> dict[str, Any]:
    """Counts of each group beside those wanted, the balance, and how far the words alone lead.

    `blind.usual` answers with the most common answer of the kind among the questions that were not
    taken; `blind.classes` runs the question on the mean box of each class; `chance` guesses.
    """
    chosen = [(qa, scene) for scene, told in _told(out, scenes) for qa in told]
    ids = {qa.id for qa, _ in chosen}
    usual = blind.of(
        [s for s in islice(reviews.read(scenes), KNOWN_SCENES) if s.objects],
        (qa for qa in shards.read(pool) if qa.id not in ids),
    )
    home = {kind: g for g in choosing.GROUPS for kind in g.kinds}
    tally = balance.Tally()
    marks: dict[str, dict[str, list[float]]] = {g.name: _empty() for g in choosing.GROUPS}
    for qa, scene in chosen:
        tally.add(qa)
        mark = marks[home[qa.kind].name]
        mark["chance"].append(chance(qa))
        mark["usual"].append(_usually(usual, qa))
        mark["classes"].append(float(blind.guess(qa, scene, usual.boxes) or 0.0))
    wanted = choosing.quotas(questions)
    return {
        "questions": len(chosen),
        "groups": {
            g.name: {
                "wanted": wanted[g.name],
                "kept": len(marks[g.name]["chance"]),
                "numeric": g.numeric,
                **{f"blind_{k}" if k != "chance" else k: _mean(v)
                   for k, v in marks[g.name].items()},
            }
            for g in choosing.GROUPS
        },
        "truth": dict(sorted(Counter(qa.attributes["truth"] for qa, _ in chosen).items())),
        "scenes": len({scene.id for _, scene in chosen}),
        "balance": tally.to_json(),
    }  # fmt: skip


def _empty() -> dict[str, list[float]]:
    return {"chance": [], "usual": [], "classes": []}


def _mean(found: list[float]) -> float | None:
    return round(sum(found) / len(found), 3) if found else None


def chance(qa: QA) -> float:
    """How often a guess among the possible answers is right; 0 for numbers that are measured."""
    value = qa.answer.value
    count = max(len(qa.objects), 1)
    if isinstance(value, bool | str):
        return 0.5
    if isinstance(value, Ref):
        # A reference object, named last, is not among those to choose from.
        given = qa.kind in ("relative_distance", "nearest_to")
        return 1 / max(count - given, 1)
    if isinstance(value, tuple):
        return 1 / math.factorial(count)
    return 1 / 12 if isinstance(value, Quantity) and value.unit == "h" else 0.0


def _usually(known: blind.Blind, qa: QA) -> float:
    """Whether the most common answer of the kind is right."""
    value = known.usual.get(qa.kind)
    if value is None:
        return 0.0
    return float(values.right(value, qa, dict(enumerate(qa.objects))))
