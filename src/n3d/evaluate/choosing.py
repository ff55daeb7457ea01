"""Which questions make a benchmark: so many of each group, none of its sides crowding out another.

The shape is that of N3D-Bench (arXiv 2512.16561, table 1 and the cells of its table 7): eleven
groups, 1200 questions with open answers and 800 with numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n3d.errors import ConfigError


@dataclass(frozen=True)
class Group:
    """A group of questions: how many of 2000, of which kinds, and whether they ask for numbers."""

    name: str
    count: int
    kinds: tuple[str, ...]
    numeric: bool = False


GROUPS = (
    Group("left/right", 200, ("left_right", "left_right_choice")),
    Group("front/behind", 200, ("front_behind", "front_behind_choice")),
    Group("wide/thin", 200, ("wide_thin", "wide_thin_choice")),
    Group("tall/short", 200, ("tall_short", "tall_short_choice")),
    Group("big/small", 200, ("big_small", "big_small_choice")),
    Group("relative distance", 71, ("relative_distance", "closer_than", "nearest_to")),
    Group("depth", 129, ("depth_order", "depth_superlative", "depth_choice")),
    Group("width/height", 200, ("width", "height"), True),
    Group("distance", 200, ("distance",), True),
    Group("vertical/horizontal distance", 200, ("vertical_distance", "horizontal_distance"), True),
    Group("direction", 200, ("clock",), True),
)
_NUMERIC = {g.name for g in GROUPS if g.numeric}
TOTAL = sum(g.count for g in GROUPS)
KINDS = tuple(kind for g in GROUPS for kind in g.kinds)
WEIGHTS = {
    "guess": 4.0, "answer": 3.0, "view": 2.0, "kind": 1.5, "objects": 1.0, "label": 1.0,
    "scene": 1.0, "distance": 0.5,
}  # fmt: skip
"""How much it costs to take what there is already, by what is counted."""
LOOKED_AT = 48
OPPOSITE = 0.25
"""The share of questions about sides that are asked from the opposite side, where there are."""
GUESSED = 0.1
"""The share of questions for numbers that the words alone may answer, where there are others."""


@dataclass(frozen=True)
class Candidate:
    """A question that may be taken, and what is counted of it: (what, value) pairs.

    `guess` is whether it can be answered from the words alone (`blind.guess`).
    """

    id: str
    kind: str
    sides: tuple[tuple[str, str], ...]
    guess: bool | None = None


def quotas(questions: int) -> dict[str, int]:
    """How many questions each group gets of so many, in the proportions of N3D-Bench."""
    if questions < len(GROUPS):
        raise ConfigError(
            f"is {questions}", code="config-range", field="questions",
            limit=f"at least {len(GROUPS)}",
        )  # fmt: skip
    exact = {g.name: g.count * questions / TOTAL for g in GROUPS}
    found = {name: max(1, int(v)) for name, v in exact.items()}
    order = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in order[: questions - sum(found.values())]:
        found[name] += 1
    return found


def choose(
    candidates: Sequence[Candidate], questions: int, *, per_scene: int = 4, seed: int = 0
) -> list[str]:
    """The ids of the questions that are taken, at most `per_scene` of a scene.

    In each group the next one is the one of some drawn at random whose sides are the rarest so
    far. Of open questions those that can be guessed and those that cannot are taken alike; of
    questions for numbers few that can. Fewer than asked for where there are not so many.
    """
    rng = np.random.default_rng(seed)
    pools: dict[str, list[Candidate]] = {g.name: [] for g in GROUPS}
    home = {kind: g.name for g in GROUPS for kind in g.kinds}
    for index in rng.permutation(len(candidates)):
        candidate = candidates[int(index)]
        if candidate.kind in home:
            pools[home[candidate.kind]].append(candidate)
    wanted = quotas(questions)
    counts: Counter[tuple[str, str, str]] = Counter()
    scenes: Counter[str] = Counter()
    taken: list[str] = []
    # The rarest groups first: a scene gives only so many questions.
    for name in sorted(pools, key=lambda n: (len(pools[n]) / wanted[n], n)):
        pool = pools[name]
        for _ in range(wanted[name]):
            best = _rarest(name, pool, counts, scenes, per_scene, rng)
            if best is None:
                break
            pool.remove(best)
            taken.append(best.id)
            scenes[_scene(best)] += 1
            counts.update((name, *side) for side in _sides(best))
    return taken


def _sides(candidate: Candidate) -> Iterable[tuple[str, str]]:
    told = {True: "right", False: "wrong", None: "unknown"}[candidate.guess]
    return (*candidate.sides, ("guess", told))


def _scene(candidate: Candidate) -> str:
    return next(value for what, value in candidate.sides if what == "scene")


def _rarest(
    group: str,
    pool: list[Candidate],
    counts: Mapping[tuple[str, str, str], int],
    scenes: Mapping[str, int],
    per_scene: int,
    rng: np.random.Generator,
) -> Candidate | None:
    """Of some candidates drawn from the pool, the one whose sides were taken least."""
    start = int(rng.integers(len(pool))) if pool else 0
    best: tuple[float, Candidate] | None = None
    looked = 0
    for k in range(len(pool)):
        candidate = pool[(start + k) % len(pool)]
        if scenes.get(_scene(candidate), 0) >= per_scene:
            continue
        cost = sum(_cost(group, side, counts) for side in _sides(candidate))
        if best is None or cost < best[0]:
            best = cost, candidate
        looked += 1
        if looked >= LOOKED_AT:
            break
    return None if best is None else best[1]


def _cost(group: str, side: tuple[str, str], counts: Mapping[tuple[str, str, str], int]) -> float:
    what, value = side
    number = counts.get((group, what, value), 0)
    if side == ("view", "opposite"):
        number = number / OPPOSITE * (1 - OPPOSITE)
    if side == ("guess", "right") and group in _NUMERIC:
        number = (number + 1) / GUESSED * (1 - GUESSED)
    return WEIGHTS.get(what, 1.0) * number
