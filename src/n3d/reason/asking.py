"""From a scene to questions with their traces."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from n3d.errors import ConfigError, N3DError
from n3d.reason import answering, understanding, units
from n3d.reason.expressing import MARGIN
from n3d.reason.gating import Gate, spared, weights
from n3d.reason.kinds import KINDS, Kind
from n3d.reason.kinds.proposing import Proposal, Stage, coin
from n3d.reason.labels import plural, same_label, spaced
from n3d.reason.replay import replay
from n3d.reason.templates import Template
from n3d.scene import QA, Query, Scene

LENGTH_UNITS = ("cm", "ft", "in", "m")
UNIT_WORDS = {
    "m": ("meters", "metres", "m"),
    "cm": ("centimeters", "cm"),
    "ft": ("feet", "ft"),
    "in": ("inches",),
}
OPPOSITE = (
    "as seen from the side opposite the photographer",
    "from the opposite direction of the camera",
    "viewed from the opposite side",
    "as seen from the other side",
)
VIEWER = ("from the point of view of {}", "from {}'s point of view", "from {}'s perspective")
TRIES_PER_KIND = 4


def ask(
    scene: Scene,
    *,
    kinds: str | Iterable[str] = "all",
    per_scene: int = 6,
    seed: int = 0,
    margin: float = MARGIN,
    numbered: float = 0.0,
    gate: Gate | None = None,
    frequency: Mapping[str, int] | None = None,
) -> list[QA]:
    """Up to `per_scene` questions about a scene, of as many kinds as it allows.

    Kinds are drawn alike (so rare ones are not crowded out), answers are balanced, compared
    things differ by a relative `margin`, and every question is read back by `understand` and
    answered again before it is kept. `numbered` is the share of questions that name objects as
    the upstream model does ("3_chair"). Objects that a `gate` keeps out take part in no answer,
    and no phrase means one of them; with the `frequency` of labels in a data set rare classes are
    drawn more often (`gating.weights`), and answers that come too often less (`gating.THINNED`).
    The same scene and seed give the same questions.
    """
    chosen = _chosen(kinds)
    rng = random(scene, seed)
    fit = None if gate is None else frozenset(gate.fit(scene))
    drawn = None if frequency is None else weights(scene, frequency)
    stage = Stage(scene.objects, scene.up, margin, fit, drawn)
    found: list[QA] = []
    texts: set[str] = set()
    while len(found) < per_scene:
        before = len(found)
        for k in rng.permutation(len(chosen)):
            if len(found) >= per_scene:
                break
            qa = _ask_kind(chosen[k], stage, scene, rng, bool(rng.random() < numbered))
            if qa is not None and qa.question not in texts:
                texts.add(qa.question)
                found.append(qa)
        if len(found) == before:
            break
    return [_numbered(qa, scene, i) for i, qa in enumerate(found)]


def random(scene: Scene, seed: int, *more: int) -> np.random.Generator:
    """The random stream of a scene: of its id and the seed alone."""
    return np.random.default_rng([seed, zlib.crc32(scene.id.encode("utf-8", "replace")), *more])


def _chosen(kinds: str | Iterable[str]) -> list[Kind]:
    """Kinds by name or group; "all" for every one."""
    if kinds == "all":
        return list(KINDS.values())
    wanted = [kinds] if isinstance(kinds, str) else list(kinds)
    known = set(KINDS) | {k.group for k in KINDS.values()}
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"unknown kind of question {str(name)[:60]!r}",
                code="kind-unknown",
                field="kinds",
                limit=", ".join(sorted(known)),
            )
    groups = set(wanted) - set(KINDS)  # "distance" is a kind before it is a group
    return [k for k in KINDS.values() if k.name in wanted or k.group in groups]


def _numbered(qa: QA, scene: Scene, i: int) -> QA:
    return QA(qa.scene_id, qa.kind, qa.question, qa.trace, qa.answer, qa.query, qa.objects,
              f"{scene.id}:{i}")  # fmt: skip


def _ask_kind(kind: Kind, stage: Stage, scene: Scene, rng, numbered: bool) -> QA | None:
    for _ in range(TRIES_PER_KIND):
        proposal = kind.propose(stage, rng)
        if proposal is None or not _is_complete(proposal, stage, scene):
            continue
        templates = [t for t in kind.asking if t.can_say(proposal.options)]
        if not templates:
            continue
        template = templates[rng.integers(len(templates))]
        qa = worded_question(kind, template, proposal, stage, scene, rng, numbered=numbered)
        if qa is None or (stage.fit is not None and not stage.fit.issuperset(qa.objects)):
            continue
        if stage.weights is None or spared(kind.name, qa.answer.value, rng):
            return qa
    return None


def _is_complete(proposal: Proposal, stage: Stage, scene: Scene) -> bool:
    """Whether all objects of the label that is asked about have a box."""
    if stage.fit is None or not scene.boxless or "label" not in proposal.slots:
        return True
    label = proposal.slots["label"]
    return bool(label) and not any(same_label(label, name) for name in scene.boxless)


def worded_question(
    kind: Kind,
    template: Template,
    proposal: Proposal,
    stage: Stage,
    scene: Scene,
    rng: np.random.Generator,
    *,
    numbered: bool = False,
) -> QA | None:
    """The proposal in the words of a pattern, with its trace and answer.

    None where an object has no name, or where the words do not lead back to the same trace.
    """
    named = _names(kind, proposal, stage, numbered)
    if named is None:
        return None
    texts, names = named
    text = template.write(texts, proposal.options, rng)
    text, options = _with_clauses(text, kind, proposal, texts, scene, rng)
    query = Query(kind.name, names, options, text)
    try:
        trace, answer = answering.answer(
            query, scene.objects, up=scene.up, provenance=scene.provenance
        )
        heard = understanding.heard(text)
        if heard is None:
            return None
        same = (heard.kind, heard.names) == (query.kind, query.names) and heard.options == options
        # What is heard in other words must lead to the same steps.
        same = same or answering.bind(heard, scene.objects, scene.up) == trace
    except N3DError:
        return None
    same = same and heard.options.get("unit") == options.get("unit")
    if not same or not replay(trace, scene.objects, up=scene.up)[0].agrees:
        return None
    return QA(scene.id, kind.name, text, trace, answer, query, answering.concerned(trace))


def _with_clauses(text: str, kind: Kind, proposal: Proposal, texts, scene: Scene, rng):
    """The text with a unit and a point of view, and the options that stand for them."""
    options = dict(proposal.options)
    if kind.unit == "m" and scene.provenance.metric and coin(rng):
        unit = LENGTH_UNITS[rng.integers(len(LENGTH_UNITS))]
        words = UNIT_WORDS[unit]
        text = _appended(text, f"in {words[rng.integers(len(words))]}")
        options["unit"] = units.find(unit).code
    if options.get("view") == "opposite":
        clause = OPPOSITE[rng.integers(len(OPPOSITE))]
        text = _led(text, clause) if "," in text or coin(rng) else _appended(text, clause)
    if "viewer" in options:
        options["viewer"] = True
        clause = VIEWER[rng.integers(len(VIEWER))].format(texts["viewer"])
        text = _led(text, clause) if "," in text or coin(rng) else _appended(text, clause)
    return text, options


def _names(kind: Kind, proposal: Proposal, stage: Stage, numbered: bool):
    """The text of every slot, and the names of the query in the order of the kind's slots."""
    texts: dict[str, str] = {}
    names: list[str] = []

    def phrase(index: int) -> str | None:
        if numbered:
            return f"{index}_{spaced(stage.objects[index].label)}"
        name = stage.name(index, proposal.avoid)
        return None if name is None else f"the {name}"

    for slot in kind.slots:
        value: Any = proposal.slots[slot]
        if slot == "label":
            label = spaced(value) if value else "object"
            texts["label"], texts["labels"] = label, plural(label)
            names.append(label)
            continue
        indices: Sequence[int] = value if isinstance(value, tuple) else (value,)
        phrases = [phrase(i) for i in indices]
        if any(p is None for p in phrases):
            return None
        named = [p for p in phrases if p]
        names += named
        texts[slot] = _enumerated(named, "and")
        if slot == "list":
            texts["either"] = _enumerated(named, "or")
    viewer = proposal.options.get("viewer")
    if viewer is not None:
        name = phrase(viewer)
        if name is None:
            return None
        texts["viewer"] = name
        names.append(name)
    return texts, tuple(names)


def _enumerated(names: list[str], last: str) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) == 2:
        return f"{names[0]} {last} {names[1]}"
    return f"{', '.join(names[:-1])}, {last} {names[-1]}"


def _appended(text: str, clause: str) -> str:
    """The clause before the closing mark."""
    body = text.rstrip("?.")
    return f"{body} {clause}{text[len(body) :]}"


def _led(text: str, clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}, {text[0].lower()}{text[1:]}"
